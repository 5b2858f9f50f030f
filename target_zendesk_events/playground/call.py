"""A request on its way from the reception to the room that serves it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import checks
from .refusals import Refusal


@dataclass(frozen=True)
class Call:
    """A request on its way through: `parameters` come from the path, `query` holds the first of each name."""

    number: int
    path: str
    base_url: str
    parameters: dict[str, str]
    query: dict[str, str]
    content_type: str | None
    body: bytes
    arrived: float

    def content(self) -> dict[str, Any]:
        """Return the body as the JSON object that it must be."""
        return checks.json_object(self.content_type, self.body)

    def part(self, name: str) -> dict[str, Any]:
        """Return the object that Support's API wants in the body under `name`."""
        part = self.content().get(name)
        if not isinstance(part, dict):
            raise Refusal(400, "ParameterMissing", f"{name} is required and must be an object", "error_text")
        return part

    def number_of(self, name: str, default: int, most: int) -> int:
        """Return a number of the query, cut to `most`; refuses what is none."""
        text = self.query.get(name) or str(default)
        if not text.isascii() or not text.isdigit() or len(text) > len(str(2**53)):
            raise Refusal(400, "InvalidPaginationParameter", f"{name} must be a number", "error_text")
        return min(int(text), most)
