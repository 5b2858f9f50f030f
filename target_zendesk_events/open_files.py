"""Open files: as many as the system lets this process have, and what to say where they are not enough.

Each stream with dead letters takes one, each connection one, the ledger three; macOS starts a process with 256.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Iterator

if sys.platform != "win32":
    import resource

USUAL_MAX = 10_240
"""macOS takes no soft limit above this where the hard one is unlimited (`OPEN_MAX`, setrlimit(2))."""
_SHORTAGES = frozenset({errno.EMFILE, errno.ENFILE})


def raise_limit() -> None:
    """Raise the soft limit to the hard one, which needs no right."""
    if sys.platform == "win32":
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (hard, USUAL_MAX):
        if wanted == soft:
            return
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            return


def shortage(wanted: int) -> OSError | None:
    """Return the error of one who wants to open so many files now, if they are lacking; libraries hide theirs."""
    opened: list[int] = []
    try:
        opened += (os.open(os.devnull, os.O_RDONLY) for _ in range(wanted))
    except OSError as fault:
        return fault if fault.errno in _SHORTAGES else None
    finally:
        for one in opened:
            os.close(one)
    return None


def hint(fault: BaseException) -> str | None:
    """Return what to do about an error that came of too many open files, None for any other."""
    codes = {one.errno for one in _chain(fault) if isinstance(one, OSError)}
    if errno.EMFILE in codes:
        return (
            f"this process may have {_limit()} files open (ulimit -n), and wants more, one of them for each stream "
            "with dead letters: raise that limit, and run again; STATE is safe [ZE619]"
        )
    if errno.ENFILE in codes:
        return (
            "this machine has as many files open as it may: end what holds them, and run again; STATE is safe [ZE619]"
        )
    return None


def _chain(fault: BaseException | None) -> Iterator[BaseException]:
    while fault is not None:
        yield fault
        fault = fault.__cause__ or fault.__context__


def _limit() -> str:
    if sys.platform == "win32":
        return "no more"
    return f"{resource.getrlimit(resource.RLIMIT_NOFILE)[0]:,}"
