"""Choosing a PIN: what is refused, and what a choice that is taken does."""

from __future__ import annotations

import pytest

from pincli.errors import MalformedPin, NoPinPossible, Refused, Rule, UnknownUser
from pincli.models import Outcome, PinOrigin, State, UserType
from pincli.operations import people, pins
from pincli.operations.verify import verify
from tests.store.attempting import PIN, kinds_after, last_number, told, with_counter
from tests.support.desk import Desk

pytestmark = pytest.mark.engines

CHOICE = "234811"
FORBIDDEN = {
    "444412": Rule.REPEATED_DIGITS,
    "666697": Rule.REPEATED_DIGITS,
    "123498": Rule.DIGIT_SEQUENCE,
    "654378": Rule.DIGIT_SEQUENCE,
}


@pytest.mark.parametrize("counter", range(6))
def test_a_choice_takes_the_old_pin_s_place(desk: Desk, counter: int) -> None:
    """Counter 0, a new version, the customer's own; the old PIN is worth nothing any more."""
    before = with_counter(desk, counter)
    number = last_number(desk)
    with desk.session() as session:
        after = pins.change(session, " Alice", CHOICE)
        assert told(after) == told(desk.user("alice"))
        assert after.failed_attempts == 0
        assert after.pin_version == before.pin_version + 1
        assert after.pin_set_by is PinOrigin.CUSTOMER
        assert kinds_after(desk, number) == [("pin_changed", None, 0)]
        assert pins.show(session, "alice").pin == CHOICE
        assert verify(session, "alice", PIN, None).outcome is Outcome.INCORRECT
        assert verify(session, "alice", CHOICE, None).outcome is Outcome.VERIFIED


def test_the_first_pin_may_be_chosen(desk: Desk) -> None:
    """Nobody has to look at a generated one first."""
    desk.add("alice")
    with desk.session() as session:
        assert pins.change(session, "alice", CHOICE).pin_version == 1
        assert verify(session, "alice", CHOICE, None).outcome is Outcome.VERIFIED


@pytest.mark.parametrize(("pin", "rule"), [*FORBIDDEN.items(), (PIN, Rule.SAME_PIN)])
@pytest.mark.parametrize("counter", [0, 5])
def test_a_choice_against_a_rule_changes_nothing(
    desk: Desk, counter: int, pin: str, rule: Rule
) -> None:
    """Refused on record, without the PIN; the record and the counter stay."""
    before = with_counter(desk, counter)
    number = last_number(desk)
    with desk.session() as session, pytest.raises(Refused) as refusal:
        pins.change(session, "alice", pin)
    assert (refusal.value.rule, refusal.value.subject) == (rule, "alice")
    assert desk.user("alice") == before
    assert kinds_after(desk, number) == [("refused", rule.name.lower(), counter)]
    assert pin not in repr(desk.events()[-1]._replace(mac=""))


def test_no_pin_is_chosen_while_locked(desk: Desk) -> None:
    """First unlock, then change: else choosing would be a way around the lock."""
    before = with_counter(desk, 6)
    number = last_number(desk)
    with desk.session() as session:
        with pytest.raises(Refused) as refusal:
            pins.change(session, "alice", CHOICE)
        assert refusal.value.rule is Rule.LOCKED
        with pytest.raises(Refused) as refusal:
            pins.require_changeable(session, "alice")
        assert refusal.value.rule is Rule.LOCKED
    assert desk.user("alice") == before
    assert kinds_after(desk, number) == [("refused", "locked", 6)] * 2


@pytest.mark.parametrize("pin", ["", "12345", "1234567", "12a456", f"{CHOICE}\n"])
@pytest.mark.parametrize("counter", [0, 6])
def test_a_malformed_choice_is_a_slip(desk: Desk, counter: int, pin: str) -> None:
    """Not six digits: nothing is refused by a rule, nothing is recorded, nothing changes."""
    before = with_counter(desk, counter)
    number = last_number(desk)
    with desk.session() as session, pytest.raises(MalformedPin):
        pins.change(session, "alice", pin)
    assert desk.user("alice") == before
    assert last_number(desk) == number


@pytest.mark.parametrize("pin", [CHOICE, "444412", "12345"])
@pytest.mark.parametrize("state", [State.INACTIVE, State.INELIGIBLE])
def test_who_can_not_have_a_pin_can_not_choose_one(desk: Desk, state: State, pin: str) -> None:
    """The state comes before what is wrong with the choice."""
    if state is State.INELIGIBLE:
        before = desk.add("alice", kind=UserType.DATAPIPE)
    else:
        with_counter(desk, 6)
        with desk.session() as session:
            people.set_active(session, "alice", active=False, reason=None)
        before = desk.user("alice")
    number = last_number(desk)
    with desk.session() as session:
        with pytest.raises(NoPinPossible) as refusal:
            pins.change(session, "alice", pin)
        assert refusal.value.state is state
        with pytest.raises(NoPinPossible):
            pins.require_changeable(session, "alice")
    assert desk.user("alice") == before
    assert kinds_after(desk, number) == [("refused", state.value, before.failed_attempts)] * 2


@pytest.mark.parametrize("counter", [0, 5])
def test_who_can_choose_is_let_through_without_a_trace(desk: Desk, counter: int) -> None:
    """Asked before the customer types anything."""
    before = with_counter(desk, counter)
    number = last_number(desk)
    with desk.session() as session:
        assert pins.require_changeable(session, "ALICE") == before
    assert last_number(desk) == number


def test_an_unknown_user_chooses_nothing(desk: Desk) -> None:
    """The user comes before the PIN, whatever is wrong with that."""
    with desk.session() as session:
        for pin in (CHOICE, "444412", "12345"):
            with pytest.raises(UnknownUser):
                pins.change(session, "nobody", pin)


def test_checking_a_pin_needs_no_store() -> None:
    """`pin check` says what `pin change` would, of the rules alone."""
    pins.check(CHOICE)
    for pin, rule in FORBIDDEN.items():
        with pytest.raises(Refused) as refusal:
            pins.check(pin)
        assert refusal.value.rule is rule
    with pytest.raises(MalformedPin):
        pins.check("12345")
