"""Restoring a backup, or taking in a store that pincli refuses, without undoing any security.

Everything is checked and written in a store of our own (sources.py, records.py) before the
present one is touched (replacement.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from shutil import copyfileobj
from typing import BinaryIO, NamedTuple

from pincli.errors import BackupRefused, BackupUnavailable, Refused, Rule, StoreUnavailable
from pincli.models import Fault, Head
from pincli.results import Restored
from pincli.store.mark import Mark, Seen, place_of
from pincli.store.sqlite.connection import (
    DATABASE,
    FIRST_BYTES,
    SCHEMA_VERSION,
    connect,
    read_store,
    schema_version,
)
from pincli.store.sqlite.copies import write_without_syncs
from pincli.store.sqlite.errors import from_os, translated
from pincli.store.sqlite.lockfile import LOCK_FILE, Locks, make_lock_file
from pincli.store.sqlite.restore.concurrent_writes import catch_up, repair
from pincli.store.sqlite.restore.records import keeps_pins, suspects, write_records
from pincli.store.sqlite.restore.replacement import place, replace
from pincli.store.sqlite.restore.sources import (
    Candidate,
    backup_store,
    checked,
    present_copy,
    present_store,
    require_file,
)
from pincli.store.sqlite.temporary_files import (
    held_file,
    held_folder,
    remove_leftovers,
    unfinished_name,
)
from pincli.store.upkeep import Restorer

_TRIES = 4
_STREAM = Path("-")
_LAST_EVENT = "SELECT number, link FROM trail ORDER BY number DESC LIMIT 1"
_LINK = "SELECT link FROM trail WHERE number = ?"
_OLD_LAST_EVENT = "SELECT seq, mac FROM events ORDER BY seq DESC LIMIT 1"


def restore(
    backup: Path | BinaryIO | None, folder: Path, marks_folder: Path, restorer: Restorer
) -> Restored:
    """Bring a backup back, or take in the present store; see contract.Upkeep.

    Others go on working meanwhile: the writer lock is held only while pages are copied, and at
    the end, when what others wrote since the copy is taken in. If that is impossible, everything
    is tried again, the last time while others wait.
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
            _as_file(backup, folder) as file,
            closing(Locks(folder / LOCK_FILE)) as locks,
            locks.maintenance(),
        ):
            for attempt in range(_TRIES):
                with ExitStack() as stack:
                    if attempt == _TRIES - 1:
                        stack.enter_context(locks.writer())
                    done = _try_once(file, folder, marks_folder, restorer, locks)
                if done is not None:
                    return done
        raise StoreUnavailable(Fault.BUSY, folder / DATABASE)
    finally:
        if made:
            with suppress(OSError):
                folder.rmdir()  # only if it is empty


@contextmanager
def _as_file(backup: Path | BinaryIO | None, folder: Path) -> Iterator[Path | None]:
    """The backup in a file; a stream is read to its end before others have to wait."""
    if backup is None or isinstance(backup, Path):
        yield backup
        return
    building = unfinished_name(folder / DATABASE)
    with held_file(building):
        try:
            with building.open("wb") as file:
                head = backup.read(len(FIRST_BYTES))
                if head != FIRST_BYTES:  # also stops an endless stream before the disk is full
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
    """The present store when the restore began.

    Attributes:
        path: Its database.
        last: Its last event, if its pages could be copied.
        readable: An upgraded copy of it, if pincli can trust it.
        is_current: Whether that copy has the present store's own schema and all its rows.
    """

    path: Path
    last: Sequence[object] | None
    readable: Path | None
    is_current: bool

    def was_written_since(self) -> bool:
        """Whether others wrote into it after the copy."""
        return self.last is not None and _last_event(self.path) != self.last

    def has_event_after(self, seen: Seen | None, since: Head | None) -> bool:
        """Whether the newest event that this host has seen came after a head."""
        if not self.is_current or seen is None or since is None or seen.number <= since.number:
            return False
        with closing(connect(self.path)) as connection, translated(self.path):
            found = connection.execute(_LINK, (seen.number,)).fetchall()
        return bool(found == [(seen.link,)])


