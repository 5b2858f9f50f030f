"""The docs site: built strictly and without a network, with the Markdown beside each page and `llms.txt`."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

DOCS = Path(__file__).parents[1] / "docs"
OFFLINE = """
import sys

def refuse(event, arguments):
    if event in {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname"}:
        raise OSError(f"the build asks the network: {event} {arguments}")

sys.addaudithook(refuse)
from sphinx.cmd.build import main
sys.exit(main(sys.argv[1:]))
"""
"""Sphinx, in a process that lets nothing out."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build it as CI does: a warning is a fault, and so is a link that leads nowhere."""
    folder = tmp_path_factory.mktemp("site")
    options = ["-nW", "--keep-going", "-q", "-d", str(folder / "doctrees")]
    built = subprocess.run(
        [sys.executable, "-c", OFFLINE, *options, str(DOCS), str(folder / "html")],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert built.returncode == 0, built.stderr
    return folder / "html"


def pages(site: Path) -> list[Path]:
    """Return the pages, less those that Sphinx adds."""
    return [page for page in site.rglob("*.html") if page.stem not in {"genindex", "search"}]


def test_each_document_is_a_page_with_its_markdown_beside(site: Path) -> None:
    """The Markdown is that of the repository, and the page says where it is."""
    sources = sorted(DOCS.rglob("*.md"))
    assert sorted(page.with_suffix(".md") for page in pages(site)) == [site / one.relative_to(DOCS) for one in sources]
    for one in sources:
        there = site / one.relative_to(DOCS)
        assert there.read_text(encoding="utf-8") == one.read_text(encoding="utf-8")
        assert f'type="text/markdown" href="{one.name}"' in there.with_suffix(".html").read_text(encoding="utf-8")


def test_what_the_markdown_links_to_is_beside_it(site: Path) -> None:
    """A reader of the Markdown finds its pictures and files, too."""
    for page in site.rglob("*.md"):
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists() or target == "llms.txt", f"{page.relative_to(site)}: {target}"


def test_llms_txt_lists_every_page_with_what_it_is_for(site: Path) -> None:
    """But for the index, which it is in the place of; each link leads to Markdown that is there."""
    text = (site / "llms.txt").read_text(encoding="utf-8")
    listed = re.findall(r"^- \[[^\]]+\]\(([^)]+)\): \S.*\.$", text, re.MULTILINE)
    assert sorted(listed) == sorted(str(one.relative_to(DOCS)) for one in DOCS.rglob("*.md") if one.stem != "index")
    assert all((site / one).exists() for one in listed)
    assert text.startswith("# target-zendesk-events\n\n> ")


def test_no_page_asks_the_network(site: Path) -> None:
    """Scripts, styles, fonts and pictures are the site's own: links alone lead elsewhere."""
    fetched = re.compile(r'(?:src|srcset)="https?:|<link[^>]+rel="(?:stylesheet|preload|preconnect)"[^>]+href="https?:')
    assert [str(page) for page in pages(site) if fetched.search(page.read_text(encoding="utf-8"))] == []
    styles = [one.read_text(encoding="utf-8") for one in site.rglob("*.css")]
    assert not any(re.search(r"url\(['\"]?https?:|@import ['\"]?https?:", style) for style in styles)


def test_a_picture_is_shown_in_the_dark_as_in_the_light(site: Path) -> None:
    """A picture with a dark twin is there twice, each for its face of the theme."""
    index = (site / "index.html").read_text(encoding="utf-8")
    assert re.search(r'<img[^>]*class="only-light"[^>]*timeline\.png', index) or "only-light" in index
    assert "timeline-dark.png" in index


def test_links_to_a_code_find_its_line(site: Path) -> None:
    """`errors.html#ZE501` is an address for ever: the anchor is there, as it is on GitHub."""
    text = (site / "errors.html").read_text(encoding="utf-8")
    codes = re.findall(r'<a id="(ZE\d{3})"></a>', (DOCS / "errors.md").read_text(encoding="utf-8"))
    assert codes
    assert [code for code in codes if f'id="{code}"' not in text] == []
