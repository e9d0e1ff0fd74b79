"""Copies of the database: whole or absent, private, durable, and never over another file."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, nullcontext
from pathlib import Path

import pytest

from pincli import files
from pincli.errors import Refused, Rule, StoreUnavailable
from pincli.models import Fault
from pincli.store.sqlite import copies
from pincli.store.sqlite.connection import connect
from pincli.store.sqlite.copies import back_up, copy_to_file, is_sound
from pincli.store.sqlite.temporary_files import held_file, leftovers, unfinished_name
from tests.support.desk import Desk

FIRST = b"SQLite format 3\0"


@pytest.fixture
def source(desk: Desk) -> Iterator[sqlite3.Connection]:
    """An open store with a user in it."""
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
    """The copy has every page, and nothing else is left in the folder."""
    copy_to_file(source, folder / "copy.db")
    assert [path.name for path in folder.iterdir()] == ["copy.db"]
    with closing(connect(folder / "copy.db")) as copy:
        assert list(copy.iterdump()) == list(source.iterdump())
        assert is_sound(copy, folder / "copy.db")


def test_a_copy_is_its_owner_s_alone(source: sqlite3.Connection, folder: Path) -> None:
    """A copy has mode 0600 from its first byte, with any umask."""
    before = os.umask(0)
    try:
        copy_to_file(source, folder / "copy.db")
    finally:
        os.umask(before)
    assert stat.S_IMODE((folder / "copy.db").stat().st_mode) == 0o600


@pytest.mark.parametrize("what", ["file", "empty", "link", "dangling", "folder"])
def test_a_copy_goes_over_nothing(source: sqlite3.Connection, folder: Path, what: str) -> None:
    """An existing file stays as it is, and so does the target of a link."""
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


@pytest.mark.parametrize(("owner", "call"), [(os, "fsync"), (copies, "give_name"), (os, "open")])
@pytest.mark.parametrize(
    ("number", "fault"),
    [(errno.ENOSPC, Fault.FULL), (errno.EROFS, Fault.READ_ONLY), (errno.EIO, Fault.IO)],
)
def test_what_can_t_be_written_is_absent(
    source: sqlite3.Connection,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    owner: object,
    call: str,
    number: int,
    fault: Fault,
) -> None:
    """A failed copy leaves no file, and the error says why."""

    def fails(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(owner, call, fails)
    with pytest.raises(StoreUnavailable) as raised:
        copy_to_file(source, folder / "copy.db")
    monkeypatch.undo()
    assert raised.value.fault is fault
    assert list(folder.iterdir()) == []


def test_a_copy_counts_only_once_it_is_on_disk(
    source: sqlite3.Connection, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The content is synced before the file gets its name, and the name before the success."""
    steps: list[str] = []
    fsync, give_name = os.fsync, files.give_name

    def syncing(descriptor: int) -> None:
        what = os.fstat(descriptor)
        whole = stat.S_ISDIR(what.st_mode) or os.pread(descriptor, len(FIRST), 0) == FIRST
        steps.append(("folder" if stat.S_ISDIR(what.st_mode) else "file") if whole else "early")
        fsync(descriptor)

    def naming(old: Path, new: Path) -> None:
        steps.append("named")
        give_name(old, new)

    monkeypatch.setattr(os, "fsync", syncing)
    monkeypatch.setattr(copies, "give_name", naming)
    copy_to_file(source, folder / "copy.db")
    assert steps == ["file", "named", "folder"]


def test_a_copy_clears_away_what_dead_ones_left(source: sqlite3.Connection, folder: Path) -> None:
    """A copy removes what killed copies left, and nothing else."""
    left, alive = (unfinished_name(folder / name) for name in ("copy-1.db", "copy-2.db"))
    left.write_bytes(b"half")
    (folder / "film.123.part").write_bytes(b"mine")
    link = unfinished_name(folder / "copy-3.db")
    link.symlink_to(folder / "film.123.part")
    with held_file(alive):
        assert leftovers(folder) == [left]
        copy_to_file(source, folder / "copy.db")
        found = sorted(path.name for path in folder.iterdir())
        assert found == sorted(["copy.db", "film.123.part", alive.name, link.name])
    assert not alive.exists()


def test_where_there_are_no_links_a_copy_gets_its_name(
    source: sqlite3.Connection, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Backups work on file systems without links: a USB stick (FAT), a Windows share."""

    def no_links(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    copy_to_file(source, folder / "copy.db")
    assert [path.name for path in folder.iterdir()] == ["copy.db"]


def test_a_backup_that_reads_back_otherwise_is_none(
    source: sqlite3.Connection, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that loses a page is reported, and the bad file is removed."""
    sync = files.sync_file

    def losing(path: Path) -> None:
        sync(path)
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xa5" * 4096)

    monkeypatch.setattr(copies, "sync_file", losing)
    with pytest.raises(StoreUnavailable) as raised:
        back_up(source, folder / "copy.db", nullcontext())
    assert raised.value.fault is Fault.IO
    assert list(folder.iterdir()) == []


def test_damage_is_seen(source: sqlite3.Connection, folder: Path) -> None:
    """A page overwritten anywhere but in free space is found, without an exception."""
    path = folder / "copy.db"
    copy_to_file(source, path)
    with closing(sqlite3.connect(path)) as copy:
        copy.execute("VACUUM")  # there is no free space now
    whole = path.read_bytes()
    size = int.from_bytes(whole[16:18], "big")
    for page in range(1, len(whole) // size):
        path.write_bytes(whole[: page * size] + b"\xa5" * size + whole[(page + 1) * size :])
        with closing(sqlite3.connect(path)) as copy:
            assert not is_sound(copy, path), page
    path.write_bytes(whole)
    with closing(sqlite3.connect(path)) as copy:
        assert is_sound(copy, path)
