"""An attacker with audit.key, but without verify.key: nobody is verified by a PIN of theirs."""

from __future__ import annotations

from typing import Any

import pytest

from pincli.errors import SealDamaged, VerifierDamaged
from pincli.models import Outcome, User
from pincli.operations import pins
from pincli.operations.verify import verify
from pincli.rules.lockout import check_of
from pincli.store.steps import pins as pin_steps
from pincli.vault.answers import proof
from tests.store.attempting import PIN, answer_of, last_number, rewrite, with_counter
from tests.support.desk import Desk

BOBS = "234811"
OF_A_PIN = ("question", "pin_check", "pin_proof", "verify_key", "sealed", "portal_key")


def swap(desk: Desk, *columns: str) -> None:
    for column in columns:
        one, two = desk.sql(f"SELECT id, {column} FROM people ORDER BY id")  # noqa: S608
        edit = f"UPDATE people SET {column} = ? WHERE id = ?"  # noqa: S608
        desk.sql(edit, two[1], one[0])
        desk.sql(edit, one[1], two[0])


def of_a_pin(user: User) -> dict[str, Any]:
    return {name: getattr(user, name) for name in (*OF_A_PIN, "pin_set_at", "pin_set_by")}


def test_a_withdrawn_pin_does_not_come_back_with_its_columns(desk: Desk) -> None:
    """With audit.key neither: the proof is for its version."""
    old = with_counter(desk, 0)
    with desk.session() as session:
        session.store.write(pin_steps.withdraw, [old.id], unlock=False, reason=None)
        rewrite(desk, "alice", **of_a_pin(old))
        with pytest.raises(VerifierDamaged):
            verify(session, "alice", PIN, None)


def test_a_forged_check_is_no_pin_without_verify_key(desk: Desk) -> None:
    """With audit.key a check can be written, but not its proof."""
    user = with_counter(desk, 0)
    with desk.session() as session:
        answer = answer_of(session, user, BOBS)
        assert answer is not None
        rewrite(desk, "alice", pin_check=check_of(answer))
        for pin in (PIN, BOBS):
            with pytest.raises(VerifierDamaged):
                verify(session, "alice", pin, None)
    assert desk.user("alice").attempts_total == 0


def test_another_users_pin_never_verifies(desk: Desk) -> None:
    """Bob's question, check and proof in alice's record, sealed again: bound to his uid."""
    desk.collected("alice", pin=PIN)
    desk.collected("bob", pin=BOBS)
    rewrite(desk, "alice", **of_a_pin(desk.user("bob")))
    with desk.session() as session:
        for pin in (PIN, BOBS):
            with pytest.raises(VerifierDamaged):
                verify(session, "alice", pin, None)
        with pytest.raises(SealDamaged):
            pins.show(session, "alice")


@pytest.mark.parametrize("damage", ["", "x", "$argon2id$", PIN])
def test_a_damaged_question_is_no_verdict_and_no_charge(desk: Desk, damage: str) -> None:
    """However often it is tried."""
    with_counter(desk, 0)
    rewrite(desk, "alice", question=damage)
    with desk.session() as session:
        for _ in range(7):
            with pytest.raises(VerifierDamaged):
                verify(session, "alice", PIN, None)
    assert desk.user("alice").attempts_total == 0


@pytest.mark.parametrize("cost", ["m=262145,t=2,p=1", "m=19456,t=17,p=1", "m=19456,t=2,p=5"])
def test_a_question_that_asks_for_too_much_is_damage(desk: Desk, cost: str) -> None:
    """With both keys it can be forged, but must not stop the desk."""
    user = with_counter(desk, 0)
    question = f"$argon2id$v=19${cost}$AAAAAAAAAAAAAAAAAAAAAA"
    with desk.session() as session:
        key = session.keyring.verify
        check = user.pin_check or b""
        forged = proof(key, user.uid, user.pin_version, question, check)
        rewrite(desk, "alice", question=question, pin_proof=forged)
        with pytest.raises(VerifierDamaged):
            verify(session, "alice", PIN, None)


@pytest.mark.parametrize("damage", [b"", b"x", bytes(54)])
def test_a_damaged_seal_is_no_pin(desk: Desk, damage: bytes) -> None:
    """It is an error, and no PIN is made up."""
    with_counter(desk, 0)
    before = rewrite(desk, "alice", sealed=damage)
    with desk.session() as session:
        with pytest.raises(SealDamaged):
            pins.show(session, "alice")
        assert verify(session, "alice", PIN, None).outcome is Outcome.VERIFIED
    assert desk.user("alice").pin_version == before.pin_version


def test_a_swapped_seal_is_not_shown(desk: Desk) -> None:
    """No user sees another's PIN."""
    desk.collected("alice", pin=PIN)
    desk.collected("bob", pin=BOBS)
    swap(desk, "sealed")
    number = last_number(desk)
    with desk.session() as session:
        for user in ("alice", "bob"):
            with pytest.raises(SealDamaged) as error:
                pins.show(session, user)
            assert error.value.user == user
    assert last_number(desk) == number
