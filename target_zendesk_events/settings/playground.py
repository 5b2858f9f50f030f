"""The playground's word, which wins over every setting: where everything goes while it is set."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from target_zendesk_events.errors import ConfigurationError
from target_zendesk_events.settings.account import is_loopback, split_address

if TYPE_CHECKING:
    from collections.abc import Mapping

PLAYGROUND_VARIABLE = "ZENDESK_EVENTS_PLAYGROUND"
DATA_DIR = ".zendesk-events"
"""Name of the folder within the playground's: what `data_dir` is called where nobody names it."""

_ACCEPTED = "http://127.0.0.1:PORT/?folder=FOLDER&write_state=0, as `zendesk-events playground -- COMMAND` sets it"


@dataclasses.dataclass(frozen=True, slots=True)
class Playground:
    """A playground that runs: its address, its folder, whether STATE is written all the same, and whom it lets in."""

    url: str
    folder: Path
    write_state: bool
    takes_credentials: bool = False
    """Whether it takes those of the configuration, and turns away whoever has none."""

    @property
    def data_dir(self) -> Path:
        """Where ledger, dead letters and report are while it runs."""
        return self.folder / DATA_DIR

    @property
    def warning(self) -> str:
        """What a run says that is wrapped."""
        state = "STATE is written" if self.write_state else "no STATE is written"
        right = "with the configuration's credentials" if self.takes_credentials else "without credentials"
        return (
            f"{PLAYGROUND_VARIABLE} is set: everything goes to the playground at {self.url} and nothing to Zendesk, "
            f"{right}; ledger and dead letters are in {self.data_dir}; {state}"
        )


def read_playground(environ: Mapping[str, str]) -> Playground | None:
    """Return the playground that the environment names, None where the variable is not set.

    A variable that is set but cannot be one is a fault, never a reason to go on to production.
    """
    text = environ.get(PLAYGROUND_VARIABLE)
    if text is None:
        return None
    fault, playground = _parsed(text)
    if playground is None:
        raise ConfigurationError([f"{PLAYGROUND_VARIABLE} {fault}; accepted: {_ACCEPTED} [ZE119]"])
    return playground


def _parsed(text: str) -> tuple[str, Playground | None]:
    """Return the playground that a text names, or what is wrong with it."""
    parts = split_address(text)
    if parts is None or parts.scheme != "http" or parts.port is None or "@" in parts.netloc or parts.fragment:
        return "is no such address", None
    host = parts.hostname or ""
    if not is_loopback(host):
        return "names a host beyond this machine", None
    if parts.path not in {"", "/"}:
        return "holds a path", None
    query = parse_qs(parts.query, keep_blank_values=True)
    folder = Path(query.get("folder", [""])[-1])
    if not folder.is_absolute() or not folder.is_dir():
        return "names no folder that exists", None
    switches = {name: query.get(name, ["0"])[-1] for name in ("write_state", "credentials")}
    for name, value in switches.items():
        if value not in {"0", "1"}:
            return f"has a {name} that is neither 0 nor 1", None
    shown = f"[{host}]" if ":" in host else host
    is_on = {name: value == "1" for name, value in switches.items()}
    return "", Playground(f"http://{shown}:{parts.port}", folder, is_on["write_state"], is_on["credentials"])
