"""Bringing a backup back, or taking a store in that pincli refuses: no security is undone.

Rows are copied into a schema of our own, never pages. The trail is that of what is taken in.
Only if nothing has happened since do PINs stay: its head is then what this host has seen, and
what the present store has. Else all are withdrawn, and each user keeps the stricter of both
records.
"""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import NamedTuple

from pincli.errors import (
    BackupRefused,
    BackupUnavailable,
    Refused,
    Rule,
    StoreTampered,
    StoreUnavailable,
)
from pincli.files import give_name, sync_file, sync_folder
from pincli.models import EventKind, Fault, Head, NewEvent, User
from pincli.results import Restored
from pincli.rules.replay import Course
from pincli.rules.restoring import lost, restored, taken_in
from pincli.store.contract import Restorer
from pincli.store.sql.rows import USER, marks, user_from
from pincli.store.sqlite.connection import DATABASE, SCHEMA_VERSION, connect, schema_version
from pincli.store.sqlite.copies import (
    copy,
    copy_pages,
    copy_rows,
    copy_to_file,
    is_sound,
    leave_syncing_for_the_end,
)
from pincli.store.sqlite.engine import SqliteStore
from pincli.store.sqlite.errors import from_os, translated
from pincli.store.sqlite.leftovers import (
    ASIDE,
    held_folder,
    holding,
    leftovers,
    remove_leftovers,
    unfinished_name,
)
from pincli.store.sqlite.lockfile import LOCK_FILE, Locks, make_lock_file
from pincli.store.sqlite.mark import Mark, Seen, place_of
from pincli.store.sqlite.own_schema import foreign
from pincli.store.sqlite.remains import free_name, put_aside
from pincli.store.sqlite.salvage import is_legible
from pincli.store.sqlite.transaction import SqliteTransaction, read_store

_OF_ITS_OWN = (Fault.MISSING, Fault.NOT_A_STORE, Fault.DAMAGED, Fault.NEWER, Fault.OLD_SCHEMA)
"""Faults of a copy that it has from the backup itself."""
_CHUNK = 2000
_TRIES = 4
_OLD_HEAD = "SELECT seq, mac FROM events ORDER BY seq DESC LIMIT 1"
_UID = "SELECT uid FROM people WHERE login = ? LIMIT 2"
_HEAD = "SELECT number, link FROM {}.trail ORDER BY number DESC LIMIT 1"
_CHANGED_SINCE = "SELECT uid FROM present.people WHERE event > ?"
_GONE = (
    "SELECT count(*) FROM present.people p "
    "WHERE NOT EXISTS (SELECT 1 FROM main.people m WHERE m.uid = p.uid)"
)


class _Candidate(NamedTuple):
    """What is going to be the store: the rows of a backup in a store of our own.

    Attributes:
        folder: Where it is.
        courses: How far each user's story is told in its trail.
        keys: By kind, the keys that count from now on, where it names others.
        is_present: Whether its rows are the present store's.
    """

    folder: Path
    courses: Mapping[bytes, Course]
    keys: Mapping[str, str]
    is_present: bool

    @property
    def database(self) -> Path:
        """Its database."""
        return self.folder / DATABASE


