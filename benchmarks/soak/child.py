"""`python -m benchmarks.soak.child CLOCK ARGUMENT...`: the real command line of the target, on a shared clock."""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import Any

from benchmarks.soak.clock import Clock
from benchmarks.soak.waits import Waits


def main() -> None:
    """Install the clock before anything of ours is imported, and run the target."""
    clock = Clock(Path(sys.argv.pop(1)))
    clock.install()
    pools: list[Any] = []
    Waits(clock, lambda: 1 + sum(pool._busy for pool in pools)).install()  # noqa: SLF001 - nobody else knows

    from target_zendesk_events.delivery.workers import Workers  # noqa: PLC0415 - by the clock above
    from target_zendesk_events.scripts import target_zendesk_events  # noqa: PLC0415

    made = Workers.__init__

    @functools.wraps(made)
    def counted(pool: Workers[Any], *args: Any, **values: Any) -> None:  # noqa: ANN401 - as they are
        made(pool, *args, **values)
        pools.append(pool)

    Workers.__init__ = counted  # type: ignore[assignment, method-assign]
    target_zendesk_events()


if __name__ == "__main__":
    main()
