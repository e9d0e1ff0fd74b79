"""Who can write the database, but holds no key: what copied rows and texts get them."""

from __future__ import annotations

import pytest

from pincli.errors import PincliError, SealDamaged, VerifierDamaged
from pincli.models import Outcome
from pincli.operations import pins
from pincli.operations.session import Session
from pincli.operations.verify import verify
from pincli.store.steps import pins as pin_steps
from tests.store.attempting import PIN, last_number, with_counter
from tests.support.desk import Desk

BOBS = "234811"


def swap(desk: Desk, *columns: str) -> None:
    """Exchange columns of alice's and bob's rows."""
    for column in columns:
        values = dict(desk.sql(f"SELECT user, {column} FROM people"))  # noqa: S608
        desk.sql(f"UPDATE people SET {column} = ? WHERE user = 'alice'", values["bob"])  # noqa: S608
        desk.sql(f"UPDATE people SET {column} = ? WHERE user = 'bob'", values["alice"])  # noqa: S608


def outcome(session: Session, user: str, pin: str) -> Outcome:
    """What verify says."""
    return verify(session, user, pin, None).outcome


@pytest.mark.parametrize("same", [True, False])
def test_a_verifier_copied_to_another_user_verifies_nobody(desk: Desk, same: bool) -> None:
    """Neither one's own PIN nor the other's matches after a swap, and each try is charged."""
    bobs = PIN if same else BOBS
    desk.collected("alice", pin=PIN)
    desk.collected("bob", pin=bobs)
    swap(desk, "verifier")
    with desk.session() as session:
        for user in ("alice", "bob"):
            assert outcome(session, user, PIN) is Outcome.INCORRECT
            assert outcome(session, user, bobs) is Outcome.INCORRECT
            assert desk.user(user).failed_attempts == 2


def test_an_old_verifier_in_the_present_row_verifies_nobody(desk: Desk) -> None:
    """A PIN that was changed away does not come back with its verifier."""
    old = with_counter(desk, 0).pin
    assert old is not None
    with desk.session() as session:
        pins.change(session, "alice", BOBS)
        desk.sql("UPDATE people SET verifier = ?, sealed = ?", old.verifier, old.sealed)
        assert outcome(session, "alice", PIN) is Outcome.INCORRECT
        assert outcome(session, "alice", BOBS) is Outcome.INCORRECT
        with pytest.raises(SealDamaged):
            pins.show(session, "alice")


def test_a_withdrawn_pin_does_not_come_back_with_its_columns(desk: Desk) -> None:
    """The version grew when it was withdrawn, and nothing written under the old one matches."""
    old = with_counter(desk, 0)
    assert old.pin is not None
    with desk.session() as session:
        session.store.write(pin_steps.withdraw, [old.id], unlock=False, reason=None)
        desk.sql(
            "UPDATE people SET verifier = ?, verify_key = ?, sealed = ?, portal_key = ?, "
            "pin_set_at = ?, pin_set_by = ?",
            *old.pin,
        )
        assert outcome(session, "alice", PIN) is Outcome.INCORRECT


def test_a_swapped_seal_is_not_shown(desk: Desk) -> None:
    """Nobody reads another's PIN through `pin show`; their own still verifies."""
    desk.collected("alice", pin=PIN)
    desk.collected("bob", pin=BOBS)
    swap(desk, "sealed")
    seq = last_number(desk)
    with desk.session() as session:
        for user in ("alice", "bob"):
            with pytest.raises(SealDamaged) as error:
                pins.show(session, user)
            assert error.value.user == user
        assert last_number(desk) == seq
        assert outcome(session, "alice", PIN) is Outcome.VERIFIED


def test_a_row_swapped_whole_gives_nobody_the_other_s_pin(desk: Desk) -> None:
    """All PIN columns of two users exchanged: shown to nobody, and it verifies nobody."""
    desk.collected("alice", pin=PIN)
    desk.collected("bob", pin=BOBS)
    swap(desk, "verifier", "verify_key", "sealed", "portal_key", "pin_version")
    with desk.session() as session:
        for user in ("alice", "bob"):
            with pytest.raises(SealDamaged):
                pins.show(session, user)
            assert outcome(session, user, PIN) is Outcome.INCORRECT
            assert outcome(session, user, BOBS) is Outcome.INCORRECT


@pytest.mark.parametrize("damage", ["", "x", "$argon2id$", PIN])
def test_a_damaged_verifier_is_no_verdict_and_no_free_guess(desk: Desk, damage: str) -> None:
    """The error says what is wrong; the attempt stays charged, and six of them lock."""
    with_counter(desk, 0)
    desk.sql("UPDATE people SET verifier = ?", damage)
    with desk.session() as session:
        for counter in range(1, 7):
            with pytest.raises(VerifierDamaged):
                verify(session, "alice", PIN, None)
            assert desk.user("alice").failed_attempts == counter
        assert outcome(session, "alice", PIN) is Outcome.LOCKED


@pytest.mark.parametrize("damage", [b"", b"x", bytes(54)])
def test_a_damaged_seal_is_no_pin(desk: Desk, damage: bytes) -> None:
    """What does not open is damage in words, not a crash and not a made-up PIN."""
    before = with_counter(desk, 0)
    desk.sql("UPDATE people SET sealed = ?", damage)
    with desk.session() as session, pytest.raises(SealDamaged):
        pins.show(session, "alice")
    assert desk.user("alice").pin_version == before.pin_version


def test_another_version_makes_the_present_pin_worthless(desk: Desk) -> None:
    """A version edited by hand fits neither verifier nor seal."""
    with_counter(desk, 0)
    desk.sql("UPDATE people SET pin_version = pin_version + 1")
    with desk.session() as session:
        assert outcome(session, "alice", PIN) is Outcome.INCORRECT
        with pytest.raises(PincliError):
            pins.show(session, "alice")
