"""Locks: one holder per byte, a bounded wait, and no false lock on a removed file."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pincli.errors import StoreBusy, StoreUnavailable
from pincli.models import Fault
from pincli.store.sqlite import lockfile as module
from pincli.store.sqlite.lockfile import LONGEST_WAIT, Locks
from tests.store.processes import Other, held_by_other, other

MAINTENANCE = module._MAINTENANCE


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A lock file as init makes it."""
    file = tmp_path / "pincli.lock"
    file.touch(0o600)
    return file


@pytest.mark.parametrize("byte", [0, MAINTENANCE])
def test_two_processes_exclude_each_other_on_one_byte(path: Path, byte: int) -> None:
    """The second process gets the lock when the first releases it, and not before."""
    with held_by_other(path, byte) as first, other("lock_holder", path, byte) as second:
        assert second.said() == "trying"
        assert second.says_nothing_for(0.3)
        first.tell("release")
        assert first.said() == "released"
        assert second.said() == "held"


def test_an_alarm_at_the_last_moment_rings_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An alarm that comes while it is disarmed leaves no timer and no handler behind."""
    before = signal.getsignal(signal.SIGALRM)
    disarm = signal.setitimer
    moment = time.monotonic() + 60

    def just_before(which: int, seconds: float, interval: float = 0) -> object:
        if not seconds:
            monkeypatch.setattr(signal, "setitimer", disarm)
            monkeypatch.setattr(time, "monotonic", lambda: moment)
            os.kill(os.getpid(), signal.SIGALRM)
        return disarm(which, seconds, interval)

    monkeypatch.setattr(signal, "setitimer", just_before)
    with pytest.raises(module._WaitedTooLongError), module._alarm(60):
        pass
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert signal.getsignal(signal.SIGALRM) is before


def test_different_bytes_do_not_exclude_each_other(path: Path) -> None:
    """A key rotation holds its own lock while others write."""
    with held_by_other(path, 0), held_by_other(path, MAINTENANCE):
        pass


@pytest.mark.parametrize("byte", [0, 7, MAINTENANCE])
def test_everything_is_every_lock_there_can_be(
    path: Path, byte: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It includes the writer's lock, a rotation's, and those of version 1 for its users."""
    monkeypatch.setattr(module, "LONGEST_WAIT", 0.1)
    locks = Locks(path)
    with held_by_other(path, byte), pytest.raises(StoreBusy), locks.everything():
        pytest.fail("two hold a lock")
    with locks.everything(), other("lock_holder", path, byte) as second:
        assert second.said() == "trying"
        assert second.says_nothing_for(0.3)
    locks.close()


def test_a_killed_holder_lets_go(path: Path) -> None:
    """The kernel frees the locks of a killed process."""
    with held_by_other(path, 0) as first, other("lock_holder", path, 0) as second:
        assert second.said() == "trying"
        first.process.kill()
        assert second.said() == "held"


@pytest.mark.parametrize("alarm", ["as usual", "blocked", "ignored", "pending"])
def test_waiting_is_bounded(path: Path, monkeypatch: pytest.MonkeyPatch, alarm: str) -> None:
    """A wait ends in time and names the holder, even if SIGALRM was blocked or ignored."""
    monkeypatch.setattr(module, "LONGEST_WAIT", 0.2)
    before = signal.signal(signal.SIGALRM, signal.SIG_IGN if alarm == "ignored" else signal.SIG_DFL)
    at_first = signal.pthread_sigmask(
        signal.SIG_BLOCK, {signal.SIGALRM} if alarm in ("blocked", "pending") else ()
    )
    handler = signal.getsignal(signal.SIGALRM)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    if alarm == "pending":
        signal.pthread_kill(threading.get_ident(), signal.SIGALRM)
    locks = Locks(path)
    try:
        with held_by_other(path, 0) as holder, released_after(5, holder):
            began = time.monotonic()
            with pytest.raises(StoreBusy) as refusal, locks.writer():
                pytest.fail("two hold the writer lock")
            assert 0.2 <= time.monotonic() - began < 4
            assert (refusal.value.holder, refusal.value.path) == (holder.pid, path)
            assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
            assert signal.getsignal(signal.SIGALRM) is handler
            assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == mask
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, at_first)
        signal.signal(signal.SIGALRM, before)
    with locks.writer():
        pass
    locks.close()


