"""Finding people: who is found, in which order, and when the first is certain."""

from __future__ import annotations

import os
from collections.abc import Iterable

import pytest

from pincli.errors import MalformedName, UnknownAccount
from pincli.models import EventKind, NewEvent, User, UserType
from pincli.operations import people
from pincli.operations.find import CANDIDATES, find, find_caller, names_beginning, note_viewed
from pincli.operations.session import Need
from pincli.operations.trail_check import require_sound
from pincli.rules.people import edited
from pincli.store.contract import Transaction
from pincli.store.sql.transaction import SqlTransaction
from tests.support.desk import Desk

pytestmark = pytest.mark.engines

FLOOR = (
    ("alice.smith@acme.example", "acme gmbh", "Alice Smith", None),
    ("asmith", "globex", "Alice Smith", None),
    ("smith", "globex", "Robin Jones", None),
    ("alice.smithson", "globex", "", "alice@x.example"),
    ("j\u00fcrgen", "acme gmbh", "J\u00fcrgen M\u00fcller", "JM@x.example"),
    ("tanaka", "globex", "\u7530\u4e2d \u592a\u90ce", None),
    ("obrien", "acme gmbh", "Sin\u00e9ad O\u2019Brien", None),
    ("acme-77", "acme gmbh", "", None),
)
"""Login, account, display name and e-mail of those who are there."""

FITTING = {
    # typed: whose logins, in order; whether the first is certain; near words
    "alice smith": ("alice.smith@acme.example asmith alice.smithson", False, ()),
    "smith": ("smith alice.smith@acme.example asmith alice.smithson", True, ()),
    "smi": ("alice.smith@acme.example alice.smithson asmith smith", False, ()),
    "acme smi": ("alice.smith@acme.example", False, ()),
    "alice gmbh": ("alice.smith@acme.example", True, ()),
    " ALICE.Smith@Acme.Example ": ("alice.smith@acme.example", True, ()),
    "Somebody Else <alice.smith@acme.example>": ("alice.smith@acme.example", True, ()),
    "Alice Smith <gone@x.example>": (
        "alice.smith@acme.example asmith alice.smithson",
        False,
        (),
    ),
    "jm@X.example": ("j\u00fcrgen", True, ()),
    "mailto:jm@x.example": ("j\u00fcrgen", True, ()),
    "juergen mueller": ("j\u00fcrgen", True, ()),
    "o'brien": ("obrien", True, ()),
    "\u7530": ("tanaka", False, ()),
    "obri": ("obrien", False, ()),
    "asmith\tglobex\t+49 30 123": ("asmith", True, ()),
    "asmith;smith": ("asmith smith", False, ()),
    "alice smoth": ("", False, ("smith",)),
    "alice jones": ("", False, ()),
    "---": ("", False, ()),
    "": ("", False, ()),
    "' OR 1=1 --": ("", False, ()),
    '"NEAR(alice smith)* AND': ("", False, ()),
}


def put(transaction: Transaction, floor: Iterable[tuple[str, str, str, str | None]]) -> None:
    users = [
        User(
            0,
            os.urandom(16),
            os.urandom(16),
            login=login,
            account=account,
            display_name=name,
            email=email,
            type=UserType.CLOUD,
            active=True,
            added_at=transaction.at,
        )
        for login, account, name, email in floor
    ]
    transaction.save([NewEvent(EventKind.USER_ADDED, user) for user in users])


def forge(transaction: Transaction, row: int, words: str) -> None:
    """Write other words for a user into the index, like an attacker with the store's file."""
    assert isinstance(transaction, SqlTransaction)
    transaction.index([(row, words)])


@pytest.fixture
def peopled(desk: Desk) -> Desk:
    with desk.session() as session:
        session.store.write(put, FLOOR)
    return desk


