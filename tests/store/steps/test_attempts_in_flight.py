"""What each change of a record makes of an attempt that is open: it ends first, in the same commit.

The table of outcomes is tested in tests/rules/test_lockout.py; here, that every step asks it.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pincli.errors import PinChangedMeanwhile
from pincli.models import Outcome, PinOrigin, State, User, UserType
from pincli.operations import pins
from pincli.operations.session import Session
from pincli.store.contract import Transaction
from pincli.store.scratch import StagedRow
from pincli.store.steps import attempts, keys, people
from pincli.store.steps import pins as steps
from tests.store.attempting import PIN, WRONG, kinds_after, left_open, settled, with_counter
from tests.store.importing import take_in
from tests.support.desk import Desk

pytestmark = pytest.mark.engines(in_turn=True)

Change = Callable[[Session, User], object]


def withdraw(session: Session, user: User) -> object:
    return session.store.write(steps.withdraw, [user.id], unlock=False, reason="incident")


def withdraw_and_unlock(session: Session, user: User) -> object:
    return session.store.write(steps.withdraw, [user.id], unlock=True, reason="incident")


def issue(session: Session, user: User) -> object:
    new = pins.prepare(session, user, "234811", PinOrigin.GENERATED)
    return session.store.write(steps.issue, [(user, new)], unlock=True, reason="incident")


def choose(session: Session, user: User) -> object:
    new = pins.prepare(session, user, "234811", PinOrigin.CUSTOMER)
    return session.store.write(steps.change, user, new)


def deactivate(session: Session, user: User) -> object:
    return session.store.write(people.set_active, [user.id], active=False, reason=None)


def row_of(user: User, **fields: object) -> StagedRow:
    row = StagedRow(user.login, 2, user.account, user.display_name, user.type, None)
    return row._replace(**fields)  # type: ignore[arg-type]


def make_ineligible(session: Session, user: User) -> object:
    row = row_of(user, type=UserType.DATAPIPE)
    return take_in(session, [row])


def import_(session: Session, user: User) -> object:
    row = row_of(user, name="Somebody")
    return take_in(session, [row])


def edit(session: Session, user: User) -> object:
    return session.store.write(people.edit, user, {"display_name": "Al"}, reason=None)


def become_ineligible(session: Session, user: User) -> object:
    return session.store.write(people.edit, user, {"type": UserType.DATAPIPE}, reason=None)


def erase(session: Session, user: User) -> object:
    return session.store.write(people.erase, user)


def unlock(session: Session, user: User) -> object:
    return session.store.write(steps.unlock, user, reason="please")


def ask_for_a_lock(session: Session, user: User) -> object:
    return session.store.write(steps.refuse_unless_locked, user)


def look(session: Session, user: User) -> object:
    return session.store.write(steps.note_shown, user)


def reseal(session: Session, user: User) -> object:
    portal_key = session.identity.portal_key
    resealed = keys.Resealed(user.id, user.pin_version, b"another seal", portal_key)
    return session.store.write(keys.reseal, [resealed])


def renew(session: Session, user: User) -> object:
    new = pins.prepare(session, user, PIN, PinOrigin.CUSTOMER)
    return session.store.write(steps.renew, user, new._replace(version=user.pin_version))


def look_by_somebody_else(session: Session, user: User) -> object:
    return session.store.write(attempts.finish, user)


WITHDRAWING: dict[str, tuple[Change, Outcome]] = {
    "reset": (withdraw, Outcome.UNCOLLECTED),
    "reset-unlock": (withdraw_and_unlock, Outcome.UNCOLLECTED),
    "issue": (issue, Outcome.INCORRECT),
    "choice": (choose, Outcome.INCORRECT),
    "deactivate": (deactivate, Outcome.INACTIVE),
    "ineligible": (make_ineligible, Outcome.INELIGIBLE),
    "ineligible-by-edit": (become_ineligible, Outcome.INELIGIBLE),
}
KEEPING: dict[str, tuple[Change, list[str]]] = {
    "unlock": (unlock, ["refused"]),
    "refuse-unless-locked": (ask_for_a_lock, ["refused"]),
    "look": (look, ["pin_shown"]),
    "import": (import_, ["user_updated"]),
    "edit": (edit, ["user_updated"]),
    "erase-refused": (erase, ["refused"]),
    "reseal": (reseal, ["resealed"]),
    "renew": (renew, ["renewed"]),
    "look-by-somebody": (look_by_somebody_else, []),
}


@pytest.mark.parametrize("change", WITHDRAWING)
def test_a_right_answer_is_refused_if_the_change_takes_its_pin(desk: Desk, change: str) -> None:
    """Nobody is told *verified* with it; the outcome is the state after the change."""
    taking, outcome = WITHDRAWING[change]
    user = with_counter(desk, 5)
    attempt = left_open(desk, user, PIN)
    with desk.session(agent="admin") as session:
        taking(session, user)
        number = len(desk.events())
        verdict = settled(session, attempt)
    first = desk.events()[attempt.number]
    assert (first.kind, first.outcome, first.attempts_used) == ("refused", outcome.value, 0)
    assert (first.attempt, first.agent, first.ticket) == (attempt.number, "mia", "T-1")
    assert verdict.outcome is outcome
    assert len(desk.events()) == number
    after = desk.user("alice")
    assert (after.failed_attempts, after.attempt, after.last_verified_at) == (0, None, None)
    assert after.locks_total == 0


@pytest.mark.parametrize("change", KEEPING)
def test_a_right_answer_is_verified_if_the_change_keeps_its_pin(desk: Desk, change: str) -> None:
    """The attempt is verified before the change, in the same transaction."""
    taking, kinds = KEEPING[change]
    attempt = left_open(desk, with_counter(desk, 5), PIN)
    with desk.session(agent="admin") as session:
        taking(session, desk.user("alice"))
        verdict = settled(session, attempt)
    assert [kind for kind, *_ in kinds_after(desk, attempt.number)] == ["verified", *kinds]
    assert (verdict.outcome, verdict.state) == (Outcome.VERIFIED, State.ACTIVE)
    assert desk.user("alice").failed_attempts == 0
    assert desk.user("alice").last_verified_by == "mia"


@pytest.mark.engines
@pytest.mark.parametrize("pin", [PIN, WRONG])
def test_the_attempt_ends_in_the_commit_of_the_change(desk: Desk, pin: str) -> None:
    """The attempt ends and the change happens in one commit."""
    user = with_counter(desk, 2)
    left_open(desk, user, pin)
    seen: set[tuple[bool, bool]] = set()

    def look_in() -> None:
        rows = desk.sql("SELECT attempt IS NULL, question IS NULL FROM people")
        seen.update((bool(ended), bool(gone)) for ended, gone in rows)

    def watched(transaction: Transaction) -> None:
        look_in()
        steps.withdraw(transaction, [user.id], unlock=False, reason=None)
        look_in()

    with desk.session() as session:
        session.store.write(watched)
    look_in()
    assert seen == {(False, False), (True, True)}


@pytest.mark.engines
def test_a_bulk_reset_ends_all_open_attempts(desk: Desk) -> None:
    """In a chunk each user's attempt gets its own outcome."""
    users = [with_counter(desk, counter, f"u{counter}") for counter in range(6)]
    opened = [left_open(desk, user, PIN if n % 2 else WRONG) for n, user in enumerate(users)]
    with desk.session() as session:
        rows = [user.id for user in users]
        session.store.write(steps.withdraw, rows, unlock=True, reason=None)
        outcomes = [settled(session, attempt).outcome for attempt in opened]
    assert outcomes == [Outcome.INCORRECT, Outcome.UNCOLLECTED] * 3
    assert {desk.user(user.login).attempt for user in users} == {None}


def test_a_look_that_comes_too_late_ends_nothing(desk: Desk) -> None:
    """A step that fails before any change leaves the attempt open."""
    user = with_counter(desk, 2)
    attempt = left_open(desk, user, PIN)
    with desk.session() as session, pytest.raises(PinChangedMeanwhile):
        session.store.write(steps.note_shown, user._replace(pin_version=user.pin_version - 1))
    assert desk.user("alice").attempt == attempt.number
