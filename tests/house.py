"""Draws the house out of the code's imports: `python -m tests.house` writes `docs/images/house.svg` and its dark twin.

A floor is a layer of the contract in `pyproject.toml`, a room a module or a wing of the package. A line goes from a
room down to each that it imports, where no other line leads there already by a longer way; to the ground, which is what
everybody may use, there is none.
"""

from __future__ import annotations

import ast
import dataclasses
import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from xml.sax.saxutils import escape

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "target_zendesk_events"
IMAGES = ROOT / "docs" / "images"
BESIDE = "playground"
GROUND = 2
"""How many floors, from the lowest up, are the ground."""
WIDE, EDGE, GAP, FLOOR_GAP, ROOM_WIDE, ROOM_HIGH, GROUND_HIGH = 1_000, 16, 12, 34, 236, 74, 30
Place = tuple[float, float, float, float]
"""Left, top, width and height."""


@dataclasses.dataclass(frozen=True)
class Colours:
    """What a picture is painted with."""

    ground: str
    room: str
    edge: str
    name: str
    text: str
    line: str


LIGHT = Colours("#ffffff", "#f4f7f7", "#b9c7c8", "#03363d", "#4a5b5d", "#8fa3a5")
DARK = Colours("#131416", "#1e2426", "#41525a", "#d8eef0", "#a9b9bc", "#6a7f83")


def floors() -> list[list[str]]:
    """Return the rooms of each floor, the highest first, as the contract has them."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (layers,) = (one["layers"] for one in contracts if one["type"] == "layers")
    rooms = [[name.strip() for name in layer.split("|")] for layer in layers]
    return [floor for floor in rooms if floor != ["__main__"]]  # a second front door, of three lines


def imports() -> dict[str, set[str]]:
    """Return which other rooms each room imports, wherever in its modules it does."""
    found: dict[str, set[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        found.setdefault(room, set()).update(_imported(path) - {room})
    return {room: below & found.keys() for room, below in found.items()}


def _imported(path: Path) -> set[str]:
    prefix = PACKAGE.name
    modules: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules.update(one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            modules.update((node.module, *(f"{node.module}.{one.name}" for one in node.names)))
    return {name.split(".")[1] for name in modules if name.startswith(f"{prefix}.")}


def lines(of: Mapping[str, set[str]]) -> Iterator[tuple[str, str]]:
    """Yield from where to where a line goes: the imports, less those that follow from others."""
    for room, below in of.items():
        by_others = set().union(*(_all_below(of, one) for one in below))
        yield from ((room, one) for one in sorted(below - by_others))


def _all_below(of: Mapping[str, set[str]], room: str) -> set[str]:
    return of[room].union(*(_all_below(of, one) for one in of[room]))


def sentence(room: str) -> str:
    """Return what a room says it is for: the first line of its docstring."""
    path = PACKAGE / room / "__init__.py" if (PACKAGE / room).is_dir() else PACKAGE / f"{room}.py"
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n")[0]


def drawn(colours: Colours) -> str:
    """Return the picture."""
    above, ground = floors()[:-GROUND], [room for floor in floors()[-GROUND:] for room in floor]
    places: dict[str, Place] = {}
    top = float(EDGE)
    for floor in above:
        places |= dict(zip(floor, _row(len(floor), ROOM_WIDE, top, ROOM_HIGH), strict=True))
        top += ROOM_HIGH + FLOOR_GAP
    inside = {room: below & places.keys() for room, below in imports().items() if room in places}
    parts = [_line(places[above], places[below]) for above, below in lines(inside)]
    wide = (WIDE - 2 * EDGE - (len(ground) - 1) * 6) / len(ground)
    places |= dict(zip(ground, _row(len(ground), wide, top, GROUND_HIGH, gap=6), strict=True))
    left, beside, *_ = places["cli"]
    places[BESIDE] = (left + ROOM_WIDE + 60, beside, ROOM_WIDE, ROOM_HIGH)
    parts.append(f'<path d="M{left + ROOM_WIDE:.0f} {beside + ROOM_HIGH / 2:.0f}h60"/>')
    parts.extend(_room(room, place) for room, place in places.items())
    style = (
        f"rect{{fill:{colours.room};stroke:{colours.edge}}}text{{font:12.5px system-ui,sans-serif;fill:{colours.text}}}"
        f"text.name{{font-weight:600;fill:{colours.name}}}path{{fill:none;stroke:{colours.line}}}"
    )
    high = top + GROUND_HIGH + EDGE
    told = "The rooms of the package by floors, with lines from each down to those that it imports"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {high:.0f}" role="img" aria-label="{told}">',
            f"<style>{style}</style>",
            f'<rect width="{WIDE}" height="{high:.0f}" style="fill:{colours.ground};stroke:none"/>',
            *parts,
            "</svg>\n",
        ]
    )


def _row(count: int, wide: float, top: float, high: float, *, gap: float = GAP) -> list[Place]:
    """Return where so many rooms of a floor stand, in the middle of the picture."""
    left = (WIDE - count * wide - (count - 1) * gap) / 2
    return [(left + place * (wide + gap), top, wide, high) for place in range(count)]


def _line(above: Place, below: Place) -> str:
    x, y = above[0] + above[2] / 2, above[1] + above[3]
    to_x, to_y = below[0] + below[2] / 2, below[1]
    bend = (to_y - y) / 2
    return f'<path d="M{x:.0f} {y:.0f}C{x:.0f} {y + bend:.0f} {to_x:.0f} {to_y - bend:.0f} {to_x:.0f} {to_y:.0f}"/>'


def _room(room: str, place: Place) -> str:
    left, top, wide, high = place
    middle = f'x="{left + wide / 2:.0f}" text-anchor="middle"'
    shown = [f'<rect x="{left:.1f}" y="{top:.0f}" width="{wide:.1f}" height="{high:.0f}" rx="6"/>']
    shown.append(f'<text class="name" y="{top + 19:.0f}" {middle}>{room}</text>')
    if high == ROOM_HIGH:
        for number, words in enumerate(textwrap.wrap(_in_short(room), 36)[:3]):
            shown.append(f'<text y="{top + 36 + 14 * number:.0f}" {middle}>{escape(words)}</text>')
    return "".join(shown)


def _in_short(room: str) -> str:
    """Return the first part of what a room says it is for, or the second where the first is a name."""
    first, _, rest = sentence(room).replace("`", "").partition(": ")
    return (rest if first == "zendesk-events" else first).rstrip(".")


def main() -> None:
    """Draw it, by day and by night."""
    for name, colours in (("house.svg", LIGHT), ("house-dark.svg", DARK)):
        (IMAGES / name).write_text(drawn(colours), encoding="utf-8")


if __name__ == "__main__":
    main()