def test_people_are_found_in_order(peopled: Desk) -> None:
    """Exact login or address first, then whole words, then beginnings."""
    with peopled.session() as session:
        for typed, (logins, certain, near) in FITTING.items():
            found = find(session, typed)
            assert [user.login for user in found.people] == logins.split(), typed
            assert (found.certain, found.near) == (certain, near), typed
            assert (found.more, found.all_counted) == (0, True)


def test_a_search_within_an_account(peopled: Desk) -> None:
    """Nobody else is found; a login of two accounts is certain in each."""
    with peopled.session() as session:
        session.store.write(put, [("smith", "acme gmbh", "", None)])
        assert [user.account for user in find(session, "smith", account="Globex").people] == [
            "globex"
        ] * 3
        assert find(session, "smith", account="Globex").certain
        assert not find(session, "smith").certain
        assert find(session, "tanaka", account="acme gmbh").people == ()
        with pytest.raises(UnknownAccount):
            find(session, "smith", account="acme")


def test_the_inactive_come_last(peopled: Desk) -> None:
    """Among equal hits."""
    with peopled.session() as session:
        people.set_active(session, "alice.smith@acme.example", active=False, reason=None)
        logins = [user.login for user in find(session, "alice smith").people]
    assert logins == ["asmith", "alice.smith@acme.example", "alice.smithson"]


def test_a_ticket_that_begins_a_login_is_a_word(peopled: Desk) -> None:
    """If a user with it is found; with a # it is always a ticket."""
    with peopled.session() as session:
        line, found = find_caller(session, "alice smith T-4711")
        assert (line.ticket, len(found.people)) == ("T-4711", 3)
        line, found = find_caller(session, "gmbh ACME-77")
        assert (line.ticket, [user.login for user in found.people]) == (None, ["acme-77"])
        line, found = find_caller(session, "gmbh #acme-77")
        assert (line.ticket, len(found.people)) == ("acme-77", 4)


def test_words_follow_every_change(peopled: Desk) -> None:
    """A user is only found by their present names."""

    def rename(transaction: Transaction) -> None:
        (user,) = transaction.named(["asmith"])
        step = edited(user, account="initech", display_name="Alice Jones", email=None)
        transaction.save(step)

    with peopled.session() as session:
        session.store.write(rename)
        assert [user.login for user in find(session, "alice jones").people] == ["asmith"]
        assert "asmith" not in [user.login for user in find(session, "alice smith").people]


def test_of_many_hits_those_with_whole_words_come_first(desk: Desk) -> None:
    """A thousand are ranked at most."""
    many = [(f"lin{number:04}", "globex", f"Lin {number}", None) for number in range(CANDIDATES)]
    with desk.session() as session:
        session.store.write(put, [*many, ("x", "globex", "Wei Li", None)])
        found = find(session, "li", limit=5)
        assert (found.people[0].login, len(found.people)) == ("x", 5)
        assert (found.more, found.all_counted, found.certain) == (CANDIDATES - 5, False, False)
        assert find(session, "wei li").certain


def test_the_index_is_never_trusted(peopled: Desk) -> None:
    """Wrong hits are left out, and exact addresses are compared."""
    with peopled.session() as session:
        (smith,) = session.store.people.find("smith")
        session.store.write(forge, smith.id, "tanaka nobody")
        assert [user.login for user in find(session, "tanaka").people] == ["tanaka"]
        assert find(session, "nobody").people == ()


def test_names_are_found_by_their_beginning(desk: Desk) -> None:
    """Users or accounts, in any case; a beginning that no name can have is an error."""
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


def test_a_view_is_recorded_and_changes_nothing(desk: Desk) -> None:
    """The event has the agent and the user."""
    desk.collected("alice")
    before = desk.user("alice")
    with desk.front.session(Need.ATTEMPT, agent="mia", command="desk") as session:
        note_viewed(session, before)
    event = desk.events()[-1]
    assert (event.kind, event.user, event.agent, event.attempt) == ("viewed", "alice", "mia", None)
    assert desk.user("alice") == before
    with desk.session(Need.CHECK) as session:
        require_sound(session)
