"""SQLite's and the system's errors, as the faults that pincli knows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pincli.errors import StoreBusy, StoreUnavailable
from pincli.models import Fault
from pincli.store.holders import database_holder

_BY_PREFIX = (
    ("SQLITE_FULL", Fault.FULL),
    ("SQLITE_READONLY", Fault.READ_ONLY),
    ("SQLITE_BUSY", Fault.BUSY),
    ("SQLITE_LOCKED", Fault.BUSY),
    ("SQLITE_NOTADB", Fault.NOT_A_STORE),
    ("SQLITE_CORRUPT", Fault.DAMAGED),
    ("SQLITE_CONSTRAINT", Fault.DAMAGED),
    ("SQLITE_CANTOPEN", Fault.FORBIDDEN),
    ("SQLITE_PERM", Fault.FORBIDDEN),
    ("SQLITE_AUTH", Fault.FORBIDDEN),
    ("SQLITE_IOERR", Fault.IO),
    ("SQLITE_ERROR", Fault.DAMAGED),
)


class SpoiltRow(Exception):
    """A row holds what pincli never writes: it was changed by something else."""


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn what SQLite raises inside, and spoilt rows, into StoreUnavailable about this path."""
    try:
        yield
    except SpoiltRow as error:
        raise StoreUnavailable(Fault.DAMAGED, path, str(error)) from None
    except OverflowError:
        # Python's sqlite3 has no error of its own for it: the number after the largest one.
        raise StoreUnavailable(Fault.DAMAGED, path, "a number is out of range") from None
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "")
        fault = next((f for prefix, f in _BY_PREFIX if name.startswith(prefix)), Fault.DAMAGED)
        if fault is Fault.BUSY:
            raise StoreBusy(path, database_holder(path), name) from None
        raise StoreUnavailable(fault, path, f"{name}: {error}" if name else str(error)) from None


def from_os(error: OSError, path: Path) -> StoreUnavailable:
    """The StoreUnavailable that an OSError about this path means."""
    return StoreUnavailable(Fault.of(error), path, error.strerror or "")
