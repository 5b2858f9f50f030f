"""Where things are kept: paths made absolute, and the ledger's URL."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from target_zendesk_events.local_paths import local_paths

if TYPE_CHECKING:
    from collections.abc import Mapping

PROJECT_ROOT_VARIABLE = "MELTANO_PROJECT_ROOT"
LEDGER_FILE = "ledger.sqlite"
"""Name of the ledger in `data_dir`."""

_SQLITE = "sqlite:///"
_ESCAPE = "%(?!00)[0-9A-Fa-f]{2}"
_WORD = rf"(?:[^\s/?#\[\]@:%]|{_ESCAPE})*"
_PASSWORD = rf"(?:[^\s/?#\[\]@%]|{_ESCAPE})*"
_HOST = rf"(?:\[[0-9A-Fa-f:.]+\]|(?:[^\s/?#\[\]@:%,]|{_ESCAPE})*)(?::[0-9]{{0,5}})?"
_PARAMETER = rf"[a-z_]+=(?:[^\s@&=%]|{_ESCAPE})*"
_POSTGRESQL_SCHEME = re.compile("postgres(?:ql)?://")
_POSTGRESQL = re.compile(
    f"{_POSTGRESQL_SCHEME.pattern}(?:{_WORD}(?::{_PASSWORD})?@)?{_HOST}(?:,{_HOST})*(?:/{_WORD})?"
    rf"(?:\?(?:{_PARAMETER}(?:&{_PARAMETER})*)?)?"
)
"""Addresses that PostgreSQL's library splits as a person does. Of others it takes a part of the password for the host:
it looks for the first `@`, and not beyond a `/` (conninfo_uri_parse_options in its fe-connect.c)."""
_ACCEPTED = "sqlite:///PATH, postgresql://USER:PASSWORD@HOST/DATABASE, or none to switch it off"

_UNREADABLE = (
    "ledger_url cannot be split into user, password, host and database; accepted: "
    "postgresql://USER:PASSWORD@HOST:PORT/DATABASE?NAME=VALUE, in which a password's / is written as %2F, @ as %40, "
    "? as %3F, # as %23, [ as %5B, ] as %5D, % as %25 and a space as %20 [ZE116]"
)


def start_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder where relative paths start: Meltano's project, else the working directory."""
    return Path.cwd() / environ.get(PROJECT_ROOT_VARIABLE, "")


def absolute(path: str, start: Path) -> Path:
    """Return a path made absolute, `~` and `..` and all, without a look at the disk."""
    return Path(os.path.abspath(start / os.path.expanduser(path)))  # noqa: PTH100, PTH111 - Path.resolve would follow links


def read_batch_root(batch_config: Mapping[str, Any] | None, start: Path) -> Path | None:
    """Return the folder where a tap's batch files may lie, beside the working directory; None where none is named.

    Raises a ValueError with the sentence where it is no local folder.
    """
    storage = (batch_config or {}).get("storage") or {}
    root = storage.get("root") if isinstance(storage, dict) else storage
    if root is None or root == "":
        return None
    paths = local_paths(root) if isinstance(root, str) else []
    if not paths:
        message = "batch_config's storage.root is no local folder; accepted: its path, or file:// before it [ZE124]"
        raise ValueError(message)
    return absolute(paths[0], start)


def read_ledger_url(text: str | None, data_dir: Path, start: Path) -> str | None:
    """Return the ledger's URL, its path absolute; None where it is switched off.

    Raises a ValueError with the sentence where it is neither SQLite's nor PostgreSQL's, or where it cannot be told what
    in it is the password; nothing of its value is shown.
    """
    if text is None:
        return sqlite_url(data_dir)
    if text.lower() == "none":
        return None
    if text.startswith(_SQLITE):
        path = text.removeprefix(_SQLITE)
        if path in {"", "/", ":memory:"} or "?" in path:
            message = f"ledger_url names no file of its own; accepted: {_ACCEPTED} [ZE116]"
            raise ValueError(message)
        return f"{_SQLITE}{absolute(path, start)}"
    if _POSTGRESQL.fullmatch(text):
        return text
    if _POSTGRESQL_SCHEME.match(text):
        raise ValueError(_UNREADABLE)
    message = f"ledger_url is no URL of a ledger; accepted: {_ACCEPTED} [ZE116]"
    raise ValueError(message)


def sqlite_url(data_dir: Path) -> str:
    """Return the URL of the ledger in a folder."""
    return f"{_SQLITE}{data_dir / LEDGER_FILE}"
