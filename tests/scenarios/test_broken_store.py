"""A store that can't be written, is damaged, or was left half-written: exit 8, or repaired."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pincli.models import Outcome
from tests.support.copies import marked_here
from tests.support.desk import Desk, Ran, killed, new_desk
from tests.support.disks import small_disk_at
from tests.support.driving import (
    RIGHT,
    WRONG,
    Forks,
    asked,
    drive,
    guess_wrong,
    nothing_impossible,
    paused_verify,
    verify_of,
)
from tests.support.failpoints import Plan
from tests.support.strace import require_strace, traced

PAGE = 4096
LOCK_FILE = "pincli.lock"


@pytest.fixture
def alice(desk: Desk) -> Desk:
    """A store with alice, who has two misses."""
    desk.collected("alice")
    guess_wrong(desk, "alice", 2)
    return desk


def _refuses(desk: Desk, plan: Plan | None = None, why: str = "") -> None:
    """Fail unless the right PIN gives exit 8, with one clear line, a hint and no traceback."""
    ran = drive(desk, *verify_of("alice"), plan=plan, pin=RIGHT)
    assert (ran.code, ran.err) == (8, ""), ran
    assert ran.answer["error"]["code"] == "unavailable"
    assert ran.answer["error"]["message"].startswith(f"not verified: {why}")
    _says_so(drive(desk, "verify", "alice", "--pin-stdin", plan=plan, pin=RIGHT))


def _says_so(ran: Ran) -> None:
    assert (ran.code, ran.out) == (8, ""), ran
    error, hint = ran.err.splitlines()
    assert error.startswith("pincli: error: not verified: ")
    assert hint.startswith("hint: ")


def _as_before(desk: Desk, used: int = 2) -> None:
    """Fail if anything was charged, or if the caller is not verified once the fault is gone."""
    user = desk.user("alice")
    assert (user.failed_attempts, user.attempts_total, user.attempt) == (used, used, None)
    assert asked(desk, "alice", RIGHT) is Outcome.VERIFIED
    nothing_impossible(desk)


@pytest.mark.parametrize(
    ("path", "mode", "status"), [("pincli.db", 0o400, 0), (".", 0o500, 0), ("pincli.db", 0, 8)]
)
def test_a_store_that_may_not_be_used(alice: Desk, path: str, mode: int, status: int) -> None:
    """What may not be read or written is not charged; what may be read is still shown."""
    was = (alice.store / path).stat().st_mode
    (alice.store / path).chmod(mode)
    _refuses(alice, Plan(powerless=True))
    shown = drive(alice, "status", "alice", plan=Plan(powerless=True))
    (alice.store / path).chmod(was)
    assert shown.code == status
    _as_before(alice)


def test_a_file_size_limit_at_the_charge(alice: Desk) -> None:
    """The charge can't write one more byte: nothing is charged."""
    _refuses(alice, Plan(at=(("charge", "full"),)))
    _as_before(alice)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of half a megabyte."""
    with small_disk_at(tmp_path / "disk", 512) as folder:
        yield folder


def _fill(folder: Path) -> Path:
    """Use up every free block."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (65536, PAGE, 1):
            try:
                while file.write(b"x" * size) == size:
                    pass
            except OSError:
                continue
    return filler


@pytest.fixture
def on_small_disk(small_disk: Path) -> Desk:
    """A store with alice on the small disk."""
    desk = new_desk(small_disk)
    desk.collected("alice")
    guess_wrong(desk, "alice", 2)
    return desk


@pytest.mark.system
def test_a_full_disk_before_the_charge(on_small_disk: Desk) -> None:
    """Without space for the charge nothing is charged, and with space all is well again."""
    filler = _fill(on_small_disk.store.parent)
    ran = on_small_disk.verify("alice", RIGHT)
    assert (ran.code, ran.err) == (8, ""), ran
    assert "disk is full" in ran.answer["error"]["message"]
    _says_so(on_small_disk.run("verify", "alice", "--pin-stdin", stdin=f"{RIGHT}\n"))
    filler.unlink()
    _as_before(on_small_disk)


@pytest.mark.system
def test_a_disk_that_fills_up_before_the_settle(on_small_disk: Desk, tmp_path: Path) -> None:
    """Without space for the settle a right answer is not verified, and stays charged."""
    desk = on_small_disk
    log = tmp_path / "log"  # not on the disk that is about to be full
    with paused_verify(desk, "alice", RIGHT, log=str(log)) as run:
        filler = _fill(desk.store.parent)
        run.go_on()
        end = run.end()
    assert (end.code, end.err) == (8, ""), end
    assert end.answer["error"]["message"].startswith("not verified: the disk is full")
    filler.unlink()
    user = desk.user("alice")
    assert (user.failed_attempts, user.attempt is None) == (3, False)
    assert asked(desk, "alice", RIGHT) is Outcome.VERIFIED
    nothing_impossible(desk)


