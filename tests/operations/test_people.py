"""Adding, editing, deactivating and activating users."""

from __future__ import annotations

import pytest

from pincli.errors import MalformedName, Refused, Rule, UnknownAccount, UnknownUser
from pincli.models import Outcome, UserType
from pincli.operations import editing, people
from pincli.operations.session import Need
from pincli.operations.trail_check import check_trail
from pincli.operations.verify import verify
from pincli.rules.lockout import without_pin
from tests.store.attempting import PIN, kinds_after, last_number, with_counter, without_event
from tests.support.desk import Desk

pytestmark = pytest.mark.engines(in_turn=True)


def test_a_user_is_added_under_canonical_names(desk: Desk) -> None:
    """Every spelling is one user."""
    with desk.session() as session:
        added = people.add(session, " Alice", "ACME ", " Alice Example ", UserType.FEDERATED)
        assert added == people.require_user(session, "ALICE")
        with pytest.raises(Refused) as refusal:
            people.add(session, "ALICE", "Acme", "", UserType.CLOUD)
    assert (refusal.value.rule, refusal.value.subject) == (Rule.USER_EXISTS, "alice")
    assert (added.login, added.account, added.display_name) == ("alice", "acme", "Alice Example")


@pytest.mark.parametrize(
    ("user", "account", "name"),
    [("al ice", "acme", ""), ("alice", "ac*me", ""), ("alice", "acme", "a\x1b[2Jb"), ("", "a", "")],
)
def test_a_malformed_name_adds_nobody(desk: Desk, user: str, account: str, name: str) -> None:
    """Every name is checked before anything is written."""
    number = last_number(desk)
    with desk.session() as session, pytest.raises(MalformedName):
        people.add(session, user, account, name, UserType.CLOUD)
    assert last_number(desk) == number
    assert desk.sql("SELECT * FROM people") == []


def test_deactivating_keeps_the_counter_and_withdraws_the_pin(desk: Desk) -> None:
    """Activating gives no new guesses, and no PIN that others may know."""
    before = with_counter(desk, 6)
    gone = without_event(without_pin(before))
    number = last_number(desk)
    with desk.session() as session:
        change = people.set_active(session, " Alice", active=False, reason="left")
        assert (change.before, without_event(change.after)) == (before, gone._replace(active=False))
        assert verify(session, "alice", PIN, None).outcome is Outcome.INACTIVE
        change = people.set_active(session, "alice", active=True, reason=None)
        assert without_event(change.after) == gone == without_event(desk.user("alice"))
    kinds = [kind for kind, *_ in kinds_after(desk, number)]
    assert kinds == ["deactivated", "pin_withdrawn", "refused", "activated"]
    assert desk.events()[number].reason == "left"


def test_a_rename_keeps_all_but_the_login(desk: Desk) -> None:
    """Uid, PIN, counter, lock and history; the trail shows the new login."""
    before = with_counter(desk, 6)
    desk.add("bob", "globex")
    history = [event.seq for event in desk.events("alice")]
    with desk.session() as session:
        change = editing.edit(session, "ALICE", {"login": "bob"}, reason="married")
        assert without_event(change.after) == without_event(before._replace(login="bob"))
        bob = people.require_user(session, "bob", account="acme")
        assert without_event(bob) == without_event(change.after)
        assert verify(session, "bob", PIN, None, account="acme").outcome is Outcome.LOCKED
        with pytest.raises(UnknownUser):
            people.require_user(session, "alice")
        assert check_trail(session, None).finding is None
    assert set(history) < {event.seq for event in desk.events("bob")}


@pytest.mark.engines
@pytest.mark.parametrize(
    "fields", [{"login": "bob"}, {"account": "globex"}, {"login": "bob", "account": "globex"}]
)
def test_a_login_is_unique_in_its_account(desk: Desk, fields: dict[str, str]) -> None:
    """Both records stay as they are."""
    for login, account in (("alice", "acme"), ("bob", "acme"), ("alice", "globex")):
        desk.add(login, account)
    desk.add("bob", "globex")
    number = last_number(desk)
    with desk.session() as session, pytest.raises(Refused) as refusal:
        editing.edit(session, "alice", fields, account="acme")
    assert refusal.value.rule is Rule.USER_EXISTS
    assert last_number(desk) == number


def test_an_edit_to_a_type_without_pins_withdraws_the_pin(desk: Desk) -> None:
    """In the same transaction; another account, name or e-mail doesn't."""
    before = with_counter(desk, 2)
    fields = {"account": "globex", "display_name": "Al", "email": "a@x"}
    with desk.session() as session:
        change = editing.edit(session, "alice", fields)
        assert without_event(change.after) == without_event(before._replace(**fields))  # type: ignore[arg-type]
        number = last_number(desk)
        assert without_event(editing.edit(session, "alice", fields).after) == without_event(
            change.after
        )
        assert last_number(desk) == number
        after = editing.edit(session, "alice", {"type": UserType.DATAPIPE}).after
    assert (after.question, after.failed_attempts) == (None, 2)
    assert [kind for kind, *_ in kinds_after(desk, number)] == ["user_updated", "pin_withdrawn"]


@pytest.mark.engines
def test_an_account_is_found_in_any_spelling(desk: Desk) -> None:
    """For an unknown one, similar accounts are suggested."""
    desk.add("alice")
    with desk.session() as session:
        assert people.require_account(session, " Acme") == "acme"
        with pytest.raises(UnknownAccount) as unknown:
            people.require_account(session, "ACNE")
    assert (unknown.value.account, unknown.value.near) == ("acne", ("acme",))


def test_reading_leaves_no_event(desk: Desk) -> None:
    """`status` of an unknown user needs no key, so it records nothing."""
    number = last_number(desk)
    (desk.keys / "audit.key").unlink()
    with desk.session(Need.COMPARE) as session, pytest.raises(UnknownUser):
        people.require_user(session, "nobody")
    assert last_number(desk) == number
