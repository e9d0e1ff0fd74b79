"""An attacker who can write the database, without some of the keys.

Without audit.key nothing of a record can be changed: it is found before the next charge. With
it, but without verify.key, nobody can be verified by a PIN of one's own.
"""

from __future__ import annotations

from typing import Any

import pytest

from pincli.errors import PincliError, SealDamaged, StoreTampered, VerifierDamaged
from pincli.models import Outcome, User
from pincli.operations import pins
from pincli.operations.session import Session
from pincli.operations.trail_check import check_trail
from pincli.operations.verify import verify
from pincli.rules.lockout import check_of
from pincli.store.steps import pins as pin_steps
from pincli.vault.answers import proof
from tests.operations.resetting import reset_named
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


def found_before_the_charge(desk: Desk, session: Session, *pins_tried: str) -> None:
    """Fail unless answers and a reset find the tampering, uncharged."""
    before, number = desk.user("alice"), last_number(desk)
    for pin in pins_tried or (PIN, BOBS, "000000"):
        with pytest.raises(StoreTampered) as error:
            verify(session, "alice", pin, None)
        assert error.value.charge == "not charged"
    with pytest.raises(StoreTampered):
        reset_named(session, "alice")
    assert desk.user("alice") == before
    assert last_number(desk) == number


def test_a_counter_put_back_gives_no_guess(desk: Desk) -> None:
    """The next answer is not charged, and nobody is verified."""
    with_counter(desk, 5)
    desk.sql("UPDATE people SET failed_attempts = 0")
    with desk.session() as session:
        found_before_the_charge(desk, session)


@pytest.mark.parametrize("edit", ["locked_since = NULL, failed_attempts = 0", "active = 1"])
def test_a_state_edited_by_hand_is_found(desk: Desk, edit: str) -> None:
    """A lock released, or a user activated."""
    with_counter(desk, 6)
    rewrite(desk, "alice", active=False)
    desk.sql(f"UPDATE people SET {edit}, active = 1")  # noqa: S608
    with desk.session() as session, pytest.raises(StoreTampered):
        verify(session, "alice", PIN, None)


@pytest.mark.parametrize("columns", [("pin_proof",), ("pin_check",), OF_A_PIN, ("login",)])
def test_columns_of_two_users_exchanged_verify_nobody(desk: Desk, columns: tuple[str, ...]) -> None:
    """With neither PIN, and nothing is charged."""
    desk.collected("alice", pin=PIN)
    desk.collected("bob", pin=BOBS)
    if columns == ("login",):
        desk.sql("UPDATE people SET account = login")  # logins are unique in an account
    swap(desk, *columns)
    with desk.session() as session:
        for pin in (PIN, BOBS):
            with pytest.raises(PincliError) as error:
                verify(session, "alice", pin, None)
            assert isinstance(error.value, (StoreTampered, VerifierDamaged))
    assert "attempt" not in {event.kind.value for event in desk.events()}


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


def test_a_deleted_user_cant_be_added_unnoticed(desk: Desk) -> None:
    """The check names who is gone; the new user has another uid."""
    before = with_counter(desk, 6)
    desk.sql("DELETE FROM people")
    after = desk.add("alice")
    assert after.uid != before.uid
    with desk.session() as session:
        assert before.uid.hex() in (check_trail(session, None).finding or "")


def test_bulk_work_leaves_tampered_records_out_and_names_them(desk: Desk) -> None:
    """All other users are done."""
    for name in ("alice", "bob", "carol"):
        with_counter(desk, 3, name)
    desk.sql("UPDATE people SET failed_attempts = 0 WHERE login = 'bob'")
    with desk.session() as session, pytest.raises(StoreTampered) as error:
        reset_named(session, "alice", "bob", "carol")
    assert error.value.detail.endswith(": bob")
    assert [desk.user(name).question is None for name in ("alice", "bob", "carol")] == [
        True,
        False,
        True,
    ]