def test_a_disk_without_inodes(small_disk: Path, alice: Desk) -> None:
    """There is space, but not for one more file: verify and doctor say so."""
    shutil.copytree(alice.store, small_disk, dirs_exist_ok=True)
    desk = Desk(small_disk, alice.keys, alice.pins)
    marked_here(desk.database, desk.keys)
    there_are = len(list(small_disk.iterdir())) + 1
    options = f"remount,nr_inodes={there_are}"
    subprocess.run(["mount", "-o", options, str(small_disk)], check=True)
    _refuses(desk, why="the disk is full: it has no inode")
    checks = desk.run("doctor", "--json").answer["checks"]
    assert "no inodes left" in [check["finding"] for check in checks]
    assert all("restore a backup" not in (check["hint"] or "") for check in checks)
    subprocess.run(["mount", "-o", "remount,nr_inodes=100", str(small_disk)], check=True)
    _as_before(desk)


def _hot_journal(desk: Desk) -> None:
    """Leave a run that was killed in its commit, after it had overwritten pages."""
    require_strace()
    run = traced(
        desk,
        *verify_of("alice"),
        calls="fdatasync",
        stdin=f"{WRONG}\n",
        inject="fdatasync:signal=KILL:when=4",
    )
    assert killed(run.ran.code)


def _stale_journal(desk: Desk) -> None:
    """Leave a journal whose header was never written."""
    _journal(desk).write_bytes(bytes(512) + b"\x00\x00\x00\x05" + bytes(PAGE))


def _nonsense_journal(desk: Desk) -> None:
    """Leave a file of that name that is not a journal."""
    _journal(desk).write_bytes(b"nonsense" * 1000)


def _empty_journal(desk: Desk) -> None:
    _journal(desk).touch()


def _journal(desk: Desk) -> Path:
    return desk.database.with_name("pincli.db-journal")


@pytest.mark.parametrize("leave", [_hot_journal, _stale_journal, _nonsense_journal, _empty_journal])
def test_a_journal_left_behind_is_dealt_with(alice: Desk, leave: Callable[[Desk], None]) -> None:
    """The next command rolls the journal back or discards it, and works as usual."""
    leave(alice)
    assert _journal(alice).exists()
    ran = alice.verify("alice", WRONG)
    assert (ran.code, ran.answer["attempts_left"]) == (3, 3)
    assert not _journal(alice).exists()
    _as_before(alice, used=3)


def test_a_hot_journal_in_a_read_only_folder(alice: Desk) -> None:
    """A journal that can't be rolled back makes the database untrustworthy: exit 8."""
    _hot_journal(alice)
    alice.store.chmod(0o500)
    _refuses(alice, Plan(powerless=True))
    alice.store.chmod(0o700)
    _as_before(alice)


@pytest.mark.parametrize("made_anew", [False, True])
def test_a_lock_file_removed_between_charge_and_settle(alice: Desk, *, made_anew: bool) -> None:
    """The lock excludes nobody any more: the right answer is not verified, and stays charged."""
    lock_file = alice.store / LOCK_FILE
    with paused_verify(alice, "alice", RIGHT) as run:
        lock_file.unlink()
        if made_anew:
            lock_file.touch(0o600)
            assert alice.verify("alice", WRONG).code == 3
        run.go_on()
        end = run.end()
    assert (end.code, end.err) == (8, ""), end
    assert end.answer["error"]["message"].startswith("not verified: ")
    if not made_anew:
        lock_file.touch(0o600)
    assert alice.user("alice").failed_attempts == (1 if made_anew else 3)
    assert asked(alice, "alice", RIGHT) is Outcome.VERIFIED
    nothing_impossible(alice)


def _all_pages(desk: Desk) -> None:
    """Overwrite every page after the first with nonsense."""
    size = desk.database.stat().st_size
    with desk.database.open("r+b") as file:
        file.seek(PAGE)
        file.write(b"\xa5" * (size - PAGE))


def _cut(desk: Desk) -> None:
    with desk.database.open("r+b") as file:
        file.truncate(3 * PAGE + 100)


@pytest.mark.parametrize("damage", [_all_pages, _cut])
def test_a_damaged_database(alice: Desk, damage: Callable[[Desk], None]) -> None:
    """Exit 8 in one clear line, and the file stays as it is for a restore."""
    saved = alice.store.with_name("saved")
    shutil.copytree(alice.store, saved)
    damage(alice)
    _refuses(alice)
    shutil.rmtree(alice.store)
    saved.rename(alice.store)
    _as_before(alice)


@pytest.mark.parametrize("number", range(2, 13))
def test_one_damaged_page(alice: Desk, forks: Forks, number: int) -> None:
    """With any damaged page, a caller is verified or refused: no traceback, no false yes."""
    with alice.database.open("r+b") as file:
        file.seek((number - 1) * PAGE)
        file.write(b"\xa5" * PAGE)
    for pin, verdict in ((WRONG, 3), (RIGHT, 0)):
        ran = forks.verify(alice, "alice", pin)
        assert ran.code in (verdict, 6, 8), ran
        assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    "words", ["verify alice --pin-stdin --json", "reset --all --issue --reveal --yes --json"]
)
def test_where_no_thread_can_be_started(alice: Desk, words: str) -> None:
    """Under a limit on processes, one thread does everything."""
    require_strace()
    alice.collected("bob")
    inject = "clone,clone3:error=EAGAIN"
    run = traced(alice, *words.split(), calls="clone,clone3", stdin=f"{RIGHT}\n", inject=inject)
    assert run.calls
    assert (run.ran.code, run.ran.answer["ok"]) == (0, True), run.ran
