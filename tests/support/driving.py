"""Pincli in processes that a test pauses, starts together or kills."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from pincli.models import EventKind, NewEvent, Outcome
from pincli.operations import pins
from pincli.operations.verify import verify
from pincli.results import Event
from pincli.store.contract import Transaction
from pincli.store.steps import pins as pin_steps
from pincli.vault.answers import PRODUCTION_COST
from tests.support.desk import Desk, Ran
from tests.support.failpoints import Plan
from tests.support.forks import forked_with, job, results, source
from tests.support.replay import replay

ROOT = Path(__file__).parents[2]
LONG_ENOUGH = 60.0
RIGHT, WRONG, OTHER = "444159", "111222", "739154"

APP = (sys.executable, "-m", "tests.support.drive_app")


@dataclass(frozen=True)
class Log:
    """The points that one run, or several at once, have reached."""

    path: Path

    def points(self) -> list[str]:
        """All of them, in order."""
        return self.path.read_text().splitlines() if self.path.exists() else []

    def count(self, point: str) -> int:
        """How often a point was reached."""
        return self.points().count(point)

    def wait_for(self, point: str, times: int = 1) -> None:
        """Return once a point was reached this often."""
        wait_until(lambda: self.count(point) >= times, f"{point} x {times}")


class Driven:
    """One run of pincli as a process of its own, with failpoints.

    Attributes:
        log: The points it has reached.
    """

    def __init__(self, desk: Desk, arguments: Sequence[str], plan: Plan) -> None:
        ready, ready_end = os.pipe()
        go_end, go = os.pipe()
        self._ready, self._go = ready, go
        self.log = Log(Path(plan.log))
        plan = replace(plan, gate=(ready_end, go_end))
        self.process = subprocess.Popen(
            [*APP, plan.dump(), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=desk.environment(),
            cwd=ROOT,
            pass_fds=plan.gate,
            process_group=0,  # so that SIGTSTP can stop it under any parent of pytest
        )
        os.close(ready_end)
        os.close(go_end)

    def answer(self, pin: str) -> None:
        """Write the PIN that --pin-stdin waits for."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{pin}\n".encode())
        self.process.stdin.flush()

    def await_pause(self) -> None:
        """Wait until the run is at its pause."""
        assert select.select([self._ready], [], [], LONG_ENOUGH)[0], "no pause was reached"
        assert os.read(self._ready, 1), f"it ended without its pause: {self.log.points()}"

    def go_on(self) -> None:
        """Let it go on from its pause."""
        os.write(self._go, b".")

    def continued(self) -> Ran:
        """Continue after a stop; how it ended."""
        self.signal(signal.SIGCONT)
        self.go_on()
        return self.end()

    def ended(self) -> bool:
        """Whether the process is over."""
        return self.process.poll() is not None

    def signal(self, number: signal.Signals) -> None:
        """Send the process a signal."""
        self.process.send_signal(number)

    def end(self) -> Ran:
        """Wait for the end; how it ended."""
        out, err = self.process.communicate(timeout=LONG_ENOUGH)
        return Ran(self.process.returncode, out.decode(), err.decode())

    def close(self) -> None:
        """Kill it if it still runs, and close its pipes."""
        if not self.ended():
            self.process.kill()
        self.process.communicate()
        os.close(self._ready)
        os.close(self._go)


@contextmanager
def driven(
    desk: Desk, *arguments: str, plan: Plan | None = None, pin: str | None = None
) -> Iterator[Driven]:
    """Start one driven run, and end it in any case.

    Args:
        desk: The store it works on.
        arguments: Pincli's own.
        plan: Its failpoints; a log of its own if the plan names none.
        pin: What to write to its stdin at once.
    """
    plan = plan or Plan()
    if not plan.log:
        plan = replace(plan, log=str(fresh(desk, "log")))
    run = Driven(desk, arguments, plan)
    try:
        if pin is not None:
            run.answer(pin)
        yield run
    finally:
        run.close()


def drive(desk: Desk, *arguments: str, plan: Plan | None = None, pin: str | None = None) -> Ran:
    """Run pincli with failpoints, to its end: forked, unless the plan leaves it no room."""
    plan = plan or Plan()
    if {"full", "starve"} & {action for _, action in plan.at}:
        with driven(desk, *arguments, plan=plan, pin=pin) as run:
            return run.end()
    stdin = f"{pin}\n".encode() if pin is not None else b""
    return Ran(*forked_with(plan.dump(), arguments, stdin, desk.environment()))


@contextmanager
def paused_verify(
    desk: Desk, user: str, pin: str, *at: tuple[str, str], log: str = ""
) -> Iterator[Driven]:
    """A verify that is charged and waits just before its settle."""
    plan = Plan(at=(("charged", "pause"), *at), log=log)
    with driven(desk.front, *verify_of(user), plan=plan, pin=pin) as run:
        run.await_pause()
        # A server has been sent the charge by now, and the settle has not been.
        query = "SELECT attempt FROM people WHERE login = ?"
        wait_until(lambda: desk.sql(query, user) != [(None,)], "the charge")
        yield run


@contextmanager
def stopped_verify(desk: Desk, user: str, pin: str) -> Iterator[Driven]:
    """A verify that is charged and then stopped by SIGSTOP."""
    with paused_verify(desk, user, pin) as run:
        run.signal(signal.SIGSTOP)
        os.waitid(os.P_PID, run.process.pid, os.WSTOPPED | os.WNOWAIT)
        yield run


