"""Files and folders of a backup or restore under way, and those that killed processes left.

The process that makes one holds a lock on it, which ends with the process: an unlocked one with
such a name was left. flock, not a POSIX record lock, as SQLite uses those on the same file.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import rmtree

UNFINISHED = ".pincli-part"
"""Ends the name of an unfinished copy, or of a folder in which a store is built."""
ASIDE = ".pincli-aside"
"""Ends the name of a copy of the old store, while another is written over that."""


def unfinished_name(path: Path) -> Path:
    """A new name beside a path, for what is not whole yet."""
    return path.with_name(f"{path.name}.{os.urandom(4).hex()}{UNFINISHED}")


@contextmanager
def held_file(path: Path) -> Iterator[None]:
    """A new file, 0600, that is gone afterwards unless it was renamed.

    Raises:
        OSError: It can't be made.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with _held(path, lambda: os.open(path, flags, 0o600)):
        yield


@contextmanager
def held_folder(path: Path) -> Iterator[None]:
    """A new folder, 0700, that is gone afterwards with everything in it.

    Raises:
        OSError: It can't be made.
    """

    def make() -> int:
        path.mkdir(mode=0o700)
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    with _held(path, make):
        yield


@contextmanager
def holding(path: Path) -> Iterator[None]:
    """Hold an existing file, so that nobody takes it for a leftover."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def remove_leftovers(folder: Path) -> None:
    """Remove what killed processes left unfinished in a folder."""
    for path in leftovers(folder):
        _remove(path)


def leftovers(folder: Path, *endings: str) -> list[Path]:
    """What killed processes left in a folder under names with these endings, or UNFINISHED."""
    endings = endings or (UNFINISHED,)
    try:
        return [p for p in sorted(folder.iterdir()) if p.name.endswith(endings) and _is_left(p)]
    except OSError:
        return []


@contextmanager
def _held(path: Path, make: Callable[[], int]) -> Iterator[None]:
    descriptor = _make_held(path, make)
    try:
        yield
    finally:
        _remove(path)
        os.close(descriptor)


def _make_held(path: Path, make: Callable[[], int]) -> int:
    """Make and lock it; again if another process removed it before it was locked."""
    while True:
        try:
            descriptor = make()
        except FileNotFoundError:
            if not path.parent.is_dir():
                raise
            continue
        with suppress(OSError):  # where there are no locks, nothing is taken for a leftover
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), path.lstat()):
                return descriptor
        os.close(descriptor)


def _is_left(path: Path) -> bool:
    """Whether it is ours, and no process holds it."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.fstat(descriptor).st_uid == os.geteuid()
    except OSError:
        return False
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()
