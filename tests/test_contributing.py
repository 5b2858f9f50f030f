"""What CONTRIBUTING.md and its pages say is so: commands are those of the justfile, and the pages can be followed.

A page to follow has a heading for each file, `## 1. PATH`, and below it what is done to it: a block `diff` that is
found and changed (hunks are parted by `@@`), a block that is the whole of a new file, or a block `shell` to run.
"""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PAGES = sorted((ROOT / "docs" / "contributing").glob("*.md"))
DOCUMENTS = [ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", ROOT / "deploy" / "README.md", ROOT / "hub" / "README.md"]
DOCUMENTS += [ROOT / "tests" / "README.md", *PAGES]
STAYS = shutil.ignore_patterns(".git", ".venv", ".meltano", ".hypothesis", ".*_cache", "__pycache__", "build", "dist")
"""What of a clone no scratch copy needs."""


def recipes() -> dict[str, str]:
    """Return the commands of the justfile, by their names."""
    lines = (ROOT / "justfile").read_text(encoding="utf-8").splitlines()
    heads = {index: line.removesuffix(":") for index, line in enumerate(lines) if re.fullmatch("[a-z]+:", line)}
    return {name: lines[index + 1].strip() for index, name in heads.items()}


def test_each_command_is_told_twice() -> None:
    """Each recipe of the justfile stands in CONTRIBUTING.md, with its command, and no other does."""
    told = dict(re.findall(r"\| `just ([a-z]+)` \| `(.+?)` \|", CONTRIBUTING))
    assert told == recipes()


def test_each_recipe_says_what_it_is_for() -> None:
    """In the comment above it, which `just --list` shows."""
    lines = (ROOT / "justfile").read_text(encoding="utf-8").splitlines()
    assert [name for name in recipes() if not lines[lines.index(f"{name}:") - 1].startswith("# ")] == []


def test_files_in_the_commands_exist() -> None:
    """What a command names is there."""
    named = re.findall(r"(?:tests|\.ci)/[\w./]+", " ".join(recipes().values()))
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """A link finds its file, and its heading."""
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text(encoding="utf-8")):
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), target
        assert not anchor or anchor in anchors(path), target


def anchors(page: Path) -> set[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_hooks_are_those_that_are_told() -> None:
    """Each hook that comes from elsewhere is named with a version; the others are commands of the environment."""
    repos = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    elsewhere = [one for one in repos if one["repo"] != "local"]
    assert all(re.fullmatch(r"v?\d+\.\d+\.\d+", one["rev"]) for one in elsewhere)
    (local,) = (one["hooks"] for one in repos if one["repo"] == "local")
    assert {hook["language"] for hook in local} == {"system"}


# pages to follow


@dataclasses.dataclass(frozen=True)
class Step:
    """What is done to a file: the language of the block says how."""

    path: str
    language: str
    block: str

    def follow(self, folder: Path) -> None:
        """Do it in a copy."""
        path = folder / self.path
        if self.language == "shell":
            run(self.block, folder)
        elif self.language == "diff":
            text = f"\n{path.read_text(encoding='utf-8')}"
            for before, after in hunks(self.block):
                assert text.count(before) == 1, f"{self.path} has {text.count(before)} of:{before}"
                text = text.replace(before, after)
            path.write_text(text.removeprefix("\n"), encoding="utf-8")
        else:
            assert not path.exists(), self.path
            path.write_text(f"{self.block}\n", encoding="utf-8")


def hunks(block: str) -> Iterator[tuple[str, str]]:
    """Yield what stands in a file before and after each hunk: whole lines."""
    for hunk in re.split(r"^@@$\n", block, flags=re.MULTILINE):
        lines = hunk.rstrip("\n").split("\n")
        before, after = (
            "".join(f"\n{line[1:]}" for line in lines if line[:1] in {" ", sign, ""}) + "\n" for sign in "-+"
        )
        yield before, after


def steps_of(page: Path) -> list[Step]:
    """Return what a page says to do, in its order."""
    found = []
    for section in re.split(r"^## \d+\. ", page.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        path = section.partition("\n")[0].strip("`")
        blocks = re.findall(r"^```(\w+)\n(.*?)^```$", section.partition("\n## ")[0], re.MULTILINE | re.DOTALL)
        found += [Step(path, language, block.removesuffix("\n")) for language, block in blocks]
    return found


def last_command(page: Path) -> str:
    """Return the command that shows that it holds."""
    text = page.read_text(encoding="utf-8").partition("## See that it holds\n")[2]
    return text.partition("```shell\n")[2].partition("```")[0]


def run(command: str, folder: Path) -> str:
    """Run a command in a copy, as there were no other; return what it said."""
    bins = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": bins, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    ended = subprocess.run(
        ["sh", "-euc", command], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-2000:]
    return ended.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_names_its_files_in_their_order(page: Path) -> None:
    """Steps are counted from one, each has something to do; and CONTRIBUTING.md leads to the page."""
    numbers = re.findall(r"^## (\d+)\. `", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert [int(number) for number in numbers] == list(range(1, len(numbers) + 1))
    assert len({step.path for step in steps_of(page)}) == len(numbers)
    assert f"(docs/contributing/{page.name})" in CONTRIBUTING


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_can_be_followed(page: Path, tmp_path: Path) -> None:
    """To the letter, in a scratch copy: its last command passes, and would not have before."""
    copy = tmp_path / "copy"
    shutil.copytree(ROOT, copy, ignore=STAYS)
    for step in steps_of(page):
        step.follow(copy)
    assert re.search(r"\d+ passed", run(last_command(page), copy))