@dataclass(frozen=True)
class Run:
    """One run of pincli for `Forks`.

    Attributes:
        kill_after: The seconds after which it is killed, if it is.
    """

    arguments: Sequence[str]
    stdin: str = ""
    plan: Plan = field(default_factory=Plan)
    kill_after: float | None = None


class Forks:
    """Runs pincli in quick succession, by forked processes; see drive_forks.py."""

    def __init__(self) -> None:
        self._process = source()

    def run(
        self,
        desk: Desk,
        *arguments: str,
        stdin: str = "",
        plan: Plan | None = None,
        kill_after: float | None = None,
    ) -> Ran:
        """Run pincli in a process, to its end or until it is killed after these seconds."""
        return self.at_once(desk, Run(arguments, stdin, plan or Plan(), kill_after))[0]

    def at_once(self, desk: Desk, *runs: Run) -> list[Ran]:
        """Run pincli several times at once, each in a process of its own."""
        environment = {
            "PINCLI_STORE": str(desk.location),
            "PINCLI_KEYS": str(desk.keys),
            "TMPDIR": str(desk.store.parent),
        }
        jobs = [
            job(run.arguments, run.stdin.encode(), environment, run.plan.dump(), run.kill_after)
            for run in runs
        ]
        return [Ran(*each) for each in results(self._process, jobs)]

    def verify(self, desk: Desk, user: str, pin: str, plan: Plan | None = None) -> Ran:
        """`pincli verify USER --pin-stdin --json`, by a desk's host."""
        return self.run(desk.front, *verify_of(user), stdin=f"{pin}\n", plan=plan)

    def answers(self, desk: Desk, user: str, *pins: str) -> list[Ran]:
        """One caller for each answer, all at once, at a desk's host."""
        runs = (Run(verify_of(user), f"{pin}\n") for pin in pins)
        return self.at_once(desk.front, *runs)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=LONG_ENOUGH)


def verify_of(user: str) -> tuple[str, ...]:
    """The arguments of a verify by a program."""
    return ("verify", user, "--pin-stdin", "--json")


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Wait until a condition holds; fail after a long while."""
    deadline = time.monotonic() + LONG_ENOUGH
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.005)


def fresh(desk: Desk, name: str) -> Path:
    """An unused path in the folder of the store."""
    number = 0
    while (path := desk.store.parent / f"{name}-{number}").exists():
        number += 1
    path.touch()
    return path


def at_production_cost(desk: Desk, user: str, pin: str = RIGHT) -> None:
    """Add a user whose PIN is hashed at the real cost."""
    desk.add(user)
    with desk.session(cost=PRODUCTION_COST) as session:
        pins.change(session, user, pin)


def asked(desk: Desk, user: str, pin: str) -> Outcome:
    """The outcome of a verify in this process, which is quick."""
    with desk.session() as session:
        return verify(session, user, pin, None).outcome


def guess_wrong(desk: Desk, user: str, times: int, wrong: str = WRONG) -> None:
    """Bring a user's counter up by wrong answers."""
    with desk.session() as session:
        for _ in range(times):
            verify(session, user, wrong, None)


def intact(desk: Desk) -> None:
    """Fail unless SQLite finds the database intact; a server is not checked."""
    if not desk.is_served:
        assert desk.sql("PRAGMA integrity_check") == [("ok",)]


def settle_down(desk: Desk) -> None:
    """Wait until a server has done what killed clients have sent."""
    query = (
        "SELECT pid, state, state_change FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )

    def is_quiet() -> bool:
        before = after = desk.sql(query)
        began = time.monotonic()
        while after:
            if time.monotonic() - began > 0.2:  # a pooler's connection stays
                return before == after and all(state == "idle" for _, state, _ in after)
            time.sleep(0.01)
            after = desk.sql(query)
        return True

    if desk.is_served:
        wait_until(is_quiet, "the server")


def nothing_impossible(desk: Desk, answers: Iterable[dict[str, Any]] = ()) -> None:
    """Fail unless the database is intact, and the replay finds no error in its trail.

    Args:
        desk: The store.
        answers: The answers of verify; none may say more than the trail does.
    """
    settle_down(desk)
    intact(desk)  # opening it rolls a killed transaction back
    assert replay(desk.sql, answers) == []


def count(events: Iterable[Event], kind: EventKind) -> int:
    """How many events are of a kind."""
    return sum(event.kind is kind for event in events)


def withdraw(desk: Desk, *users: str, unlock: bool = False) -> None:
    """Reset users as bulk work does: in one transaction."""
    rows = [desk.user(user).id for user in users]
    with desk.session() as session:
        session.store.write(pin_steps.withdraw, rows, unlock=unlock, reason="an attack")


def edit(desk: Desk, *users: str, **fields: Any) -> None:
    """Change fields of users' records that no command changes, in an honest transaction."""

    def edited(transaction: Transaction, rows: Sequence[int]) -> None:
        events = [
            NewEvent(EventKind.USER_UPDATED, user._replace(**fields))
            for user in transaction.users(rows)
        ]
        transaction.save(events)

    rows = [desk.user(user).id for user in users]
    with desk.session() as session:
        session.store.write(edited, rows)
