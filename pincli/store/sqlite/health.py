"""What doctor says of a store in a folder."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path

from pincli.errors import StoreUnavailable
from pincli.files import open_plain, private
from pincli.models import Fault
from pincli.results import Check, unchecked
from pincli.store.sqlite.connection import (
    APPLICATION_ID,
    DATABASE,
    FIRST_BYTES,
    connect,
    schema_version,
    too_old_sqlite,
)
from pincli.store.sqlite.copies import is_sound, private_copy
from pincli.store.sqlite.errors import has_no_inodes, translated
from pincli.store.sqlite.lockfile import LOCK_FILE, Locks
from pincli.store.sqlite.temporary_files import ASIDE, UNFINISHED, leftovers

LEAST_FREE = 100 * 1024 * 1024
_RESTORE = "restore a backup: pincli restore FILE"
_NEEDED = "3.37 or later is needed, with FTS5"
_OTHER_THAN_DAMAGE = {
    Fault.NEWER: "upgrade pincli on this host; the store is not to blame",
    Fault.BUSY: "another program held it for too long; try again in a moment",
    Fault.FORBIDDEN: "run pincli as the user who owns it",
    Fault.READ_ONLY: "check the permissions, and whether the file system is mounted read-only",
    Fault.FULL: "free some space: it is checked on a copy, and was not",
    Fault.NO_INODES: "remove some files: it is checked on a copy, and was not",
    Fault.OLD_SQLITE: _NEEDED,
}
_APPLICATION = slice(68, 72)
_OPEN_TO_OTHERS = 0o077
_FILES_AT_MOST = 5000
"""A folder with more files is not one for backups."""


def health(folder: Path, keys: Path) -> Iterator[Check]:
    """Check a store and its folder; a failed check does not end the others."""
    too_old = too_old_sqlite()
    yield Check("SQLite", None if too_old is None else f"{too_old} is too old", _NEEDED)
    yield private("store folder", folder)
    yield _space(folder)
    yield _leftovers(folder)
    yield _backups(folder, keys)
    yield _lock_file(folder)
    yield _integrity(folder)


def _space(folder: Path) -> Check:
    what = "free space"
    try:
        free = shutil.disk_usage(folder).free
        needed = max(LEAST_FREE, (folder / DATABASE).stat().st_size)
    except OSError as error:
        return Check(what, error.strerror, "check --store")
    if has_no_inodes(folder):
        return Check(what, "no inodes left", "remove some files: writes fail without")
    if free < needed:
        return Check(what, f"{free // 2**20} MiB left", "free some: writes fail without")
    return Check(what, None, "")


def _leftovers(folder: Path) -> Check:
    """Whether a restore was killed here, or a backup in a folder nearby."""
    what = "leftovers"
    try:
        nearby = _folders_near(folder)
    except OSError as error:
        return unchecked(what, f"{error.filename}: {error.strerror}")
    for each in (folder, *nearby):
        found = ", ".join(path.name for path in leftovers(each, UNFINISHED, ASIDE))
        if found:
            by = "restore" if each == folder else "backup"
            finding = f"a killed {by} left {found} in {each}"
            return Check(what, finding, "the next one there clears it away")
    return Check(what, None, "")


def _backups(folder: Path, keys: Path) -> Check:
    """Whether others may read a backup nearby, or a key is next to it.

    Looked for beside the store's folder, one folder deeper, and with the keys.
    """
    what = "backups nearby"
    try:
        folders = dict.fromkeys((keys, *_folders_near(folder)))
        files = islice((path for each in folders for path in _in(each)), _FILES_AT_MOST)
        found = [path for path in files if _is_store(path)]
    except OSError as error:
        return unchecked(what, f"{error.filename}: {error.strerror}")
    for path in found:
        if _is_open_to_others(path):
            return Check(what, f"others may read {path}", f"chmod 600 {path}")
        if any(path.parent.glob("*.key")):
            finding = f"a key lies beside the backup {path}"
            return Check(what, finding, "keep them apart: together they open PINs")
    return Check(what, None, "")


def _lock_file(folder: Path) -> Check:
    try:
        Locks(folder / LOCK_FILE).close()
    except StoreUnavailable as error:
        detail = f" ({error.detail})" if error.detail else ""
        finding = f"{error.path}: {error.fault.value}{detail}"
        return Check("lock file", finding, "restore it: touch it 0600")
    return Check("lock file", None, "")


def _integrity(folder: Path) -> Check:
    database = folder / DATABASE
    try:
        # A killed writer's journal is not damage. But until another command has rolled it back,
        # a caller who may not write can't read.
        if database.with_name(f"{database.name}-journal").exists():
            with closing(connect(database)) as connection, translated(database):
                connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
        with closing(connect(database, read_only=True)) as connection:
            schema_version(connection, database)
            with (
                closing(Locks(folder / LOCK_FILE)) as locks,
                private_copy(connection, database, locks.writer) as copy,
            ):
                if is_sound(copy, database):
                    return Check("integrity", None, "")
    except StoreUnavailable as error:
        detail = f" ({error.detail})" if error.detail else ""
        hint = _OTHER_THAN_DAMAGE.get(error.fault, _RESTORE)
        return Check("integrity", f"{error.fault.value}{detail}", hint)
    return Check("integrity", "SQLite finds damage", _RESTORE)


def _folders_near(store: Path) -> list[Path]:
    """The folder that a store's folder is in, and the other folders there."""
    others = (path for path in store.parent.iterdir() if path != store)
    return [store.parent, *filter(_is_folder, others)]


def _is_folder(path: Path) -> bool:
    with suppress(OSError):
        return stat.S_ISDIR(path.lstat().st_mode)
    return False


def _in(folder: Path) -> list[Path]:
    with suppress(FileNotFoundError):
        return [*folder.iterdir()]
    return []


def _is_store(path: Path) -> bool:
    with suppress(OSError):
        descriptor = open_plain(path)
        try:
            head = os.read(descriptor, _APPLICATION.stop)
        finally:
            os.close(descriptor)
        application = APPLICATION_ID.to_bytes(4, "big")
        return head.startswith(FIRST_BYTES) and head[_APPLICATION] == application
    return False


def _is_open_to_others(path: Path) -> bool:
    """Whether others may read a file, if its folder lets them in."""
    with suppress(FileNotFoundError):
        return bool(stat.S_IMODE(path.lstat().st_mode) & _OPEN_TO_OTHERS)
    return False
