"""What happens between charge and settle: each change ends the attempt, and none is undone."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from pincli.models import EventKind, Outcome
from tests.support.desk import Desk, Ran
from tests.support.driving import (
    OTHER,
    RIGHT,
    WRONG,
    asked,
    count,
    drive,
    driven,
    guess_wrong,
    nothing_impossible,
    paused_verify,
    settle_down,
    verify_of,
)
from tests.support.failpoints import Plan

pytestmark = pytest.mark.engines

REASON = ("--reason", "T-1")


class Meanwhile(NamedTuple):
    """A command, and its results if a sixth answer is in flight.

    Attributes:
        outcome: The outcome of the right answer.
        code: The command's exit code after the right answer.
        counter: Alice's after a wrong answer, which locks her before the command.
        refused: The command's exit code after the wrong answer.
    """

    arguments: tuple[str, ...]
    outcome: str
    code: int
    counter: int
    refused: int


CHANGES = {
    "reset --account --issue": Meanwhile(
        ("reset", "--account", "acme", "--yes", "--issue"), "uncollected", 0, 6, 0
    ),
    "unlock": Meanwhile(("unlock", "alice", *REASON), "verified", 7, 0, 0),
    "pin change": Meanwhile(("pin", "change", "alice", "--pin-stdin"), "incorrect", 0, 6, 7),
    "import": Meanwhile(("import", "off.csv"), "inactive", 0, 6, 0),
}
"""One of each kind; store/steps/test_attempts_in_flight.py has all of them."""
INACTIVE = "user,account,name,type,active\nalice,acme,Alice,cloud,no\n"


@pytest.fixture
def desk_at_five(desk: Desk) -> Desk:
    """Alice is one miss short of her lock; bob is there too."""
    desk.collected("alice")
    desk.collected("bob", pin=OTHER)
    guess_wrong(desk, "alice", 5)
    (desk.store.parent / "off.csv").write_text(INACTIVE)
    return desk


def _meanwhile(desk: Desk, pin: str, name: str) -> tuple[Ran, Ran]:
    """Run a command while a verify is between charge and settle."""
    folder = desk.store.parent
    arguments = [
        str(folder / word) if word == "off.csv" else word for word in CHANGES[name].arguments
    ]
    with paused_verify(desk, "alice", pin) as caller:
        other = desk.run(*arguments, "--json", stdin=f"{OTHER}\n")
        assert not caller.ended()
        caller.go_on()
        end = caller.end()
    nothing_impossible(desk, [end.answer])
    return end, other


@pytest.mark.rotating
@pytest.mark.parametrize("name", CHANGES)
def test_a_right_answer_in_flight_during_a_change(desk_at_five: Desk, name: str) -> None:
    """Verified, unless the change withdraws or replaces the PIN."""
    expected = CHANGES[name]
    caller, other = _meanwhile(desk_at_five, RIGHT, name)
    assert (caller.answer["outcome"], other.code) == (expected.outcome, expected.code), other
    user = desk_at_five.user("alice")
    assert (user.failed_attempts, user.attempt, user.locks_total) == (0, None, 0)
    verified = expected.outcome == "verified"
    assert (user.last_verified_at is not None) == verified
    assert count(desk_at_five.events("alice"), EventKind.VERIFIED) == verified
    events = desk_at_five.events("alice")
    charge = max(event.seq for event in events if event.kind is EventKind.ATTEMPT)
    ends = [(event.kind, event.outcome) for event in events if event.attempt == charge]
    kind = EventKind.VERIFIED if verified else EventKind.REFUSED
    assert ends == [(kind, expected.outcome)]


@pytest.mark.rotating
@pytest.mark.parametrize("name", CHANGES)
def test_a_wrong_sixth_answer_in_flight_during_a_change(desk_at_five: Desk, name: str) -> None:
    """It locks before the change, and only an unlock releases that."""
    expected = CHANGES[name]
    caller, other = _meanwhile(desk_at_five, WRONG, name)
    assert (caller.answer["outcome"], other.code) == ("incorrect", expected.refused), other
    user = desk_at_five.user("alice")
    assert (user.failed_attempts, user.attempt) == (expected.counter, None)
    assert (user.locks_total, user.attempts_total) == (1, 6)
    assert (user.locked_since is not None) == (expected.counter == 6)
    assert count(desk_at_five.events("alice"), EventKind.LOCKED) == 1


def test_a_lock_by_hand_during_a_right_answer_stays(desk_at_five: Desk) -> None:
    """The caller's verdict is the lock."""
    desk = desk_at_five
    with paused_verify(desk, "alice", RIGHT) as caller:
        assert desk.front.run("lock", "alice", *REASON, "--json").answer["changed"]
        caller.go_on()
        end = caller.end()
    assert (end.code, end.answer["outcome"]) == (4, "locked")
    user = desk.user("alice")
    assert (user.failed_attempts, user.locks_total) == (6, 1)
    assert asked(desk, "alice", RIGHT) is Outcome.LOCKED
    nothing_impossible(desk, [end.answer])


