"""What a fault of PostgreSQL means for a run: it is tried again, the configuration is wrong, or the run ends."""

from __future__ import annotations

from typing import Final

import psycopg
from psycopg import errors

from target_zendesk_events.errors import ConfigurationError, StorageError, TargetError
from target_zendesk_events.ledger.transactions import Busy

NO_TRANSACTIONS: Final = (
    "{} is behind a pooler that allows no transactions, as PgBouncer with pool_mode = statement: set pool_mode = "
    "transaction there for this database, or name the server itself in ledger_url [ZE436]"
)
OTHER_SCHEMA: Final = (
    "{} is behind a pooler that passes over the search_path in ledger_url: take it out there, and have the server set "
    "it, ALTER ROLE {user} SET search_path = {path} [ZE435]"
)
_NO_TABLES: Final = (
    "{} lets its user make no tables (InsufficientPrivilege), as the schema public does since PostgreSQL 15: as the "
    "database's owner, GRANT CREATE ON SCHEMA public TO {user}; or CREATE SCHEMA zendesk AUTHORIZATION {user}, and end "
    "ledger_url with ?options=-csearch_path%3Dzendesk [ZE614]"
)
_NO_ROWS: Final = (
    "{} does not let its user at tables that another made (InsufficientPrivilege): as that one, "
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {user} [ZE614]"
)
_NO_SCHEMA: Final = (
    "{} has no schema that search_path names (InvalidSchemaName): make it, or mend options in ledger_url [ZE614]"
)
_READS_ONLY: Final = (
    "{} is a replica, or read-only for another reason ({}): name the primary server in ledger_url [ZE615]"
)
_REFUSES: Final = "{} refuses ({}): mend the server or the user; nothing is lost [ZE613]"
_REFUSED: Final = frozenset({"28000", "53000", "53100", "53200", "53400"})
"""Its user may not, or its disk or memory is used up; of connections others may give one back."""
_READ_ONLY: Final = "25006"
_ENDED: Final = frozenset({"25P03", "25P04", "57P01", "57P02", "57P05"})
"""With these the server ends a connection: this side was silent for too long, or it goes down."""


def is_the_end(fault: psycopg.Error) -> bool:
    """Tell whether another connection is to be made: this one has ended, or leads to a server that takes no writes."""
    return fault.sqlstate in _ENDED or fault.sqlstate == _READ_ONLY


class Meanings:
    """What faults mean, in words that name the ledger as `note` does."""

    def __init__(self, note: str) -> None:
        """No run has used the ledger yet."""
        self._note = note
        self.is_in_use = False
        """Whether a run had all that it needs: then it is no longer the configuration that is wrong."""

    def lasting(self, message: str) -> TargetError:
        """Return the error for what waiting does not mend."""
        return StorageError(message) if self.is_in_use else ConfigurationError(message)

    def passing(self, how: str) -> Busy:
        """Return the error for a server that does not answer for now."""
        message = f"{self._note} does not answer ({how}) [ZE611]"
        return Busy(message)

    def of(self, fault: psycopg.Error, statement: str, user: str) -> Busy | TargetError:
        """Return the error for a fault that a server answered a statement with."""
        name = type(fault).__name__
        if fault.sqlstate in _REFUSED:
            return StorageError(_REFUSES.format(self._note, name))
        if is_the_end(fault) and fault.sqlstate != _READ_ONLY:
            return self.passing("the connection broke")
        if isinstance(fault, psycopg.OperationalError | psycopg.InterfaceError):
            return self.passing(name)
        if isinstance(fault, psycopg.IntegrityError | errors.DuplicateTable):
            message = f"{self._note} was written by another run in this moment [ZE608]"
            return Busy(message)
        if fault.sqlstate == _READ_ONLY:  # a server that took writes may be back as another
            message = _READS_ONLY.format(self._note, name)
            return Busy(message) if self.is_in_use else ConfigurationError(message)
        if isinstance(fault, errors.InvalidSchemaName):
            return self.lasting(_NO_SCHEMA.format(self._note))
        if isinstance(fault, errors.InsufficientPrivilege):
            sentence = _NO_TABLES if statement.startswith("CREATE") else _NO_ROWS
            return self.lasting(sentence.format(self._note, user=user))
        return StorageError(f"{self._note} refuses a statement ({name}) [ZE616]")
