"""PINs of an older cost or key are hashed again by the next right answer only."""

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
from tests.support.desk import Desk
from tests.support.overtaking import overtake

pytestmark = pytest.mark.engines(in_turn=True)

DEARER = HashCost(memory_kib=16, passes=1)


def stored(user: User) -> tuple[object, ...]:
    """What the record holds of the PIN; the last four fields are never renewed."""
    return (
        *(user.question, user.pin_check, user.pin_proof, user.verify_key),
        *(user.sealed, user.portal_key, user.pin_set_at, user.pin_set_by),
    )


def test_an_old_cost_is_renewed_by_the_right_answer(desk: Desk) -> None:
    """The same PIN, version and seal, with a question of the present cost; its own event."""
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
    """A right answer is not hashed twice."""
    before = with_counter(desk, 2)
    with desk.session() as session:
        verify(session, "alice", PIN, None)
    assert stored(desk.user("alice")) == stored(before)


@pytest.mark.parametrize("answer", ["234811", "000000"])
def test_a_wrong_answer_renews_nothing(desk: Desk, answer: str) -> None:
    """It must never become the PIN."""
    before = with_counter(desk, 2)
    with desk.session(cost=DEARER) as session:
        assert verify(session, "alice", answer, None).outcome is Outcome.INCORRECT
    assert stored(desk.user("alice")) == stored(before)


def test_a_pin_withdrawn_meanwhile_is_not_renewed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing brings it back."""
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
    """The new PIN stays."""
    with_counter(desk, 2)
    with desk.session(cost=DEARER) as session:
        overtake(monkeypatch, pin_steps.renew, lambda: pins.change(session, "alice", "987321"))
        assert verify(session, "alice", PIN, None).outcome is Outcome.VERIFIED
        assert verify(session, "alice", "987321", None).outcome is Outcome.VERIFIED


def test_a_key_rotated_meanwhile_is_not_used_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The PIN keeps its question until the next right answer."""
    before = with_counter(desk, 2)
    with desk.session(cost=DEARER) as session:
        overtake(monkeypatch, pin_steps.renew, lambda: rotate(session, KeyKind.VERIFY))
        assert verify(session, "alice", PIN, None).outcome is Outcome.VERIFIED
        assert stored(desk.user("alice")) == stored(before)
        assert verify(session, "alice", PIN, None).outcome is Outcome.VERIFIED
        assert desk.user("alice").verify_key == session.store.identity().verify_key


@pytest.mark.parametrize("error", [OutOfMemory(), HashUnavailable("no backend")])
def test_a_renewal_that_fails_keeps_the_verdict(desk: Desk, error: PincliError) -> None:
    """A later right answer renews the PIN."""
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


def test_an_old_keys_question_is_renewed_by_the_right_answer(desk: Desk) -> None:
    """After a rotation each PIN moves to the new key this way."""
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


def test_an_old_keys_pin_is_shown_and_recognised(desk: Desk) -> None:
    """It is shown, and can't be chosen again."""
    with_counter(desk, 0)
    with desk.session() as session:
        rotate(session, KeyKind.VERIFY)
        assert pins.show(session, "alice").pin == PIN
        with pytest.raises(Refused) as refusal:
            pins.change(session, "alice", PIN)
        assert refusal.value.rule is Rule.SAME_PIN
