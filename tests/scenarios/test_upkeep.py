"""`backup` and `restore` on the command line: killed, on a full disk, during many verifies."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import pytest

from pincli.models import EventKind, Outcome
from pincli.operations import pins
from pincli.store.sqlite.temporary_files import ASIDE, UNFINISHED, leftovers
from tests.operations.restoring import require_intact as untouched
from tests.support.contract import call, error_of
from tests.support.desk import PROGRAM, Desk, killed
from tests.support.driving import OTHER, RIGHT, Forks, asked, guess_wrong
from tests.support.failpoints import Plan
from tests.support.floor import content, copy_of
from tests.support.kills import wrecks
from tests.support.strace import Call, require_strace, traced
from tests.support.terminal import terminal
from tests.support.turns import every_lasting

FILES = Plan(files=True)


@pytest.fixture
def peopled(desk: Desk) -> Desk:
    """A store with alice and bob, and their PINs."""
    desk.collected("alice")
    desk.collected("bob", pin=OTHER)
    return desk


def backup_of(desk: Desk, name: str = "backup.db") -> Path:
    """Make a backup by the command."""
    path = desk.store.parent / name
    assert call(desk, ["backup", str(path)]).code == 0
    return path


def in_place_of(desk: Desk, backup: Path, folder: Path) -> Desk:
    """Bring a backup back as a store of its own, on a host that has not seen it."""
    folder.mkdir(parents=True)
    (folder / "pincli.lock").touch()
    shutil.copy(backup, folder / "pincli.db")
    keys = folder.with_name(f"{folder.name}-keys")
    shutil.copytree(desk.keys, keys, ignore=shutil.ignore_patterns("mark-*"))
    return Desk(folder, keys)


_EXCHANGES_A_LINK = """
import itertools, os, sys
folder = sys.argv[1]
os.chdir(folder)
print("ready", flush=True)
for target in itertools.cycle(("own", "theirs")):
    os.symlink(target, "new")
    os.rename("new", "link")
    if os.listdir("theirs"):
        os.rename("theirs", "caught")
        os.mkdir("theirs", 0o777)
"""


def test_a_folder_that_is_exchanged_during_a_backup(peopled: Desk, forks: Forks) -> None:
    """A link that appears and disappears never leads a backup into another user's folder."""
    folder = peopled.store.parent
    (folder / "own").mkdir(mode=0o700)
    (folder / "theirs").mkdir()
    (folder / "theirs").chmod(0o777)
    (folder / "link").symlink_to("own")
    runs = []
    command = (sys.executable, "-c", _EXCHANGES_A_LINK, str(folder))
    with subprocess.Popen(command, stdout=subprocess.PIPE) as helper:
        try:
            assert helper.stdout is not None
            helper.stdout.readline()
            for number in range(20):
                path = folder / "link" / f"{number}.db"
                runs.append(forks.run(peopled, "backup", str(path), "--json"))
        finally:
            helper.kill()
    made = {path.name: path.stat().st_size for path in (folder / "own").iterdir()}
    done = [run.answer for run in runs if run.code == 0]
    assert {Path(each["file"]).name: each["bytes"] for each in done} == made
    assert done
    assert {run.code for run in runs} == {0, 7}
    assert not (folder / "caught").exists()


def test_a_backup_through_pipes(peopled: Desk) -> None:
    """`-` is stdout and stdin, a named pipe can be read too, and nothing is left behind."""
    written = subprocess.run(
        (*PROGRAM, "backup", "-"), env=peopled.environment(), capture_output=True, check=True
    )
    assert written.stderr == b""
    again = call(peopled, ["restore", "-", "--yes", "--json"], written.stdout)
    assert again.answer["withdrawn"] == 0
    pipe = peopled.store.parent / "pipe"
    os.mkfifo(pipe)
    thread = threading.Thread(target=pipe.write_bytes, args=(written.stdout,))
    thread.start()
    named = call(peopled, ["restore", str(pipe), "--yes", "--json"])
    thread.join()
    assert (named.code, named.answer["withdrawn"]) == (0, 2)  # a restore came since
    untouched(peopled)
    assert leftovers(peopled.store, UNFINISHED, ASIDE) == []


