"""The users of a bulk command: names, an account, everybody, in any combination."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import chain

import pytest

from pincli.errors import UnknownUser
from pincli.models import EventKind, State
from pincli.operations import people
from pincli.operations.selection import Selection, select, select_staged
from pincli.operations.session import Session
from pincli.results import EventFilter
from tests.store.population import Person, put
from tests.support.desk import Desk, connection_of, new_desk
from tests.support.driving import guess_wrong

pytestmark = pytest.mark.engines(in_turn=True)

MANY = 2300
"""More users than any page holds."""


@pytest.fixture
def few(desk: Desk) -> Iterator[Session]:
    """Four users of two accounts, in another order than their names."""
    for user, account in (
        ("zoe", "acme"),
        ("bob", "globex"),
        ("alice", "acme"),
        ("carl", "globex"),
    ):
        desk.add(user, account)
    with desk.session() as session:
        yield session


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    desk = new_desk(tmp_path_factory.mktemp("many"))
    with closing(sqlite3.connect(desk.database)) as connection, connection:
        put(connection, [Person(f"u{i * 7919 % 100003:05}") for i in range(MANY)])
    return desk


def names(selection: Selection) -> list[str]:
    return [user.login for page in selection.pages() for user in page]


def test_an_empty_list_selects_nobody(few: Session) -> None:
    """And above all not everybody."""
    with select(few, names=[]) as selection:
        assert (names(selection), len(selection)) == ([], 0)
        assert selection.following(None, 10) == []
        assert set(selection.totals().values()) == {0}


@pytest.mark.parametrize("everybody", [True, False])
def test_all_unknown_names_are_refused_at_once(few: Session, desk: Desk, everybody: bool) -> None:
    """Each is recorded, and nothing is selected."""
    with (
        pytest.raises(UnknownUser) as caught,
        select(few, names=["bob", "nobody", "No-One", "nobody"], everybody=everybody),
    ):
        pytest.fail("it was selected")
    assert caught.value.names == ("nobody", "no-one")
    refused = [event.user for event in desk.events() if event.kind is EventKind.REFUSED]
    assert refused == ["nobody", "no-one"]


@pytest.mark.engines
def test_totals_are_those_of_the_selection(few: Session, desk: Desk) -> None:
    """With every state; for everybody they are the store's."""
    desk.collected("lara")
    guess_wrong(desk, "lara", 6)
    people.set_active(few, "bob", active=False, reason=None)
    with select(few, names=["lara", "bob", "zoe"]) as selection:
        some = selection.totals()
    assert some == {
        State.LOCKED: 1,
        State.INACTIVE: 1,
        State.UNCOLLECTED: 1,
        State.ACTIVE: 0,
        State.INELIGIBLE: 0,
    }
    with select(few, everybody=True) as selection:
        assert selection.totals() == few.store.people.totals()


@pytest.mark.parametrize("how", ["names", "account", "everybody", "rows"])
def test_of_many_each_comes_once_in_storage_order(many: Desk, how: str) -> None:
    """Over many pages, with doubled names, and in steps of any size."""
    everybody = [name for (name,) in many.sql("SELECT login FROM people ORDER BY id")]
    found = many.sql("SELECT id, uid FROM people ORDER BY id")
    rows = [row for row, _ in found]
    with many.session() as session:
        chosen = {
            "names": select(session, names=chain(reversed(everybody), everybody)),
            "account": select(session, account="acme"),
            "everybody": select(session, everybody=True),
            "rows": select_staged(session, reversed(found), "acme"),
        }[how]
        with chosen as selection:
            assert len(selection) == MANY
            assert names(selection) == everybody
            assert names(selection) == everybody  # it can be walked again
            walked: list[int] = []
            while page := selection.following(walked[-1] if walked else None, 321):
                assert len(page) <= 321
                walked += page
            assert walked == rows


def test_a_page_shows_the_users_as_they_are_now(few: Session) -> None:
    """With changes since the selection."""
    with select(few, names=["bob"]) as selection:
        people.set_active(few, "bob", active=False, reason=None)
        ((bob,),) = selection.pages()
    assert not bob.active


def test_a_user_added_later_is_not_selected(few: Session, desk: Desk) -> None:
    """An account's users are those at its confirmation."""
    with select(few, account="acme") as selection:
        desk.add("late", "acme")
        assert names(selection) == ["zoe", "alice"]


@pytest.mark.folder
def test_many_unknown_names_are_noted_in_few_transactions(
    few: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each name is still its own event."""
    commits: list[str] = []
    connection_of(few).set_trace_callback(
        lambda sql: commits.append(sql) if sql == "COMMIT" else None
    )
    asked = [f"nobody{number}" for number in range(MANY)]
    with pytest.raises(UnknownUser) as caught, select(few, names=asked):
        pass
    assert caught.value.names == tuple(asked)
    assert len(commits) == 3
    events = [
        event
        for page in few.store.trail.newest_first(EventFilter(), limit=MANY + 9)
        for event in page
    ]
    refused = [event.user for event in events if event.kind is EventKind.REFUSED]
    assert sorted(map(str, refused)) == sorted(asked)
