"""What a screen reader and tired eyes need of a page, as sentences on what it lacks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from playwright.sync_api import Page

ONCE = ("banner", "main", "contentinfo")
LANDMARKS = (*ONCE, "navigation", "complementary", "search", "region")
NAMED = (
    "link",
    "button",
    "textbox",
    "searchbox",
    "image",
    "img",
    "DisclosureTriangle",
    "checkbox",
    "combobox",
    "table",
)
ENOUGH, ENOUGH_IF_LARGE, ENOUGH_FOR_EDGES = 4.5, 3.0, 3.0
CONTRASTS = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (text) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = text; canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const light = ([r, g, b]) => [r, g, b].map((one) => one / 255)
    .map((one) => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)
    .reduce((sum, one, place) => sum + one * [0.2126, 0.7152, 0.0722][place], 0);
  const ratio = (one, other) => {
    const [a, b] = [light(one), light(other)];
    return (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
  };
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = rgba(getComputedStyle(one).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return rgba("Canvas");
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.nodeValue.trim(), element = walker.currentNode.parentElement;
    if (!text || !element.getClientRects().length || element.closest("svg")) continue;
    const style = getComputedStyle(element), size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const what = `${element.localName}.${element.className} "${text.slice(0, 30)}"`;
    found.push({ what, isLarge, ratio: ratio(rgba(style.color), behind(element)) });
  }
  const edges = [...document.querySelectorAll("input")].map((element) => ({
    what: `the edge of ${element.localName}`,
    ratio: ratio(rgba(getComputedStyle(element).borderTopColor), behind(element.parentElement)),
  }));
  return [found, edges];
}"""


def lacks(page: Page) -> list[str]:
    """Return a sentence for each thing that the page lacks."""
    return [*_of_tree(_tree(page)), *_of_document(page), *_of_contrast(page)]


def _tree(page: Page) -> list[dict[str, Any]]:
    """Return what a screen reader is given: every node that is not ignored, in reading order."""
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()
    return [node for node in nodes if not node["ignored"]]


def _of_tree(nodes: list[dict[str, Any]]) -> Iterator[str]:
    roles = Counter(_role(node) for node in nodes)
    for role in ONCE:
        if roles[role] != 1:
            yield f"there are {roles[role]} of {role}, and there should be one"
    for node in nodes:
        if _role(node) in NAMED and not _name(node):
            yield f"a {_role(node)} has no name"
    for (role, name), number in Counter(
        (_role(node), _name(node)) for node in nodes if _role(node) in LANDMARKS
    ).items():
        if number > 1:
            yield f"{number} landmarks are called {role} {name!r}"
    yield from _of_headings([(_level(node), _name(node)) for node in nodes if _role(node) == "heading"])


def _of_headings(headings: list[tuple[int, str]]) -> Iterator[str]:
    if [level for level, _ in headings].count(1) != 1:
        yield "there is not one heading of level 1"
    before = 0
    for level, name in headings:
        if level > before + 1:
            yield f"the heading {name!r} of level {level} follows one of level {before}"
        if not name:
            yield f"a heading of level {level} is empty"
        before = level


def _of_document(page: Page) -> Iterator[str]:
    if not page.title() or page.get_attribute("html", "lang") != "en":
        yield "title or language is missing"
    ids = page.eval_on_selector_all("[id]", "all => all.map((one) => one.id)")
    yield from (f"the id {one} is there {number} times" for one, number in Counter(ids).items() if number > 1)
    broken = page.eval_on_selector_all(
        "[aria-labelledby]", "all => all.map((one) => one.getAttribute('aria-labelledby'))"
    )
    yield from (f"aria-labelledby names {one}, which is not there" for one in broken if one not in ids)


def _of_contrast(page: Page) -> Iterator[str]:
    texts, edges = page.evaluate(CONTRASTS)
    for one in texts:
        if one["ratio"] < (ENOUGH_IF_LARGE if one["isLarge"] else ENOUGH):
            yield f"{one['what']} has a contrast of {one['ratio']:.2f}"
    for one in edges:
        if one["ratio"] < ENOUGH_FOR_EDGES:
            yield f"{one['what']} has a contrast of {one['ratio']:.2f}"


def _role(node: Mapping[str, Any]) -> str:
    return str(node.get("role", {}).get("value", ""))


def _name(node: Mapping[str, Any]) -> str:
    return str(node.get("name", {}).get("value", "")).strip()


def _level(node: Mapping[str, Any]) -> int:
    return next((int(one["value"]["value"]) for one in node.get("properties", []) if one["name"] == "level"), 0)