@pytest.mark.parametrize("what", [b"", b"no backup\n" * 9, "cut"])
def test_a_stream_that_is_no_backup(peopled: Desk, what: bytes | str) -> None:
    """Exit 8, and the store stays."""
    data = what if isinstance(what, bytes) else backup_of(peopled).read_bytes()[:9000]
    ran = call(peopled, ["restore", "-", "--yes"], data)
    assert ran.code == 8
    assert "backup" in error_of(ran)[0]
    assert leftovers(peopled.store, UNFINISHED, ASIDE) == []
    untouched(peopled)


def test_a_backup_neither_on_a_terminal_nor_as_json(peopled: Desk) -> None:
    """Exit 2, as neither could be restored; nor is one read from a terminal."""
    assert call(peopled, ["backup", "-", "--json"]).answer["error"]["code"] == "usage"
    for words in (("backup", "-"), ("restore", "-")):
        with terminal(peopled, *words) as opened:
            assert opened.end() == 2


def test_a_backup_into_a_full_pipe(peopled: Desk) -> None:
    """Exit 8, as for every answer that is not written whole."""
    with Path("/dev/full").open("wb") as full:
        code = subprocess.call(
            (*PROGRAM, "backup", "-"), env=peopled.environment(), stdout=full, stderr=full
        )
    assert code == 8
    assert leftovers(peopled.store, UNFINISHED, ASIDE) == []


def test_a_backup_on_a_full_disk(peopled: Desk, forks: Forks) -> None:
    """Exit 8, no file or part of one, and the store as it was."""
    folder = peopled.store.parent / "backups"
    folder.mkdir()
    plan = Plan(at=(("locked:writer", "full"),))
    ran = forks.run(peopled, "backup", str(folder / "b.db"), plan=plan)
    assert ran.code == 8, ran
    assert list(folder.iterdir()) == []
    untouched(peopled)
    assert asked(peopled, "alice", RIGHT) is Outcome.VERIFIED


def test_a_backup_killed_at_every_step(peopled: Desk, forks: Forks, tmp_path: Path) -> None:
    """The file is whole or absent; the next backup succeeds and removes what was left."""
    left, every = 0, partial(every_lasting, every=1)
    words = ("backup", "OUT/b.db")
    for wreck in wrecks(peopled, forks, tmp_path / "n", *words, plan=FILES, choose=every):
        path = wreck.folder / "b.db"
        if path.exists():
            untouched(in_place_of(peopled, path, wreck.folder / "seen"))
            path.unlink()
        else:
            assert wreck.point
        left += bool(leftovers(wreck.folder))
        assert call(wreck.desk, ["backup", str(path)]).code == 0
        assert leftovers(wreck.folder) == []
        assert asked(wreck.desk, "alice", RIGHT) is Outcome.VERIFIED
        untouched(wreck.desk)
    assert left


@contextmanager
def _agents(desk: Desk, crew: Sequence[Forks]) -> Iterator[list[int]]:
    """Two agents who verify all the time; gives their exit codes."""
    over = threading.Event()
    codes: list[int] = []

    def agent(forks: Forks, user: str, pin: str) -> None:
        while not over.is_set():
            codes.append(forks.verify(desk, user, pin).code)

    agents = [
        threading.Thread(target=agent, args=each)
        for each in ((crew[1], "alice", RIGHT), (crew[2], "bob", OTHER))
    ]
    for thread in agents:
        thread.start()
    try:
        yield codes
    finally:
        over.set()
        for thread in agents:
            thread.join()


def test_backups_in_a_storm_of_verifies(peopled: Desk, crew: Sequence[Forks]) -> None:
    """Each backup is a store at one moment; no agent fails, and all attempts count."""
    paths = []
    with _agents(peopled, crew) as codes:
        for number in range(8):
            path = peopled.store.parent / f"storm-{number}.db"
            assert crew[0].run(peopled, "backup", str(path), "--json").code == 0
            paths.append(path)
    assert set(codes) == {0}
    lengths = []
    for number, path in enumerate(paths):
        there = in_place_of(peopled, path, peopled.store.parent / "seen" / str(number))
        untouched(there)
        lengths.append(len(there.events()))
    assert lengths == sorted(lengths)
    untouched(peopled)
    attempts = [e for e in peopled.events() if e.kind is EventKind.ATTEMPT]
    assert len(attempts) == len(codes)


