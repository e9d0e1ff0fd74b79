"""Who rings: a login, an account, a beginning, or something that is neither."""

from __future__ import annotations

import pytest

from pincli.errors import MalformedName, UnknownUser
from pincli.models import Outcome, User, UserType, Verdict
from pincli.operations.callers import NAMES_AT_MOST, AccountUsers, look_up, names_beginning
from tests.support.desk import Desk

pytestmark = pytest.mark.engines


def test_a_login_is_its_user(desk: Desk) -> None:
    """In any spelling; one who can't be verified is a verdict at once, on record."""
    desk.collected("alice")
    desk.add("otto", kind=UserType.CLOUD_OFFICE)
    with desk.session(command="desk") as session:
        found = look_up(session, " ALICE ", "T-1")
        assert isinstance(found, User)
        assert found.login == "alice"
        refused = look_up(session, "otto", "T-2")
    assert isinstance(refused, Verdict)
    assert refused.outcome is Outcome.INELIGIBLE
    assert (desk.events()[-1].command, desk.events()[-1].ticket) == ("desk", "T-2")


def test_an_account_is_its_users(desk: Desk) -> None:
    """The first ones by login, and how many there are; nothing is recorded of it."""
    for number in reversed(range(NAMES_AT_MOST + 2)):
        desk.add(f"u{number:02}", "globex")
    desk.add("alice", "acme")
    before = desk.events()
    with desk.session() as session:
        found = look_up(session, "Globex", None)
    assert isinstance(found, AccountUsers)
    assert (found.account, found.total) == ("globex", NAMES_AT_MOST + 2)
    assert [user.login for user in found.users] == [f"u{n:02}" for n in range(NAMES_AT_MOST)]
    assert desk.events() == before


def test_a_user_comes_before_an_account(desk: Desk) -> None:
    """Where a name is both, it is the caller's."""
    desk.collected("acme", "acme")
    with desk.session() as session:
        assert isinstance(look_up(session, "acme", None), User)


@pytest.mark.parametrize("name", ["", "al ice", "\u0430lice", "-x"])
def test_what_can_be_no_name_is_not_looked_for(desk: Desk, name: str) -> None:
    """Nor is it an event."""
    before = desk.events()
    with desk.session() as session, pytest.raises(MalformedName):
        look_up(session, name, None)
    assert desk.events() == before


def test_a_pin_in_the_place_of_a_name_is_masked(desk: Desk) -> None:
    """It is neither a user nor an account, and its event does not tell it."""
    with desk.session() as session, pytest.raises(UnknownUser):
        look_up(session, "904617", None)
    assert desk.events()[-1].user == "******"


def test_names_that_begin_so(desk: Desk) -> None:
    """Of users or of accounts, in any case; what no name can begin with is an error."""
    desk.add("alice", "acme")
    desk.add("alicia", "alpha")
    desk.add("bob", "acme")
    with desk.session() as session:
        assert names_beginning(session.store, "login", "AL") == ["alice", "alicia"]
        assert names_beginning(session.store, "account", "al") == ["alpha"]
        assert names_beginning(session.store, "login", " ") == ["alice", "alicia", "bob"]
        assert names_beginning(session.store, "login", "zz") == []
        with pytest.raises(MalformedName):
            names_beginning(session.store, "login", "a b")
