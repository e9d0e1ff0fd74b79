"""Bringing a backup back, or taking a store in that pincli refuses: no security is undone.

Everything is checked and written in a store of our own (candidates.py, restored_records.py)
before the present one is touched (replacing.py).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from shutil import copyfileobj
from typing import BinaryIO, NamedTuple

from pincli.errors import BackupRefused, BackupUnavailable, Refused, Rule, StoreUnavailable
from pincli.models import Fault, Head
from pincli.results import Restored
from pincli.store.contract import Restorer
from pincli.store.mark import Mark, Seen, place_of
from pincli.store.sqlite.candidates import (
    Candidate,
    backup_store,
    checked,
    present_copy,
    present_store,
    require_file,
)
from pincli.store.sqlite.catching_up import catch_up, mend
from pincli.store.sqlite.connection import (
    DATABASE,
    SCHEMA_VERSION,
    connect,
    read_store,
    schema_version,
)
from pincli.store.sqlite.copies import leave_syncing_for_the_end
from pincli.store.sqlite.errors import from_os, translated
from pincli.store.sqlite.leftovers import held_file, held_folder, remove_leftovers, unfinished_name
from pincli.store.sqlite.lockfile import LOCK_FILE, Locks, make_lock_file
from pincli.store.sqlite.replacing import place, replace
from pincli.store.sqlite.restored_records import head_of, keeps_pins, suspects, write_records

_TRIES = 4
_STREAM = Path("-")
_FIRST_BYTES = b"SQLite format 3\0"
_LAST_EVENT = "SELECT number, link FROM trail ORDER BY number DESC LIMIT 1"
_LINK = "SELECT link FROM trail WHERE number = ?"
_OLD_LAST_EVENT = "SELECT seq, mac FROM events ORDER BY seq DESC LIMIT 1"


def restore(
    backup: Path | BinaryIO | None, folder: Path, marks_folder: Path, restorer: Restorer
) -> Restored:
    """Bring a backup back, or take in the present store; see contract.Upkeep.

    Others go on meanwhile: the writer lock is held only while pages are copied, and at the end.
    What they wrote until then is taken in from the records that changed. Where that can't be
    done it all begins again, the last time with everybody waiting.
    """
    if isinstance(backup, Path):
        require_file(backup)
    elif backup is None and not folder.exists():
        raise StoreUnavailable(Fault.MISSING, folder / DATABASE)
    made = not folder.exists()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailable(Fault.NOT_MADE, folder, error.strerror or "") from None
    try:
        remove_leftovers(folder)
        make_lock_file(folder)
        with (
            _in_a_file(backup, folder) as file,
            closing(Locks(folder / LOCK_FILE)) as locks,
            locks.maintenance(),
        ):
            for attempt in range(_TRIES):
                with ExitStack() as stack:
                    if attempt == _TRIES - 1:
                        stack.enter_context(locks.writer())
                    done = _tried(file, folder, marks_folder, restorer, locks)
                if done is not None:
                    return done
        raise StoreUnavailable(Fault.BUSY, folder / DATABASE)
    finally:
        if made:
            with suppress(OSError):
                folder.rmdir()  # only if it is empty


@contextmanager
def _in_a_file(backup: Path | BinaryIO | None, folder: Path) -> Iterator[Path | None]:
    """A backup in a file; what comes through a stream is read to its end before others wait."""
    if backup is None or isinstance(backup, Path):
        yield backup
        return
    building = unfinished_name(folder / DATABASE)
    with held_file(building):
        try:
            with building.open("wb") as file:
                head = backup.read(len(_FIRST_BYTES))
                if head != _FIRST_BYTES:  # which also ends what never ends, before the disk is full
                    raise BackupUnavailable(Fault.NOT_A_STORE, _STREAM)
                file.write(head)
                copyfileobj(backup, file)
        except OSError as error:
            raise from_os(error, folder / DATABASE) from None
        try:
            yield building
        except BackupUnavailable as error:
            raise BackupUnavailable(error.fault, _STREAM, error.detail) from None


class _Present(NamedTuple):
    """The present store when the work began.

    Attributes:
        path: Its database.
        last: Its last event, where its pages could be copied.
        readable: A copy of it, up to date, where pincli can trust it.
        is_current: Whether that has the present store's own schema, and all its rows.
    """

    path: Path
    last: Sequence[object] | None
    readable: Path | None
    is_current: bool

    def went_on(self) -> bool:
        """Whether others wrote into it since."""
        return self.last is not None and _last_event(self.path) != self.last

    def has_come_to(self, seen: Seen | None, since: Head | None) -> bool:
        """Whether the newest event that this host has seen came after a head."""
        if not self.is_current or seen is None or since is None or seen.number <= since.number:
            return False
        with closing(connect(self.path)) as connection, translated(self.path):
            found = connection.execute(_LINK, (seen.number,)).fetchall()
        return bool(found == [(seen.link,)])


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
        present = _present(path, building, restorer, locks)
        source = present.readable
        if backup is not None:
            source = backup_store(backup, building, restorer, source)
        if source is None:
            raise BackupRefused("its pages are damaged")
        candidate = checked(source, building, restorer, is_present=backup is None)
        with closing(connect(candidate.database)) as connection, translated(candidate.database):
            leave_syncing_for_the_end(connection)
            store_id = read_store(connection, candidate.database)[0].store_id
            mark = Mark.open(marks_folder, bytes.fromhex(store_id))
            if mark is not None:
                stack.callback(mark.close)
            return _brought_in(connection, candidate, restorer, present, locks, mark)


def _brought_in(
    connection: sqlite3.Connection,
    candidate: Candidate,
    restorer: Restorer,
    present: _Present,
    locks: Locks,
    mark: Mark | None,
) -> Restored | None:
    """Write a candidate's records, and then itself over the present store."""
    there = None
    if present.readable is not None:
        uri = f"{present.readable.absolute().as_uri()}?mode=ro"
        connection.execute("ATTACH ? AS present", (uri,))
        if not _is_same_store(connection):
            raise Refused(Rule.ANOTHER_STORE, str(present.path))
        there = head_of(connection, "present")
    seen = None if mark is None else mark.read()
    keeps = keeps_pins(connection, candidate, seen, there)
    mends = candidate.is_present and (keeps or present.has_come_to(seen, there))
    suspected, result = None, None
    if mends:  # written at the end, when it is known what others did meanwhile
        suspected = suspects(connection, candidate, restorer)
    else:
        result = write_records(connection, candidate, restorer, seen, there, keeps=keeps)
    if present.readable is not None:
        connection.execute("DETACH present")
    with locks.writer():
        went_on = present.went_on()
        can_go_on = mends or not (keeps or candidate.is_present)
        since = there if went_on and can_go_on and present.is_current else None
        if went_on and since is None:
            return None
        if suspected is not None:
            result = mend(connection, candidate, restorer, suspected, present.path, since, mark)
        elif since is not None and result is not None:
            result = catch_up(connection, candidate, restorer, result, present.path, since, mark)
        if result is None:
            return None
        head = head_of(connection, "main")
        if present.readable is not None:
            aside: Path | None = replace(connection, present.path)
        else:
            connection.close()
            aside = place(candidate.database, present.path)
        if mark is not None and head is not None:
            mark.write(Seen(*head, 0, place_of(present.path)), restored=True)
    return result._replace(aside=None if aside is None else str(aside))


def _present(path: Path, building: Path, restorer: Restorer, locks: Locks) -> _Present:
    """A look at the present store."""
    pages = building / "present.db"
    copied = present_copy(path, pages, locks)
    if copied is None:
        return _Present(path, None, None, is_current=False)
    readable = present_store(copied, building, restorer)
    return _Present(path, _last_event(copied), readable, is_current=readable == pages)


def _last_event(path: Path) -> Sequence[object]:
    """The last event of the present store, or of a copy: whether others wrote meanwhile."""
    with closing(connect(path)) as connection, translated(path):
        old = schema_version(connection, path) < SCHEMA_VERSION
        return connection.execute(_OLD_LAST_EVENT if old else _LAST_EVENT).fetchall()


def _is_same_store(connection: sqlite3.Connection) -> bool:
    """Whether candidate and present store are the same store at two times.

    Who edits the present store's id does not make it another: its trail begins as the
    candidate's, which was checked, and that depends on the id.
    """
    rows = connection.execute(
        "SELECT count(*) FROM main.store s JOIN present.store p "
        "ON p.store_id = s.store_id OR p.start_link = s.start_link"
    ).fetchall()
    return rows == [(1,)]
