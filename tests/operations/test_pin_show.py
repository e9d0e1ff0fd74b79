"""Showing the PIN: made at the first look, the same at every later one, locked or not."""

from __future__ import annotations

import pytest

from pincli.errors import NoPinPossible, PinChangedMeanwhile, SealDamaged
from pincli.models import Outcome, PinOrigin, State, User, UserType
from pincli.operations import people, pins
from pincli.operations.session import Session
from pincli.operations.verify import verify
from pincli.store.contract import Transaction
from pincli.store.steps import pins as pin_steps
from tests.store.attempting import PIN, kinds_after, last_number, rewrite, with_counter
from tests.support.desk import Desk
from tests.support.overtaking import overtake

pytestmark = pytest.mark.engines(in_turn=True)


def withdraw(session: Session, name: str) -> None:
    """Withdraw a PIN as bulk work does."""
    (user,) = session.store.people.find(name)
    session.store.write(pin_steps.withdraw, [user.id], unlock=False, reason=None)


def test_a_first_look_while_locked_makes_a_pin_and_keeps_the_lock(desk: Desk) -> None:
    """A locked customer must see a new PIN to know it after unlocking."""
    before = with_counter(desk, 6)
    with desk.session() as session:
        withdraw(session, "alice")
        shown = pins.show(session, "alice")
        assert shown.first
        assert verify(session, "alice", shown.pin, None).outcome is Outcome.LOCKED
    after = desk.user("alice")
    assert (after.failed_attempts, after.locked_since) == (6, before.locked_since)


@pytest.mark.parametrize("kind", [UserType.CLOUD_OFFICE, UserType.DATAPIPE])
def test_a_type_without_pins_gets_none(desk: Desk, kind: UserType) -> None:
    """The refusal is recorded."""
    before = desk.add("alice", kind=kind)
    refused_as(desk, before, State.INELIGIBLE)


@pytest.mark.parametrize("has_pin", [True, False])
def test_a_deactivated_user_sees_no_pin(desk: Desk, has_pin: bool) -> None:
    """Neither the old one nor a new one."""
    _ = with_counter(desk, 6) if has_pin else desk.add("alice")
    with desk.session() as session:
        people.set_active(session, "alice", active=False, reason=None)
    refused_as(desk, desk.user("alice"), State.INACTIVE)


def refused_as(desk: Desk, before: User, state: State) -> None:
    """Fail unless a look is refused, recorded, and changes nothing."""
    number = last_number(desk)
    with desk.session() as session, pytest.raises(NoPinPossible) as refusal:
        pins.show(session, "alice")
    assert (refusal.value.user, refusal.value.state) == ("alice", state)
    assert desk.user("alice") == before
    assert kinds_after(desk, number) == [("refused", state.value, before.failed_attempts)]


def test_a_pin_withdrawn_during_the_look_is_not_shown(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new one is made and shown."""
    with_counter(desk, 0)
    with desk.session() as session:
        overtake(monkeypatch, pin_steps.note_shown, lambda: withdraw(session, "alice"))
        shown = pins.show(session, "alice")
        assert shown.first
        assert shown.pin != PIN
        assert verify(session, "alice", shown.pin, None).outcome is Outcome.VERIFIED


def test_the_loser_of_two_first_looks_sees_the_winner_s_pin(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own PIN is dropped."""
    user = desk.add("alice")
    with desk.session() as session:
        winner = pins.prepare(session, user, PIN, PinOrigin.GENERATED)
        collect = pin_steps.collect
        overtake(monkeypatch, collect, lambda: session.store.write(collect, user, winner))
        shown = pins.show(session, "alice")
    assert (shown.pin, shown.first) == (PIN, False)
    assert desk.user("alice").pin_version == 1


def test_a_look_that_is_always_overtaken_ends(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a few tries."""
    with_counter(desk, 0)
    looks: list[int] = []

    def overtaken(_transaction: Transaction, asked: User) -> None:
        looks.append(asked.id)
        raise PinChangedMeanwhile

    monkeypatch.setattr(pin_steps, "note_shown", overtaken)
    with desk.session() as session, pytest.raises(PinChangedMeanwhile):
        pins.show(session, "alice")
    assert 2 <= len(looks) <= 10


def test_a_pin_that_would_not_verify_is_not_shown(desk: Desk) -> None:
    """A seal with another PIN than the one that verifies is damage."""
    before = with_counter(desk, 0)
    with desk.session() as session:
        earlier = before._replace(pin_version=before.pin_version - 1)
        forged = pins.prepare(session, earlier, "234811", PinOrigin.CUSTOMER)
        rewrite(desk, "alice", sealed=forged.sealed)
        number = last_number(desk)
        with pytest.raises(SealDamaged):
            pins.show(session, "alice")
    assert last_number(desk) == number
