"""The file that hands new PINs over: safe where it is put, complete or absent."""

from __future__ import annotations

import contextlib
import csv
import errno
import fcntl
import os
import select
import signal
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pincli.errors import FileUnreadable, FileUnwritable, PincliError, Refused, Rule
from pincli.operations import pin_file
from pincli.operations.pin_file import PinFile, PinRow
from pincli.rules.pins import broken_rule
from pincli.store import handed_files

ALICE = PinRow("alice", "acme", "Alice", "234811")
BOB = PinRow("bob", "acme", "Bob", "987321")
HEADER = "user,account,name,pin,batch\n"
GOOD = HEADER + "alice,acme,Alice,234811,feed\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the file is going to be; the secrets lie in another."""
    for name in ("out", "store", "keys"):
        (tmp_path / name).mkdir()
    return tmp_path / "out"


def opened(folder: Path, name: str = "pins.csv") -> PinFile:
    """A new or resumed file there."""
    return PinFile(folder / name, forbidden=(folder / "../store", folder / "../keys"))


def rows_in(path: Path) -> list[dict[str, str]]:
    """What a spreadsheet sees."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def names(folder: Path) -> list[str]:
    """What lies in a folder."""
    return sorted(path.name for path in folder.iterdir())


def test_the_file_is_absent_until_it_is_finished(folder: Path) -> None:
    """Until then FILE.part holds everything; afterwards there is FILE alone."""
    file = opened(folder)
    assert names(folder) == []
    file.write([ALICE, BOB])
    assert names(folder) == ["pins.csv.part"]
    file.finish()
    assert names(folder) == ["pins.csv"]
    assert rows_in(file.path) == [{**row._asdict(), "batch": file.batch} for row in (ALICE, BOB)]


def test_nobody_else_can_read_it_at_any_moment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mode 0600 from its first byte on, even where the umask would let everybody in."""
    modes: list[int] = []

    def rows() -> Iterator[PinRow]:
        for row in (ALICE, BOB):
            modes.extend(stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir())
            yield row

    before = os.umask(0)
    try:
        file = opened(folder)
        file.write(rows())
        modes += [stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()]
        file.finish()
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert set(modes) == {0o600}


