"""What a killed backup or restore left lying about: it has a name of its kind, and nobody holds it.

Whoever makes such a file or folder holds a lock on it, which ends with the process. flock, not
POSIX's record locks: SQLite's own are of that kind, and it may have the same file open.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import rmtree

UNFINISHED = ".pincli-part"
"""How the names of copies end that are not whole yet, and of folders with what becomes a store."""


def unfinished_name(path: Path) -> Path:
    """A name beside a path, of which nobody has the like, for what is not whole yet."""
    return path.with_name(f"{path.name}.{os.urandom(4).hex()}{UNFINISHED}")


@contextmanager
def held_file(path: Path) -> Iterator[None]:
    """A new file, 0600, that is gone afterwards unless it has another name by then.

    Raises:
        OSError: It can't be made.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with _held(path, os.open(path, flags, 0o600)):
        yield


@contextmanager
def held_folder(path: Path) -> Iterator[None]:
    """A new folder, 0700, that is gone afterwards with all that is in it.

    Raises:
        OSError: It can't be made.
    """
    path.mkdir(mode=0o700)
    with _held(path, os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)):
        yield


def remove_leftovers(folder: Path) -> None:
    """Remove what killed processes left in a folder."""
    for path in leftovers(folder):
        _remove(path)


def leftovers(folder: Path) -> list[Path]:
    """What killed processes left in a folder."""
    try:
        return [p for p in sorted(folder.iterdir()) if p.name.endswith(UNFINISHED) and _is_left(p)]
    except OSError:
        return []


@contextmanager
def _held(path: Path, descriptor: int) -> Iterator[None]:
    try:
        with suppress(OSError):  # where there are no locks, nobody takes it for left
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        _remove(path)
        os.close(descriptor)


def _is_left(path: Path) -> bool:
    """Whether something is ours, and no process holds it."""
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
