"""The file with new PINs: in a safe place, complete or absent."""

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
    """The folder for the file; the secrets are in others."""
    for name in ("out", "store", "keys"):
        (tmp_path / name).mkdir()
    return tmp_path / "out"


def opened(folder: Path, name: str = "pins.csv") -> PinFile:
    """Check that a file can be made."""
    return PinFile(folder / name, forbidden=(folder / "../store", folder / "../keys"))


def begun(folder: Path, name: str = "pins.csv") -> PinFile:
    file = opened(folder, name)
    file.begin()
    return file


def rows_in(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_file_is_absent_until_it_is_finished(folder: Path) -> None:
    """Until then there is FILE.part, afterwards only FILE."""
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
    """Its mode is 0600 from the start, with any umask."""
    os.umask(0)
    file = begun(folder)
    mode = stat.S_IMODE(file.part.stat().st_mode)
    file.append([ALICE])
    file.finish()
    assert (mode, stat.S_IMODE(file.path.stat().st_mode)) == (0o600, 0o600)


def test_it_is_on_the_disk_before_any_pin_counts(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines and names are synced before the work goes on."""
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
    """A blank line replaces it, and the others stay."""
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
    """So the same command can be run again."""
    with opened(folder) as file:
        file.begin()
        assert (names(folder), file.kept) == (["pins.csv.part"], "")
    with opened(folder):
        pass
    assert names(folder) == []


def test_closed_with_pins_in_it_it_stays(folder: Path) -> None:
    """They may be valid."""
    with begun(folder) as file:
        file.append([ALICE])
    assert rows_in(folder / "pins.csv.part") == [ALICE._asdict()]


def test_a_part_of_another_run_is_refused(folder: Path) -> None:
    """And left as it is; the error depends on whether it holds a PIN."""
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
    """The second one is refused at the beginning."""
    first, second = opened(folder), opened(folder)
    first.begin()
    first.append([ALICE])
    with pytest.raises(Refused) as caught, second:
        second.begin()
    assert caught.value.rule is Rule.FILE_CUT_SHORT
    assert rows_in(folder / "pins.csv.part") == [ALICE._asdict()]


def test_a_full_disk_leaves_earlier_lines(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole lines, and no part of another."""
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
    """A spreadsheet shows it as text."""
    file = begun(folder)
    file.append([ALICE._replace(name=f"{start}cmd|' /C calc'!A0")])
    (row,) = rows_in(file.part)
    assert row["name"] == f"'{start}cmd|' /C calc'!A0"


@pytest.mark.parametrize("separator", [";", ",", "|", " ;"])
def test_no_separator_lets_a_formula_in(folder: Path, separator: str) -> None:
    """With semicolons as separators too, a name stays in its cell."""
    file = begun(folder)
    file.append([ALICE._replace(name=f"A{separator}=cmd()")])
    for delimiter in (",", ";"):
        with file.part.open(newline="", encoding="utf-8") as lines:
            cells = [cell for row in csv.reader(lines, delimiter=delimiter) for cell in row]
        assert [cell for cell in cells if cell.startswith("=")] == []


def test_unusual_names_are_read_as_written(folder: Path) -> None:
    """Quotes, commas, other scripts."""
    texts = ['say "hi", you', "ימין", "👩\u200d👧", "'", "[red]", ""]
    file = begun(folder)
    file.append([PinRow(f"u{n}", "acme", text, "234811") for n, text in enumerate(texts)])
    assert [row["name"] for row in rows_in(file.part)] == texts


def test_a_rows_repr_hides_its_pin() -> None:
    """For tracebacks and logs."""
    assert "234811" not in repr(ALICE)


def _link(path: Path) -> None:
    path.with_name("target").write_text("mine")
    path.symlink_to(path.with_name("target"))


OBSTACLES: dict[str, Callable[[Path], object]] = {
    "a file": lambda path: path.write_text("mine"),
    "a link": _link,
    "a dangling link": lambda path: path.symlink_to(path.with_name("nowhere")),
    "a folder": Path.mkdir,
    "a pipe": os.mkfifo,
    "a loop": lambda path: path.symlink_to(path),
}


@pytest.mark.parametrize("name", ["pins.csv", "pins.csv.part"])
@pytest.mark.parametrize("put", OBSTACLES.values(), ids=list(OBSTACLES))
def test_nothing_that_exists_is_touched(
    folder: Path, put: Callable[[Path], object], name: str
) -> None:
    """It is refused before anything is written."""
    put(folder / name)
    before = names(folder)
    with pytest.raises(Refused):
        opened(folder)
    assert names(folder) == before


@pytest.mark.parametrize("put", OBSTACLES.values(), ids=list(OBSTACLES))
def test_a_file_made_meanwhile_is_not_touched(folder: Path, put: Callable[[Path], object]) -> None:
    """FILE.part keeps the PINs."""
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


def test_it_is_never_in_a_secret_folder(folder: Path) -> None:
    """Not in a subfolder or through a link either."""
    (folder / "../store/below").mkdir()
    (folder / "way").symlink_to(folder / "../keys")
    for name in ("../store/f", "../keys/f", "../store/below/f", "way/f", "way/../store/f"):
        with pytest.raises(Refused) as caught:
            opened(folder, name)
        assert caught.value.rule is Rule.FILE_AMONG_SECRETS
    assert names(folder / "../store") == ["below"]


@pytest.mark.parametrize("name", ["missing/f", "file/f", "x" * 300, "x" * 252])
def test_an_unusable_place_is_an_error(folder: Path, name: str) -> None:
    """No such folder, a file instead of a folder, a name too long."""
    (folder / "file").write_text("x")
    with pytest.raises(FileUnreadable):
        opened(folder, name).begin()
    assert names(folder) == ["file"]


@pytest.mark.parametrize("name", ["", ".", "..", "/", "-"])
def test_an_impossible_name_is_an_error(folder: Path, name: str) -> None:
    """A folder, or `-`."""
    with pytest.raises(PincliError):
        PinFile(Path(name), forbidden=())


def test_where_others_can_read_everything_no_pins_are_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a USB stick that is mounted for everybody, nothing is left."""
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
def test_it_is_finished_without_renameat2_too(
    folder: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    """On a network file system, with or without hard links, and never over another file."""

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


def test_a_lost_part_is_an_error_that_names_it(folder: Path) -> None:
    """Its PINs may be valid."""
    file = begun(folder)
    file.append([ALICE])
    file.part.unlink()
    with pytest.raises(FileUnwritable) as caught:
        file.finish()
    assert caught.value.kept == str(file.part)