def test_a_signal_that_does_not_interrupt_the_call_is_seen(path: Path) -> None:
    """Ctrl-C just before the call, or in another thread, does not wait for ten seconds."""

    def take() -> None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR1})
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, signal.default_int_handler)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    locks = Locks(path)
    try:
        with held_by_other(path, 0):
            timer = threading.Timer(0.1, take)
            timer.start()
            with pytest.raises(KeyboardInterrupt), locks.writer():
                pytest.fail("two hold the writer lock")
            timer.join()
        assert locks.patience > LONGEST_WAIT / 2
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGUSR1, before)
    locks.close()


def test_all_waits_together_are_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Time spent waiting for one lock is missing for the next, until a commit."""
    monkeypatch.setattr(module, "LONGEST_WAIT", 1.2)
    locks = Locks(path)
    with held_by_other(path, MAINTENANCE) as first, held_by_other(path, 0):
        with released_after(0.9, first), locks.maintenance():
            began = time.monotonic()
            with pytest.raises(StoreBusy), locks.writer():
                pytest.fail("two hold the writer lock")
            assert time.monotonic() - began < 1
            with pytest.raises(StoreBusy), locks.writer():
                pytest.fail("two hold the writer lock")
        locks.renew_patience()
        assert locks.patience == 1.2
    locks.close()


@contextmanager
def released_after(seconds: float, holder: Other) -> Iterator[None]:
    """Let a holder release its lock after some time, unless the test is over by then."""
    timer = threading.Timer(seconds, holder.tell, ["release"])
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def test_nobody_waits_longer_than_ten_seconds() -> None:
    """The bound is that of DESIGN.md."""
    assert LONGEST_WAIT == 10


def test_who_waits_can_be_ended(path: Path) -> None:
    """SIGTERM ends a waiting process at once, as nothing is charged yet."""
    with held_by_other(path, 0), other("lock_holder", path, 0) as second:
        assert second.said() == "trying"
        second.process.terminate()
        assert second.ended() == -signal.SIGTERM


def test_an_error_inside_lets_go(path: Path) -> None:
    """An exception releases the lock and restores the signal mask."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    locks = Locks(path)
    with pytest.raises(KeyError), locks.writer():
        raise KeyError
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == mask
    with held_by_other(path, 0):
        pass
    locks.close()


def test_letting_go_of_the_writer_lock_keeps_the_other(path: Path) -> None:
    """Releasing the writer lock keeps a rotation's lock, and its signals deferred."""
    locks = Locks(path)
    with locks.maintenance():
        with locks.writer():
            pass
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        assert {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP} <= blocked
        with held_by_other(path, 0), other("lock_holder", path, MAINTENANCE) as rival:
            assert rival.said() == "trying"
            assert rival.says_nothing_for(0.3)
    locks.close()


def test_the_writer_lock_inside_itself_is_released_at_the_outer_end(path: Path) -> None:
    """The kernel does not count locks: the inner end must not let others in."""
    locks = Locks(path)
    with locks.writer():
        with locks.writer():
            pass
        with other("lock_holder", path, 0) as rival:
            assert rival.said() == "trying"
            assert rival.says_nothing_for(0.3)
    with held_by_other(path, 0):
        pass
    locks.close()


def test_signals_are_kept_off_from_the_first_lock_to_the_end(path: Path) -> None:
    """Before the charge a waiting process can be ended; between charge and settle it can't."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    locks = Locks(path)
    with locks.deferring_signals():
        assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == mask
        with locks.writer():
            pass
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        assert {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP} <= blocked
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == mask
    locks.close()


@pytest.mark.parametrize("made_again", [False, True])
def test_a_removed_lock_file_stops_everybody(path: Path, made_again: bool) -> None:
    """A lock on a removed file excludes nobody, so it is an error."""
    locks = Locks(path)
    path.unlink()
    if made_again:
        path.touch(0o600)
    for lock in (locks.writer(), locks.maintenance()):
        with pytest.raises(StoreUnavailable) as refusal, lock:
            pytest.fail("held a lock on a removed file")
        assert refusal.value.fault is Fault.NO_LOCK_FILE
    locks.close()


def test_a_missing_lock_file_is_not_made(path: Path) -> None:
    """Only init makes it: a new one would not exclude processes with the old one."""
    path.unlink()
    with pytest.raises(StoreUnavailable) as refusal:
        Locks(path)
    assert refusal.value.fault is Fault.NO_LOCK_FILE
    assert not path.exists()


def test_a_link_is_no_lock_file(path: Path) -> None:
    """A link in its place is refused, even one to a file."""
    link = path.with_name("link.lock")
    link.symlink_to(path)
    with pytest.raises(StoreUnavailable) as refusal:
        Locks(link)
    assert refusal.value.fault is Fault.LINK