def changed_since(desk: Desk) -> Path:
    """Make a backup; then change alice's PIN, lock bob and add carol."""
    path = backup_of(desk)
    with desk.session() as session:
        pins.change(session, "alice", "234811")
    guess_wrong(desk, "bob", 6)
    desk.collected("carol", pin=RIGHT)
    return path


def test_a_restore_and_what_is_said_of_it(peopled: Desk) -> None:
    """It says whose PINs were withdrawn, who is gone, and where the replaced store is."""
    events = peopled.events()
    path = changed_since(peopled)
    head = peopled.events()[-1]
    ran = call(peopled, ["restore", str(path), "--yes", "--json"])
    assert ran.code == 0
    answer = ran.answer
    assert (answer["withdrawn"], answer["changed"], answer["gone_users"]) == (2, 2, 1)
    assert (answer["kept_users"], answer["kept_events"], answer["left_out"]) == (0, 0, 0)
    assert Path(answer["aside"]).exists()
    after = peopled.events()
    assert after[: len(events)] == events
    assert [event.kind for event in after[len(events) :]] == [EventKind.RESTORED] * 3
    ((note,),) = peopled.sql("SELECT note FROM trail WHERE number = ?", len(events) + 1)
    assert note.endswith(f"aside {head.seq}:{head.mac}")
    _stricter(peopled)
    untouched(peopled)


def _stricter(desk: Desk) -> None:
    """Fail if a PIN is left, or if something from after the backup was undone."""
    for pin in (RIGHT, "234811"):
        assert asked(desk, "alice", pin) is Outcome.UNCOLLECTED
    assert asked(desk, "bob", OTHER) is Outcome.LOCKED


def test_a_restore_is_confirmed(peopled: Desk) -> None:
    """Without --yes and a terminal exit 2, after a no exit 7; nothing has changed."""
    path = changed_since(peopled)
    before = content(peopled.store)
    assert call(peopled, ["restore", str(path)]).code == 2
    with terminal(peopled, "restore", str(path)) as screen:
        screen.wait_for("Restore")
        screen.type("n\r")
        assert screen.end() == 7
    assert content(peopled.store) == before
    with terminal(peopled, "restore", str(path)) as screen:
        screen.wait_for("Restore")
        screen.type("y\r")
        assert screen.end() == 0
    _stricter(peopled)


def test_a_restore_out_of_the_keys_folder_is_refused(peopled: Desk) -> None:
    """A file among the keys is not taken as an argument."""
    path = shutil.copy(backup_of(peopled), peopled.keys / "b.db")
    before = content(peopled.store)
    assert call(peopled, ["restore", str(path), "--yes"]).code == 7
    assert content(peopled.store) == before


@pytest.mark.parametrize("name", ["aside", "present"])
def test_a_restore_out_of_the_store_s_own_folder(peopled: Desk, name: str) -> None:
    """The replaced store can be restored from where it is, and the present one from itself."""
    path = changed_since(peopled)
    aside = call(peopled, ["restore", str(path), "--yes", "--json"]).answer["aside"]
    source = aside if name == "aside" else str(peopled.database)
    copy = shutil.copy(source, peopled.store / "pincli.db.old") if name == "aside" else source
    Path(aside).unlink()
    assert call(peopled, ["restore", str(copy), "--yes"]).code == 0
    _stricter(peopled)
    untouched(peopled)


@pytest.mark.parametrize("store", ["there", "gone", "damaged"])
def test_a_restore_killed_at_every_step(
    peopled: Desk, forks: Forks, tmp_path: Path, store: str
) -> None:
    """A kill leaves the old store or the new one, whole; the same command removes what was left."""
    path = changed_since(peopled)
    before = peopled.events()
    if store == "gone":
        peopled.database.unlink()
    elif store == "damaged":
        peopled.database.write_text("what was a store\n" * 500)
    arguments = ("restore", str(path), "--yes", "--json")
    left = 0
    for wreck in wrecks(
        peopled, forks, tmp_path / "n", *arguments, plan=FILES, choose=every_lasting
    ):
        desk = wreck.desk
        left += bool(leftovers(desk.store, UNFINISHED, ASIDE))
        if store == "there":
            found = desk.events()
            done = any(event.kind is EventKind.RESTORED for event in found)
            assert done or found == before, wreck.point
            untouched(desk)
            assert done or wreck.point
        elif _is_store(desk):
            untouched(desk)
            assert asked(desk, "alice", RIGHT) is Outcome.UNCOLLECTED
        if wreck.point:
            again = forks.run(desk, *arguments)
            assert again.code == 0, (wreck.point, again)
            untouched(desk)
        assert leftovers(desk.store, UNFINISHED, ASIDE) == []
        assert asked(desk, "alice", "234811") is Outcome.UNCOLLECTED
        if store == "there":
            _stricter(desk)
            asides = desk.store.glob("pincli.db.before-restore-*")
            # A check of the store before it was set aside is one event more.
            heads = [_trail_of(aside)[: len(before)] for aside in asides]
            assert [event.mac for event in before] in heads, wreck.point
    assert left


