"""What happens exactly between charge and settle, and what must wait until it is over."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pincli.models import EventKind, Outcome, PinOrigin, State
from pincli.operations import pins
from pincli.operations.people import require_user
from pincli.operations.pins import prepare
from pincli.rules.states import state_of
from pincli.store.steps.people import set_active
from pincli.store.steps.pins import collect
from tests.support.desk import Desk, Ran
from tests.support.driving import (
    OTHER,
    RIGHT,
    WRONG,
    asked,
    drive,
    driven,
    guess_wrong,
    intact,
    paused_verify,
    verify_of,
    withdraw,
)
from tests.support.failpoints import Plan
from tests.support.trail import count, play

REASON = ("--reason", "T-1")
WAITING = {
    "reset": ("reset", "alice", "--yes"),
    "reset --unlock": ("reset", "alice", "--yes", "--unlock", *REASON),
    "reset --issue": ("reset", "alice", "--yes", "--issue"),
    "unlock": ("unlock", "alice", *REASON),
    "pin change": ("pin", "change", "alice", "--pin-stdin"),
    "pin show": ("pin", "show", "alice"),
    "deactivate": ("user", "deactivate", "alice"),
}
"""Commands that take the user's lock, by a short name."""


@pytest.fixture
def desk_at_five(desk: Desk) -> Desk:
    """Alice is one miss short of her lock; bob is there too."""
    desk.collected("alice")
    desk.collected("bob", pin=OTHER)
    guess_wrong(desk, "alice", 5)
    return desk


def _meanwhile(desk: Desk, pin: str, name: str) -> tuple[Ran, Ran]:
    """A verify that is between charge and settle while a command comes, and must wait."""
    with (
        paused_verify(desk, "alice", pin) as caller,
        driven(desk, *WAITING[name], "--json", pin=OTHER) as other,
    ):
        other.log.wait_for("lock:user")
        assert desk.sql("SELECT failed_attempts FROM users WHERE user = 'alice'") == [(6,)]
        assert other.log.count("locked:user") == 0
        assert not other.ended()
        caller.go_on()
        return caller.end(), other.end()


@pytest.mark.parametrize(
    ("name", "code", "state"),
    [
        ("reset", 0, State.UNCOLLECTED),
        ("reset --unlock", 0, State.UNCOLLECTED),
        ("reset --issue", 0, State.ACTIVE),
        ("unlock", 7, State.ACTIVE),
        ("pin change", 0, State.ACTIVE),
        ("pin show", 0, State.ACTIVE),
        ("deactivate", 0, State.INACTIVE),
    ],
)
def test_a_right_sixth_answer_comes_before_what_waits(
    desk_at_five: Desk, name: str, code: int, state: State
) -> None:
    """The caller is verified, then the other command finds a counter of 0."""
    caller, other = _meanwhile(desk_at_five, RIGHT, name)
    assert (caller.code, other.code) == (0, code), other
    user = desk_at_five.user("alice")
    assert (user.failed_attempts, user.locks_total, state_of(user)) == (0, 0, state)
    play(desk_at_five.events())


@pytest.mark.parametrize(
    ("name", "code", "counter"),
    [
        ("reset", 0, 6),
        ("reset --unlock", 0, 0),
        ("reset --issue", 0, 6),
        ("unlock", 0, 0),
        ("pin change", 7, 6),
        ("pin show", 0, 6),
        ("deactivate", 0, 6),
    ],
)
def test_a_wrong_sixth_answer_locks_before_what_waits(
    desk_at_five: Desk, name: str, code: int, counter: int
) -> None:
    """The lock falls first; what comes next finds it, and only an unlock releases it."""
    caller, other = _meanwhile(desk_at_five, WRONG, name)
    assert (caller.code, other.code) == (3, code), other
    user = desk_at_five.user("alice")
    assert (user.failed_attempts, user.locks_total, user.attempts_total) == (counter, 1, 6)
    play(desk_at_five.events())


