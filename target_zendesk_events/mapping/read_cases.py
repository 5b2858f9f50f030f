"""The tests of a rule as they are written, read into cases: a record, and what is to become of it."""

from __future__ import annotations

import datetime as dt
import fnmatch
from collections.abc import Mapping

from target_zendesk_events.mapping import read_deletion, read_event, read_object, read_profile
from target_zendesk_events.mapping.expectations import SENT, TOLD_WHY, WITHOUT_BODY, Case, Expectation
from target_zendesk_events.mapping.reading import Faults, Raw, kind
from target_zendesk_events.mapping.syntax import did_you_mean
from target_zendesk_events.mapping.times import moment
from target_zendesk_events.mapping.values import BadValueError

KEYS = ("name", "stream", "record", "now", "expect")
BODY: Mapping[str, tuple[str, ...] | None] = {
    "profile": read_profile.KEYS_ALONE,
    "event": read_event.KEYS,
    "object": read_object.KEYS,
    "ticket": None,
    "delete": read_deletion.KEYS,
}
"""The parts of what is sent, and their fields; None for any."""
EXPECT_KEYS = (*BODY, "left_out", *TOLD_WHY)
_BELONGS = {
    **dict.fromkeys(read_profile.KEYS, "`profile`"),
    **dict.fromkeys(read_event.KEYS, "`event`"),
    "source": "`profile` or `event`",
    "type": "`profile` or `event`",
    **dict.fromkeys(("key", "external_id", "fields"), "`object`"),
    "name": "`profile` or `object`",
}
_WORDS = ", ".join(WITHOUT_BODY)


def read_cases(reading: Faults, raw: Raw, zone: dt.tzinfo, *, stream: str = "") -> tuple[Case, ...]:
    """Return the tests of one rule, for its `stream`; what is wrong is noted. `zone` is that of times without one."""
    if raw is None:
        return ()
    if not isinstance(raw, list):
        reading.fault("tests", f"is {kind(raw)}, and takes a list of tests, each with `record` and `expect` [ZE240]")
        return ()
    read = (_case(reading, f"tests[{index}]", one, zone, stream) for index, one in enumerate(raw))
    return tuple(case for case in read if case is not None)


def read_case(reading: Faults, raw: Raw, zone: dt.tzinfo) -> Case | None:
    """Return a test that stands in a file of its own, or None, with what is wrong noted."""
    return _case(reading, "", raw, zone, "")


def _case(reading: Faults, place: str, raw: Raw, zone: dt.tzinfo, rules_stream: str) -> Case | None:
    if not reading.is_object(place, raw):
        return None
    before = len(reading.faults)
    reading.known_keys(place, raw, KEYS, {})
    name = raw.get("name")
    if name is not None and not (isinstance(name, str) and name.strip()):
        reading.fault(
            _at(place, "name"), f"is {kind(name)}, and takes text [ZE240]" if name != "" else "is empty [ZE240]"
        )
    stream = _stream(reading, place, raw.get("stream"), rules_stream)
    if "record" in raw:
        reading.is_object(_at(place, "record"), raw["record"])
    else:
        _missing(reading, place, "record", "an object, as the tap sends it")
    now = _now(reading, _at(place, "now"), raw.get("now"), zone)
    expected = _expected(reading, place, raw, beside_rule=bool(rules_stream))
    if len(reading.faults) > before:
        return None
    return Case(place, name or "", stream, raw["record"], now, expected)


def _at(place: str, key: str) -> str:
    return f"{place}.{key}" if place else key


def _missing(reading: Faults, place: str, key: str, hint: str) -> None:
    reading.fault(place, f"`{key}` is missing: {hint} [ZE240]")


def _stream(reading: Faults, place: str, raw: Raw, rules_stream: str) -> str:
    where = _at(place, "stream")
    if raw is None:
        if not rules_stream:
            _missing(reading, place, "stream", "the name of the stream that the record comes from")
        elif any(mark in rules_stream for mark in "*?["):
            _missing(reading, place, "stream", "the rule's own is a glob, so name a stream that it takes")
        return rules_stream
    if not isinstance(raw, str) or not raw.strip():
        reading.fault(
            where, f"is {kind(raw)}, and takes the name of a stream [ZE241]" if raw != "" else "is empty [ZE241]"
        )
    elif rules_stream and not (raw == rules_stream or fnmatch.fnmatchcase(raw, rules_stream)):
        reading.fault(where, f"'{raw}' is no stream that the rule takes, which is for '{rules_stream}' [ZE241]")
    return str(raw)


def _now(reading: Faults, place: str, raw: Raw, zone: dt.tzinfo) -> dt.datetime | None:
    if raw is None:
        return None
    try:
        return moment(raw, zone).as_datetime
    except BadValueError as fault:
        reading.fault(place, str(fault))
    return None


def _expected(reading: Faults, place: str, raw: Mapping[str, Raw], *, beside_rule: bool) -> tuple[Expectation, ...]:
    expect = raw.get("expect")
    if expect is None or expect in ("", {}, []):
        hint = f"what is sent, by the keys of the rule, or {_WORDS}"
        _missing(reading, place, "expect", hint)
        return ()
    where = _at(place, "expect")
    if not isinstance(expect, list):
        return _expectation(reading, where, expect)
    if beside_rule:
        reading.fault(where, "is a list, and beside a rule takes what that rule makes of the record [ZE240]")
        return ()
    return tuple(one for index, raw in enumerate(expect) for one in _expectation(reading, f"{where}[{index}]", raw))


def _expectation(reading: Faults, place: str, raw: Raw) -> tuple[Expectation, ...]:
    """Return one expectation, or none, with what is wrong noted."""
    if isinstance(raw, str):
        if raw in WITHOUT_BODY:
            return (Expectation(raw),)
        reading.fault(
            place,
            f"takes what is sent, by the keys of the rule, or one of {_WORDS}{did_you_mean(raw, WITHOUT_BODY)} [ZE240]",
        )
        return ()
    if not reading.is_object(place, raw):
        return ()
    reading.known_keys(place, raw, EXPECT_KEYS, _BELONGS)
    whys = [one for one in TOLD_WHY if one in raw]
    if len(whys) > 1 or (whys and BODY.keys() & raw.keys()):
        reading.fault(place, f"says `{whys[0]}`, so nothing else becomes of the record: remove one [ZE240]")
    for one in whys:
        if not isinstance(raw[one], str) or not raw[one]:
            reading.fault(f"{place}.{one}", f"is {kind(raw[one])}, and takes a part of the message [ZE240]")
    for part, fields in BODY.items():
        if part in raw and reading.is_object(f"{place}.{part}", raw[part]) and fields is not None:
            reading.known_keys(f"{place}.{part}", raw[part], fields, {})
    left_out = raw.get("left_out")
    if left_out is not None and not (isinstance(left_out, list) and all(isinstance(one, str) for one in left_out)):
        reading.fault(f"{place}.left_out", f"is {kind(left_out)}, and takes a list of identifier types [ZE240]")
        return ()
    return (
        Expectation(
            whys[0] if whys else SENT,
            {part: raw[part] for part in BODY if part in raw},
            str(raw[whys[0]]) if whys else "",
            None if left_out is None else tuple(left_out),
        ),
    )
