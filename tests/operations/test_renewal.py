"""Verifiers of older cost or key: renewed by the next right answer, and by nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from pincli.vault.verifiers import HashCost, Verifiers

from pincli.errors import Refused, Rule
from pincli.models import Outcome, PinOrigin, User
from pincli.operations import pins
from pincli.operations.verify import verify
from pincli.store.steps import pins as pin_steps
from pincli.vault.framing import fingerprint
from pincli.vault.key_files import write_key
from tests.operations.watching import WatchingVerifiers
from tests.store.attempting import PIN, with_counter
from tests.support.desk import CHEAP, Desk

DEARER = HashCost(memory_kib=16, passes=1)
NEW_KEY = bytes(range(32))


def stored(user: User) -> tuple[str, str, bytes, str, str, str]:
    """What the record holds of the PIN."""
    assert user.pin is not None
    return user.pin


def test_an_old_cost_is_renewed_by_the_right_answer(desk: Desk) -> None:
    """The same PIN, version and seal, under a verifier of today's cost."""
    before = with_counter(desk, 2)
    with desk.session(cost=DEARER) as session:
        assert verify(session, "alice", PIN, None).outcome is Outcome.VERIFIED
    after = desk.user("alice")
    assert stored(after)[0] != stored(before)[0]
    assert stored(after)[1:] == stored(before)[1:]
    assert after.pin_version == before.pin_version
    assert not Verifiers(DEARER).is_outdated(stored(after)[0])
    with desk.session(cost=DEARER) as session:
        assert verify(session, "alice", PIN, None).outcome is Outcome.VERIFIED
        assert pins.show(session, "alice").pin == PIN
    assert stored(desk.user("alice")) == stored(after)


def test_a_current_verifier_is_left_alone(desk: Desk) -> None:
    """A right answer writes no new verifier where there is nothing to renew."""
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


def test_a_pin_withdrawn_meanwhile_is_not_renewed(desk: Desk) -> None:
    """Between compare and settle it is gone: nothing brings its verifier back."""
    before = with_counter(desk, 2)
    with desk.session() as session:

        def withdraw() -> None:
            session.store.write(pin_steps.withdraw, [before.id], unlock=False, reason=None)

        verifiers = WatchingVerifiers(withdraw, DEARER)
        verdict = verify(session._replace(verifiers=verifiers), "alice", PIN, None)
    assert verdict.outcome is Outcome.UNCOLLECTED
    assert desk.user("alice").pin is None


def test_a_pin_replaced_meanwhile_is_not_overwritten(desk: Desk) -> None:
    """The new PIN's verifier stays, whatever was typed for the old one."""
    before = with_counter(desk, 2)
    with desk.session() as session:

        def replace() -> None:
            new = pins.prepare(session, before, "234811", PinOrigin.GENERATED)
            session.store.write(pin_steps.collect, before.id, new)

        verifiers = WatchingVerifiers(replace, DEARER)
        verdict = verify(session._replace(verifiers=verifiers), "alice", PIN, None)
        assert verdict.outcome is Outcome.INCORRECT
        assert verify(session, "alice", "234811", None).outcome is Outcome.VERIFIED


def rotate_by_hand(desk: Desk) -> tuple[str, str]:
    """Put a new verify key in the place of the old one; gives both fingerprints."""
    path: Path = desk.keys / "verify.key"
    ((old,),) = desk.sql("SELECT verify_key FROM store")
    path.rename(desk.keys / f"verify-{old}.key")
    write_key(path, NEW_KEY)
    new = fingerprint("verify.key", NEW_KEY)
    desk.sql("UPDATE store SET verify_key = ?", new)
    return old, new


def test_an_old_key_s_verifier_is_renewed_by_the_right_answer(desk: Desk) -> None:
    """After a rotation no PIN changes; each moves to the new key with its next right answer."""
    before = with_counter(desk, 2)
    old, new = rotate_by_hand(desk)
    with desk.session() as session:
        assert verify(session, "alice", "234811", None).outcome is Outcome.INCORRECT
        assert stored(desk.user("alice")) == stored(before)
        assert verify(session, "alice", PIN, None).outcome is Outcome.VERIFIED
    after = desk.user("alice")
    assert stored(before)[1] == old
    assert stored(after)[1] == new
    assert stored(after)[2:] == stored(before)[2:]
    assert after.pin_version == before.pin_version
    (desk.keys / f"verify-{old}.key").unlink()
    with desk.session() as session:
        assert verify(session, "alice", PIN, None).outcome is Outcome.VERIFIED


def test_an_old_key_s_pin_is_shown_and_recognised(desk: Desk) -> None:
    """Looking at it and trying to choose it again work as before the rotation."""
    with_counter(desk, 0)
    rotate_by_hand(desk)
    with desk.session() as session:
        assert pins.show(session, "alice").pin == PIN
        with pytest.raises(Refused) as refusal:
            pins.change(session, "alice", PIN)
        assert refusal.value.rule is Rule.SAME_PIN


def test_the_tests_own_cost_is_told_from_production(desk: Desk) -> None:
    """A verifier of a test's cost would be renewed by production: it is only ever cheaper."""
    assert Verifiers().is_outdated(stored(with_counter(desk, 0))[0])
    assert CHEAP.memory_kib < HashCost().memory_kib
