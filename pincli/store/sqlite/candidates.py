"""What may become the store: the present one or a backup, in a store of our own, and checked.

A source of schema 1 is brought up to date in a copy first. Rows are copied into a schema of
our own, never pages.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import NamedTuple

from pincli.errors import BackupRefused, BackupUnavailable, StoreTampered, StoreUnavailable
from pincli.models import Fault, User
from pincli.rules.replay import Course
from pincli.store.contract import Restorer
from pincli.store.sqlite.connection import DATABASE, SCHEMA_VERSION, connect, schema_version
from pincli.store.sqlite.copies import copy_pages, copy_rows, is_sound
from pincli.store.sqlite.engine import SqliteStore
from pincli.store.sqlite.errors import from_os
from pincli.store.sqlite.lockfile import Locks, make_lock_file
from pincli.store.sqlite.own_schema import foreign
from pincli.store.sqlite.salvage import is_legible

_OF_ITS_OWN = (Fault.MISSING, Fault.NOT_A_STORE, Fault.DAMAGED, Fault.NEWER, Fault.OLD_SCHEMA)
"""Faults of a copy that it has from the backup itself."""
_BY_ROW = "SELECT uid FROM people WHERE id = ? AND added_at = ?"
_BY_LOGIN = "SELECT uid, id, added_at FROM people WHERE login = ? LIMIT 2"
_HAS_ROW = "SELECT 1 FROM users WHERE id = ? AND added_at = ?"


class Candidate(NamedTuple):
    """What is going to be the store: the rows of a backup in a store of our own.

    Attributes:
        folder: Where it is.
        courses: How far its trail tells each user's story.
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


def require_file(backup: Path) -> None:
    """Raise unless there is a plain file of that name: a pipe could be waited for for ever."""
    try:
        facts = backup.stat()
    except OSError as error:
        raise _about(backup, from_os(error, backup)) from None
    if not stat.S_ISREG(facts.st_mode):
        raise BackupUnavailable(Fault.NOT_A_STORE, backup)


def present_copy(path: Path, copied: Path, locks: Locks) -> Path | None:
    """A private copy of the present store, if it is one that can be read.

    What was changed so that only rows can be read is copied row by row.

    Raises:
        StoreUnavailable: It can't be looked at: it is held, may not be opened, or is newer.
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


def present_store(copied: Path, building: Path, restorer: Restorer) -> Path | None:
    """A copy of the present store, up to date; None if pincli can't trust it."""
    try:
        return _up_to_date(copied, building / "present", restorer, lambda _user: None)
    except StoreTampered:
        return None


def backup_store(backup: Path, building: Path, restorer: Restorer, present: Path | None) -> Path:
    """A backup, or a copy of it that is up to date: with the uids that the present store gave.

    Row and time of addition never change. A login does, when somebody is renamed or erased: it
    says who is meant only where no other row does.
    """
    with ExitStack() as stack:

        def uid_of(user: User) -> bytes | None:
            if present is None:
                return None
            now, old = opened
            for (uid,) in now.execute(_BY_ROW, (user.id, user.added_at)):
                return bytes(uid)
            found = now.execute(_BY_LOGIN, (user.login,)).fetchall()
            if len(found) != 1 or old.execute(_HAS_ROW, found[0][1:]).fetchall():
                return None
            return bytes(found[0][0])

        try:
            if present is not None:
                opened = [
                    stack.enter_context(closing(connect(path, read_only=True)))
                    for path in (present, backup)
                ]
            return _up_to_date(backup, building / "backup", restorer, uid_of)
        except StoreTampered as error:
            raise BackupRefused(error.detail) from None
        except StoreUnavailable as error:
            raise (_about(backup, error) if error.path == backup else error) from None


def checked(source: Path, folder: Path, restorer: Restorer, *, is_present: bool) -> Candidate:
    """Copy the rows of a database into a store of our own, and check trail and keys in it."""
    try:
        with closing(connect(source, read_only=True)) as connection:
            schema_version(connection, source)
            if not is_sound(connection, source):
                raise BackupRefused("its pages are damaged")
        copy_rows(source, folder / DATABASE)
        with closing(connect(folder / DATABASE)) as connection:
            if not is_legible(connection):
                raise BackupRefused("it holds text that is not UTF-8")
        make_lock_file(folder)
        with closing(
            SqliteStore(folder, folder, origin=restorer.origin, even_closed=True)
        ) as store:
            courses = restorer.check(store)
            keys = restorer.keys_since(store.identity())
        return Candidate(folder, courses, keys, is_present)
    except StoreUnavailable as error:
        # The candidate is new: what is wrong with rows in it, they have from where they were.
        of_source = error.path == source or error.fault in _OF_ITS_OWN
        raise (_about(source, error) if of_source else error) from None


def _up_to_date(
    source: Path, folder: Path, restorer: Restorer, uid_of: Callable[[User], bytes | None]
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


def _about(backup: Path, error: StoreUnavailable) -> BackupUnavailable:
    return BackupUnavailable(error.fault, backup, error.detail)
