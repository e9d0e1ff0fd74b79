"""SIGKILL before every step that pincli takes: no guess is free, and nothing breaks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count as numbers
from pathlib import Path

import pytest

from pincli.models import EventKind, State, User
from pincli.rules.lockout import state_of
from tests.support.desk import Desk, Ran, killed
from tests.support.driving import (
    OTHER,
    RIGHT,
    WRONG,
    Forks,
    Log,
    copied,
    guess_wrong,
    nothing_impossible,
    verify_of,
)
from tests.support.failpoints import Plan
from tests.support.trail import count
from tests.support.turns import is_tried

FEWEST_STEPS = 15


@dataclass(frozen=True)
class Wreck:
    """A store on which one run was killed, or went through at last.

    Attributes:
        number: The step before which the run was killed.
        run: How it ended.
    """

    desk: Desk
    number: int
    run: Ran
    log: Log

    @property
    def whole(self) -> bool:
        """Whether the run was not killed."""
        return not killed(self.run.code)

    def again(self, name: str) -> Desk:
        """Copy the store as the kill left it."""
        return copied(self.desk, self.desk.store.with_name(f"{self.desk.store.name}-{name}"))


def wrecks(
    desk: Desk, forks: Forks, folder: Path, *arguments: str, stdin: str = ""
) -> Iterator[Wreck]:
    """Run on copies of one store, killed before each of today's steps and the last, then not."""
    steps = _steps_of(desk, forks, folder, *arguments, stdin=stdin)
    assert steps > FEWEST_STEPS, "the failpoints were not reached"
    for number in numbers(1):
        if number < steps and not is_tried(number):
            continue
        copy = copied(desk, folder / f"{number}")
        log = Log(folder / f"{number}.log")
        plan = Plan(log=str(log.path), kill_at=number)
        wreck = Wreck(copy, number, forks.run(copy, *arguments, stdin=stdin, plan=plan), log)
        yield wreck
        if wreck.whole:
            return


def _steps_of(desk: Desk, forks: Forks, folder: Path, *arguments: str, stdin: str) -> int:
    """Count the steps of the whole run."""
    copy, log = copied(desk, folder / "whole"), Log(folder / "whole.log")
    forks.run(copy, *arguments, stdin=stdin, plan=Plan(log=str(log.path)))
    return len(log.points())


@pytest.mark.parametrize("used", [0, 5])
@pytest.mark.parametrize("pin", [RIGHT, WRONG])
def test_verify_killed_at_every_step(
    desk: Desk, forks: Forks, tmp_path: Path, pin: str, used: int
) -> None:
    """The next command ends the attempt with the outcome of its own answer."""
    desk.collected("alice")
    guess_wrong(desk, "alice", used)
    ends = []
    for wreck in wrecks(desk, forks, tmp_path / "n", *verify_of("alice"), stdin=f"{pin}\n"):
        left = _left_behind(wreck.desk)
        charged = left.attempts_total - used
        assert wreck.log.count("charged") <= charged <= 1, wreck.number
        assert wreck.run.out == "" or wreck.log.count("answer"), wreck.number
        counter = 0 if pin == RIGHT and charged else used + charged
        _verify_next(wreck, forks, pin, counter)
        _unlock_next(wreck, forks, pin, counter)
        ends.append(wreck.run)
    assert ends[-1].code == (0 if pin == RIGHT else 3)
    # Only after the answer is flushed, as in a renewal, does a killed run have output.
    answered = [end.out != "" for end in ends]
    assert answered == sorted(answered)
    assert answered[-2:] == [True, True]
    outcome = ends[-1].answer["outcome"]
    assert {end.answer["outcome"] for end in ends if end.out} == {outcome}


def _verify_next(wreck: Wreck, forks: Forks, pin: str, counter: int) -> None:
    """A right caller after the kill is verified, unless the dead answer was the sixth miss."""
    desk = wreck.again("verify")
    locked = counter == 6
    end = forks.verify(desk, "alice", RIGHT)
    assert end.code == (4 if locked else 0), (wreck.number, end)
    _ended(desk, pin, locked=locked)
    user = desk.user("alice")
    assert user.failed_attempts == (6 if locked else 0)
    assert (user.locked_since is not None) == locked


