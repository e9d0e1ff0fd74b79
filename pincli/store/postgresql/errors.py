"""Errors of PostgreSQL, libpq and the network, translated into pincli's faults."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from pincli.errors import StoreBusy, StoreRolledBack, StoreTampered, StoreUnavailable
from pincli.models import Fault
from pincli.store.location import Server
from pincli.store.postgresql.connection import NotConnected, WaitedTooLong
from pincli.store.sql.rows import SpoiltRow

# The longest prefix of a SQLSTATE counts.
_BY_STATE = {
    "08": Fault.LOST,
    "22003": Fault.DAMAGED,
    "23": Fault.DAMAGED,
    "25006": Fault.READ_ONLY,
    "25P": Fault.LOST,
    "28": Fault.DENIED,
    "3D000": Fault.NO_DATABASE,
    "3F000": Fault.NO_SCHEMA,
    "42501": Fault.FORBIDDEN,
    "42703": Fault.NO_SCHEMA,
    "42883": Fault.NO_SCHEMA,
    "42P01": Fault.NO_SCHEMA,
    "53100": Fault.FULL,
    "53300": Fault.TOO_MANY,
    "55P03": Fault.BUSY,
    "57014": Fault.BUSY,
    "57P": Fault.LOST,
    "57P03": Fault.UNREACHABLE,
    "XX001": Fault.DAMAGED,
    "XX002": Fault.DAMAGED,
}
_RETRIED = ("40001", "40P01", "23505")
"""Serialization failure, deadlock, and a row that somebody else has just added."""
# Raised by the functions of functions.sql.
_UNTRUSTED = {"PC002": StoreRolledBack, "PC003": StoreTampered}
_USER_GONE = "PC004"
# Messages about what pincli asks for; those of other classes may hold values of rows.
_MAY_BE_SHOWN = ("08", "25", "28", "3D", "3F", "42", "53", "55", "57", "58")

# A connection that fails comes without a SQLSTATE. If the server speaks another language, the
# fault is UNREACHABLE.
_BY_TEXT = (
    (r"password|authentication|pg_hba|not permitted|role \"|permission denied", Fault.DENIED),
    (r"too many|remaining connection slots|no more connections", Fault.TOO_MANY),
    (r"database \".*\" does not exist|no such database", Fault.NO_DATABASE),
    (r"read-only|hot standby", Fault.READ_ONLY),
    (r"^definition of service|^service file", Fault.MALFORMED),
)
_LEAD = re.compile(r"^.*? failed: (FATAL:\s+)?|^FATAL:\s+|^\t.*$")


class Retry(Exception):
    """The database undid a transaction, which may succeed if it is tried again.

    Attributes:
        fault: The fault to report if it never does.
        detail: The server's message.
        charge: As in `Unavailable`.
    """

    charge: str = ""

    def __init__(self, fault: Fault, detail: str) -> None:
        super().__init__(detail)
        self.fault = fault
        self.detail = detail


class UserGone(Exception):
    """A function was called about a missing user: an older store was restored."""


@contextmanager
def translated(server: Server) -> Iterator[None]:
    """Turn psycopg's errors, and spoilt rows, into pincli's errors about a server.

    Raises:
        Retry: The same transaction may succeed now.
        UserGone: The user is missing.
        StoreUnavailable: Anything else.
    """
    try:
        yield
    except SpoiltRow as error:
        raise StoreUnavailable(Fault.DAMAGED, server, str(error)) from None
    except NotConnected as error:
        raise _unreached(str(error), server) from None
    except WaitedTooLong as error:
        raise StoreUnavailable(Fault.LOST, server, str(error)) from None
    except psycopg.NotSupportedError as error:
        raise StoreUnavailable(Fault.NO_DRIVER, server, str(error)) from None
    except psycopg.Error as error:
        if error.sqlstate is None and isinstance(error, psycopg.ProgrammingError):
            raise StoreUnavailable(Fault.MALFORMED, server) from None
        raise _failed(error, server) from None


def _failed(error: psycopg.Error, server: Server) -> Exception:
    """Return the error for a statement that failed, or for the connection under it."""
    state = error.sqlstate
    if state is None:  # the connection is gone, without a word
        return StoreUnavailable(Fault.LOST, server)
    said = error.diag.message_primary or ""
    if state in _UNTRUSTED:
        return _UNTRUSTED[state](server, said)
    if state == _USER_GONE:
        return UserGone(said)
    begins = (state[:length] for length in (5, 3, 2))
    fault = next((_BY_STATE[each] for each in begins if each in _BY_STATE), Fault.IO)
    detail = f"{said}, {state}" if said and state.startswith(_MAY_BE_SHOWN) else state
    if state in _RETRIED:
        return Retry(Fault.DAMAGED if state.startswith("23") else Fault.BUSY, detail)
    if fault is Fault.BUSY:
        return StoreBusy(server, None, detail)
    return StoreUnavailable(fault, server, detail)


def _unreached(said: str, server: Server) -> StoreUnavailable:
    """Return the error for a failed connection, by the words of libpq and the servers."""
    fault = next((f for words, f in _BY_TEXT if re.search(words, said)), Fault.UNREACHABLE)
    reasons = dict.fromkeys(_LEAD.sub("", line).strip() for line in said.splitlines())
    return StoreUnavailable(fault, server, "; ".join(filter(None, reasons)))
