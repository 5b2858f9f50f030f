"""Looks up what the ledger knows of keys and rows, some hundreds with one statement."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from target_zendesk_events.ledger.keys import eight_bytes
from target_zendesk_events.ledger.ledger import Keyed
from target_zendesk_events.ledger.tables import PREFIX
from target_zendesk_events.ledger.transactions import Database
from target_zendesk_events.work import Fingerprint

LOOKUP_SIZE: Final = 200


class KnownKey(msgspec.Struct, frozen=True):
    """What stands in a row: its status, the day of its last sight, when it was claimed, by which run, and what."""

    status: int
    seen: int
    sent: float
    run: int
    content: bytes | None
    replayed: int
    text: int | None
    """The hash of its record's text, where it is known by it."""


class KnownRecord(NamedTuple):
    """A record that is known by its text: the status and the key of its event, and the day of the last sight."""

    fingerprint: Fingerprint
    status: int
    key: bytes
    seen: int


def known_keys(database: Database, keys: Iterable[bytes]) -> dict[bytes, KnownKey]:
    """Return what is known of those of the keys that are."""
    known: dict[bytes, KnownKey] = {}
    for chunk in _chunks(keys):
        places = ",".join("?" * len(chunk))
        statement = (
            "SELECT key, status, seen, ABS(sent), run, content, replayed, text_hash "
            f"FROM {PREFIX}keys WHERE key IN ({places})"
        )
        known.update((row[0], KnownKey(*row[1:])) for row in database.execute(statement, chunk).fetchall())
    return known


def known_records(
    database: Database, fingerprints: Iterable[Fingerprint], statuses: Sequence[int]
) -> Iterator[KnownRecord]:
    """Yield what is known of those of them whose event has one of these statuses."""
    for chunk in _chunks(fingerprints):
        places = ",".join(["(CAST(? AS BIGINT), CAST(? AS BIGINT))"] * len(chunk))
        statement = (
            f"WITH asked (row_hash, text_hash) AS (VALUES {places}) "
            f"SELECT k.row_hash, k.text_hash, k.status, k.key, k.seen FROM asked CROSS JOIN {PREFIX}keys k "
            f"WHERE k.row_hash = asked.row_hash AND k.text_hash = asked.text_hash AND k.status IN {tuple(statuses)}"
        )
        for row, text, *facts in database.execute(statement, list(itertools.chain(*chunk))).fetchall():
            yield KnownRecord(Fingerprint(row, text), *facts)


def known_rows(database: Database, rows: Iterable[int], statuses: Sequence[int]) -> set[int]:
    """Return those of the rows of which a shipment has one of these statuses, however many there are of each."""
    known: set[int] = set()
    for chunk in _chunks(rows):
        places = ",".join(["(CAST(? AS BIGINT))"] * len(chunk))
        statement = (
            f"WITH asked (row_hash) AS (VALUES {places}) SELECT row_hash FROM asked WHERE EXISTS "
            f"(SELECT 1 FROM {PREFIX}keys k WHERE k.row_hash = asked.row_hash AND k.status IN {tuple(statuses)})"
        )
        known.update(row for (row,) in database.execute(statement, chunk).fetchall())
    return known


def row_of(one: Keyed) -> int | None:
    """Return eight bytes of a row's hash, as a signed number."""
    row = one.row_hash()
    return None if row is None else eight_bytes(row)


def _chunks(values: Iterable[Any]) -> Iterable[list[Any]]:
    iterator = iter(values)
    while chunk := list(itertools.islice(iterator, LOOKUP_SIZE)):
        yield chunk