def restore(backup: Path | None, folder: Path, marks_folder: Path, restorer: Restorer) -> Restored:
    """Bring a backup back, or take in the present store; see contract.Upkeep.

    Everything is checked and written in a store of our own before the present one is touched.
    Others go on meanwhile: only pages are copied while the writer lock is held. If they wrote,
    it is done again, the last time with everybody waiting.
    """
    if backup is not None:
        _require_file(backup)
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
        copied = _copied(path, building / "present.db", locks)
        stood = None if copied is None else _head_there(copied)
        present = None if copied is None else _present_store(copied, building, restorer)
        source = present if backup is None else _backup_store(backup, building, restorer, present)
        if source is None:
            raise BackupRefused("its pages are damaged")
        candidate = _checked(source, building, restorer, is_present=backup is None)
        with closing(connect(candidate.database)) as connection, translated(candidate.database):
            leave_syncing_for_the_end(connection)
            if present is not None:
                uri = f"{present.absolute().as_uri()}?mode=ro"
                connection.execute("ATTACH ? AS present", (uri,))
                if not _same_store(connection):
                    raise Refused(Rule.ANOTHER_STORE, str(path))
            store_id = read_store(connection, candidate.database)[0].store_id
            mark = Mark.open(marks_folder, bytes.fromhex(store_id))
            if mark is not None:
                stack.callback(mark.close)
            seen = None if mark is None else mark.read()
            there = None if present is None else _head_of(connection, "present")
            result, keeps = _written(connection, candidate, restorer, seen, there)
            if present is not None:
                connection.execute("DETACH present")
            with locks.writer():
                if copied is not None and _head_there(path) != stood:
                    can_catch_up = backup is not None and present == copied and not keeps
                    if there is None or not can_catch_up:
                        return None
                    if not _caught_up(connection, candidate, restorer, path, there, mark):
                        return None
                head = _head_of(connection, "main")
                if present is not None:
                    aside: Path | None = _replace(connection, path)
                else:
                    connection.close()
                    aside = _place(candidate, path)
                if mark is not None and head is not None:
                    mark.write(Seen(*head, 0, place_of(path)), restored=True)
    return result._replace(aside=None if aside is None else str(aside))


def _copied(path: Path, copied: Path, locks: Locks) -> Path | None:
    """A private copy of the present store, if it is one that can be read.

    What was changed so that only rows can be read is copied row by row.

    Raises:
        StoreUnavailable: It can't be told: it is held, may not be opened, or is newer.
    """
    try:
        with closing(connect(path)) as source:
            version = schema_version(source, path)
            with locks.writer():
                copy_pages(source, copied)
        with closing(connect(copied)) as connection:
            if version < SCHEMA_VERSION:
                return copied if is_sound(connection, copied) else None
            is_own = foreign(connection, version) is None
            if connection.execute("SELECT count(*) FROM store").fetchall() != [(1,)]:
                return None
            if is_own and is_sound(connection, copied) and is_legible(connection):
                return copied
        legible = copied.with_name("legible.db")
        copy_rows(copied, legible, lenient=True)
        return legible
    except StoreUnavailable as error:
        if error.fault in (Fault.MISSING, Fault.NOT_A_STORE, Fault.DAMAGED):
            return None
        raise


def _present_store(copied: Path, building: Path, restorer: Restorer) -> Path | None:
    """A copy of the present store, up to date; None if pincli can't trust it."""
    try:
        return _up_to_date(copied, building / "present", restorer, lambda _login: None)
    except StoreTampered:
        return None


def _backup_store(backup: Path, building: Path, restorer: Restorer, present: Path | None) -> Path:
    """A backup, or a copy of it that is up to date: with the present store's uids by login."""

    def uid_of(login: str) -> bytes | None:
        if present is None:
            return None
        with closing(connect(present, read_only=True)) as connection:
            found = connection.execute(_UID, (login,)).fetchall()
        return bytes(found[0][0]) if len(found) == 1 else None

    try:
        return _up_to_date(backup, building / "backup", restorer, uid_of)
    except StoreTampered as error:
        raise BackupRefused(error.detail) from None
    except StoreUnavailable as error:
        raise (_about(backup, error) if error.path == backup else error) from None


def _up_to_date(
    source: Path, folder: Path, restorer: Restorer, uid_of: Callable[[str], bytes | None]
) -> Path:
    """A database, or its copy in a folder, which is upgraded if it is of schema 1."""
    with closing(connect(source, read_only=True)) as connection:
        if schema_version(connection, source) == SCHEMA_VERSION:
            return source
        if not is_sound(connection, source):
            raise BackupRefused("its pages are damaged")
        folder.mkdir(mode=0o700)
        copy_pages(connection, folder / DATABASE)
    make_lock_file(folder)
    restorer.upgrade(folder, uid_of)
    return folder / DATABASE


def _require_file(backup: Path) -> None:
    """Raise unless there is a plain file of that name: a pipe could be waited for for ever."""
    try:
        facts = backup.stat()
    except OSError as error:
        raise _about(backup, from_os(error, backup)) from None
    if not stat.S_ISREG(facts.st_mode):
        raise BackupUnavailable(Fault.NOT_A_STORE, backup)


