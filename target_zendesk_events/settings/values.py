"""What the configuration gives, one value at a time: known, of its kind, within its range."""

from __future__ import annotations

import dataclasses
import difflib
import json
import math
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from target_zendesk_events import lenient
from target_zendesk_events.codes import prolonged
from target_zendesk_events.settings.declared import DECLARED, MEANINGLESS, Setting

TRUE_WORDS = frozenset({"true", "1", "yes", "on"})
"""The SDK's own (`singer_sdk.configuration._dict_config`), and their opposites."""
FALSE_WORDS = frozenset({"false", "0", "no", "off"})

_WHOLE_NUMBER = re.compile(r"([+-]?[0-9]{1,18})(?:\.0{1,18})?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_HALF_CHARACTER = re.compile(r"[\ud800-\udfff]")
"""What JSON can escape and no request can hold; Python writes a path's bytes that are no UTF-8 so too."""
_PATHS = frozenset({"data_dir", "ledger_url", "rules_file"})
_SHOWN_LENGTH = 60


@dataclasses.dataclass(frozen=True, slots=True)
class Values:
    """The configuration's values, each of its kind; never shown whole, for it holds secrets."""

    given: Mapping[str, Any] = dataclasses.field(repr=False)
    empty: frozenset[str]
    """Settings given as empty text: they count as unset."""
    faulty: frozenset[str]
    """Settings whose value is at fault; they count neither as given nor as missing."""
    passed_over: tuple[str, ...]
    """Settings that mean nothing here."""

    def get(self, name: str) -> Any:  # noqa: ANN401 - a setting's value, or its default
        """Return the value of a setting, its default where it is unset."""
        return self.given.get(name, DECLARED[name].default)

    def has(self, name: str) -> bool:
        """Tell whether somebody gave a setting, be it wrongly."""
        return name in self.given or name in self.faulty

    def missing(self, names: Iterable[str]) -> str:
        """Return the start of a sentence that says which settings are not there, and why that may be."""
        names = tuple(names)
        empty = [name for name in names if name in self.empty]
        if not empty:
            return f"{listed(names)} {'is' if len(names) == 1 else 'are'} missing"
        return f"{listed(empty)} {'is' if len(empty) == 1 else 'are'} empty (is an environment variable unset?)"


def read_values(config: Mapping[str, Any]) -> tuple[Values, list[str]]:
    """Return the values of a configuration, and a sentence for each that cannot be one."""
    faults = [_unknown(name) for name in config if name not in DECLARED and name not in MEANINGLESS]
    given: dict[str, Any] = {}
    empty: set[str] = set()
    faulty: set[str] = set()
    for name, setting in DECLARED.items():
        raw = config.get(name)
        if raw is None:
            continue
        if isinstance(raw, str) and not (raw if setting.verbatim else raw.strip()):
            empty.add(name)
            continue
        try:
            given[name] = _value(setting, raw)
        except ValueError as fault:
            faulty.add(name)
            faults.append(str(fault))
    passed_over = tuple(name for name in MEANINGLESS if config.get(name) not in (None, ""))
    return Values(given, frozenset(empty), frozenset(faulty), passed_over), faults


def listed(names: Iterable[str], last: str = "and") -> str:
    """Return names as a sentence lists them."""
    names = list(names)
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {last} {names[-1]}"


def fault(name: str, value: object, accepted: str) -> str:
    """Return the sentence for a value that a setting does not take; a secret's value is not shown."""
    return f"{name} is {_shown(DECLARED[name], value)}; accepted: {accepted} [ZE102]"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a question that offers the known name nearest to one, without regard to case; empty where none is near."""
    by_plain_name = {one.lower(): one for one in known}
    found = difflib.get_close_matches(name.lower().replace("-", "_"), list(by_plain_name), n=1)
    return f"; did you mean {by_plain_name[found[0]]}?" if found else ""


def _unknown(name: str) -> str:
    shown = name if name.isidentifier() else repr(name[:_SHOWN_LENGTH])
    return f"{shown} is no setting of this target{did_you_mean(name, DECLARED)} [ZE101]"


def _shown(setting: Setting, value: object) -> str:
    kind = _kind_of(value)
    if setting.secret:
        return f"{kind} that it does not take" if kind == "text" else kind
    if isinstance(value, str):
        return repr(value if len(value) <= _SHOWN_LENGTH else value[:_SHOWN_LENGTH] + "...")
    if isinstance(value, Decimal):
        return str(value)
    return json.dumps(value) if isinstance(value, bool | int | float) else kind


def _kind_of(value: object) -> str:
    if value is None:
        return "null"
    kinds = {bool: "a boolean", int: "a number", float: "a number", Decimal: "a number", str: "text", list: "a list"}
    return kinds.get(type(value), "an object")


def _value(setting: Setting, raw: object) -> Any:  # noqa: ANN401 - of the setting's kind
    """Return the raw value as one of the setting's kind; raise a ValueError with the sentence where it is none."""
    if setting.kind == "string":
        return _text(setting, raw)
    if setting.kind == "integer":
        return _integer(setting, raw)
    if setting.kind == "boolean":
        return _boolean(setting, raw)
    return _container(setting, raw)


def _text(setting: Setting, raw: object) -> str:
    if not isinstance(raw, str):
        quoted = f"{setting.accepted} (put it in quotes)" if isinstance(raw, bool | int | float) else setting.accepted
        raise ValueError(fault(setting.name, raw, quoted))  # noqa: TRY004 - one kind of error for every unusable value
    text = raw if setting.verbatim else raw.strip()
    if _CONTROL.search(text) or (setting.name not in _PATHS and _HALF_CHARACTER.search(text)):
        message = f"{setting.name} holds a line break or another control character; accepted: one line of text [ZE105]"
        raise ValueError(message)
    if setting.choices and text not in setting.choices:
        raise ValueError(prolonged(fault(setting.name, text, setting.accepted), did_you_mean(text, setting.choices)))
    return text


def _integer(setting: Setting, raw: object) -> int:
    number: int | None = None
    if isinstance(raw, str):
        match = _WHOLE_NUMBER.fullmatch(raw.strip())
        number = int(match[1]) if match else None
    elif isinstance(raw, int) and not isinstance(raw, bool):
        number = raw
    elif isinstance(raw, float | Decimal) and math.isfinite(raw) and raw == int(raw):
        number = int(raw)
    if number is None or not _within(setting, number):
        raise ValueError(fault(setting.name, raw, setting.accepted))
    return number


def _within(setting: Setting, number: int) -> bool:
    too_small = setting.minimum is not None and number < setting.minimum
    too_large = setting.maximum is not None and number > setting.maximum
    return not too_small and not too_large


def _boolean(setting: Setting, raw: object) -> bool:
    if isinstance(raw, bool):
        return raw
    word = raw.strip().lower() if isinstance(raw, str) else ""
    if word in TRUE_WORDS | FALSE_WORDS:
        return word in TRUE_WORDS
    raise ValueError(fault(setting.name, raw, setting.accepted))


def _container(setting: Setting, raw: object) -> list[Any] | dict[str, Any]:
    value = lenient.whole(_parsed(setting, raw) if isinstance(raw, str) else _without_decimals(raw))
    if setting.kind == "object" and isinstance(value, Mapping):
        return dict(value)
    if setting.kind != "array" or not isinstance(value, list | tuple):
        raise ValueError(fault(setting.name, value, setting.accepted))
    wanted: type = str if setting.items == "string" else Mapping
    for position, item in enumerate(value, start=1):
        if not isinstance(item, wanted):
            message = f"{setting.name}: entry {position} is {_kind_of(item)}; accepted: {setting.accepted} [ZE102]"
            raise ValueError(message)  # noqa: TRY004 - as above
    return list(value)


def _without_decimals(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return a value in the types of Python's own JSON: the SDK reads a file's fractions as Decimal."""
    if isinstance(value, Mapping):
        return {key: _without_decimals(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_decimals(item) for item in value]
    return float(value) if isinstance(value, Decimal) else value


def _parsed(setting: Setting, text: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return a list or an object given as text, as it comes from the environment."""
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        if setting.items == "string" and not text.lstrip().startswith(("[", "{")):
            return [entry.strip() for entry in text.split(",") if entry.strip()]  # as the SDK still takes it
        accepted = f"{setting.accepted}, from the environment as JSON"
        message = f"{setting.name} is text that is no JSON; accepted: {accepted} [ZE104]"
        raise ValueError(message) from None


def _no_constant(constant: str) -> None:
    message = f"{constant} is no JSON"
    raise ValueError(message)
