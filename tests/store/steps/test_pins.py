"""Setting, showing and withdrawing PINs, and unlocking."""

from __future__ import annotations

import pytest

from pincli.errors import PinChangedMeanwhile
from pincli.models import PinOrigin, User
from pincli.operations import pins
from pincli.store.steps import pins as pin_steps
from tests.store.attempting import (
    kinds_after,
    last_number,
    with_counter,
    without_event,
)
from tests.support.desk import Desk

pytestmark = pytest.mark.engines(in_turn=True)


@pytest.mark.parametrize(("set_by", "counter"), [("generated", 6), ("customer", 5)])
def test_a_pin_is_written_with_its_version_seal_and_event(
    desk: Desk, set_by: str, counter: int
) -> None:
    """A PIN has version, seal and event; only the customer's choice clears the counter."""
    chosen = set_by == "customer"
    before = with_counter(desk, counter)
    number = last_number(desk)
    with desk.session() as session:
        new = pins.prepare(session, before, "234811", PinOrigin(set_by))
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
