"""Choosing a PIN: what is refused, and what a choice changes."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import pytest

from pincli.errors import (
    KeysUnavailable,
    Refused,
    Rule,
)
from pincli.models import UserType
from pincli.operations import people, pins
from pincli.operations.keys import KeyKind, rotate
from pincli.operations.session import Session
from tests.operations.resetting import reset_named
from tests.store.attempting import PIN, kinds_after, last_number, with_counter
from tests.support.desk import Desk

pytestmark = pytest.mark.engines(in_turn=True)

CHOICE = "234811"
FORBIDDEN = {
    "444412": Rule.REPEATED_DIGITS,
    "666697": Rule.REPEATED_DIGITS,
    "123498": Rule.DIGIT_SEQUENCE,
    "654378": Rule.DIGIT_SEQUENCE,
}


def test_a_choice_against_a_rule_changes_nothing(desk: Desk) -> None:
    """The refusal is recorded without the PIN; record and counter stay."""
    before = with_counter(desk, 5)
    number = last_number(desk)
    choices = {**FORBIDDEN, PIN: Rule.SAME_PIN}
    with desk.session() as session:
        for pin, rule in choices.items():
            with pytest.raises(Refused) as refusal:
                pins.change(session, "alice", pin)
            assert (refusal.value.rule, refusal.value.subject) == (rule, "alice")
            assert pin not in repr(desk.events()[-1]._replace(mac=""))
    assert desk.user("alice") == before
    refused = [("refused", rule.name.lower(), 5) for rule in choices.values()]
    assert kinds_after(desk, number) == refused


def test_no_pin_is_chosen_while_locked(desk: Desk) -> None:
    """Otherwise a choice would be a way around the lock."""
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


def _reset(session: Session) -> None:
    reset_named(session, "alice")


def _issue(session: Session) -> None:
    reset_named(session, "alice", issue=True)


def _rehire(session: Session) -> None:
    for active in (False, True):
        people.set_active(session, "alice", active=active, reason=None)


@pytest.mark.parametrize("withdraw", [_reset, _issue, _rehire])
def test_the_pin_that_was_withdrawn_last_is_not_chosen_again(
    desk: Desk, withdraw: Callable[[Session], None]
) -> None:
    """Until the customer has chosen another."""
    desk.collected("alice", pin=PIN)
    with desk.session() as session:
        withdraw(session)
        with pytest.raises(Refused) as refusal:
            pins.change(session, "alice", PIN)
        assert refusal.value.rule is Rule.WITHDRAWN_PIN
        pins.change(session, "alice", CHOICE)
        pins.change(session, "alice", PIN)


def test_only_the_last_withdrawn_pin_is_barred(desk: Desk) -> None:
    """Only a choice or another withdrawal ends that."""
    desk.collected("alice", pin=PIN)
    with desk.session() as session:
        reset_named(session, "alice")
        generated = pins.show(session, "alice").pin
        reset_named(session, "alice")
        reset_named(session, "alice")
        with pytest.raises(Refused) as refusal:
            pins.change(session, "alice", generated)
        assert refusal.value.rule is Rule.WITHDRAWN_PIN
        pins.change(session, "alice", PIN)


def test_the_bar_ends_with_its_key(desk: Desk) -> None:
    """A lost key can't be compared; an unreadable one is an error."""
    desk.collected("alice", pin=PIN)
    with desk.session() as session:
        reset_named(session, "alice")
        old = session.identity.verify_key
        rotate(session, KeyKind.VERIFY)
    kept = desk.keys / f"verify-{old}.key"
    kept.chmod(0o644)
    with desk.session() as session, pytest.raises(KeysUnavailable):
        pins.change(session, "alice", CHOICE)
    kept.unlink()
    with desk.session() as session:
        assert pins.change(session, "alice", PIN).barred_question is None


@pytest.mark.parametrize(
    ("login", "account", "email"),
    [
        ("u234811@x.example", "acme", ""),
        ("alice", "12-23-48-11", ""),
        ("234811", "a", ""),
        ("alice", "acme", "a.234811@x.example"),
    ],
)
def test_digits_of_a_name_are_never_its_pin(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, login: str, account: str, email: str
) -> None:
    """Neither chosen nor generated: anyone who knows login, account or e-mail would guess it."""
    with desk.session() as session:
        people.add(session, login, account, "Somebody", UserType.CLOUD, email)
    draws = [234_811, 444_159] * 2
    monkeypatch.setattr(secrets, "randbelow", lambda _: draws.pop(0))
    with desk.session() as session:
        with pytest.raises(Refused) as refusal:
            pins.change(session, login, "234811")
        assert refusal.value.rule is Rule.OWN_DIGITS
        assert pins.show(session, login).pin == "444159"
        (result,) = reset_named(session, login, issue=True)
        assert result.pin == "444159"


def test_a_user_who_can_choose_is_let_through_without_an_event(desk: Desk) -> None:
    """Before the customer types anything."""
    before = with_counter(desk, 5)
    number = last_number(desk)
    with desk.session() as session:
        assert pins.require_changeable(session, "ALICE") == before
    assert last_number(desk) == number