def test_an_attempt_closed_behind_the_trail_is_tampering(desk_at_five: Desk) -> None:
    """Exit 8, and nobody is verified."""
    desk = desk_at_five
    with paused_verify(desk, "alice", RIGHT) as caller:
        desk.sql(
            "UPDATE people SET failed_attempts = 0, attempt = NULL, attempt_answer = NULL, "
            "attempt_at = NULL, attempt_agent = NULL, attempt_command = NULL"
        )
        caller.go_on()
        end = caller.end()
    assert (end.code, end.answer["error"]["code"]) == (8, "tampered")
    assert end.answer["error"]["message"].startswith("not verified: ")
    assert count(desk.events(), EventKind.VERIFIED) == 0


@pytest.mark.parametrize("at", ["hash", "charged"])
def test_the_verify_key_rotated_meanwhile(desk_at_five: Desk, at: str) -> None:
    """The caller is verified, and again under the new key."""
    desk = desk_at_five
    plan = Plan(at=((at, "pause"),))
    with driven(desk.front, *verify_of("alice"), plan=plan, pin=RIGHT) as caller:
        caller.await_pause()
        assert desk.run("keys", "rotate", "--verify", "--json").code == 0
        caller.go_on()
        assert caller.end().code == 0
    assert asked(desk, "alice", RIGHT) is Outcome.VERIFIED
    assert asked(desk, "alice", RIGHT) is Outcome.VERIFIED
    nothing_impossible(desk)


def test_the_audit_key_rotated_meanwhile(desk_at_five: Desk) -> None:
    """The settle is sealed with the new key, and the caller verified."""
    desk = desk_at_five
    with paused_verify(desk, "alice", RIGHT) as caller:
        assert desk.run("keys", "rotate", "--audit", "--json").code == 0
        caller.go_on()
        end = caller.end()
    assert (end.code, end.answer["outcome"]) == (0, "verified")
    assert desk.user("alice").failed_attempts == 0
    nothing_impossible(desk, [end.answer])


@pytest.mark.folder
def test_a_backup_of_the_charge_restored_meanwhile(desk_at_five: Desk) -> None:
    """The attempt is settled, and the caller verified."""
    desk = desk_at_five
    backup = str(desk.store.parent / "backup")
    with paused_verify(desk, "alice", RIGHT) as caller:
        assert desk.run("backup", backup, "--json").code == 0
        assert desk.run("restore", backup, "--yes", "--json").code == 0
        caller.go_on()
        end = caller.end()
    assert (end.code, end.answer["outcome"]) == (0, "verified")
    nothing_impossible(desk, [end.answer])


@pytest.mark.folder
@pytest.mark.parametrize("pin", [RIGHT, WRONG])
def test_a_backup_from_before_the_charge_restored_meanwhile(desk: Desk, pin: str) -> None:
    """All PINs are withdrawn, so nobody is verified; a sixth miss still locks."""
    desk.collected("alice")
    backup = str(desk.store.parent / "backup")
    assert desk.run("backup", backup, "--json").code == 0
    guess_wrong(desk, "alice", 5)
    with paused_verify(desk, "alice", pin) as caller:
        assert desk.run("restore", backup, "--yes", "--json").code == 0
        caller.go_on()
        end = caller.end()
    assert (end.code, end.answer["error"]["code"]) == (8, "unavailable")
    assert end.answer["error"]["message"].startswith("not verified: ")
    user = desk.user("alice")
    assert user.question is None
    assert user.failed_attempts == (0 if pin == RIGHT else 6)
    assert user.locks_total == (0 if pin == RIGHT else 1)
    nothing_impossible(desk)


def test_a_killed_process_s_attempt_is_ended_by_the_next_change(
    desk_at_five: Desk,
) -> None:
    """A reset records the miss and the lock."""
    desk = desk_at_five
    drive(desk.front, *verify_of("alice"), plan=Plan(at=(("charged", "kill"),)), pin=WRONG)
    settle_down(desk)
    assert desk.user("alice").attempt is not None
    assert desk.run("reset", "alice", "bob", "--yes", "--json").code == 0
    user = desk.user("alice")
    assert (user.failed_attempts, user.attempt, user.locks_total) == (6, None, 1)
    assert asked(desk, "alice", RIGHT) is Outcome.LOCKED
    nothing_impossible(desk)
