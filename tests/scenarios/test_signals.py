"""From charge to settle, signals that would end or stop the process wait."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path

import pytest

from pincli.models import EventKind
from tests.support.desk import PROGRAM, Desk
from tests.support.driving import (
    OTHER,
    RIGHT,
    WRONG,
    Driven,
    count,
    drive,
    driven,
    guess_wrong,
    nothing_impossible,
    paused_verify,
    verify_of,
    wait_until,
)
from tests.support.failpoints import Plan

# A thread that still imports in the background: a signal that it receives would act at once,
# although the main thread defers signals.
BUSY_THREAD = ("prepare", "linger")


def _code_for(number: signal.Signals) -> int:
    return 130 if number is signal.SIGINT else -number


def _settled(desk: Desk) -> None:
    assert desk.user("alice").attempt is None
    nothing_impossible(desk)


@pytest.mark.parametrize(
    ("number", "pin", "background"),
    [
        (signal.SIGINT, RIGHT, ()),
        (signal.SIGTERM, WRONG, ()),
        (signal.SIGHUP, RIGHT, ()),
        (signal.SIGINT, WRONG, (BUSY_THREAD,)),
        (signal.SIGTERM, RIGHT, (BUSY_THREAD,)),
    ],
)
def test_a_signal_that_ends_waits_for_the_settle(
    desk: Desk, number: signal.Signals, pin: str, background: tuple[tuple[str, str], ...]
) -> None:
    """The process ends after the settle, without a verdict."""
    desk.collected("alice")
    guess_wrong(desk, "alice", 4)
    with paused_verify(desk, "alice", pin, *background) as run:
        for _ in range(2):
            run.signal(number)
        _still_in_flight(desk, run)
        run.go_on()
        end = run.end()
        assert run.log.count("settled") == 1
    assert end.code == _code_for(number), end
    assert '"verified"' not in end.out
    if number is signal.SIGINT:
        assert end.answer["error"]["code"] == "interrupted"
        assert end.answer["error"]["message"].startswith("not verified: ")
    assert desk.user("alice").failed_attempts == (0 if pin == RIGHT else 5)
    _settled(desk)
    assert count(desk.events(), EventKind.VERIFIED) == (pin == RIGHT)


@pytest.mark.parametrize(
    ("point", "number"),
    [
        ("sql:BEGIN", signal.SIGINT),
        ("sql:COMMIT", signal.SIGTERM),
        ("mark", signal.SIGINT),
        ("lock:writer#2", signal.SIGTERM),
        ("sql:COMMIT#2", signal.SIGINT),
    ],
)
def test_a_signal_anywhere_from_charge_to_settle_waits(
    desk: Desk, number: signal.Signals, point: str
) -> None:
    """In both transactions, between them, and while waiting for the lock."""
    desk.collected("alice")
    plan = Plan(at=((point, "pause"),))
    with driven(desk, *verify_of("alice"), plan=plan, pin=RIGHT) as run:
        run.await_pause()
        run.signal(number)
        run.go_on()
        assert run.end().code == _code_for(number)
    _settled(desk)
    assert count(desk.events(), EventKind.VERIFIED) == 1


@pytest.mark.parametrize("background", [(), (BUSY_THREAD,)], ids=["alone", "busy thread"])
def test_ctrl_z_waits_for_the_settle(desk: Desk, background: tuple[tuple[str, str], ...]) -> None:
    """The process stops after it, and prints its verdict when continued."""
    desk.collected("alice")
    with paused_verify(desk, "alice", RIGHT, *background) as run:
        run.signal(signal.SIGTSTP)
        _still_in_flight(desk, run)
        run.go_on()
        os.waitid(os.P_PID, run.process.pid, os.WSTOPPED | os.WNOWAIT)
        assert run.log.count("answer") == 0
        _settled(desk)
        assert count(desk.events(), EventKind.VERIFIED) == 1
        assert desk.verify("alice", WRONG).code == 3
        run.signal(signal.SIGCONT)
        end = run.end()
    assert (end.code, end.answer["outcome"]) == (0, "verified")


def test_the_end_waits_for_the_background_imports(desk: Desk) -> None:
    """An end during an import has crashed the interpreter."""
    desk.collected("alice")
    plan = Plan(at=(BUSY_THREAD, ("hashed", "fail")))
    with driven(desk, *verify_of("alice"), plan=plan, pin=RIGHT) as run:
        assert run.end().code == 1
        assert run.log.count("prepared") == 1


def test_ctrl_c_while_waiting_for_the_lock_charges_nothing(desk: Desk) -> None:
    """And ends at once."""
    desk.collected("alice")
    holder = Plan(at=(("sql:COMMIT", "pause"),))
    with (
        driven(desk, *verify_of("alice"), plan=holder, pin=RIGHT) as first,
        driven(desk, *verify_of("alice")) as second,
    ):
        first.await_pause()
        second.answer(WRONG)
        second.log.wait_for("lock:writer")
        second.signal(signal.SIGINT)
        end = second.end()
        assert (end.code, end.answer["error"]["code"]) == (130, "interrupted")
        first.go_on()
        assert first.end().code == 0
    assert desk.user("alice").attempts_total == 1


def _still_in_flight(desk: Desk, run: Driven) -> None:
    """Fail unless the attempt is still open."""
    assert not run.ended()
    assert desk.sql("SELECT attempt IS NULL FROM people") == [(0,)]


def test_ctrl_c_into_a_verdict_for_people_leaves_it_whole(desk: Desk) -> None:
    """With a slow reader: VERIFIED, exit 0, and no second answer."""
    desk.collected("alice", pin=RIGHT)
    end, stdout = os.pipe()
    os.set_blocking(stdout, False)
    filled = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            filled += os.write(stdout, b"x")
    os.set_blocking(stdout, True)
    with subprocess.Popen(
        [*PROGRAM, "verify", "alice", "--pin-stdin"],
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env=desk.environment(),
        process_group=0,
    ) as process:
        os.close(stdout)
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(f"{RIGHT}\n".encode())
        process.stdin.close()
        wait_until(lambda: _writes_to_stdout(process.pid), "the verdict to be written")
        process.send_signal(signal.SIGINT)
        with open(end, "rb") as reader:
            output = reader.read()[filled:].decode()
        assert (process.wait(), process.stderr.read()) == (0, b"")
    assert "VERIFIED" in output
    assert "say" in output


def _writes_to_stdout(pid: int) -> bool:
    """Whether a process is in a write to its stdout."""
    return Path(f"/proc/{pid}/syscall").read_text().startswith(("1 0x1 ", "64 0x1 "))


def test_a_stopped_process_with_a_lock_is_named(desk: Desk) -> None:
    """Others learn which process to continue or end."""
    desk.collected("alice")
    desk.collected("bob", pin=OTHER)
    impatient = Plan(longest_wait=0.3)
    plan = Plan(at=(("sql:COMMIT", "pause"),))
    with driven(desk, *verify_of("alice"), plan=plan, pin=RIGHT) as run:
        run.await_pause()
        run.signal(signal.SIGSTOP)
        os.waitid(os.P_PID, run.process.pid, os.WSTOPPED | os.WNOWAIT)
        answered = drive(desk, *verify_of("bob"), plan=impatient, pin=OTHER)
        error, holder = answered.answer["error"], f"process {run.process.pid} (agent "
        assert (answered.code, error["code"]) == (8, "unavailable")
        assert holder in error["message"]
        assert f"kill -CONT {run.process.pid}" in error["hint"]
        run.signal(signal.SIGCONT)
        answered = drive(desk, "verify", "bob", "--pin-stdin", plan=impatient, pin=OTHER)
        assert holder in answered.err
        assert "it is stopped" not in answered.err
        run.go_on()
        assert run.end().code == 0
    assert drive(desk, *verify_of("bob"), pin=OTHER).code == 0
    _settled(desk)
