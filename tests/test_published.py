"""What is published: it can be built anywhere, says what it is, and runs as people run what they find on PyPI."""

from __future__ import annotations

import email
import json
import os
import re
import resource
import shutil
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from installed import UV, run, tool

ROOT = Path(__file__).parent.parent
VERSION = "1.2.3"
LEFT_BEHIND = shutil.ignore_patterns(
    ".git", ".venv", "__pycache__", "build", "dist", ".*_cache", ".hypothesis", ".meltano"
)
AS_ROOT = os.geteuid() == 0
PYTHON = "/usr/bin/python3" if AS_ROOT and Path("/usr/bin/python3").exists() else sys.executable
"""One that others than root can run too."""
NOBODY = ("setpriv", "--reuid=10001", "--regid=10001", "--clear-groups") if AS_ROOT else ()
ALL_WENT = "All went as the samples say."
COLD_SECONDS = 30

pytestmark = pytest.mark.server


class Published:
    """An sdist, and the wheel that was built of it."""

    def __init__(self, folder: Path) -> None:
        """Find both in `folder`."""
        (self.sdist,) = folder.glob("*.tar.gz")
        (self.wheel,) = folder.glob("*.whl")

    @property
    def metadata(self) -> email.message.Message:
        """What the wheel says of itself."""
        with zipfile.ZipFile(self.wheel) as packed:
            (name,) = (one for one in packed.namelist() if one.endswith(".dist-info/METADATA"))
            return email.message_from_bytes(packed.read(name))


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy what is published from, with a history of one commit, which bears a tag."""
    folder = tmp_path_factory.mktemp("clone") / "target-zendesk-events"
    shutil.copytree(ROOT, folder, ignore=LEFT_BEHIND)
    nobody = ("-c", "user.name=Nobody", "-c", "user.email=nobody@example.com")
    for command in (("init", "--quiet"), ("add", "--all"), (*nobody, "commit", "--quiet", "--message=All")):
        run("git", *command, folder=folder)
    run("git", "tag", f"v{VERSION}", folder=folder)
    run("git", "tag", "before-2024", folder=folder)
    return folder


@pytest.fixture(scope="module")
def published(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Published:
    """Build both."""
    folder = tmp_path_factory.mktemp("dist")
    run(UV, "build", "--quiet", "--out-dir", folder, folder=clone)
    return Published(folder)


def test_the_version_is_the_tags(published: Published) -> None:
    """Of tags that are versions, in the wheel that was built of the sdist, where there is no git."""
    assert published.metadata["Version"] == VERSION
    assert published.sdist.name == f"target_zendesk_events-{VERSION}.tar.gz"


@pytest.mark.parametrize("has_git", [True, False])
def test_it_can_be_built_without_a_tag(clone: Path, tmp_path: Path, *, has_git: bool) -> None:
    """In a clone without tags and in an archive: the version is one that no release has."""
    copy = tmp_path / "copy"
    shutil.copytree(clone, copy, ignore=None if has_git else LEFT_BEHIND)
    if has_git:
        run("git", "tag", "--delete", f"v{VERSION}", folder=copy)
    run(UV, "build", "--quiet", "--wheel", "--out-dir", tmp_path / "dist", folder=copy)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    assert re.fullmatch(r"target_zendesk_events-0\.1(\.0)?\.dev\d+-py3-none-any\.whl", wheel.name)


def test_pypi_takes_it(published: Published) -> None:
    """Twine finds no fault with either, warnings included: what PyPI shows is drawn of it."""
    twine = ("tool", "run", "--quiet", "--with", "readme-renderer[md]", "twine", "check", "--strict")
    assert run(UV, *twine, published.sdist, published.wheel, folder=ROOT).count("PASSED") == 2


def test_the_page_on_pypi_leads_somewhere(published: Published) -> None:
    """No link or picture of it is relative; and the addresses beside it are those of the project."""
    page = str(published.metadata.get_payload())
    assert "# target-zendesk-events" in page
    assert re.findall(r"\]\((?!https?:|#)|(?:src|srcset)=\"(?!https?:)", page) == []
    addresses = dict(one.split(", ") for one in published.metadata.get_all("Project-URL", ()))
    assert {"Changelog", "Documentation", "Homepage", "Issues", "Source"} <= addresses.keys()
    assert f"]({addresses['Source']}/blob/main/docs/duplicates.md" in page


def test_the_sdist_holds_what_its_tests_need(published: Published) -> None:
    """All that is under version control, but for pictures of how it came to be."""
    with tarfile.open(published.sdist) as packed:
        held = {name.partition("/")[2] for name in packed.getnames()}
    wanted = {*(f"tests/{path.name}" for path in (ROOT / "tests").glob("*")), *ELSEWHERE} - {"tests/__pycache__"}
    assert {one for one in wanted if not any(name.startswith(one) for name in held)} == set()


ELSEWHERE = (
    *(".ci/run", ".dockerignore", ".env.example", ".github/workflows/test.yml", ".pre-commit-config.yaml"),
    *("CHANGELOG.md", "CONTRIBUTING.md", "Dockerfile", "LICENSE", "README.md", "SECURITY.md", "benchmarks/", "deploy/"),
    *("docs/decisions/", "hub/", "justfile", "meltano.yml", "sample_streams/", "uv.lock"),
)


@pytest.fixture
def cold(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Give an environment in which uv has nothing yet."""
    yield {
        "UV_CACHE_DIR": str(tmp_path / "cache"),
        "UV_TOOL_DIR": str(tmp_path / "tools"),
        "UV_TOOL_BIN_DIR": str(tmp_path / "bin"),
    }
    shutil.rmtree(tmp_path / "cache", ignore_errors=True)


