"""Setting, showing and withdrawing PINs, and unlocking."""

from __future__ import annotations

from itertools import product

import pytest

from pincli.errors import PinChangedMeanwhile, Refused, Rule
from pincli.models import PinOrigin, User
from pincli.operations import pins
from pincli.store.steps import pins as pin_steps
from tests.store.attempting import (
    NO_PIN,
    kinds_after,
    last_number,
    rewrite,
    with_counter,
    without_event,
)
from tests.support.desk import Desk

pytestmark = pytest.mark.engines(in_turn=True)


@pytest.mark.parametrize(
    ("set_by", "counter"),
    [
        *product([PinOrigin.GENERATED], (0, 3, 6)),
        *product([PinOrigin.CUSTOMER], (0, 5)),
    ],
)
def test_a_pin_is_written_with_its_version_seal_and_event(
    desk: Desk, set_by: PinOrigin, counter: int
) -> None:
    """A PIN has version, seal and event; only the customer's choice clears the counter."""
    chosen = set_by is PinOrigin.CUSTOMER
    before = with_counter(desk, counter)
    number = last_number(desk)
    with desk.session() as session:
        new = pins.prepare(session, before, "234811", set_by)
        step = pin_steps.change if chosen else pin_steps.collect
        after = session.store.write(step, before, new)
    assert isinstance(after, User)
    assert without_event(after) == without_event(desk.user("alice"))
    assert (after.question, after.pin_check, after.pin_proof) == (
        new.question,
        new.check,
        new.proof,
    )
    assert (after.sealed, after.verify_key) == (new.sealed, new.verify_key)
    assert (after.portal_key, after.pin_set_by) == (new.portal_key, set_by)
    assert after.pin_version == before.pin_version + 1
    assert after.failed_attempts == (0 if chosen else counter)
    kind = "pin_changed" if chosen else "pin_generated"
    assert kinds_after(desk, number) == [(kind, None, after.failed_attempts)]


def test_a_locked_user_chooses_no_pin(desk: Desk) -> None:
    """A locked user can't choose a PIN."""
    before = with_counter(desk, 6)
    number = last_number(desk)
    with desk.session() as session:
        new = pins.prepare(session, before, "234811", PinOrigin.CUSTOMER)
        refusal = session.store.write(pin_steps.change, before, new)
    assert isinstance(refusal, Refused)
    assert (refusal.rule, refusal.subject) == (Rule.LOCKED, "alice")
    assert desk.user("alice") == before
    assert kinds_after(desk, number) == [("refused", "locked", 6)]


@pytest.mark.engines
def test_the_loser_of_two_first_looks_writes_nothing(desk: Desk) -> None:
    """Of two PINs for the same version, only the first is written."""
    user = desk.add("alice")
    with desk.session() as session:
        one, two = (
            pins.prepare(session, user, pin, PinOrigin.GENERATED) for pin in ("234811", "123678")
        )
        winner = session.store.write(pin_steps.collect, user, one)
        number = last_number(desk)
        with pytest.raises(PinChangedMeanwhile):
            session.store.write(pin_steps.collect, user, two)
        with pytest.raises(PinChangedMeanwhile):
            session.store.write(pin_steps.change, user, two)
        new = [(user, two)]
        assert session.store.write(pin_steps.issue, new, unlock=False, reason=None) == []
    assert isinstance(winner, User)
    assert without_event(desk.user("alice")) == without_event(winner)
    assert last_number(desk) == number


def test_a_withdrawn_pin_is_not_recorded_as_shown(desk: Desk) -> None:
    """A PIN withdrawn after it was read is not recorded as shown."""
    user = with_counter(desk, 0)
    with desk.session() as session:
        session.store.write(pin_steps.note_shown, user)
        assert kinds_after(desk, last_number(desk) - 1) == [("pin_shown", None, 0)]
        session.store.write(pin_steps.withdraw, [user.id], unlock=False, reason=None)
        number = last_number(desk)
        with pytest.raises(PinChangedMeanwhile):
            session.store.write(pin_steps.note_shown, user)
    assert last_number(desk) == number