def _unlock_next(wreck: Wreck, forks: Forks, pin: str, counter: int) -> None:
    """An unlock after the kill works if the counter is at six."""
    desk = wreck.again("unlock")
    locked = counter == 6
    end = forks.run(desk, "unlock", "alice", "--reason", "T-1", "--json")
    assert end.code == (0 if locked else 7), (wreck.number, end)
    _ended(desk, pin, locked=locked)
    user = desk.user("alice")
    assert user.failed_attempts == (0 if locked else counter)
    assert forks.verify(desk, "alice", RIGHT).code == 0


def _left_behind(desk: Desk) -> User:
    """The record as the kill left it; a hot journal is rolled back by the first reader."""
    nothing_impossible(desk)
    return desk.user("alice")


def _ended(desk: Desk, pin: str, *, locked: bool) -> None:
    """Fail unless each attempt has the outcome of its answer, and six misses are one lock."""
    nothing_impossible(desk)
    user, events = desk.user("alice"), desk.events("alice")
    assert user.attempt is None
    charges = [event.seq for event in events if event.kind is EventKind.ATTEMPT]
    ends = {event.attempt: event for event in events if event.attempt is not None}
    assert sorted(ends) == charges
    rights = [end for end in ends.values() if end.kind is EventKind.VERIFIED]
    assert len(ends) - len(rights) == count(events, EventKind.INCORRECT)
    assert pin == WRONG or count(events, EventKind.LOCKED) == 0
    assert count(events, EventKind.LOCKED) == user.locks_total == locked


@pytest.mark.parametrize("pin", [RIGHT, WRONG])
@pytest.mark.parametrize(
    "arguments",
    [
        verify_of("alice"),
        ("unlock", "alice", "--reason", "T-1"),
        ("reset", "alice", "--yes"),
        ("pin", "show", "alice"),
    ],
    ids=" ".join,
)
def test_ending_what_the_dead_left_killed_at_every_step(
    desk: Desk, forks: Forks, tmp_path: Path, arguments: tuple[str, ...], pin: str
) -> None:
    """An open attempt is ended once, with one lock, even if that process is killed too."""
    desk.collected("alice")
    guess_wrong(desk, "alice", 5)
    dead = forks.verify(desk, "alice", pin, Plan(at=(("charged", "kill"),)))
    assert killed(dead.code)
    charge = desk.user("alice").attempt
    assert charge is not None
    for wreck in wrecks(desk, forks, tmp_path / "n", *arguments, stdin=f"{RIGHT}\n"):
        nothing_impossible(wreck.desk)
        forks.run(wreck.desk, "unlock", "alice", "--reason", "T-1")
        nothing_impossible(wreck.desk)
        events, user = wreck.desk.events("alice"), wreck.desk.user("alice")
        (end,) = [event for event in events if event.attempt == charge]
        resets = count(events, EventKind.PIN_WITHDRAWN) > 0
        kind = EventKind.REFUSED if resets and end.kind is not EventKind.VERIFIED else None
        kind = kind or EventKind.VERIFIED
        assert end.kind is (kind if pin == RIGHT else EventKind.INCORRECT)
        assert (user.failed_attempts, user.locks_total) == (0, int(pin == WRONG))


def test_a_first_look_killed_at_every_step(desk: Desk, forks: Forks, tmp_path: Path) -> None:
    """A PIN that was shown is on disk, and the next look shows it again."""
    desk.add("alice")
    shown_by_the_dead = 0
    for wreck in wrecks(desk, forks, tmp_path / "n", "pin", "show", "alice", "--json"):
        nothing_impossible(wreck.desk)
        pin = _shown(wreck.desk, forks)
        if wreck.run.out:
            shown_by_the_dead += 1
            assert wreck.run.answer["pin"] == pin, wreck.number
        assert forks.verify(wreck.desk, "alice", pin).code == 0, wreck.number
        events = wreck.desk.events()
        assert count(events, EventKind.PIN_GENERATED) == 1
    assert shown_by_the_dead == 2  # the one killed after its answer, and the one not killed


