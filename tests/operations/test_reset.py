"""Resetting users by name: what becomes of the counter and of the PIN."""

from __future__ import annotations

from itertools import product

import pytest

from pincli.errors import UnknownUser
from pincli.models import Outcome, PinOrigin, State, UserType
from pincli.operations import people, pins
from pincli.operations.reset import ResetOrder, would_reset
from pincli.operations.selection import select
from pincli.operations.verify import verify
from pincli.rules.lockout import state_of
from pincli.rules.pins import broken_rule
from pincli.store.steps.pins import withdraw
from tests.operations.resetting import reset_named
from tests.store.attempting import PIN, kinds_after, last_number, left_open, told, with_counter
from tests.support.desk import Desk

pytestmark = pytest.mark.engines

CASES = list(product(range(7), (True, False)))


@pytest.mark.parametrize(("counter", "unlock"), CASES)
def test_a_reset_withdraws_the_pin(desk: Desk, counter: int, unlock: bool) -> None:
    """Counter 0, but a locked user stays at six without --unlock; the old PIN is worthless."""
    before = with_counter(desk, counter)
    number = last_number(desk)
    stays = counter == 6 and not unlock
    with desk.session() as session:
        (result,) = reset_named(session, " Alice", unlock=unlock, reason="T-2")
        after = desk.user("alice")
        assert (result.change.before, told(result.change.after)) == (before, told(after))
        assert (after.question, result.pin) == (None, None)
        assert after.failed_attempts == (6 if stays else 0)
        assert state_of(after) is (State.LOCKED if stays else State.UNCOLLECTED)
        unlocked = [("unlocked", None, 0)] if counter == 6 and unlock else []
        assert kinds_after(desk, number) == [
            *unlocked,
            ("pin_withdrawn", None, after.failed_attempts),
        ]
        assert {event.reason for event in desk.events() if event.seq > number} == {"T-2"}
        verdict = verify(session, "alice", PIN, None)
        assert verdict.outcome is (Outcome.LOCKED if stays else Outcome.UNCOLLECTED)


@pytest.mark.parametrize(("counter", "unlock"), CASES)
def test_issuing_hands_out_a_new_pin(desk: Desk, counter: int, unlock: bool) -> None:
    """It is generated, allowed, told once, and verifies; six stays six without --unlock."""
    before = with_counter(desk, counter)
    stays = counter == 6 and not unlock
    with desk.session() as session:
        (result,) = reset_named(session, "alice", unlock=unlock, issue=True, reason="T-2")
        after = desk.user("alice")
        assert (result.change.before, told(result.change.after)) == (before, told(after))
        assert result.pin is not None
        assert broken_rule(result.pin) is None
        assert after.pin_set_by is PinOrigin.GENERATED
        assert after.failed_attempts == (6 if stays else 0)
        assert pins.show(session, "alice").pin == result.pin
        verdict = verify(session, "alice", result.pin, None)
        assert verdict.outcome is (Outcome.LOCKED if stays else Outcome.VERIFIED)


@pytest.mark.parametrize("issue", [True, False])
@pytest.mark.parametrize("alone", [True, False])
def test_who_can_have_no_pin_gets_none(desk: Desk, issue: bool, alone: bool) -> None:
    """An inactive user's counter goes to 0, an ineligible one is left alone; none is issued."""
    with_counter(desk, 3, "gone")
    desk.add("pipe", kind=UserType.DATAPIPE)
    with desk.session() as session:
        people.set_active(session, "gone", active=False, reason=None)
        pipe = desk.user("pipe")
        for names in (("gone",), ("pipe",)) if alone else (("gone", "pipe"),):
            for result in reset_named(session, *names, issue=issue):
                assert result.pin is None
                assert result.change.after.question is None
    assert (desk.user("gone").question, desk.user("gone").failed_attempts) == (None, 0)
    assert desk.user("pipe") == pipe