@pytest.mark.parametrize(
    ("counter", "has_pin", "unlock"), list(product((0, 3, 6), (True, False), (True, False)))
)
def test_withdrawing_a_pin(desk: Desk, counter: int, has_pin: bool, unlock: bool) -> None:
    """The PIN goes and the counter becomes 0, but a lock stays without `unlock`."""
    with_counter(desk, counter)
    if not has_pin:
        rewrite(desk, "alice", **NO_PIN)
    before = desk.user("alice")
    number = last_number(desk)
    with desk.session() as session:
        (change,) = session.store.write(
            pin_steps.withdraw, [before.id], unlock=unlock, reason="because"
        )
    after = desk.user("alice")
    stays = counter == 6 and not unlock
    assert (change.before, without_event(change.after)) == (before, without_event(after))
    assert after.question is None
    assert after.pin_version == before.pin_version + int(has_pin)
    assert after.failed_attempts == (6 if stays else 0)
    assert after.locked_since == (before.locked_since if stays else None)
    assert (after.locks_total, after.attempts_total) == (
        before.locks_total,
        before.attempts_total,
    )
    counted = 0 < counter < 6 or (counter == 6 and unlock)
    expected = []
    if counter == 6 and unlock:
        expected.append(("unlocked", None, 0))
    if has_pin:
        expected.append(("pin_withdrawn", None, after.failed_attempts))
    elif counted:
        expected.append(("reset", None, 0))
    assert kinds_after(desk, number) == expected
    assert all(event.reason == "because" for event in desk.events() if event.seq > number)
    assert (change.before == change.after) is (expected == [])


@pytest.mark.parametrize("unlock", [True, False])
@pytest.mark.parametrize("counter", [0, 3, 6])
def test_issuing_a_pin(desk: Desk, counter: int, unlock: bool) -> None:
    """A new PIN replaces the old one; a lock stays without `unlock`."""
    before = with_counter(desk, counter)
    number = last_number(desk)
    with desk.session() as session:
        new = pins.prepare(session, before, "234811", PinOrigin.GENERATED)
        (change,) = session.store.write(
            pin_steps.issue, [(before, new)], unlock=unlock, reason="because"
        )
    after = desk.user("alice")
    stays = counter == 6 and not unlock
    assert (change.before, without_event(change.after)) == (before, without_event(after))
    assert (after.question, after.pin_check) == (new.question, new.check)
    assert after.pin_version == before.pin_version + 1
    assert after.failed_attempts == (6 if stays else 0)
    assert after.locked_since == (before.locked_since if stays else None)
    unlocked = [("unlocked", None, 0)] if counter == 6 and unlock else []
    assert kinds_after(desk, number) == [*unlocked, ("pin_generated", None, after.failed_attempts)]
    assert all(event.reason == "because" for event in desk.events() if event.seq > number)


@pytest.mark.parametrize("counter", [0, 5])
def test_a_counter_below_six_is_not_unlocked(desk: Desk, counter: int) -> None:
    """A counter below six is not unlocked, so it gives no new guesses."""
    before = with_counter(desk, counter)
    number = last_number(desk)
    with desk.session() as session:
        refusal = session.store.write(pin_steps.unlock, before, reason="because")
        early = session.store.write(pin_steps.refuse_unless_locked, before)
    for each in (refusal, early):
        assert isinstance(each, Refused)
        assert (each.rule, each.subject) == (Rule.NOT_LOCKED, "alice")
    assert desk.user("alice") == before
    assert kinds_after(desk, number) == [("refused", "not_locked", counter)] * 2


def test_unlocking_keeps_the_pin_and_the_totals(desk: Desk) -> None:
    """Unlocking sets the counter to 0, and keeps the PIN and all totals."""
    before = with_counter(desk, 6)
    number = last_number(desk)
    with desk.session() as session:
        after = session.store.write(pin_steps.unlock, before, reason="because")
    assert isinstance(after, User)
    assert without_event(after) == without_event(desk.user("alice"))
    assert without_event(after) == without_event(before)._replace(
        failed_attempts=0, locked_since=None
    )
    assert kinds_after(desk, number) == [("unlocked", None, 0)]
    assert desk.events()[-1].reason == "because"
