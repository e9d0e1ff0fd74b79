"""Bringing a backup back, or taking a store in that pincli refuses: no security is undone.

Everything is checked and written in a store of our own (candidates.py, restored_records.py)
before the present one is touched (replacing.py).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import ExitStack, closing, suppress
from pathlib import Path

from pincli.errors import BackupRefused, Refused, Rule, StoreUnavailable
from pincli.models import Fault
from pincli.results import Restored
from pincli.store.contract import Restorer
from pincli.store.mark import Mark, Seen, place_of
from pincli.store.sqlite.candidates import (
    backup_store,
    checked,
    present_copy,
    present_store,
    require_file,
)
from pincli.store.sqlite.connection import (
    DATABASE,
    SCHEMA_VERSION,
    connect,
    read_store,
    schema_version,
)
from pincli.store.sqlite.copies import leave_syncing_for_the_end
from pincli.store.sqlite.errors import from_os, translated
from pincli.store.sqlite.leftovers import held_folder, remove_leftovers, unfinished_name
from pincli.store.sqlite.lockfile import LOCK_FILE, Locks, make_lock_file
from pincli.store.sqlite.replacing import place, replace
from pincli.store.sqlite.restored_records import catch_up, head_of, write_records

_TRIES = 4
_LAST_EVENT = "SELECT number, link FROM trail ORDER BY number DESC LIMIT 1"
_OLD_LAST_EVENT = "SELECT seq, mac FROM events ORDER BY seq DESC LIMIT 1"


def restore(backup: Path | None, folder: Path, marks_folder: Path, restorer: Restorer) -> Restored:
    """Bring a backup back, or take in the present store; see contract.Upkeep.

    Others go on meanwhile: the writer lock is held only while pages are copied, and at the end.
    What they wrote until then is taken in from the records that changed. Where that can't be
    done it all begins again, the last time with everybody waiting.
    """
    if backup is not None:
        require_file(backup)
    elif not folder.exists():
        raise StoreUnavailable(Fault.MISSING, folder / DATABASE)
    made = not folder.exists()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailable(Fault.NOT_MADE, folder, error.strerror or "") from None
    try:
        remove_leftovers(folder)
        make_lock_file(folder)
        with closing(Locks(folder / LOCK_FILE)) as locks, locks.maintenance():
            for attempt in range(_TRIES):
                with ExitStack() as stack:
                    if attempt == _TRIES - 1:
                        stack.enter_context(locks.writer())
                    done = _tried(backup, folder, marks_folder, restorer, locks)
                if done is not None:
                    return done
        raise StoreUnavailable(Fault.BUSY, folder / DATABASE)
    finally:
        if made:
            with suppress(OSError):
                folder.rmdir()  # only if it is empty


def _tried(
    backup: Path | None, folder: Path, marks_folder: Path, restorer: Restorer, locks: Locks
) -> Restored | None:
    """Try once; None if others wrote into the present store meanwhile."""
    path = folder / DATABASE
    building = unfinished_name(path)
    with ExitStack() as stack:
        try:
            stack.enter_context(held_folder(building))
        except OSError as error:
            raise from_os(error, building) from None
        pages = building / "present.db"
        copied = present_copy(path, pages, locks)
        stood = None if copied is None else _last_event(copied)
        present = None if copied is None else present_store(copied, building, restorer)
        source = present if backup is None else backup_store(backup, building, restorer, present)
        if source is None:
            raise BackupRefused("its pages are damaged")
        candidate = checked(source, building, restorer, is_present=backup is None)
        with closing(connect(candidate.database)) as connection, translated(candidate.database):
            leave_syncing_for_the_end(connection)
            if present is not None:
                uri = f"{present.absolute().as_uri()}?mode=ro"
                connection.execute("ATTACH ? AS present", (uri,))
                if not _is_same_store(connection):
                    raise Refused(Rule.ANOTHER_STORE, str(path))
            store_id = read_store(connection, candidate.database)[0].store_id
            mark = Mark.open(marks_folder, bytes.fromhex(store_id))
            if mark is not None:
                stack.callback(mark.close)
            seen = None if mark is None else mark.read()
            there = None if present is None else head_of(connection, "present")
            result, keeps = write_records(connection, candidate, restorer, seen, there)
            if present is not None:
                connection.execute("DETACH present")
            with locks.writer():
                if copied is not None and _last_event(path) != stood:
                    can_catch_up = backup is not None and present == pages and not keeps
                    if there is None or not can_catch_up:
                        return None
                    came = catch_up(connection, candidate, restorer, path, there, mark)
                    if came is None:
                        return None
                    result = result._replace(gone_users=result.gone_users + came)
                head = head_of(connection, "main")
                if present is not None:
                    aside: Path | None = replace(connection, path)
                else:
                    connection.close()
                    aside = place(candidate.database, path)
                if mark is not None and head is not None:
                    mark.write(Seen(*head, 0, place_of(path)), restored=True)
    return result._replace(aside=None if aside is None else str(aside))


def _last_event(path: Path) -> Sequence[object]:
    """The last event of the present store, or of a copy: whether others wrote meanwhile."""
    with closing(connect(path)) as connection, translated(path):
        old = schema_version(connection, path) < SCHEMA_VERSION
        return connection.execute(_OLD_LAST_EVENT if old else _LAST_EVENT).fetchall()


def _is_same_store(connection: sqlite3.Connection) -> bool:
    """Whether candidate and present store are the same store at two times."""
    rows = connection.execute(
        "SELECT count(*) FROM main.store s JOIN present.store p ON p.store_id = s.store_id"
    ).fetchall()
    return rows == [(1,)]
