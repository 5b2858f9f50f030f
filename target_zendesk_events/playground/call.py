"""A request on its way from the reception to the room that serves it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import checks
from .refusals import Refusal, bad_request

if TYPE_CHECKING:
    from .faults import Fault

MOST_ASKED = 100


@dataclass(frozen=True)
class Call:
    """A request on its way through: `parameters` come from the path, `query` holds the first of each name.

    `fault` is the one that it met, for a room in which more than the answer may go wrong.
    """

    number: int
    path: str
    base_url: str
    parameters: dict[str, str]
    query: dict[str, str]
    content_type: str | None
    body: bytes
    arrived: float
    headers: dict[str, str] = field(default_factory=dict)
    fault: Fault | None = None

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

    def list_of(self, name: str) -> list[str]:
        """Return the parts of a list in the query; refuses an empty one, and one of more than Zendesk takes."""
        parts = [part for part in self.query.get(name, "").split(",") if part]
        if not 1 <= len(parts) <= MOST_ASKED:
            message = f"{name} must be a list of 1 to {MOST_ASKED}"
            raise bad_request(message)
        return parts