@pytest.mark.parametrize("unlock", [False, True])
@pytest.mark.parametrize("used", [0, 5])
def test_a_right_answer_to_a_pin_withdrawn_meanwhile(
    desk: Desk, used: int, *, unlock: bool
) -> None:
    """Bulk work does not wait: the caller is not verified after it, and not locked either."""
    desk.collected("alice")
    desk.collected("bob", pin=OTHER)
    guess_wrong(desk, "alice", used)
    with paused_verify(desk, "alice", RIGHT) as caller:
        withdraw(desk, "alice", "bob", unlock=unlock)
        caller.go_on()
        end = caller.end()
    assert (end.code, end.answer["outcome"], end.answer["attempts_left"]) == (5, "uncollected", 6)
    user = desk.user("alice")
    assert (user.failed_attempts, user.open_attempt, user.locks_total) == (0, None, 0)
    assert user.last_verified_at is None
    assert count(desk.events(), EventKind.VERIFIED) == 0
    play(desk.events())
    with desk.session() as session:
        pin = pins.show(session, "alice").pin
    assert asked(desk, "alice", RIGHT) is (Outcome.VERIFIED if pin == RIGHT else Outcome.INCORRECT)
    assert asked(desk, "alice", pin) is Outcome.VERIFIED


@pytest.mark.parametrize(
    ("used", "unlock", "counter"), [(0, False, 0), (0, True, 0), (5, False, 6), (5, True, 0)]
)
def test_a_wrong_answer_to_a_pin_withdrawn_meanwhile(
    desk: Desk, used: int, counter: int, *, unlock: bool
) -> None:
    """The sixth miss still locks, unless the withdrawal has released the lock."""
    desk.collected("alice")
    desk.collected("bob", pin=OTHER)
    guess_wrong(desk, "alice", used)
    with paused_verify(desk, "alice", WRONG) as caller:
        withdraw(desk, "alice", "bob", unlock=unlock)
        caller.go_on()
        end = caller.end()
    assert (end.code, end.answer["outcome"]) == (5, "uncollected")
    user = desk.user("alice")
    locked = counter == 6
    assert (user.failed_attempts, user.locks_total) == (counter, int(locked))
    assert (user.locked_since is not None) == locked
    play(desk.events())


def test_a_withdrawal_leaves_the_attempt_of_the_dead_to_the_next(desk_at_five: Desk) -> None:
    """Killed with its charge, then withdrawn in bulk: the next command closes it and locks."""
    desk = desk_at_five
    drive(desk, *verify_of("alice"), plan=Plan(at=(("compare", "kill"),)), pin=RIGHT)
    withdraw(desk, "alice", "bob")
    assert desk.user("alice").open_attempt is not None
    assert asked(desk, "alice", RIGHT) is Outcome.LOCKED
    user = desk.user("alice")
    assert (user.failed_attempts, user.open_attempt, user.locks_total) == (6, None, 1)
    play(desk.events())


REFUSED = {
    "unlock": ("unlock", "alice", *REASON),
    "pin change": ("pin", "change", "alice", "--pin-stdin"),
}
"""Commands that a user with that PIN, who is not locked, is refused."""


@pytest.mark.parametrize("command", REFUSED)
def test_a_refusal_beside_a_reset_is_not_called_tampering(desk: Desk, command: str) -> None:
    """It tells of the user as they are when it is recorded, not as they were when it was due."""
    desk.collected("alice")
    guess_wrong(desk, "alice", 2)
    plan = Plan(at=(("lock:writer", "pause"),))
    with driven(desk, *REFUSED[command], "--json", plan=plan, pin=RIGHT) as run:
        run.await_pause()
        withdraw(desk, "alice")
        run.go_on()
        assert run.end().code == 7
    last = desk.events()[-1]
    assert (last.kind, last.attempts_used, last.pin_version) == (EventKind.REFUSED, 0, 2)
    assert desk.run("audit", "verify", "--json").code == 0


def _set_another(desk: Desk) -> None:
    """Write another PIN behind the user's lock, as bulk issuing does."""
    with desk.session() as session:
        user = require_user(session, "alice")
        new = prepare(session, user, OTHER, PinOrigin.GENERATED)
        session.store.write(collect, user.id, new)


def _issue_in_bulk(desk: Desk) -> None:
    """New PINs for several users, by the command."""
    assert desk.run("reset", "alice", "bob", "--yes", "--issue", "--json").code == 0


@pytest.mark.parametrize("replace_pin", [_set_another, _issue_in_bulk])
@pytest.mark.parametrize("pin", [RIGHT, WRONG])
def test_an_answer_to_a_pin_replaced_meanwhile_is_incorrect(
    desk_at_five: Desk, pin: str, replace_pin: Callable[[Desk], None]
) -> None:
    """The PIN that was right when asked is not the present one; but it locks nobody."""
    desk = desk_at_five
    with paused_verify(desk, "alice", pin) as caller:
        replace_pin(desk)
        caller.go_on()
        end = caller.end()
    assert (end.code, end.answer["outcome"]) == (3, "incorrect")
    user = desk.user("alice")
    assert user.failed_attempts == (0 if pin == RIGHT else 6)
    assert user.locks_total == (0 if pin == RIGHT else 1)
    assert count(desk.events(), EventKind.VERIFIED) == 0
    play(desk.events())