def _about(backup: Path, error: StoreUnavailable) -> BackupUnavailable:
    return BackupUnavailable(error.fault, backup, error.detail)


def _checked(source: Path, folder: Path, restorer: Restorer, *, is_present: bool) -> _Candidate:
    """Copy the rows of a database into a store of our own, and check trail and keys in it."""
    try:
        with closing(connect(source, read_only=True)) as connection:
            schema_version(connection, source)
            if not is_sound(connection, source):
                raise BackupRefused("its pages are damaged")
        copy_rows(source, folder / DATABASE)
        with closing(connect(folder / DATABASE)) as connection:
            if not is_legible(connection):
                raise BackupRefused("there is text in it that is none")
        make_lock_file(folder)
        with closing(SqliteStore(folder, folder, origin=restorer.origin)) as store:
            courses = restorer.check(store)
            keys = restorer.keys_since(store.identity())
        return _Candidate(folder, courses, keys, is_present)
    except StoreUnavailable as error:
        # The candidate is new: what is wrong with rows in it, they have from where they were.
        of_source = error.path == source or error.fault in _OF_ITS_OWN
        raise (_about(source, error) if of_source else error) from None


def _written(
    connection: sqlite3.Connection,
    candidate: _Candidate,
    restorer: Restorer,
    seen: Seen | None,
    there: Head | None,
) -> tuple[Restored, bool]:
    """Make the records those of after the restore, with an event for each that changes.

    Returns:
        What was done, and whether PINs were kept.
    """
    connection.execute("BEGIN")
    head = _head_of(connection, "main")
    marked = None if seen is None else Head(seen.number, seen.link)
    keeps = marked == head and (candidate.is_present or there == head)
    transaction = _transaction(connection, candidate, restorer)
    transaction.save([_restored_event(seen, there)])
    for kind, fingerprint in candidate.keys.items():
        restorer.name_key(transaction, kind, fingerprint)
        transaction = _transaction(connection, candidate, restorer)
    withdrawn = changed = last = 0
    courses = dict(candidate.courses)
    compare = there is not None and not candidate.is_present
    while rows := _rows_after(connection, last):
        last = rows[-1]
        found = transaction.found(rows)
        present = _present(connection, [user for user, _ in found]) if compare else {}
        events: list[NewEvent] = []
        for user, sound in found:
            course = courses.pop(user.uid, None)
            if sound:
                step = restored(
                    user, present=present.get(user.uid), keeps_pin=keeps, at=transaction.at
                )
            else:
                step = taken_in(user, course, at=transaction.at)
            events += step
            changed += bool(step)
            withdrawn += bool(step) and _had_pin(user, present.get(user.uid))
        transaction.save(events)
    for uid, course in courses.items():
        transaction.save(lost(uid, course, at=transaction.at))
        changed += 1
    gone = connection.execute(_GONE).fetchall()[0][0] if compare else 0
    connection.execute("COMMIT")
    return Restored(withdrawn=withdrawn, changed=changed, gone_users=gone), keeps


def _caught_up(
    connection: sqlite3.Connection,
    candidate: _Candidate,
    restorer: Restorer,
    path: Path,
    since: Head,
    mark: Mark | None,
) -> bool:
    """Take in what others did to the present store since it was copied, at this head.

    The caller holds the writer lock, so only records that changed are looked at. False if the
    store is another one by now.
    """
    connection.execute("ATTACH ? AS present", (f"{path.absolute().as_uri()}?mode=ro",))
    try:
        link = connection.execute(
            "SELECT link FROM present.trail WHERE number = ?", (since.number,)
        ).fetchall()
        if link != [(since.link,)]:
            return False
        connection.execute("BEGIN")
        transaction = _transaction(connection, candidate, restorer)
        seen = None if mark is None else mark.read()
        transaction.save([_restored_event(seen, _head_of(connection, "present"))])
        changed = connection.execute(_CHANGED_SINCE, (since.number,))
        while uids := [uid for (uid,) in changed.fetchmany(_CHUNK)]:
            rows = connection.execute(
                f"SELECT id FROM main.people WHERE uid IN ({marks(uids)})", uids
            ).fetchall()
            users = transaction.users([row for (row,) in rows])
            present = _present(connection, users)
            for user in users:
                there = present[user.uid]
                step = restored(user, present=there, keeps_pin=False, at=transaction.at)
                transaction.save(step)
        connection.execute("COMMIT")
    finally:
        connection.execute("DETACH present")
    return True


