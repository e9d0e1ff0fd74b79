"""Adding, activating and deactivating users."""

from __future__ import annotations

import pytest

from pincli.models import UserType
from pincli.store.steps import people
from tests.store.attempting import kinds_after, last_number
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


def test_uids_are_unique(desk: Desk) -> None:
    """Uids and blinds are never reused."""
    users = [desk.add(f"u{number}") for number in range(20)]
    assert len({user.uid for user in users} | {user.blind for user in users}) == 40
