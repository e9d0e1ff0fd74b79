"""Copies of a store near it: backups that belong elsewhere."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from pincli.files import open_plain
from pincli.store.sqlite.connection import APPLICATION_ID

_FIRST_BYTES = b"SQLite format 3\0"
_APPLICATION = slice(68, 72)
_OPEN_TO_OTHERS = 0o077
_MOST = 5000
"""How many files to look at; a folder with more is not one for backups."""


def copies_near(store: Path, keys: Path) -> Iterator[Path]:
    """Stores of pincli in files beside a store's folder, one folder deeper, or with the keys.

    Raises:
        OSError: A folder can't be read.
    """
    folders = dict.fromkeys((keys, *folders_near(store)))
    for path in islice((path for folder in folders for path in _in(folder)), _MOST):
        with suppress(OSError):
            if _is_store(path):
                yield path


def folders_near(store: Path) -> list[Path]:
    """The folder that a store's is in, and those beside the store's.

    Raises:
        OSError: It can't be read.
    """
    beside = (path for path in store.parent.iterdir() if path != store)
    return [store.parent, *filter(_is_folder, beside)]


def is_open_to_others(path: Path) -> bool:
    """Whether others may read a file, in whatever folder it lies now."""
    with suppress(FileNotFoundError):
        return bool(stat.S_IMODE(path.lstat().st_mode) & _OPEN_TO_OTHERS)
    return False


def _is_folder(path: Path) -> bool:
    with suppress(OSError):
        return stat.S_ISDIR(path.lstat().st_mode)
    return False


def _in(folder: Path) -> list[Path]:
    with suppress(FileNotFoundError):
        return [*folder.iterdir()]
    return []


def _is_store(path: Path) -> bool:
    descriptor = open_plain(path)
    try:
        head = os.read(descriptor, _APPLICATION.stop)
    finally:
        os.close(descriptor)
    application = APPLICATION_ID.to_bytes(4, "big")
    return head.startswith(_FIRST_BYTES) and head[_APPLICATION] == application
