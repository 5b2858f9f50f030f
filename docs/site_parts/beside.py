"""Puts the Markdown beside each page, with what it links to, and `llms.txt`, which says of each page what it is for."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes

from site_parts.contents import chapters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx

TRAVELS = ("*.md", "*.png", "*.svg", "*.yml", "*.singer")
"""The Markdown, and what it links to."""


def write(app: Sphinx, fault: Exception | None) -> None:
    """Write all of it, once the pages are written."""
    if fault is not None or app.builder.name != "html":
        return
    source, site = Path(app.srcdir), Path(app.outdir)
    for one in (path for pattern in TRAVELS for path in source.rglob(pattern)):
        there = site / one.relative_to(source)
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(one, there)
    (site / "llms.txt").write_text("\n".join(_listed(app)), encoding="utf-8")


def _listed(app: Sphinx) -> Iterator[str]:
    """Yield the lines of `llms.txt`, in the form of llmstxt.org: the chapters are its sections."""
    yield f"# {app.config.project}\n"
    yield f"> {_first_sentence(app, app.config.root_doc)}\n"
    for chapter, pages in chapters(app).items():
        yield f"## {chapter}\n"
        for page in (below for one in pages for below in (one, *app.env.toctree_includes.get(one, ()))):
            yield f"- [{app.env.titles[page].astext()}]({page}.md): {_first_sentence(app, page)}"
        yield ""


def _first_sentence(app: Sphinx, name: str) -> str:
    """Return the first sentence of a page, less a label such as *Context.*: what it is for."""
    paragraph = next(iter(app.env.get_doctree(name).findall(nodes.paragraph)))
    sentences = re.split(r"(?<=\.)\s", " ".join(paragraph.astext().split()))
    return next(one for one in sentences if " " in one)


def tell_of_markdown(
    app: Sphinx, name: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Say in a page's head where its Markdown is."""
    del app, template
    if doctree is not None:
        link = f'<link rel="alternate" type="text/markdown" href="{Path(name).name}.md">'
        context["metatags"] = f"{context.get('metatags', '')}\n{link}"


def setup(app: Sphinx) -> dict[str, bool]:
    """Register it."""
    app.connect("html-page-context", tell_of_markdown)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
