"""What a restore starts from: the present store and the backup, copied, upgraded and checked.

A source of schema 1 is upgraded in a copy first. Then its rows are copied into a schema of our
own, never its pages.
"""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import NamedTuple

from pincli.errors import BackupRefused, BackupUnavailable, StoreTampered, StoreUnavailable
from pincli.models import Fault, Head, User
from pincli.rules.replay import Course
from pincli.store.sqlite.connection import DATABASE, SCHEMA_VERSION, connect, schema_version
from pincli.store.sqlite.copies import copy_pages, is_sound
from pincli.store.sqlite.engine import SqliteStore
from pincli.store.sqlite.errors import from_os
from pincli.store.sqlite.lockfile import Locks, make_lock_file
from pincli.store.sqlite.restore.rows import copy_rows, is_legible
from pincli.store.sqlite.schema_check import foreign
from pincli.store.sqlite.transaction import SqliteTransaction
from pincli.store.upkeep import Restorer

_OF_A_COPY = (Fault.MISSING, Fault.NOT_A_STORE, Fault.DAMAGED, Fault.NEWER, Fault.OLD_SCHEMA)
"""Faults that a copy can only have from its source."""
_HEAD = "SELECT number, link FROM {}.trail ORDER BY number DESC LIMIT 1"
_BY_ROW = "SELECT uid FROM people WHERE id = ? AND added_at = ?"
_BY_LOGIN = "SELECT uid, id, added_at FROM people WHERE login = ? LIMIT 2"
_HAS_ROW = "SELECT 1 FROM users WHERE id = ? AND added_at = ?"


class Candidate(NamedTuple):
    """A checked copy in a schema of our own, which becomes the store.

    Attributes:
        database: Its file.
        connection: To that file.
        restorer: Does what needs keys.
        courses: How far its trail tells each user's story.
        keys: By kind, the keys that count from now on, where it names others.
        is_present: Whether its rows are the present store's.
    """

    database: Path
    connection: sqlite3.Connection
    restorer: Restorer
    courses: Mapping[bytes, Course]
    keys: Mapping[str, str]
    is_present: bool

    def transaction(self) -> SqliteTransaction:
        """What records events in it, with the keys that it names now."""
        sealers, origin = self.restorer.sealers, self.restorer.origin
        return SqliteTransaction(self.connection, self.database, sealers=sealers, origin=origin)

    def head(self, database: str = "main") -> Head | None:
        """The last event of it, or of an attached database; None if it has none."""
        found = self.connection.execute(_HEAD.format(database)).fetchall()
        return Head(*found[0]) if found else None


def require_file(backup: Path) -> None:
    """Raise unless that is a plain file: reading a pipe may never end."""
    try:
        facts = backup.stat()
    except OSError as error:
        raise _about(backup, from_os(error, backup)) from None
    if not stat.S_ISREG(facts.st_mode):
        raise BackupUnavailable(Fault.NOT_A_STORE, backup)


def present_copy(path: Path, copied: Path, locks: Locks) -> Path | None:
    """A private copy of the present store; None if it can't be read.

    If pages or schema were changed, it is copied row by row.

    Raises:
        StoreUnavailable: It is locked, may not be opened, or is newer than this program.
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
        copy_rows(copied, legible, repair=True)
        return legible
    except StoreUnavailable as error:
        if error.fault in (Fault.MISSING, Fault.NOT_A_STORE, Fault.DAMAGED):
            return None
        raise


def present_store(copied: Path, building: Path, restorer: Restorer) -> Path | None:
    """An upgraded copy of the present store; None if pincli can't trust it."""
    try:
        return _upgraded(copied, building / "present", restorer, lambda _user: None)
    except StoreTampered:
        return None


def backup_store(backup: Path, building: Path, restorer: Restorer, present: Path | None) -> Path:
    """A backup, or an upgraded copy of it, whose users keep the uids of the present store.

    Row and time of addition never change. A login may: it identifies a user only if no other
    row does.
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
            return _upgraded(backup, building / "backup", restorer, uid_of)
        except StoreTampered as error:
            raise BackupRefused(error.detail) from None
        except StoreUnavailable as error:
            raise (_about(backup, error) if error.path == backup else error) from None


def checked(source: Path, folder: Path, restorer: Restorer, *, is_present: bool) -> Candidate:
    """Copy the rows of a database into a store of our own, and check its trail and keys."""
    try:
        with closing(connect(source, read_only=True)) as connection:
            schema_version(connection, source)
            if not is_sound(connection, source):
                raise BackupRefused("its pages are damaged")
        database = folder / DATABASE
        copy_rows(source, database)
        with closing(connect(database)) as connection:
            if not is_legible(connection):
                raise BackupRefused("it holds text that is not UTF-8")
        make_lock_file(folder)
        with closing(
            SqliteStore(folder, folder, origin=restorer.origin, even_closed=True)
        ) as store:
            courses = restorer.check(store)
            keys = restorer.keys_since(store.identity())
        return Candidate(database, connect(database), restorer, courses, keys, is_present)
    except StoreUnavailable as error:
        of_source = error.path == source or error.fault in _OF_A_COPY
        raise (_about(source, error) if of_source else error) from None


def _upgraded(
    source: Path, folder: Path, restorer: Restorer, uid_of: Callable[[User], bytes | None]
) -> Path:
    """A database; if it is of schema 1, an upgraded copy of it in a folder."""
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
