"""Whole copies: complete or absent, private, durable, and never over anything."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pincli.errors import Refused, Rule, StoreUnavailable
from pincli.models import Fault
from pincli.store.sqlite.connection import connect
from pincli.store.sqlite.copies import copy_to_file, is_sound
from tests.support.desk import Desk

FIRST = b"SQLite format 3\0"


@pytest.fixture
def source(desk: Desk) -> Iterator[sqlite3.Connection]:
    """An open store with somebody in it."""
    desk.collected("alice")
    with closing(connect(desk.database)) as connection:
        yield connection


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder for copies."""
    path = tmp_path / "copies"
    path.mkdir()
    return path


def test_a_copy_is_the_whole_database(source: sqlite3.Connection, desk: Desk, folder: Path) -> None:
    """Every page of it, and nothing but the copy is left in the folder."""
    copy_to_file(source, folder / "copy.db")
    assert [path.name for path in folder.iterdir()] == ["copy.db"]
    with closing(connect(folder / "copy.db")) as copy:
        assert list(copy.iterdump()) == list(source.iterdump())
        assert is_sound(copy, folder / "copy.db")


def test_a_copy_is_its_owner_s_alone(source: sqlite3.Connection, folder: Path) -> None:
    """0600 from the first byte on, whatever the umask."""
    before = os.umask(0)
    try:
        copy_to_file(source, folder / "copy.db")
    finally:
        os.umask(before)
    assert stat.S_IMODE((folder / "copy.db").stat().st_mode) == 0o600


@pytest.mark.parametrize("what", ["file", "empty", "link", "dangling", "folder"])
def test_a_copy_goes_over_nothing(source: sqlite3.Connection, folder: Path, what: str) -> None:
    """Whatever stands there is left as it is, and so is what a link leads to."""
    path, elsewhere = folder / "copy.db", folder / "elsewhere"
    match what:
        case "file" | "empty":
            path.write_bytes(b"mine" if what == "file" else b"")
        case "link" | "dangling":
            path.symlink_to(elsewhere)
            if what == "link":
                elsewhere.write_bytes(b"mine")
        case _:
            path.mkdir()
    before = sorted((each.name, each.lstat().st_mtime_ns) for each in folder.iterdir())
    with pytest.raises(Refused) as raised:
        copy_to_file(source, path)
    assert (raised.value.rule, raised.value.subject) == (Rule.FILE_EXISTS, str(path))
    assert sorted((each.name, each.lstat().st_mtime_ns) for each in folder.iterdir()) == before


@pytest.mark.parametrize("call", ["fsync", "link", "open"])
@pytest.mark.parametrize(
    ("number", "fault"),
    [(errno.ENOSPC, Fault.FULL), (errno.EROFS, Fault.READ_ONLY), (errno.EIO, Fault.IO)],
)
def test_what_can_t_be_written_is_absent(
    source: sqlite3.Connection,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
    number: int,
    fault: Fault,
) -> None:
    """No half file and no leftover, and the reason is told."""

    def fails(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, call, fails)
    with pytest.raises(StoreUnavailable) as raised:
        copy_to_file(source, folder / "copy.db")
    monkeypatch.undo()
    assert raised.value.fault is fault
    assert list(folder.iterdir()) == []


def test_a_copy_counts_only_once_it_is_on_disk(
    source: sqlite3.Connection, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The content is synced before the name is given, and the name before it is told."""
    steps: list[str] = []
    fsync, link = os.fsync, os.link

    def syncing(descriptor: int) -> None:
        what = os.fstat(descriptor)
        whole = stat.S_ISDIR(what.st_mode) or os.pread(descriptor, len(FIRST), 0) == FIRST
        steps.append(("folder" if stat.S_ISDIR(what.st_mode) else "file") if whole else "early")
        fsync(descriptor)

    def linking(*arguments: Path, follow_symlinks: bool = True) -> None:
        steps.append("link")
        link(*arguments, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(os, "fsync", syncing)
    monkeypatch.setattr(os, "link", linking)
    copy_to_file(source, folder / "copy.db")
    assert steps == ["file", "link", "folder"]


def test_a_dead_copy_does_not_stop_the_next(source: sqlite3.Connection, folder: Path) -> None:
    """What a killed process of the same number left (in a container: often) is in nobody's way."""
    (folder / f"copy.db.{os.getpid()}.part").write_bytes(b"half")
    copy_to_file(source, folder / "copy.db")
    assert (folder / "copy.db").read_bytes().startswith(FIRST)


def test_damage_is_seen(source: sqlite3.Connection, folder: Path) -> None:
    """A page overwritten anywhere but in free space is found, and raises nothing."""
    path = folder / "copy.db"
    copy_to_file(source, path)
    whole = path.read_bytes()
    size = int.from_bytes(whole[16:18], "big")
    for page in range(1, len(whole) // size):
        path.write_bytes(whole[: page * size] + b"\xa5" * size + whole[(page + 1) * size :])
        with closing(sqlite3.connect(path)) as copy:
            assert not is_sound(copy, path), page
    path.write_bytes(whole)
    with closing(sqlite3.connect(path)) as copy:
        assert is_sound(copy, path)
