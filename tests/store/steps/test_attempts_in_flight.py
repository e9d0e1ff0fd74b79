"""What happens to an attempt when bulk work or an edit comes between charge and settle."""

from __future__ import annotations

from itertools import product

import pytest

from pincli.models import Outcome, PinOrigin, State
from pincli.operations import pins
from pincli.operations.session import Session
from pincli.store.steps import pins as pin_steps
from tests.store.attempting import (
    charged,
    kinds_after,
    last_seq,
    left_open,
    settled,
    with_counter,
)
from tests.support.desk import Desk


def withdraw_several(session: Session, desk: Desk, *, unlock: bool) -> None:
    """A bulk reset of alice and bob."""
    rows = [desk.user("alice").id, desk.user("bob").id]
    session.store.write(pin_steps.withdraw, rows, unlock=unlock, reason="incident")


def expected_counter(before: int, *, matched: bool, unlock: bool) -> int:
    """The counter after a charge, a bulk reset and a settle, by hand.

    A match sets it to 0. Else the reset has set it to 0 already, unless the charge had just
    made it six: then it looked locked, and stays so without --unlock.
    """
    if matched or unlock or before < 5:
        return 0
    return 6


@pytest.mark.parametrize(
    ("counter", "matched", "unlock"), list(product(range(6), (True, False), (True, False)))
)
def test_nobody_is_verified_with_a_pin_withdrawn_before_the_settle(
    desk: Desk, counter: int, matched: bool, unlock: bool
) -> None:
    """The outcome is `uncollected`, never `verified`; a right answer is never what locks."""
    before = with_counter(desk, counter)
    desk.collected("bob")
    seq = last_seq(desk)
    with desk.session() as session, session.holding(before) as user:
        attempt = charged(session, user)
        withdraw_several(session, desk, unlock=unlock)
        assert desk.user("alice").open_attempt == attempt.attempt
        verdict = settled(session, attempt, matched=matched)
    after = desk.user("alice")
    locked = expected_counter(counter, matched=matched, unlock=unlock) == 6
    assert verdict.outcome is Outcome.UNCOLLECTED
    assert verdict.state is (State.LOCKED if locked else State.UNCOLLECTED)
    assert verdict.user == after
    assert after.failed_attempts == (6 if locked else 0)
    assert after.open_attempt is None
    assert after.pin is None
    assert after.last_verified_at is None
    assert after.locks_total == int(locked)
    assert (after.locked_since is not None) is locked
    events = kinds_after(desk, seq)
    assert ("refused", "uncollected", after.failed_attempts) in events
    assert all(kind not in ("verified", "incorrect") for kind, *_ in events)
    assert [kind for kind, *_ in events].count("locked") == int(locked)


@pytest.mark.parametrize("counter", range(6))
def test_a_new_pin_between_charge_and_settle_makes_a_match_incorrect(
    desk: Desk, counter: int
) -> None:
    """The PIN that matched is no longer the PIN: `incorrect`, and the counter goes to 0."""
    before = with_counter(desk, counter)
    with desk.session() as session, session.holding(before) as user:
        attempt = charged(session, user)
        new = pins.prepare(session, user, "234811", PinOrigin.GENERATED)
        session.store.write(pin_steps.collect, user.id, new)
        verdict = settled(session, attempt, matched=True)
    after = desk.user("alice")
    assert (verdict.outcome, verdict.state) == (Outcome.INCORRECT, State.ACTIVE)
    assert (after.failed_attempts, after.last_verified_at) == (0, None)
    assert desk.events()[-1].outcome == "incorrect"


@pytest.mark.parametrize("matched", [True, False])
@pytest.mark.parametrize(
    ("change", "outcome"),
    [("active = 0", Outcome.INACTIVE), ("type = 'datapipe'", Outcome.INELIGIBLE)],
)
def test_who_is_switched_off_meanwhile_is_not_verified(
    desk: Desk, change: str, outcome: Outcome, matched: bool
) -> None:
    """The present state is the outcome; a match sets the counter to 0, a miss keeps its charge."""
    before = with_counter(desk, 2)
    with desk.session() as session, session.holding(before) as user:
        attempt = charged(session, user)
        desk.sql(f"UPDATE users SET {change}")  # noqa: S608
        verdict = settled(session, attempt, matched=matched)
    after = desk.user("alice")
    assert verdict.outcome is outcome
    assert verdict.state.value == outcome.value
    assert after.failed_attempts == (0 if matched else 3)
    assert (after.open_attempt, after.last_verified_at) == (None, None)
    event = desk.events()[-1]
    assert (event.kind, event.outcome, event.attempt) == ("refused", outcome, attempt.attempt)


def test_a_bulk_reset_leaves_open_attempts_alone(desk: Desk) -> None:
    """It holds no user's lock, so it closes nobody's attempt: each settles its own."""
    users = [with_counter(desk, counter, f"u{counter}") for counter in range(6)]
    opened = {user.login: left_open(desk, user).attempt for user in users}
    with desk.session() as session:
        rows = [user.id for user in users]
        session.store.write(pin_steps.withdraw, rows, unlock=True, reason=None)
    assert {user.login: desk.user(user.login).open_attempt for user in users} == opened
    assert "abandoned" not in {event.kind.value for event in desk.events()}


def test_a_bulk_reset_of_a_dead_attempt_leaves_it_for_the_next_holder(desk: Desk) -> None:
    """The sixth charge of a killed process stays at six through a reset, and becomes a lock."""
    before = with_counter(desk, 5)
    desk.collected("bob")
    with desk.session() as session, session.holding(before) as user:
        attempt = charged(session, user)
    with desk.session() as session:
        withdraw_several(session, desk, unlock=False)
        assert desk.user("alice").open_attempt == attempt.attempt
        with session.holding(before) as held:
            pass
    assert (held.failed_attempts, held.locks_total, held.open_attempt) == (6, 1, None)
    assert held.pin is None
    kinds = [kind for kind, *_ in kinds_after(desk, attempt.attempt)]
    assert kinds[-2:] == ["abandoned", "locked"]
