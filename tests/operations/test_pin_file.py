"""The file that hands new PINs over: safe where it is put, complete or absent."""

from __future__ import annotations

import csv
import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from pincli import files
from pincli.errors import FileUnreadable, FileUnwritable, PincliError, Refused, Rule
from pincli.operations import output_file
from pincli.operations.pin_file import PinFile, PinRow

ALICE = PinRow("alice", "acme", "Alice", "234811")
BOB = PinRow("bob", "acme", "Bob", "987321")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the file is going to be; the secrets lie in another."""
    for name in ("out", "store", "keys"):
        (tmp_path / name).mkdir()
    return tmp_path / "out"


def opened(folder: Path, name: str = "pins.csv") -> PinFile:
    """A file to be there."""
    return PinFile(folder / name, forbidden=(folder / "../store", folder / "../keys"))


def begun(folder: Path, name: str = "pins.csv") -> PinFile:
    """A file there, with nothing in it yet."""
    file = opened(folder, name)
    file.begin()
    return file


def rows_in(path: Path) -> list[dict[str, str]]:
    """What a spreadsheet sees."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def names(folder: Path) -> list[str]:
    """What lies in a folder."""
    return sorted(path.name for path in folder.iterdir())


def test_the_file_is_absent_until_it_is_finished(folder: Path) -> None:
    """Until then FILE.part holds what there is; afterwards there is FILE alone."""
    file = opened(folder)
    assert names(folder) == []
    file.begin()
    file.append([ALICE])
    file.append([BOB])
    assert names(folder) == ["pins.csv.part"]
    assert file.kept == str(file.part)
    file.finish()
    file.close()
    assert names(folder) == ["pins.csv"]
    assert rows_in(file.path) == [row._asdict() for row in (ALICE, BOB)]


def test_nobody_else_can_read_it_at_any_moment(folder: Path) -> None:
    """Mode 0600 from its first byte on, even where the umask would let everybody in."""
    before = os.umask(0)
    try:
        file = begun(folder)
        mode = stat.S_IMODE(file.part.stat().st_mode)
        file.append([ALICE])
        file.finish()
    finally:
        os.umask(before)
    assert (mode, stat.S_IMODE(file.path.stat().st_mode)) == (0o600, 0o600)