def test_a_second_look_killed_at_every_step(desk: Desk, forks: Forks, tmp_path: Path) -> None:
    """No PIN is shown before the look is recorded."""
    pin = desk.collected("alice")
    for wreck in wrecks(desk, forks, tmp_path / "n", "pin", "show", "alice", "--json"):
        nothing_impossible(wreck.desk)
        if wreck.run.out:
            assert wreck.run.answer["pin"] == pin
            assert count(wreck.desk.events(), EventKind.PIN_SHOWN) == 1, wreck.number
        assert _shown(wreck.desk, forks) == pin


def test_a_change_killed_at_every_step(desk: Desk, forks: Forks, tmp_path: Path) -> None:
    """Either the old PIN with its counter, or the new one with 0."""
    desk.collected("alice")
    guess_wrong(desk, "alice", 3)
    arguments = ("pin", "change", "alice", "--pin-stdin", "--json")
    for wreck in wrecks(desk, forks, tmp_path / "n", *arguments, stdin=f"{OTHER}\n"):
        user = _left_behind(wreck.desk)
        changed = count(wreck.desk.events(), EventKind.PIN_CHANGED) == 2
        assert user.failed_attempts == (0 if changed else 3), wreck.number
        assert changed or not wreck.run.out
        present, other = (OTHER, RIGHT) if changed else (RIGHT, OTHER)
        assert _shown(wreck.desk, forks) == present
        assert forks.verify(wreck.desk, "alice", other).code == 3
        assert forks.verify(wreck.desk, "alice", present).code == 0


def test_an_unlock_killed_at_every_step(desk: Desk, forks: Forks, tmp_path: Path) -> None:
    """Locked as before, or released and recorded."""
    desk.collected("alice")
    guess_wrong(desk, "alice", 6)
    arguments = ("unlock", "alice", "--reason", "T-1", "--json")
    for wreck in wrecks(desk, forks, tmp_path / "n", *arguments):
        user = _left_behind(wreck.desk)
        released = count(wreck.desk.events(), EventKind.UNLOCKED) == 1
        assert user.failed_attempts == (0 if released else 6), wreck.number
        assert (user.locked_since is None) == released
        assert released or not wreck.run.out
        assert forks.verify(wreck.desk, "alice", RIGHT).code == (0 if released else 4)


RESETS = [
    ("reset", "alice", "--yes", "--json"),
    ("reset", "alice", "bob", "--yes", "--json"),
    ("reset", "alice", "bob", "--yes", "--json", "--unlock", "--reason", "T-1"),
    ("reset", "alice", "--yes", "--json", "--issue"),
]


@pytest.mark.parametrize("arguments", RESETS, ids=" ".join)
def test_a_reset_killed_at_every_step(
    desk: Desk, forks: Forks, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """A transaction is whole or absent; a lock stays without --unlock."""
    desk.collected("alice")
    desk.collected("bob", pin=OTHER)
    guess_wrong(desk, "alice", 4)
    guess_wrong(desk, "bob", 6)
    for wreck in wrecks(desk, forks, tmp_path / "n", *arguments):
        alice = _left_behind(wreck.desk)
        bob = wreck.desk.user("bob")
        done = alice.pin_version == 2
        assert alice.failed_attempts == (0 if done else 4), wreck.number
        assert state_of(alice) is (
            State.UNCOLLECTED if done and "--issue" not in arguments else State.ACTIVE
        )
        bulk_done = done and "bob" in arguments
        assert bob.pin_version == (2 if bulk_done else 1)
        assert bob.failed_attempts == (0 if bulk_done and "--unlock" in arguments else 6)
        assert done or not wreck.run.out
        assert forks.verify(wreck.desk, "alice", RIGHT).code == _after_reset(alice, done=done)


def _after_reset(user: User, *, done: bool) -> int:
    """The exit code for the old PIN."""
    if not done:
        return 0
    return 3 if user.question else 5


def _shown(desk: Desk, forks: Forks) -> str:
    end = forks.run(desk, "pin", "show", "alice", "--json")
    assert end.code == 0, end
    return str(end.answer["pin"])
