"""A value of a rule and the place where it stands, so that what fails on a record can be named."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from jinja2.exceptions import SecurityError

from target_zendesk_events.mapping.templates import Constant, Scope, Value
from target_zendesk_events.mapping.values import BadValueError, json_value, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_zendesk_events.work import LeftOut


class UnmappableError(Exception):
    """A rule cannot map a record; the message names the place and why, never a value."""

    def __init__(self, place: str, why: str, left_out: tuple[LeftOut, ...] = ()) -> None:
        """Take the place in the rule, a reason without any value, and the identifiers left out so far."""
        super().__init__(f"{place}: {why}")
        self.left_out = left_out


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """One value of a rule, and its place, such as `event.type`."""

    place: str
    value: Value
    fixed: str = dataclasses.field(init=False, repr=False)
    """A constant's text, which is the same for all records; blank where there is none such."""

    def __post_init__(self) -> None:
        """Write a constant as text once."""
        object.__setattr__(self, "fixed", _fixed_text(self.constant))

    @property
    def is_constant(self) -> bool:
        """No record changes it."""
        return isinstance(self.value, Constant)

    @property
    def constant(self) -> Any:  # noqa: ANN401 - any value
        """The constant's value; null for a template."""
        return self.value.value if isinstance(self.value, Constant) else None

    def of(self, scope: Scope) -> Any:  # noqa: ANN401 - any value
        """Return the value for one record. Raises UnmappableError."""
        try:
            return self.value.of(scope)
        except Exception as error:
            raise self.unmappable(error) from error

    def text(self, scope: Scope) -> str | None:
        """Return the value as text, or null. Raises UnmappableError."""
        if self.fixed:
            return self.fixed
        try:
            value = self.value.of(scope)
            return None if value is None else text_of(value)
        except Exception as error:
            raise self.unmappable(error) from error

    def required_text(self, scope: Scope) -> str:
        """Return the value as text. Raises UnmappableError, also for null and for a blank."""
        if self.fixed:
            return self.fixed
        text = self.text(scope)
        if text is None or not text.strip():
            raise UnmappableError(self.place, "is null [ZE710]" if text is None else "is blank [ZE710]")
        return text

    def json(self, scope: Scope) -> Any:  # noqa: ANN401 - any JSON value
        """Return the value as it stands in a body. Raises UnmappableError."""
        try:
            return json_value(self.value.of(scope))
        except Exception as error:
            raise self.unmappable(error) from error

    def unmappable(self, error: Exception) -> UnmappableError:
        """Return what an error means for this place, in words that hold nothing of the record."""
        return UnmappableError(self.place, _why(error))

    def parts(self) -> Iterator[Part]:
        """Yield itself: a leaf among the parts of a rule."""
        yield self


def _fixed_text(constant: Any) -> str:  # noqa: ANN401 - any value
    try:
        text = "" if constant is None else text_of(constant)
    except Exception:  # noqa: BLE001 - whatever it is, a record that asks for it is told
        return ""
    return text if text.strip() else ""


def _why(error: Exception) -> str:
    """Return why an expression failed. Python's own messages may quote the record, so only their kind is told."""
    if isinstance(error, BadValueError):
        return str(error)
    if isinstance(error, OverflowError | RecursionError):
        return "makes something too large [ZE720]"
    if isinstance(error, SecurityError):
        return "asks for what the sandbox keeps closed [ZE722]"
    hint = "; `default` can stand in for a null" if isinstance(error, TypeError) else ""
    return f"fails on this record ({type(error).__name__}){hint} [ZE722]"
