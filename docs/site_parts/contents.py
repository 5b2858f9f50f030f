"""The table of contents: which pages the site has, in which order. One that is not named stands in the last chapter."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

CHAPTERS: dict[str, tuple[str, ...]] = {
    "Start": ("quickstart-meltano", "quickstart-shell", "connecting", "meltano", "playground"),
    "Rules": ("rules", "cookbook/README", "identifiers", "kinds", "customers"),
    "Delivery": ("delivery", "duplicates", "limits", "backfill", "answers", "input", "dead-letters", "ledger"),
    "Running it": ("production", "operations", "run-report", "errors", "zendesk"),
    "Choosing and moving": ("comparison", "contest", "soak", "migrating"),
    "Reference": (
        "reference/settings",
        "reference/verbs",
        "reference/messages",
        "reference/rules",
        "reference/report",
    ),
    "Contributing": (
        "architecture",
        "contributing/add-a-filter",
        "contributing/add-a-verb",
        "contributing/add-a-kind",
        "decisions/README",
    ),
}
FOLDERS = ("cookbook/README", "decisions/README")
"""Pages that have the rest of their folder below them."""


def chapters(app: Sphinx) -> dict[str, tuple[str, ...]]:
    """Return all chapters, the last one with the pages that nobody has found a place for."""
    named = {page for pages in CHAPTERS.values() for page in pages} | {app.config.root_doc}
    below = tuple(f"{page.rpartition('/')[0]}/" for page in FOLDERS)
    rest = tuple(sorted(page for page in app.env.found_docs - named if not page.startswith(below)))
    return {**CHAPTERS, **({"More": rest} if rest else {})}


def add(app: Sphinx, name: str, source: list[str]) -> None:
    """Give the index its chapters, and a folder's page the rest of its folder: the Markdown itself stays plain."""
    if name == app.config.root_doc:
        trees = [_tree(f":caption: {chapter}", *pages) for chapter, pages in chapters(app).items()]
    elif name in FOLDERS:
        trees = [_tree(":glob:", "*")]
    else:
        return
    source[0] += "\n" + "\n".join(trees)


def _tree(option: str, *entries: str) -> str:
    return "\n".join(["```{toctree}", ":hidden:", option, "", *entries, "```", ""])


def to_read_again(app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], gone: set[str]) -> list[str]:
    """Return the index where pages came or went: a build that goes on from the last one would not know."""
    del env, changed
    return [app.config.root_doc, *FOLDERS] if added or gone else []


def setup(app: Sphinx) -> dict[str, bool]:
    """Register it."""
    app.connect("env-get-outdated", to_read_again)
    app.connect("source-read", add)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
