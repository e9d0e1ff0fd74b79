"""SIGKILL before every step that pincli takes: no guess is free, and nothing breaks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pincli.models import EventKind
from tests.support.bulk_work import end_state
from tests.support.desk import Desk, killed
from tests.support.driving import (
    OTHER,
    RIGHT,
    WRONG,
    Forks,
    asked,
    count,
    guess_wrong,
    nothing_impossible,
    verify_of,
)
from tests.support.failpoints import Plan
from tests.support.floor import copy_of
from tests.support.kills import Wreck, wrecks
from tests.support.turns import every_point

REASON = ("--reason", "T-1")


def again(desk: Desk, name: str) -> Desk:
    """Copy a store beside it."""
    return copy_of(desk, desk.store.with_name(f"{desk.store.name}-{name}"))


def steps(
    desk: Desk, forks: Forks, folder: Path, *arguments: str, stdin: str = ""
) -> Iterator[Wreck]:
    """The run killed before every step, in CI, and then not; nothing impossible has happened."""
    for wreck in wrecks(desk, forks, folder / "n", *arguments, stdin=stdin, choose=every_point):
        nothing_impossible(wreck.desk)
        yield wreck


@pytest.mark.parametrize("used", [0, 5])
@pytest.mark.parametrize("pin", [RIGHT, WRONG])
def test_verify_killed_at_every_step(
    desk: Desk, forks: Forks, tmp_path: Path, pin: str, used: int
) -> None:
    """The next command ends the attempt with the outcome of its own answer."""
    desk.collected("alice")
    guess_wrong(desk, "alice", used)
    ends = []
    for wreck in steps(desk, forks, tmp_path, *verify_of("alice"), stdin=f"{pin}\n"):
        charged = wreck.desk.user("alice").attempts_total - used
        assert wreck.log.count("charged") <= charged <= 1, wreck.point
        assert wreck.run.out == "" or wreck.log.count("answer"), wreck.point
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
    desk = again(wreck.desk, "verify")
    locked = counter == 6
    end = forks.verify(desk, "alice", RIGHT)
    assert end.code == (4 if locked else 0), (wreck.point, end)
    _ended(desk, pin, locked=locked)
    user = desk.user("alice")
    assert user.failed_attempts == (6 if locked else 0)
    assert (user.locked_since is not None) == locked


def _unlock_next(wreck: Wreck, forks: Forks, pin: str, counter: int) -> None:
    """An unlock after the kill works if the counter is at six."""
    desk = again(wreck.desk, "unlock")
    locked = counter == 6
    end = forks.run(desk, "unlock", "alice", *REASON, "--json")
    assert end.code == (0 if locked else 7), (wreck.point, end)
    _ended(desk, pin, locked=locked)
    user = desk.user("alice")
    assert user.failed_attempts == (0 if locked else counter)
    assert forks.verify(desk, "alice", RIGHT).code == 0


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
        ("unlock", "alice", *REASON),
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
    for wreck in steps(desk, forks, tmp_path, *arguments, stdin=f"{RIGHT}\n"):
        forks.run(wreck.desk, "unlock", "alice", *REASON)
        nothing_impossible(wreck.desk)
        events, user = wreck.desk.events("alice"), wreck.desk.user("alice")
        (end,) = [event for event in events if event.attempt == charge]
        resets = count(events, EventKind.PIN_WITHDRAWN) > 0
        rights = {EventKind.VERIFIED, *([EventKind.REFUSED] if resets else [])}
        assert end.kind in (rights if pin == RIGHT else {EventKind.INCORRECT})
        assert (user.failed_attempts, user.locks_total) == (0, int(pin == WRONG))


def test_a_first_look_killed_at_every_step(desk: Desk, forks: Forks, tmp_path: Path) -> None:
    """A PIN that was shown is on disk, and the next look shows it again."""
    desk.add("alice")
    shown_by_the_dead = 0
    for wreck in steps(desk, forks, tmp_path, "pin", "show", "alice", "--json"):
        pin = _shown(wreck.desk, forks)
        if wreck.run.out:
            shown_by_the_dead += 1
            assert wreck.run.answer["pin"] == pin, wreck.point
        assert forks.verify(wreck.desk, "alice", pin).code == 0, wreck.point
        events = wreck.desk.events()
        assert count(events, EventKind.PIN_GENERATED) == 1
    assert shown_by_the_dead >= 2  # one killed after its answer, and the one not killed


CHANGES = [
    ("pin", "show", "alice"),
    ("pin", "change", "alice", "--pin-stdin"),
    ("unlock", "bob", *REASON),
    ("reset", "alice", "--yes"),
    ("reset", "alice", "--yes", "--issue"),
    ("reset", "alice", "bob", "--yes"),
    ("reset", "alice", "bob", "--yes", "--unlock", *REASON),
]


@pytest.mark.parametrize("arguments", CHANGES, ids=" ".join)
def test_a_change_killed_at_every_step(
    desk: Desk, forks: Forks, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """All of it is done or nothing, and nothing is answered before."""
    desk.collected("alice")
    desk.collected("bob")
    guess_wrong(desk, "alice", 4)
    guess_wrong(desk, "bob", 6)
    before = _facts(desk)
    *dead, whole = steps(desk, forks, tmp_path, *arguments, "--json", stdin=f"{OTHER}\n")
    after = _facts(whole.desk)
    assert whole.run.code == 0
    assert before != after
    for wreck in dead:
        facts = _facts(wreck.desk)
        assert facts == after or (facts == before and not wreck.run.out), wreck.point


def _facts(desk: Desk) -> object:
    """Everybody's record, the kinds of the events, and which of two PINs is alice's."""
    records, kinds = end_state(desk), [event.kind for event in desk.events()]
    copy = again(desk, "facts")
    return records, kinds, [asked(copy, "alice", pin) for pin in (OTHER, RIGHT)]


def _shown(desk: Desk, forks: Forks) -> str:
    end = forks.run(desk, "pin", "show", "alice", "--json")
    assert end.code == 0, end
    return str(end.answer["pin"])