def test_uvx_runs_the_demo_from_a_cold_cache(published: Published, cold: dict[str, str], tmp_path: Path) -> None:
    """In less than thirty seconds of a processor; how long downloads take is the network's word."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = ("tool", "run", "--from", f"{published.wheel}[playground]", "zendesk-events", "demo")
    said = run(UV, *command, folder=tmp_path, environment=cold)
    assert ALL_WENT in said
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < COLD_SECONDS


def test_uv_tool_installs_it(published: Published, cold: dict[str, str], tmp_path: Path) -> None:
    """Both commands are there, and say which version they are."""
    warm = {name: value for name, value in cold.items() if name != "UV_CACHE_DIR"}
    run(UV, "tool", "install", "--quiet", published.wheel, folder=tmp_path, environment=warm)
    for name in ("target-zendesk-events", "zendesk-events"):
        assert VERSION in run(tmp_path / "bin" / name, "--version", folder=tmp_path)


def test_pipx_installs_it(published: Published, tmp_path: Path) -> None:
    """With the extra; both commands are there."""
    homes = {"PIPX_HOME": str(tmp_path / "pipx"), "PIPX_BIN_DIR": str(tmp_path / "bin"), "PIPX_DEFAULT_BACKEND": "uv"}
    homes["PATH"] = f"{UV.parent}{os.pathsep}{os.environ['PATH']}"
    tool("pipx", "pipx", "install", f"{published.wheel}[playground]", folder=tmp_path, environment=homes)
    for name in ("target-zendesk-events", "zendesk-events"):
        assert VERSION in run(tmp_path / "bin" / name, "--version", folder=tmp_path)


# the container image


@pytest.fixture(scope="module")
def image(clone: Path) -> Iterator[Path]:
    """Do what the Dockerfile does, in a folder that anybody can read; give the folder of the result."""
    said = (clone / "Dockerfile").read_text(encoding="utf-8")
    folder = Path(tempfile.mkdtemp(prefix="image-"))
    folder.chmod(0o755)
    source = folder / "source"
    source.mkdir()
    environment = dict(re.findall(r"(UV_\w+)=(\S+)", re.findall(r"^ENV (UV_.+)$", said, re.MULTILINE)[0]))
    environment |= {"UV_PROJECT_ENVIRONMENT": str(folder / "app"), "UV_COMPILE_BYTECODE": "0", "UV_NO_CACHE": "0"}
    environment |= {"SETUPTOOLS_SCM_PRETEND_VERSION": VERSION, "UV_PYTHON": PYTHON}
    stage = said.partition("\nFROM ")[2].partition("\nFROM ")[0]
    for instruction, rest in re.findall(r"^(COPY|RUN) (.+)$", stage, re.MULTILINE):
        if instruction == "RUN" and "/uv/bin/uv " in rest:
            run("sh", "-euc", rest.replace("/uv/bin/uv", str(UV)), folder=source, environment=environment)
        for name in rest.split()[:-1] if instruction == "COPY" else ():
            copy = shutil.copytree if (clone / name).is_dir() else shutil.copy
            copy(clone / name, source / name)
    shutil.rmtree(source)
    yield folder / "app"
    shutil.rmtree(folder)


def test_the_image_is_what_the_lock_says(image: Path) -> None:
    """Of the right version, with both extras, and without what tests take."""
    held = run(UV, "pip", "list", "--quiet", "--python", image / "bin" / "python", folder=image)
    assert re.search(rf"^target-zendesk-events +{re.escape(VERSION)}$", held, re.MULTILINE)
    names = {line.split()[0] for line in held.splitlines()[2:]}
    assert {"psycopg", "starlette"} <= names
    assert names.isdisjoint({"pytest", "ruff", "uv", "pip"})
    locked = dict(re.findall(r'^name = "(.+)"\nversion = "(.+)"$', (ROOT / "uv.lock").read_text(), re.MULTILINE))
    assert {line for line in held.splitlines()[2:] if locked.get(line.split()[0], VERSION) != line.split()[1]} == set()


def test_the_image_writes_nothing_of_its_own(image: Path) -> None:
    """The demo runs as a user to whom nothing belongs but a folder for what comes and goes."""
    scratch = image.parent / "scratch"
    scratch.mkdir()
    scratch.chmod(0o777)
    before = {path: path.stat().st_mtime_ns for path in image.rglob("*")}
    environment = {"TMPDIR": str(scratch), "HOME": str(scratch), "PYTHONDONTWRITEBYTECODE": "1"}
    said = run(*NOBODY, image / "bin" / "zendesk-events", "demo", folder=scratch, environment=environment)
    assert ALL_WENT in said
    assert {path: path.stat().st_mtime_ns for path in image.rglob("*")} == before


TELL = """
import importlib.metadata, json
print(json.dumps({
    one.metadata["Name"].lower(): [
        one.metadata["License-Expression"] or "",
        *(text for text in one.metadata.get_all("Classifier", ()) if text.startswith("License ::")),
        (one.metadata["License"] or "").partition("\\n")[0],
    ]
    for one in importlib.metadata.distributions()
}))
"""
FREE = re.compile(
    r"\b(MIT|BSD|ISC|Apache|PSF|Python Software Foundation|MPL-2\.0|Mozilla Public License 2\.0|Unlicense|0BSD)\b",
    re.IGNORECASE,
)
LESSER = {"psycopg", "psycopg-binary"}


def test_licences_are_those_of_the_decision(image: Path) -> None:
    """Each of what the image holds bears one that `docs/decisions/licences.md` names."""
    told: dict[str, list[str]] = json.loads(run(image / "bin" / "python", "-c", TELL, folder=image))
    beyond = {name for name, words in told.items() if not FREE.search(" ".join(words))}
    assert beyond == LESSER
    assert all("LGPL" in " ".join(told[name]) or "Lesser" in " ".join(told[name]) for name in LESSER)