def _try_once(
    backup: Path | None, folder: Path, marks_folder: Path, restorer: Restorer, locks: Locks
) -> Restored | None:
    """Restore; None if others wrote into the present store and that can't be taken in."""
    path = folder / DATABASE
    building = unfinished_name(path)
    with ExitStack() as stack:
        try:
            stack.enter_context(held_folder(building))
        except OSError as error:
            raise from_os(error, building) from None
        present = _look_at(path, building, restorer, locks)
        source = present.readable
        if backup is not None:
            source = backup_store(backup, building, restorer, source)
        if source is None:
            raise BackupRefused("its pages are damaged")
        candidate = checked(source, building, restorer, is_present=backup is None)
        connection = stack.enter_context(closing(candidate.connection))
        stack.enter_context(translated(candidate.database))
        write_without_syncs(connection)
        store_id = read_store(connection, candidate.database)[0].store_id
        mark = Mark.open(marks_folder, bytes.fromhex(store_id))
        if mark is not None:
            stack.callback(mark.close)
        return _take_over(candidate, present, locks, mark)


def _take_over(
    candidate: Candidate, present: _Present, locks: Locks, mark: Mark | None
) -> Restored | None:
    """Write a candidate's records, and then the candidate over the present store."""
    connection = candidate.connection
    there = None
    if present.readable is not None:
        uri = f"{present.readable.absolute().as_uri()}?mode=ro"
        connection.execute("ATTACH ? AS present", (uri,))
        if not _is_same_store(candidate):
            raise Refused(Rule.ANOTHER_STORE, str(present.path))
        there = candidate.head("present")
    seen = None if mark is None else mark.read()
    keeps = keeps_pins(candidate, seen, there)
    repairs = candidate.is_present and (keeps or present.has_event_after(seen, there))
    suspected, result = None, None
    if repairs:  # written at the end, when it is known what others did meanwhile
        suspected = suspects(candidate)
    else:
        result = write_records(candidate, seen, there, keeps=keeps)
    if present.readable is not None:
        connection.execute("DETACH present")
    with locks.writer():
        written = present.was_written_since()
        can_go_on = repairs or not (keeps or candidate.is_present)
        since = there if written and can_go_on and present.is_current else None
        if written and since is None:
            return None
        if suspected is not None:
            result = repair(candidate, suspected, present.path, since, mark)
        elif since is not None and result is not None:
            result = catch_up(candidate, result, present.path, since, mark)
        if result is None:
            return None
        head = candidate.head()
        if present.readable is not None:
            aside: Path | None = replace(connection, present.path)
        else:
            connection.close()
            aside = place(candidate.database, present.path)
        if mark is not None and head is not None:
            mark.write(Seen(*head, 0, place_of(present.path)), restored=True)
    return result._replace(aside=None if aside is None else str(aside))


def _look_at(path: Path, building: Path, restorer: Restorer, locks: Locks) -> _Present:
    pages = building / "present.db"
    copied = present_copy(path, pages, locks)
    if copied is None:
        return _Present(path, None, None, is_current=False)
    readable = present_store(copied, building, restorer)
    return _Present(path, _last_event(copied), readable, is_current=readable == pages)


def _last_event(path: Path) -> Sequence[object]:
    with closing(connect(path)) as connection, translated(path):
        old = schema_version(connection, path) < SCHEMA_VERSION
        return connection.execute(_OLD_LAST_EVENT if old else _LAST_EVENT).fetchall()


def _is_same_store(candidate: Candidate) -> bool:
    """Whether candidate and present store are one store at two times.

    An edited id does not make the present store another one: its trail still begins like the
    candidate's, which was checked and depends on the id.
    """
    rows = candidate.connection.execute(
        "SELECT count(*) FROM main.store s JOIN present.store p "
        "ON p.store_id = s.store_id OR p.start_link = s.start_link"
    ).fetchall()
    return rows == [(1,)]