def test_a_second_reset_has_nothing_to_do(desk: Desk) -> None:
    """Without a PIN and at 0 nothing is written; a locked user stays locked each time."""
    with_counter(desk, 3, "alice")
    with_counter(desk, 6, "bob")
    with desk.session() as session:
        reset_named(session, "alice", "bob")
        number = last_number(desk)
        results = reset_named(session, "alice", "bob")
    assert all(result.change.before == result.change.after for result in results)
    assert last_number(desk) == number
    assert desk.user("bob").failed_attempts == 6


@pytest.mark.parametrize("issue", [True, False])
def test_several_are_reset_each_once(desk: Desk, issue: bool) -> None:
    """However often and in whatever spelling they are named, and nobody else is touched."""
    for name in ("alice", "bob", "carol"):
        with_counter(desk, 2, name)
    carol = desk.user("carol")
    with desk.session() as session:
        results = reset_named(session, "bob", "ALICE", " bob", "alice", issue=issue)
    assert sorted(result.change.after.login for result in results) == ["alice", "bob"]
    assert all((result.pin is not None) is issue for result in results)
    # Withdrawn first, and then made: a kill in between leaves nobody with the old one.
    assert [desk.user(name).pin_version for name in ("alice", "bob")] == [2 + issue] * 2
    assert desk.user("carol") == carol


def test_one_unknown_among_several_changes_nobody(desk: Desk) -> None:
    """All the unknown are named, each is on record, masked, and no PIN is withdrawn."""
    before = with_counter(desk, 2)
    with desk.session() as session:
        with pytest.raises(UnknownUser) as refusal:
            reset_named(session, "nobody", "alice", "444159")
        assert refusal.value.names == ("nobody", "444159")
    assert desk.user("alice") == before
    assert [(event.user, event.outcome) for event in desk.events()[-2:]] == [
        ("nobody", "unknown_user"),
        ("******", "unknown_user"),
    ]


@pytest.mark.parametrize("names", [("alice",), ("alice", "bob")])
def test_a_reset_ends_what_a_dead_process_left_open(desk: Desk, names: tuple[str, ...]) -> None:
    """Of one or of many: the sixth miss is a lock first, and stays one."""
    desk.collected("bob")
    attempt = left_open(desk, with_counter(desk, 5))
    with desk.session() as session:
        results = reset_named(session, *names)
    after = desk.user("alice")
    assert (after.failed_attempts, after.locks_total, after.question) == (6, 1, None)
    assert {result.change.before.login for result in results} == set(names)
    events = [(event.kind, event.attempts_used) for event in desk.events("alice")]
    assert events[-3:] == [
        ("incorrect", 6),
        ("locked", 6),
        ("pin_withdrawn", 6),
    ]
    assert desk.events("alice")[-3].attempt == attempt.number


@pytest.mark.parametrize(("unlock", "issue"), list(product((True, False), (True, False))))
def test_a_dry_run_foretells_the_reset(desk: Desk, unlock: bool, issue: bool) -> None:
    """State and counter afterwards are those that were foretold; nothing was changed."""
    names = []
    for counter in range(7):
        names += [f"with{counter}", f"without{counter}", f"gone{counter}"]
        for name in names[-3:]:
            with_counter(desk, counter, name)
    with desk.session() as session:
        for counter in range(7):
            people.set_active(session, f"gone{counter}", active=False, reason=None)
            row = desk.user(f"without{counter}").id
            session.store.write(withdraw, [row], unlock=False, reason=None)
        number = last_number(desk)
        with select(session, names=names) as selection:
            foretold = [
                result.change
                for page in would_reset(selection, ResetOrder(unlock, issue))
                for result in page
            ]
        assert last_number(desk) == number
        results = reset_named(session, *names, unlock=unlock, issue=issue)
    became = {result.change.after.login: result.change for result in results}
    assert {change.before.login for change in foretold} == set(names)
    for change in foretold:
        real = became[change.before.login]
        assert issue or change.before == real.before
        assert change.after.failed_attempts == real.after.failed_attempts
        assert (change.before == change.after) is (real.before == real.after)
