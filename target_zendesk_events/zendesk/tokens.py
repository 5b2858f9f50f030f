"""OAuth's refresh grant: the rotated pair of tokens is stored before it is used, and only one process refreshes.

A refresh kills the old pair at once ("Grant-type tokens", developer.zendesk.com), so a pair that was given and not
stored is lost for good. Hence the order: take the lock, read the file, write it (a full disk shows before anything is
used up), ask, store, use, let go.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from target_zendesk_events.errors import StorageError
from target_zendesk_events.zendesk.answers import is_token
from target_zendesk_events.zendesk.auth import ClientCredentials, lifetime, renewal_time

LOCK_SECONDS = 120.0
"""How long to wait for another process that is renewing: longer than any request takes."""
LOCK_POLL_SECONDS = 0.05


@dataclasses.dataclass(frozen=True, slots=True)
class Pair:
    """What the file holds. `access_token` is empty before the first refresh; `due_at` is in seconds since 1970."""

    refresh_token: str
    access_token: str = ""
    due_at: float = 0.0


class RefreshToken(ClientCredentials):
    """An OAuth client that acts for a user, by a refresh token that each use replaces."""

    def __init__(
        self,
        client_id: str,
        client_secret: str | None,
        refresh_token: str,
        *,
        scope: str | None,
        file: TokenFile,
    ) -> None:
        """Take the client, the token as it is configured, and the file for the pairs that grow from it.

        Without a `scope` a new token has that of the grant, and a refresh never asks for more than was granted.

        The file's folder must be there when a token is first needed; nothing is read or written before.
        """
        super().__init__(client_id, client_secret, scope)
        self._first = refresh_token
        self._file = file
        self._pair = Pair(refresh_token)

    @contextlib.contextmanager
    def grant(self, now: float) -> Iterator[Mapping[str, str] | None]:
        """Give the body that refreshes, the file locked meanwhile; None if another process has just done it.

        Raises StorageError when the file cannot be locked, read or written.
        """
        with self._file.locked():
            stored = self._stored(now)
            others = stored.access_token != self._pair.access_token
            self._pair = stored
            if others and now < stored.due_at:
                self._use(stored.access_token, stored.due_at)
                yield None
            else:
                self._file.write(stored)
                yield {"grant_type": "refresh_token", "refresh_token": stored.refresh_token, **self._client}

    def _stored(self, now: float) -> Pair:  # noqa: ARG002 - for those that end
        return self._file.read() or Pair(self._first)

    def accept(self, payload: Mapping[str, Any], now: float) -> None:
        """Store the new pair, then use it; an answer without a refresh token leaves the one there is."""
        refresh_token = payload.get("refresh_token")
        pair = Pair(
            refresh_token=refresh_token if is_token(refresh_token) else self._pair.refresh_token,
            access_token=payload["access_token"],
            due_at=renewal_time(now, lifetime(payload)),
        )
        self._file.write(pair)
        self._pair = pair
        self._use(pair.access_token, pair.due_at)


class TokenFile:
    """A file that only its owner reads, replaced whole; beside it a lock that lasts as long as who holds it."""

    def __init__(self, path: Path, *, grown_from: str, sleep: Callable[[float], None] = time.sleep) -> None:
        """Touch nothing yet. The file is read only if it grew from this token, of which it holds a hash."""
        self._path = path
        self._grown_from = hashlib.sha256(grown_from.encode()).hexdigest()
        self._sleep = sleep

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock. Raises StorageError when another process keeps it for too long."""
        with _stored(self._path):
            lock = os.open(self._path.with_name(self._path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            self._take(lock)
            yield
        finally:
            os.close(lock)

    def read(self) -> Pair | None:
        """Return the newest pair that grew from the configured token, if there is one."""
        try:
            with _stored(self._path):
                content = json.loads(self._path.read_bytes())
                pair = Pair(content["refresh_token"], content["access_token"], float(content["due_at"]))
                return pair if content["grown_from"] == self._grown_from else None
        except FileNotFoundError:
            return None

    def write(self, pair: Pair) -> None:
        """Put this pair in place of what the file held, on the disk before this returns."""
        content = json.dumps({"grown_from": self._grown_from, **dataclasses.asdict(pair)})
        new = self._path.with_name(self._path.name + ".new")
        with _stored(self._path):
            new.unlink(missing_ok=True)
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._path)
            _sync_folder(self._path.parent)

    def forget(self) -> None:
        """Take the file away; who holds the lock does so."""
        with _stored(self._path):
            self._path.unlink(missing_ok=True)
            _sync_folder(self._path.parent)

    def _take(self, lock: int) -> None:
        for _ in range(int(LOCK_SECONDS / LOCK_POLL_SECONDS)):
            with _stored(self._path), contextlib.suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            self._sleep(LOCK_POLL_SECONDS)
        message = (
            f"another process has kept {self._path} locked for {LOCK_SECONDS:.0f} s: end it, or let it end [ZE617]"
        )
        raise StorageError(message)


@contextlib.contextmanager
def _stored(path: Path) -> Iterator[None]:
    """Turn what can go wrong with the file into words; that there is none yet is no fault."""
    try:
        yield
    except FileNotFoundError as error:
        if error.filename == str(path):
            raise
        message = f"the token file {path} cannot be written: its folder is not there [ZE618]"
        raise StorageError(message) from error
    except OSError as error:
        message = f"the token file {path} cannot be read or written: {error.strerror} [ZE618]"
        raise StorageError(message) from error
    except (KeyError, TypeError, ValueError):
        message = (
            f"the token file {path} is damaged: delete it, and configure a new `refresh_token`, or log in again [ZE618]"
        )
        raise StorageError(message) from None


def _sync_folder(folder: Path) -> None:
    """Make a renaming in this folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
