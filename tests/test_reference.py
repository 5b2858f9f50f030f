"""The pages that are written out of the code, and the picture of the house, are those that the code makes today."""

from __future__ import annotations

from pathlib import Path

import coded
import house
import pytest
import reference

ROOT = Path(__file__).parents[1]


def test_the_written_pages_are_up_to_date() -> None:
    """Else `python -m tests.reference` writes them anew."""
    pages = {str(page.relative_to(ROOT)): (page, text) for page, text in reference.written().items()}
    assert [name for name, (page, text) in pages.items() if page.read_text(encoding="utf-8") != text] == []


@pytest.mark.parametrize(("name", "colours"), [("house.svg", house.LIGHT), ("house-dark.svg", house.DARK)])
def test_the_picture_of_the_house_is_up_to_date(name: str, colours: house.Colours) -> None:
    """Else `python -m tests.house` draws it anew."""
    assert (house.IMAGES / name).read_text(encoding="utf-8") == house.drawn(colours)


def test_a_line_is_drawn_only_where_no_longer_way_leads() -> None:
    """Of imports that follow from others there is no line, and every room is reached that was."""
    of = {"a": {"b", "c"}, "b": {"c"}, "c": set(), "d": {"a", "c"}}
    assert sorted(house.lines(of)) == [("a", "b"), ("b", "c"), ("d", "a")]


def test_every_code_of_the_guide_is_in_the_table_of_messages() -> None:
    """What has a line in `docs/errors.md` has a sentence in the code."""
    guide = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    assert [code for code in coded.coded() if f'<a id="{code}"></a>' not in guide] == []