def _trail_of(path: Path) -> list[str]:
    """The links of a store that was put aside."""
    with closing(sqlite3.connect(path)) as connection:
        return [
            link.hex() for (link,) in connection.execute("SELECT link FROM trail ORDER BY number")
        ]


def _is_store(desk: Desk) -> bool:
    return desk.database.exists() and desk.database.read_bytes().startswith(b"SQLite format 3")


def test_a_restore_on_a_disk_that_fills_up(peopled: Desk, forks: Forks, tmp_path: Path) -> None:
    """Wherever space runs out: exit 8 and the old store, or success."""
    path = changed_since(peopled)
    before = peopled.events()
    for number in range(2, 15, 2):
        desk = copy_of(peopled, tmp_path / str(number))
        plan = Plan(at=((f"sql:SELECT#{number}", "full"),))
        ran = forks.run(desk, "restore", str(path), "--yes", plan=plan)
        assert ran.code in (0, 8), ran
        done = any(event.kind is EventKind.RESTORED for event in desk.events())
        assert done is (ran.code == 0)
        assert done or desk.events() == before
        untouched(desk)
        if done:
            _stricter(desk)
        else:
            assert asked(desk, "alice", "234811") is Outcome.VERIFIED


def test_a_restore_killed_between_two_pages(peopled: Desk, tmp_path: Path) -> None:
    """A kill by the kernel while the store is written leaves the old one or the new one."""
    require_strace()
    path = changed_since(peopled)
    before = len(peopled.events())
    desk = copy_of(peopled, tmp_path / "whole")
    writes = traced(desk, "restore", str(path), "--yes", calls="pwrite64").calls
    own = [number for number, call_ in enumerate(writes, 1) if _to_the_store(call_)]
    assert len(own) > 20
    for number in (own[0], own[len(own) // 2], own[-1]):
        desk = copy_of(peopled, tmp_path / str(number))
        inject = f"pwrite64:signal=SIGKILL:when={number}"
        ran = traced(desk, "restore", str(path), "--yes", calls="pwrite64", inject=inject)
        assert killed(ran.ran.code) or ran.ran.code == 128 + signal.SIGKILL
        assert len(desk.events()) == before
        untouched(desk)
        assert asked(desk, "alice", "234811") is Outcome.VERIFIED


def _to_the_store(call_: Call) -> bool:
    return re.search(r"/pincli\.db(-journal)?>", call_.arguments) is not None


def test_restores_in_a_storm_of_verifies(peopled: Desk, crew: Sequence[Forks]) -> None:
    """Agents go on: each answer is a verdict, but for attempts that a restore ended."""
    path = backup_of(peopled)
    with _agents(peopled, crew) as codes:
        asides = set()
        for number in range(4):
            ran = crew[0].run(peopled, "restore", str(path), "--yes", "--json")
            if ran.code == 0:
                asides.add(ran.answer["aside"])
            else:
                assert ran.code == 7, ran  # two within a second
            assert number or ran.code == 0
    assert set(codes) <= {0, 5, 8}
    assert codes.count(8) <= 2  # one for each agent
    untouched(peopled)


def test_a_lock_file_that_is_a_link_is_no_bug(peopled: Desk) -> None:
    """It is refused in words, and nothing is made where it leads."""
    path = backup_of(peopled)
    shutil.rmtree(peopled.store)
    peopled.store.mkdir(mode=0o700)
    target = peopled.store.parent / "target"
    (peopled.store / "pincli.lock").symlink_to(target)
    ran = call(peopled, ["restore", str(path), "--yes"])
    assert ran.code == 8
    assert not os.path.lexists(target)