def test_a_user_switched_off_meanwhile_is_not_verified(desk_at_five: Desk) -> None:
    """A deactivation that did not wait, as an import's would not, decides all the same."""
    desk = desk_at_five
    with paused_verify(desk, "alice", RIGHT) as caller:
        with desk.session() as session:
            alice = require_user(session, "alice")
            session.store.write(set_active, [alice.id], active=False, reason=None)
        caller.go_on()
        end = caller.end()
    assert (end.code, end.answer["outcome"]) == (5, "inactive")
    assert desk.user("alice").failed_attempts == 0
    play(desk.events())
    intact(desk)


def test_a_withdrawal_between_the_lock_and_the_charge(desk_at_five: Desk) -> None:
    """What was read under the user's lock is not what is charged: the charge reads again."""
    desk = desk_at_five
    plan = Plan(at=(("charge", "pause"),))
    with driven(desk, *verify_of("alice"), plan=plan, pin=RIGHT) as caller:
        caller.await_pause()
        withdraw(desk, "alice", "bob")
        caller.go_on()
        end = caller.end()
        assert caller.log.count("compare") == 0
    assert end.code == 5
    assert (desk.user("alice").failed_attempts, desk.user("alice").attempts_total) == (0, 5)


def test_an_attempt_closed_by_somebody_else_is_not_settled(desk_at_five: Desk) -> None:
    """The user's lock did not keep others out: the right answer is exit 8, the charge kept."""
    desk = desk_at_five
    with paused_verify(desk, "alice", RIGHT) as caller:
        desk.sql("UPDATE users SET open_attempt = NULL")
        caller.go_on()
        end = caller.end()
    assert (end.code, end.answer["error"]["code"]) == (8, "unavailable")
    assert end.answer["error"]["message"].startswith("not verified: ")
    assert desk.user("alice").failed_attempts == 6
    assert count(desk.events(), EventKind.VERIFIED) == 0


def test_the_verify_key_rotated_meanwhile(desk_at_five: Desk) -> None:
    """Nobody's PIN changes: the caller is verified, and again under the new key."""
    desk = desk_at_five
    with paused_verify(desk, "alice", RIGHT) as caller:
        assert desk.run("keys", "rotate", "--verify", "--json").code == 0
        caller.go_on()
        assert caller.end().code == 0
    assert asked(desk, "alice", RIGHT) is Outcome.VERIFIED
    assert asked(desk, "alice", RIGHT) is Outcome.VERIFIED
    play(desk.events())


def test_the_audit_key_rotated_meanwhile(desk_at_five: Desk) -> None:
    """The settle is signed by the key of now: the caller is verified, and nothing stays open."""
    desk = desk_at_five
    with paused_verify(desk, "alice", RIGHT) as caller:
        assert desk.run("keys", "rotate", "--audit", "--json").code == 0
        caller.go_on()
        end = caller.end()
    assert (end.code, end.answer["outcome"]) == (0, "verified")
    assert desk.user("alice").failed_attempts == 0
    assert count(desk.events(), EventKind.ABANDONED) == 0
    play(desk.events())


@pytest.mark.parametrize("pin", [RIGHT, WRONG])
def test_a_backup_restored_meanwhile_gives_no_attempt_back(desk: Desk, pin: str) -> None:
    """From before the misses: the sixth, in flight during the restore, has ended as one."""
    desk.collected("alice")
    backup = str(desk.store.parent / "backup")
    assert desk.run("backup", backup, "--json").code == 0
    guess_wrong(desk, "alice", 5)
    with paused_verify(desk, "alice", pin) as caller:
        assert desk.run("restore", backup, "--yes", "--json").code == 0
        caller.go_on()
        end = caller.end()
    assert (end.code, end.answer["error"]["code"]) == (8, "unavailable")
    assert "restored" in end.answer["error"]["hint"]
    assert asked(desk, "alice", RIGHT) is Outcome.LOCKED
    assert (desk.user("alice").locks_total, desk.user("alice").pin) == (1, None)
    intact(desk)