def _restored_event(seen: Seen | None, there: Head | None) -> NewEvent:
    """The event that clears the refusal of a store that this host has seen newer or otherwise."""
    marked = None if seen is None else Head(seen.number, seen.link)
    heads = (("mark", marked), ("aside", there))
    note = " ".join(f"{what} {each}" for what, each in heads if each is not None)
    return NewEvent(EventKind.RESTORED, note=note or None)


def _had_pin(user: User, present: User | None) -> bool:
    return user.question is not None or (present is not None and present.question is not None)


def _transaction(
    connection: sqlite3.Connection, candidate: _Candidate, restorer: Restorer
) -> SqliteTransaction:
    """What records events in a candidate, with the keys that it names now."""
    return SqliteTransaction(
        connection, candidate.database, sealers=restorer.sealers, origin=restorer.origin
    )


def _head_there(path: Path) -> Sequence[object]:
    """The last event of the present store, or of a copy: whether others wrote meanwhile."""
    with closing(connect(path)) as connection, translated(path):
        old = schema_version(connection, path) < SCHEMA_VERSION
        return connection.execute(_OLD_HEAD if old else _HEAD.format("main")).fetchall()


def _head_of(connection: sqlite3.Connection, database: str) -> Head | None:
    found = connection.execute(_HEAD.format(database)).fetchall()
    return Head(*found[0]) if found else None


def _replace(connection: sqlite3.Connection, path: Path) -> Path:
    """Write a candidate over the present store, page by page; where that was put aside.

    Over it, not in its place by a rename: open desks go on with what they have open.
    """
    with closing(connect(path)) as present:
        _finish_asides(path)
        aside = free_name(path, "before-restore")
        on_the_way = aside.with_name(aside.name + ASIDE)
        copy_to_file(present, on_the_way)
        with holding(on_the_way):
            try:
                with translated(path):
                    copy(connection, present)
            except BaseException:
                on_the_way.unlink(missing_ok=True)  # nothing was replaced
                raise
            return _keep(on_the_way)


def _place(candidate: _Candidate, path: Path) -> Path | None:
    """Make a candidate the store where there is none that can be read; what was put aside."""
    aside = put_aside(path)
    try:
        sync_file(candidate.database)
        give_name(candidate.database, path)
        sync_folder(path.parent)
    except FileExistsError:
        raise Refused(Rule.STORE_EXISTS, str(path)) from None
    except OSError as error:
        raise from_os(error, path) from None
    return aside


def _finish_asides(path: Path) -> None:
    """Keep what killed restores set aside: the store may have been replaced by then."""
    for on_the_way in leftovers(path.parent, ASIDE):
        _keep(on_the_way)


def _keep(on_the_way: Path) -> Path:
    """Give what was set aside its name; where it is."""
    aside = on_the_way.with_name(on_the_way.name.removesuffix(ASIDE))
    try:
        give_name(on_the_way, aside)
    except OSError:
        return on_the_way
    with suppress(OSError):
        sync_folder(aside.parent)
    return aside


def _same_store(connection: sqlite3.Connection) -> bool:
    """Whether candidate and present store are the same store at two times."""
    rows = connection.execute(
        "SELECT count(*) FROM main.store s JOIN present.store p ON p.store_id = s.store_id"
    ).fetchall()
    return rows == [(1,)]


def _rows_after(connection: sqlite3.Connection, row: int) -> list[int]:
    query = "SELECT id FROM people WHERE id > ? ORDER BY id LIMIT ?"
    return [found for (found,) in connection.execute(query, (row, _CHUNK)).fetchall()]


def _present(connection: sqlite3.Connection, users: Sequence[User]) -> dict[bytes, User]:
    """The present store's records of users, by uid."""
    uids = [user.uid for user in users]
    rows = connection.execute(
        f"SELECT {USER} FROM present.people WHERE uid IN ({marks(uids)})", uids
    ).fetchall()
    return {user.uid: user for user in map(user_from, rows)}
