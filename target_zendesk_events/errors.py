"""The errors that end a run, named by what to do next.

TargetError                    exit code
├── ConfigurationError         2   mend the settings or the rules
│   ├── NoRulesError           2   paste the rules that it proposes, and mend them
│   ├── CredentialsError       2   mend the credentials or their rights
│   ├── AddressError           2   mend the address: this is no Zendesk account
│   └── AccountError           2   mend the account, or the way to it: everything is refused alike
└── RunStopped                 1   run again: nothing is lost, STATE is safe
    ├── InputError             1   mend the tap: it sent a line that is no Singer message
    ├── OutageError            1   wait until Zendesk takes requests again
    ├── BrakeError             1   a quota or a brake: wait, or raise it
    └── StorageError           1   mend the disk or the database
"""

from __future__ import annotations

from collections.abc import Iterable

from target_zendesk_events.codes import code_of


class TargetError(Exception):
    """Ends the run; the message says what was asked, what came back and what to try."""

    exit_code = 1

    @property
    def sentences(self) -> tuple[str, ...]:
        """What is to be said, a sentence for each thing to mend."""
        return (str(self),)

    @property
    def codes(self) -> list[str]:
        """The codes of the sentences, each once."""
        return list(dict.fromkeys(code for one in self.sentences if (code := code_of(one)) is not None))


class ConfigurationError(TargetError):
    """Settings or rules that cannot work. One line in `faults` for each thing to mend."""

    exit_code = 2

    def __init__(self, faults: str | Iterable[str]) -> None:
        """Take one fault or several, each a sentence that names its setting."""
        self.faults: tuple[str, ...] = (faults,) if isinstance(faults, str) else tuple(faults)
        super().__init__("\n".join(self.faults))

    @property
    def sentences(self) -> tuple[str, ...]:
        """One for each fault."""
        return self.faults


class NoRulesError(ConfigurationError):
    """There are no rules. `proposal` is YAML to paste: a rule for each stream that was seen."""

    def __init__(self, fault: str, proposal: str) -> None:
        """Take the sentence, and the proposed rules."""
        self.proposal = proposal
        super().__init__(fault)


class CredentialsError(ConfigurationError):
    """Zendesk does not take the credentials, or they lack a right."""


class AddressError(ConfigurationError):
    """What answers at the configured address is not this account's API."""


class AccountError(ConfigurationError):
    """Zendesk, or a firewall or proxy before it, refuses all requests alike, whatever they hold."""


class RunStopped(TargetError):  # noqa: N818 - a stop that running again may mend is not the caller's error
    """The run cannot go on now; running again may help, and loses nothing."""


class InputError(RunStopped):
    """A line of the input is no Singer message; the message names its number and length, never its content."""


class OutageError(RunStopped):
    """Zendesk has taken nothing for longer than `max_outage_seconds`."""


class BrakeError(RunStopped):
    """A quota or a brake of the settings is reached."""


class StorageError(RunStopped):
    """The ledger, the dead letters or the token file cannot be read or written."""
