"""PINs of an older cost or key: hashed anew by the next right answer, and by nothing else."""

from __future__ import annotations

import pytest

from pincli.errors import HashUnavailable, OutOfMemory, PincliError, Refused, Rule
from pincli.models import Outcome, User
from pincli.operations import pins
from pincli.operations.keys import KeyKind, rotate
from pincli.store.steps import pins as pin_steps
from pincli.vault.answers import Answers, HashCost
from tests.operations.watching import WatchingAnswers
from tests.store.attempting import PIN, with_counter
from tests.support.answered import verify
from tests.support.desk import CHEAP, Desk
from tests.support.overtaking import overtake

pytestmark = pytest.mark.engines

DEARER = HashCost(memory_kib=16, passes=1)


def stored(user: User) -> tuple[object, ...]:
    """What the record holds of the PIN: question, check, proof, key, and what is not renewed."""
    return (
        *(user.question, user.pin_check, user.pin_proof, user.verify_key),
        *(user.sealed, user.portal_key, user.pin_set_at, user.pin_set_by),
    )


def test_an_old_cost_is_renewed_by_the_right_answer(desk: Desk) -> None:
    """The same PIN, version and seal, under a question of today's cost."""
    before = with_counter(desk, 2)
    with desk.session(cost=DEARER) as session:
        assert verify(session, "alice", PIN, None).outcome is Outcome.VERIFIED
    after = desk.user("alice")
    assert not set(stored(after)[:3]) & set(stored(before)[:3])
    assert stored(after)[3:] == stored(before)[3:]
    assert after.pin_version == before.pin_version
    assert not Answers(DEARER).is_outdated(after.question or "")
    with desk.session(cost=DEARER) as session:
        assert verify(session, "alice", PIN, None).outcome is Outcome.VERIFIED
        assert pins.show(session, "alice").pin == PIN
    assert stored(desk.user("alice")) == stored(after)


def test_a_current_question_is_left_alone(desk: Desk) -> None:
    """A right answer hashes nothing again where there is nothing to renew."""
    before = with_counter(desk, 2)
    with desk.session() as session:
        verify(session, "alice", PIN, None)
    assert stored(desk.user("alice")) == stored(before)


@pytest.mark.parametrize("answer", ["234811", "000000"])
def test_a_wrong_answer_renews_nothing(desk: Desk, answer: str) -> None:
    """What was typed wrong must never become the PIN."""
    before = with_counter(desk, 2)
    with desk.session(cost=DEARER) as session:
        assert verify(session, "alice", answer, None).outcome is Outcome.INCORRECT
    assert stored(desk.user("alice")) == stored(before)


def test_a_pin_withdrawn_meanwhile_is_not_renewed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the verdict and the renewal it is gone: nothing brings it back."""
    before = with_counter(desk, 2)
    with desk.session(cost=DEARER) as session:
        overtake(
            monkeypatch,
            pin_steps.renew,
            lambda: session.store.write(pin_steps.withdraw, [before.id], unlock=False, reason=None),
        )
        assert verify(session, "alice", PIN, None).outcome is Outcome.VERIFIED
    assert desk.user("alice").question is None


def test_a_pin_replaced_meanwhile_is_not_overwritten(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new PIN stays, whatever was typed for the old one."""
    with_counter(desk, 2)
    with desk.session(cost=DEARER) as session:
        overtake(monkeypatch, pin_steps.renew, lambda: pins.change(session, "alice", "987321"))
        assert verify(session, "alice", PIN, None).outcome is Outcome.VERIFIED
        assert verify(session, "alice", "987321", None).outcome is Outcome.VERIFIED


def test_a_key_rotated_meanwhile_is_not_used_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rotation just before the renewal: the PIN keeps its old question until the next time."""
    before = with_counter(desk, 2)
    with desk.session(cost=DEARER) as session:
        overtake(monkeypatch, pin_steps.renew, lambda: rotate(session, KeyKind.VERIFY))
        assert verify(session, "alice", PIN, None).outcome is Outcome.VERIFIED
        assert stored(desk.user("alice")) == stored(before)
        assert verify(session, "alice", PIN, None).outcome is Outcome.VERIFIED
        assert desk.user("alice").verify_key == session.store.identity().verify_key


@pytest.mark.parametrize("error", [OutOfMemory(), HashUnavailable("no backend")])
def test_a_renewal_that_fails_takes_no_verdict_back(desk: Desk, error: PincliError) -> None:
    """The answer was right all the same; a later attempt renews it."""
    before = with_counter(desk, 2)
    answers = WatchingAnswers(lambda: None, DEARER)

    def fail() -> None:
        if answers.hashed > 1:
            raise error

    answers._during = fail
    with desk.session() as session:
        failing = session._replace(answers=answers)
        assert verify(failing, "alice", PIN, None).outcome is Outcome.VERIFIED
    assert answers.hashed == 2
    assert stored(desk.user("alice")) == stored(before)


def test_a_renewal_is_an_event_of_its_own_and_keeps_version_and_counter(desk: Desk) -> None:
    """After the verdict, in a transaction of its own."""
    before = with_counter(desk, 2)
    with desk.session(cost=DEARER) as session:
        verify(session, "alice", PIN, None)
    assert [event.kind for event in desk.events()][-3:] == ["attempt", "verified", "renewed"]
    assert desk.events()[-1].pin_version == before.pin_version


def test_an_old_key_s_question_is_renewed_by_the_right_answer(desk: Desk) -> None:
    """After a rotation no PIN changes; each moves to the new key with its next right answer."""
    before = with_counter(desk, 2)
    with desk.session() as session:
        old = session.identity.verify_key
        new = rotate(session, KeyKind.VERIFY)
        assert verify(session, "alice", "234811", None).outcome is Outcome.INCORRECT
        assert stored(desk.user("alice")) == stored(before)
        assert verify(session, "alice", PIN, None).outcome is Outcome.VERIFIED
    after = desk.user("alice")
    assert (before.verify_key, after.verify_key) == (old, new)
    assert stored(after)[4:] == stored(before)[4:]
    assert after.pin_version == before.pin_version
    (desk.keys / f"verify-{old}.key").unlink()
    with desk.session() as session:
        assert verify(session, "alice", PIN, None).outcome is Outcome.VERIFIED


def test_an_old_key_s_pin_is_shown_and_recognised(desk: Desk) -> None:
    """Looking at it and trying to choose it again work as before the rotation."""
    with_counter(desk, 0)
    with desk.session() as session:
        rotate(session, KeyKind.VERIFY)
        assert pins.show(session, "alice").pin == PIN
        with pytest.raises(Refused) as refusal:
            pins.change(session, "alice", PIN)
        assert refusal.value.rule is Rule.SAME_PIN


def test_the_tests_own_cost_is_told_from_production(desk: Desk) -> None:
    """A PIN of a test's cost would be renewed by production: it is only ever cheaper."""
    assert Answers().is_outdated(with_counter(desk, 0).question or "")
    assert CHEAP.memory_kib < HashCost().memory_kib
