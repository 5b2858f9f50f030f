"""How many more shipments of each kind may be claimed: what is in flight, here or in another run, may yet count."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Mapping, Sequence

from target_zendesk_events.ledger.lease import Lease
from target_zendesk_events.ledger.ledger import Limits, Settlement
from target_zendesk_events.ledger.open_claims import OpenClaims


class Places:
    """The places that the limits of a month and of a day leave to all runs on the ledger together."""

    def __init__(self, limits: Limits, claims: OpenClaims, lease: Lease | None) -> None:
        """Hold `claims`, and those of other runs that `lease` sees, against `limits`."""
        self._limits = {kind: some for kind, some in limits.items() if some != (None, None)}
        self._claims = claims
        self._lease = lease

    def limited(self, kinds: Iterable[str]) -> list[str]:
        """Return those of the kinds that have a limit."""
        return [kind for kind in kinds if kind in self._limits]

    def left(
        self, kinds: Sequence[str], sent: Mapping[str, tuple[int, int]], settled: Sequence[Settlement]
    ) -> dict[str, int]:
        """Return how many more may be claimed of kinds with a limit, of which so many were `sent`, as `settled` says.

        Within a transaction that has locked the account.
        """
        if not kinds:
            return {}
        in_flight = self._claims.count_without(settled)
        in_flight += collections.Counter() if self._lease is None else self._lease.in_flight_elsewhere()
        return {kind: self._left(kind, sent.get(kind, (0, 0))) - in_flight[kind] for kind in kinds}

    def _left(self, kind: str, sent: tuple[int, int]) -> int:
        return min(limit - count for limit, count in zip(self._limits[kind], sent, strict=True) if limit is not None)
