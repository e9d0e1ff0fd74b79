"""Adding, activating and deactivating users."""

from __future__ import annotations

import pytest

from pincli.errors import Refused, Rule
from pincli.models import UserType
from pincli.rules import lockout
from pincli.store.steps import people
from tests.store.attempting import kinds_after, last_number, with_counter, without_event
from tests.support.desk import Desk

pytestmark = pytest.mark.engines(in_turn=True)


@pytest.mark.parametrize("kind", UserType)
def test_a_new_user_has_no_pin_and_no_history(desk: Desk, kind: UserType) -> None:
    """A new user is active, with version 0, counter 0 and no totals."""
    desk.add("somebody")
    number = last_number(desk)
    with desk.session() as session:
        user = session.store.write(people.add_user, "alice", "acme", "Alice", kind)
    assert user == desk.user("alice")
    assert (user.login, user.account, user.display_name, user.type) == (
        "alice",
        "acme",
        "Alice",
        kind,
    )
    assert (user.active, user.question, user.pin_version) == (True, None, 0)
    assert (user.failed_attempts, user.locks_total, user.attempts_total) == (0, 0, 0)
    assert (len(user.uid), len(user.blind or b"")) == (16, 16)
    assert kinds_after(desk, number) == [("user_added", None, 0)]


@pytest.mark.engines
def test_a_login_is_taken_once(desk: Desk) -> None:
    """A second user of a login is refused."""
    before = with_counter(desk, 3)
    number = last_number(desk)
    with desk.session() as session, pytest.raises(Refused) as refusal:
        session.store.write(people.add_user, "alice", "acme", "Another", UserType.CLOUD)
    assert (refusal.value.rule, refusal.value.subject) == (Rule.USER_EXISTS, "alice")
    assert desk.user("alice") == before
    assert last_number(desk) == number


def test_uids_are_unique(desk: Desk) -> None:
    """Uids and blinds are never reused."""
    users = [desk.add(f"u{number}") for number in range(20)]
    assert len({user.uid for user in users} | {user.blind for user in users}) == 40


@pytest.mark.parametrize("counter", [0, 3, 6])
def test_deactivating_withdraws_the_pin_and_keeps_the_counter(desk: Desk, counter: int) -> None:
    """Activating gives no PIN back, and repeating either writes nothing."""
    before = with_counter(desk, counter)
    number = last_number(desk)
    gone = without_event(lockout.without_pin(before))
    with desk.session() as session:
        for active in (False, False, True, True):
            (change,) = session.store.write(
                people.set_active, [before.id], active=active, reason="because"
            )
            assert without_event(change.after) == gone._replace(active=active)
    assert [kind for kind, *_ in kinds_after(desk, number)] == [
        "deactivated",
        "pin_withdrawn",
        "activated",
    ]
    reasons = [event.reason for event in desk.events() if event.seq > number]
    assert reasons == ["because", None, "because"]