def test_it_is_on_the_disk_before_any_pin_counts(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written is synced before anything goes on, and each name with its folder."""
    done: list[str] = []
    sync, name = os.fsync, files.give_name

    def fsync(descriptor: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        sync(descriptor)

    def naming(source: Path, target: Path) -> None:
        done.append("named")
        name(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(output_file, "give_name", naming)
    file = begun(folder)
    assert done == ["file", "folder"]
    file.append([ALICE])
    assert done == ["file", "folder", "file"]
    file.take_back({("alice", "acme")})
    file.finish()
    assert done[3:] == ["file", "named", "folder"]


def test_a_line_can_be_taken_back(folder: Path) -> None:
    """Of who did not get the PIN: a spreadsheet sees a blank line, and the others as they are."""
    file = begun(folder)
    file.append([ALICE])
    file.append([BOB._replace(name="B\u00f6b"), BOB._replace(account="globex", name="\u05d1")])
    file.take_back({("bob", "acme")})
    file.append([BOB])
    file.finish()
    people = [(row["user"], row["account"]) for row in rows_in(file.path)]
    assert people == [("alice", "acme"), ("bob", "globex"), ("bob", "acme")]
    assert "B\u00f6b" not in file.path.read_text(encoding="utf-8")


def test_closed_without_a_pin_it_leaves_nothing(folder: Path) -> None:
    """Declined, interrupted or failed before anybody had one: the same command can be run again."""
    with opened(folder) as file:
        file.begin()
        assert (names(folder), file.kept) == (["pins.csv.part"], "")
    with opened(folder):
        pass
    assert names(folder) == []


def test_closed_with_pins_in_it_it_stays(folder: Path) -> None:
    """They may be somebody's."""
    with begun(folder) as file:
        file.append([ALICE])
    assert rows_in(folder / "pins.csv.part") == [ALICE._asdict()]


def test_nothing_goes_on_with_what_a_run_left(folder: Path) -> None:
    """Refused, and told by whether a PIN stands in it; it is left as it is."""
    first = begun(folder)
    with pytest.raises(Refused) as caught:
        opened(folder)
    assert caught.value.rule is Rule.FILE_WITHOUT_PINS
    first.append([ALICE])
    with pytest.raises(Refused) as caught:
        opened(folder)
    assert (caught.value.rule, caught.value.subject) == (Rule.FILE_CUT_SHORT, str(first.part))
    assert rows_in(first.part) == [ALICE._asdict()]


def test_two_runs_at_once_do_not_take_each_others_part(folder: Path) -> None:
    """Both found none; the second may not have the first's, whose PINs may count already."""
    first, second = opened(folder), opened(folder)
    first.begin()
    first.append([ALICE])
    with pytest.raises(Refused) as caught, second:
        second.begin()
    assert caught.value.rule is Rule.FILE_CUT_SHORT
    assert rows_in(folder / "pins.csv.part") == [ALICE._asdict()]


def test_what_finds_no_room_leaves_what_was_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The PINs before it stay, whole lines, and no piece of a line after them."""
    file = begun(folder)
    file.append([ALICE])
    write = os.pwrite

    def half(descriptor: int, data: bytes, offset: int) -> int:
        monkeypatch.setattr(os, "pwrite", full)
        return write(descriptor, data[:9], offset)

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", half)
    with pytest.raises(FileUnwritable) as caught, file:
        file.append([BOB])
    assert caught.value.kept == str(file.part)
    assert file.part.read_bytes() == b"user,account,name,pin\r\nalice,acme,Alice,234811\r\n"


@pytest.mark.parametrize("start", [*"=+-@\t\r"])
def test_no_name_is_a_formula(folder: Path, start: str) -> None:
    """A spreadsheet shows what a customer calls themselves, and doesn't run it."""
    file = begun(folder)
    file.append([ALICE._replace(name=f"{start}cmd|' /C calc'!A0")])
    (row,) = rows_in(file.part)
    assert row["name"] == f"'{start}cmd|' /C calc'!A0"


@pytest.mark.parametrize("separator", [";", ",", "|", " ;"])
def test_no_separator_lets_a_formula_in(folder: Path, separator: str) -> None:
    """Where semicolons part the cells, as in half of Europe, a name brings no cell of its own."""
    file = begun(folder)
    file.append([ALICE._replace(name=f"A{separator}=cmd()")])
    for delimiter in (",", ";"):
        with file.part.open(newline="", encoding="utf-8") as lines:
            cells = [cell for row in csv.reader(lines, delimiter=delimiter) for cell in row]
        assert [cell for cell in cells if cell.startswith("=")] == []


def test_hostile_names_come_back_as_they_were(folder: Path) -> None:
    """Quotes, commas, other scripts: what is written is what is read."""
    texts = ['say "hi", you', "ימין", "👩\u200d👧", "'", "[red]", ""]
    file = begun(folder)
    file.append([PinRow(f"u{n}", "acme", text, "234811") for n, text in enumerate(texts)])
    assert [row["name"] for row in rows_in(file.part)] == texts


def test_what_shows_a_row_does_not_show_its_pin() -> None:
    """No traceback and no log can show it."""
    assert "234811" not in repr(ALICE)


def _plain(path: Path) -> None:
    path.write_text("mine")


def _link(path: Path) -> None:
    path.with_name("target").write_text("mine")
    path.symlink_to(path.with_name("target"))


def _dangling(path: Path) -> None:
    path.symlink_to(path.with_name("nowhere"))


def _folder(path: Path) -> None:
    path.mkdir()


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _loop(path: Path) -> None:
    path.symlink_to(path)


OBSTACLES: list[Callable[[Path], None]] = [_plain, _link, _dangling, _folder, _pipe, _loop]


@pytest.mark.parametrize("name", ["pins.csv", "pins.csv.part"])
@pytest.mark.parametrize("put", OBSTACLES)
def test_nothing_that_is_there_is_touched(
    folder: Path, put: Callable[[Path], None], name: str
) -> None:
    """A file, a link, a dangling link, a folder, a pipe: refused before anything is written."""
    put(folder / name)
    before = names(folder)
    with pytest.raises(Refused):
        opened(folder)
    assert names(folder) == before


@pytest.mark.parametrize("put", OBSTACLES)
def test_nothing_that_came_meanwhile_is_touched(folder: Path, put: Callable[[Path], None]) -> None:
    """Nor is a file that appears while the PINs are written; FILE.part keeps them."""
    file = begun(folder)
    file.append([ALICE])
    put(folder / "pins.csv")
    with pytest.raises(Refused) as caught:
        file.finish()
    assert caught.value.rule is Rule.FILE_EXISTS
    assert rows_in(file.part)[0]["pin"] == ALICE.pin
    if (folder / "target").exists():
        assert (folder / "target").read_text() == "mine"
    assert not (folder / "nowhere").exists()


def test_it_may_not_lie_among_the_secrets(folder: Path) -> None:
    """In the store's or the keys' folder or below, by whatever way it is named."""
    (folder / "../store/below").mkdir()
    (folder / "way").symlink_to(folder / "../keys")
    for name in ("../store/f", "../keys/f", "../store/below/f", "way/f", "way/../store/f"):
        with pytest.raises(Refused) as caught:
            opened(folder, name)
        assert caught.value.rule is Rule.FILE_AMONG_SECRETS
    assert names(folder / "../store") == ["below"]


@pytest.mark.parametrize("name", ["missing/f", "file/f", "x" * 300, "x" * 252])
def test_a_place_that_cant_be_used_is_said(folder: Path, name: str) -> None:
    """No such folder, a file in its place, a name too long."""
    (folder / "file").write_text("x")
    with pytest.raises(FileUnreadable):
        opened(folder, name).begin()
    assert names(folder) == ["file"]


@pytest.mark.parametrize("name", ["", ".", "..", "/", "-"])
def test_a_name_that_is_none_is_said(folder: Path, name: str) -> None:
    """A folder in place of a file: refused, not a crash."""
    with pytest.raises(PincliError):
        PinFile(Path(name), forbidden=())


def test_where_others_can_read_everything_no_pins_are_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A USB stick that is mounted for all: no mode of ours keeps them out, so nothing is left."""
    opening = os.open

    def exposed(path: Path, flags: int, mode: int = 0o777) -> int:
        descriptor = opening(path, flags, mode)
        if flags & os.O_CREAT:
            change(descriptor, 0o644)
        return descriptor

    change = os.fchmod
    monkeypatch.setattr(os, "open", exposed)
    monkeypatch.setattr(os, "fchmod", lambda *_: None)
    with pytest.raises(FileUnreadable), opened(folder) as file:
        file.begin()
    assert names(folder) == []


@pytest.mark.parametrize("links", [True, False])
def test_without_the_rename_it_is_named_all_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    """A network file system, with or without hard links: the same file, never over another."""

    def no_links(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(files, "_rename", lambda *_: errno.EINVAL)
    if not links:
        monkeypatch.setattr(os, "link", no_links)
    file = begun(folder)
    file.append([ALICE])
    file.path.write_text("mine")
    with pytest.raises(Refused):
        file.finish()
    file.path.unlink()
    file.finish()
    assert names(folder) == ["pins.csv"]
    assert rows_in(file.path) == [ALICE._asdict()]


def test_a_file_that_went_away_is_said(folder: Path) -> None:
    """Once PINs may count, it is no wrong usage any more, and not told as nothing done."""
    file = begun(folder)
    file.append([ALICE])
    file.part.unlink()
    with pytest.raises(FileUnwritable) as caught:
        file.finish()
    assert caught.value.kept == str(file.part)