def test_it_is_on_the_disk_before_any_pin_counts(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The content is synced before FILE.part has its name, and the folder after it."""
    done: list[str] = []
    sync, name = os.fsync, handed_files.give_name

    def fsync(descriptor: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        sync(descriptor)

    def naming(source: Path, target: Path) -> None:
        done.append("named")
        name(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(pin_file, "give_name", naming)
    file = opened(folder)
    file.write([ALICE])
    assert done == ["file", "named", "folder"]
    done.clear()
    file.finish()
    assert done == ["named", "folder"]


@pytest.mark.parametrize("start", [*"=+-@\t\r"])
def test_no_name_is_a_formula(folder: Path, start: str) -> None:
    """A spreadsheet shows what a customer calls themselves, and doesn't run it."""
    file = opened(folder)
    file.write([ALICE._replace(name=f"{start}cmd|' /C calc'!A0")])
    (row,) = rows_in(file.part)
    assert row["name"] == f"'{start}cmd|' /C calc'!A0"


@pytest.mark.parametrize("separator", [";", ",", "|", " ;"])
def test_no_separator_lets_a_formula_in(folder: Path, separator: str) -> None:
    """Where semicolons part the cells, as in half of Europe, a name brings no cell of its own."""
    file = opened(folder)
    file.write([ALICE._replace(name=f"A{separator}=cmd()")])
    for delimiter in (",", ";"):
        with file.part.open(newline="", encoding="utf-8") as lines:
            cells = [cell for row in csv.reader(lines, delimiter=delimiter) for cell in row]
        assert [cell for cell in cells if cell.startswith("=")] == []


def test_hostile_names_come_back_as_they_were(folder: Path) -> None:
    """Quotes, commas, other scripts: what is written is what is read."""
    texts = ['say "hi", you', "ימין", "👩\u200d👧", "'", "[red]", ""]
    file = opened(folder)
    file.write([PinRow(f"u{n}", "acme", text, "234811") for n, text in enumerate(texts)])
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


@pytest.mark.parametrize("put", OBSTACLES)
def test_nothing_that_is_there_is_touched(folder: Path, put: Callable[[Path], None]) -> None:
    """A file, a link, a dangling link, a folder: refused before anything is written."""
    put(folder / "pins.csv")
    before = names(folder)
    with pytest.raises(Refused) as caught:
        opened(folder)
    assert caught.value.rule is Rule.FILE_EXISTS
    assert names(folder) == before


@pytest.mark.parametrize("put", OBSTACLES)
def test_nothing_that_came_meanwhile_is_touched(folder: Path, put: Callable[[Path], None]) -> None:
    """Nor is a file that appears while the PINs are written; FILE.part keeps them."""
    file = opened(folder)
    file.write([ALICE])
    put(folder / "pins.csv")
    with pytest.raises(Refused) as caught:
        file.finish()
    assert caught.value.rule is Rule.FILE_EXISTS
    assert rows_in(file.part)[0]["pin"] == ALICE.pin
    if (folder / "target").exists():
        assert (folder / "target").read_text() == "mine"
    assert not (folder / "nowhere").exists()


@pytest.mark.parametrize("put", OBSTACLES[1:])
def test_a_part_that_is_no_file_is_refused(folder: Path, put: Callable[[Path], None]) -> None:
    """A link, a folder, a pipe in place of FILE.part: refused, unfollowed, and no waiting."""
    put(folder / "pins.csv.part")
    if put is _pipe:
        # A reader waits for somebody to write: with this one, at least the test goes on.
        end = os.open(folder / "pins.csv.part", os.O_RDWR | os.O_NONBLOCK)
        os.write(end, GOOD.encode())
    try:
        with pytest.raises(Refused) as caught:
            opened(folder)
    finally:
        if put is _pipe:
            os.close(end)
    assert caught.value.rule is Rule.FILE_NOT_OURS


def test_a_part_that_is_a_pipe_does_not_hang(folder: Path) -> None:
    """Whoever may write the folder must not be able to stop the desk."""
    os.mkfifo(folder / "pins.csv.part")
    child = os.fork()
    if child == 0:
        code = 1
        try:
            opened(folder)
        except Refused:
            code = 0
        finally:
            os._exit(code)
    end = os.pidfd_open(child)
    ended = bool(select.select([end], [], [], 3)[0])
    os.close(end)
    if not ended:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert (ended, os.waitstatus_to_exitcode(status)) == (True, 0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_part_of_somebody_else_is_refused(folder: Path) -> None:
    """Else they would choose the PINs."""
    part = folder / "pins.csv.part"
    part.write_text(GOOD)
    os.chown(part, 12345, -1)
    with pytest.raises(Refused) as caught:
        opened(folder)
    assert caught.value.rule is Rule.FILE_NOT_OURS
    assert part.read_text() == GOOD


MALFORMED = {
    "empty": "",
    "other columns": "a,b\n1,2\n",
    "no pin": "user,account,name,batch\nalice,acme,A,feed\n",
    "no user": "account,name,pin,batch\nacme,A,234811,feed\n",
    "bad pin": HEADER + "alice,acme,A,12345,feed\n",
    "bad user": HEADER + "a b,acme,A,234811,feed\n",
    "two batches": GOOD + "bob,acme,B,234811,f00d\n",
    "short row": GOOD + "bob,acme\n",
    "row without a batch": HEADER + "alice,acme,Alice,234811\n",
    "row without a user": "batch,pin,account,name,user\nfeed,234811\n",
    "not text": "\udcff\udcfe",
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_a_part_that_is_none_of_ours_is_refused(folder: Path, kind: str) -> None:
    """Whatever it is, it is left as it is: a sentence, not a crash, and no PIN out of it."""
    part = folder / "pins.csv.part"
    part.write_bytes(MALFORMED[kind].encode("utf-8", "surrogateescape"))
    before = part.read_bytes()
    with pytest.raises(Refused) as caught:
        opened(folder)
    assert caught.value.rule is Rule.FILE_NOT_OURS
    assert part.read_bytes() == before
    assert names(folder) == ["pins.csv.part"]


def test_a_killed_run_is_resumed_with_its_pins_and_its_batch(folder: Path) -> None:
    """Those who may have got their PIN keep it; the others get the one written down."""
    first = opened(folder)
    first.write([ALICE, BOB])
    second = opened(folder)
    assert second.resumed
    assert second.batch == first.batch
    assert (second.pin_for("alice"), second.pin_for("bob")) == (ALICE.pin, BOB.pin)
    assert second.knows("alice")
    assert not second.knows("carol")
    assert broken_rule(second.pin_for("carol")) is None


def test_a_part_without_any_pin_is_resumed(folder: Path) -> None:
    """A run about users none of whom can have a PIN may be killed too."""
    opened(folder).write([])
    second = opened(folder)
    second.write([])
    second.finish()
    assert rows_in(second.path) == []


def test_a_part_of_another_reset_is_never_overwritten(folder: Path) -> None:
    """Its users may have got the PINs in it, which nobody would then have."""
    opened(folder).write([ALICE, BOB])
    before = (folder / "pins.csv.part").read_bytes()
    second = opened(folder)
    with pytest.raises(Refused) as caught:
        second.write([ALICE])
    assert caught.value.rule is Rule.FILE_OF_ANOTHER_RESET
    assert (folder / "pins.csv.part").read_bytes() == before
    assert names(folder) == ["pins.csv.part"]


def test_two_runs_at_once_do_not_take_each_others_part(folder: Path) -> None:
    """Both found none; the second may not replace the first's, whose PINs may count already."""
    first, second = opened(folder), opened(folder)
    first.write([ALICE])
    with pytest.raises(PincliError):
        second.write([BOB._replace(user="alice")])
    assert rows_in(folder / "pins.csv.part")[0]["pin"] == ALICE.pin


def test_lines_can_be_dropped(folder: Path) -> None:
    """Of users who got no PIN after all; formulas stay harmless and harmless names as they are."""
    file = opened(folder)
    file.write([ALICE._replace(name="=x"), BOB, BOB._replace(user="carol", name="'q")])
    file.drop({"bob"})
    assert [(row["user"], row["name"]) for row in rows_in(file.part)] == [
        ("alice", "'=x"),
        ("carol", "'q"),
    ]
    assert {row["batch"] for row in rows_in(file.part)} == {file.batch}
    file.finish()


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
        opened(folder, name).write([ALICE])
    assert names(folder) == ["file"]


@pytest.mark.parametrize("name", ["", ".", "..", "/"])
def test_a_name_that_is_none_is_said(folder: Path, name: str) -> None:
    """A folder in place of a file: refused, not a crash."""
    with pytest.raises(PincliError):
        PinFile(Path(name), forbidden=())


def test_a_failure_while_writing_leaves_nothing(folder: Path) -> None:
    """Whatever breaks it off, the half-written file is gone."""

    def rows() -> Iterator[PinRow]:
        yield ALICE
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        opened(folder).write(rows())
    assert names(folder) == []


def test_what_is_in_the_way_of_building_is_left_alone(folder: Path) -> None:
    """A leftover of the same process number, or somebody's trap: never removed, never used."""
    traps = [folder / f"pins.csv.part.{end}" for end in (os.getpid(), "new")]
    for trap in traps:
        trap.symlink_to(folder / "target")
    with contextlib.suppress(Refused):
        opened(folder).write([ALICE])
    assert all(trap.is_symlink() for trap in traps)
    assert not (folder / "target").exists()


@pytest.mark.parametrize("content", ["mine", "user,account,name,pin,batch,more\r\n"])
def test_a_foreign_file_is_not_built_over(folder: Path, content: str) -> None:
    """A file of somebody's own that happens to have that name is left as it is."""
    building = folder / "pins.csv.part.new"
    building.write_text(content, newline="")
    with pytest.raises(Refused) as caught:
        opened(folder).write([ALICE])
    assert caught.value.rule is Rule.FILE_NOT_OURS
    assert names(folder) == ["pins.csv.part.new"]
    assert building.read_text() == content.replace("\r", "")


@pytest.mark.parametrize("left", ["", "user,acc", (GOOD + "rest\n" * 99).replace("\n", "\r\n")])
def test_what_a_killed_run_half_built_is_built_over(folder: Path, left: str) -> None:
    """However far it got: none of its PINs ever counted."""
    (folder / "pins.csv.part.new").write_text(left, newline="")
    file = opened(folder)
    file.write([BOB])
    assert names(folder) == ["pins.csv.part"]
    assert [row["user"] for row in rows_in(file.part)] == ["bob"]
    assert stat.S_IMODE(file.part.stat().st_mode) == 0o600


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
    with pytest.raises(FileUnreadable):
        opened(folder).write([ALICE])
    assert names(folder) == []


@pytest.fixture
def no_rename(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network file system, which can't rename without replacing."""
    monkeypatch.setattr(handed_files, "_rename", lambda *_: errno.EINVAL)


@pytest.mark.usefixtures("no_rename")
def test_without_the_rename_there_are_links(folder: Path) -> None:
    """The same file by another way, and never over another one."""
    file = opened(folder)
    file.write([ALICE])
    assert names(folder) == ["pins.csv.part"]
    (folder / "pins.csv").write_text("mine")
    with pytest.raises(Refused):
        file.finish()
    (folder / "pins.csv").unlink()
    file.finish()
    assert names(folder) == ["pins.csv"]
    assert rows_in(file.path)[0]["pin"] == ALICE.pin


@pytest.mark.usefixtures("no_rename")
@pytest.mark.parametrize("step", ["write", "finish"])
def test_a_kill_between_two_links_is_mended(
    folder: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The file has its old and its new name: the new one counts, and nothing is overwritten."""

    def killed(path: Path, missing_ok: bool = False) -> None:
        raise SystemExit(path.name)

    file = opened(folder)
    if step == "finish":
        file.write([ALICE])
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", killed)
        with pytest.raises(SystemExit):
            file.write([ALICE]) if step == "write" else file.finish()
    assert len(names(folder)) == 2
    again = opened(folder)
    assert (again.resumed, again.complete) == (step == "write", step == "finish")
    assert again.pin_for("alice") == ALICE.pin
    assert len(names(folder)) == 1
    if step == "write":
        again.write([ALICE, BOB])
        again.finish()
    assert names(folder) == ["pins.csv"]
    assert rows_in(again.path)[0]["pin"] == ALICE.pin


def test_a_folder_that_can_name_nothing_is_said_first(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither by rename nor by link: told before any PIN counts, and nothing is left there."""

    def no_links(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(handed_files, "_rename", lambda *_: errno.EINVAL)
    monkeypatch.setattr(os, "link", no_links)
    with pytest.raises(FileUnreadable):
        opened(folder).write([ALICE])
    assert names(folder) == []


def test_a_file_that_went_away_is_said(folder: Path) -> None:
    """Once PINs may count, it is no wrong usage any more, and not told as nothing done."""
    file = opened(folder)
    file.write([ALICE])
    file.part.unlink()
    with pytest.raises(FileUnwritable) as caught:
        file.finish()
    assert caught.value.kept == str(file.part)


def test_another_process_is_kept_out(folder: Path) -> None:
    """As long as one has FILE.part; what it leaves when it is killed is taken over."""
    ready, told = os.pipe()
    child = os.fork()
    if child == 0:
        opened(folder).write([ALICE])
        os.write(told, b".")
        signal.pause()
    try:
        os.read(ready, 1)
        with pytest.raises(Refused) as caught:
            opened(folder)
        assert caught.value.rule is Rule.FILE_IN_USE
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(ready)
        os.close(told)
    assert opened(folder).pin_for("alice") == ALICE.pin


def test_a_part_that_was_finished_before_it_was_locked_is_not_resumed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opened while another run had it, locked when that was done: it is FILE by then."""
    opened(folder).write([ALICE])
    lock = fcntl.lockf

    def late(*arguments: int) -> None:
        (folder / "pins.csv.part").rename(folder / "pins.csv")
        lock(*arguments)

    monkeypatch.setattr(fcntl, "lockf", late)
    with pytest.raises(Refused) as caught:
        opened(folder)
    assert caught.value.rule is Rule.FILE_IN_USE


def test_the_lock_goes_along_when_it_is_written_anew(folder: Path) -> None:
    """Also who writes FILE.part a second time has it alone, and has FILE until the end."""
    file = opened(folder)
    file.write([ALICE, BOB])
    file.drop({"bob"})
    assert _refusal_elsewhere(folder) is Rule.FILE_IN_USE
    file.finish()
    assert _refusal_elsewhere(folder) is Rule.FILE_EXISTS
    file.close()
    assert opened(folder).complete


def _refusal_elsewhere(folder: Path) -> Rule | None:
    """Why another process is refused the file."""
    ready, told = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            opened(folder)
        except Refused as error:
            os.write(told, error.rule.name.encode())
        os._exit(0)
    os.close(told)
    with open(ready, encoding="ascii") as pipe:
        name = pipe.read()
    os.waitpid(child, 0)
    return Rule[name] if name else None


def test_a_folder_that_lost_its_links_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A USB stick (FAT) has no hard links: the PINs must reach FILE all the same."""

    def no_links(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    file = opened(folder)
    file.write([ALICE])
    file.finish()
    assert names(folder) == ["pins.csv"]


def test_batches_have_numbers_of_their_own(folder: Path) -> None:
    """Two files never share one: the marks of one must not stand for the other."""
    made = {opened(folder, f"{number}").batch for number in range(20)}
    assert len(made) == 20
    assert pin_file.COLUMNS == ("user", "account", "name", "pin", "batch")
