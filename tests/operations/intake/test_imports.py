"""Importing: everything is checked first; then users are added and updated, nothing else."""

from __future__ import annotations

import errno
from typing import NoReturn

import pytest

from pincli.models import EventKind, State, User
from pincli.operations.intake.imports import ImportOptions
from pincli.results import ImportTally
from pincli.rules.lockout import state_of
from pincli.rules.people import SameLogin
from tests.operations.intake.files import FORMATS, HEADER, as_csv, person, take, taken
from tests.support.contract import call
from tests.support.desk import Desk, connection_of
from tests.support.replay import replay

PEOPLE = [
    person("alice", name="Alice"),
    person("bob", account="globex", name="Bob"),
    person("carol", type="datapipe", name=""),
]


def users(desk: Desk) -> list[User]:
    """Everybody, by name."""
    with desk.session() as session:
        return [user for page in session.store.people.pages() for user in page]


@pytest.mark.parametrize("kind", FORMATS)
def test_people_are_added_from_every_format(desk: Desk, kind: str) -> None:
    """New users are active, without a PIN and with a counter at 0; each has an event."""
    result = taken(desk, FORMATS[kind](PEOPLE))
    assert result == ([], ImportTally(3, added=3), ImportTally(3, added=3))
    found = {user.login: user for user in users(desk)}
    assert {user: (u.account, u.display_name, u.type.value) for user, u in found.items()} == {
        row["user"]: (row["account"], row["name"], row["type"]) for row in PEOPLE
    }
    assert {state_of(user) for user in found.values()} == {State.UNCOLLECTED, State.INELIGIBLE}
    events = desk.events()
    assert [event.user for event in events if event.kind is EventKind.USER_ADDED] == [*found]
    assert events[-1].kind is EventKind.IMPORTED
    assert replay(desk.sql) == []


def test_a_file_that_the_system_fails_at_is_not_taken(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If its disk or server fails, it is exit 8, and nothing is written."""
    path = desk.store.parent / "people.csv"
    path.write_bytes(as_csv(PEOPLE))
    number = len(desk.events())

    def fail(_descriptor: int) -> NoReturn:
        raise OSError(errno.ESTALE, "Stale file handle")

    monkeypatch.setattr("pincli.operations.intake.imports.os.fstat", fail)
    ran = call(desk, f"import {path} --json")
    monkeypatch.undo()
    assert (ran.code, ran.answer["error"]["code"]) == (8, "unavailable")
    assert "Stale file handle" in ran.answer["error"]["message"]
    assert len(desk.events()) == number


def test_the_import_itself_is_an_event_with_its_figures(desk: Desk) -> None:
    """The trail shows how much a file changed."""
    desk.add("alice", "acme")
    taken(desk, as_csv([person("bob"), person("alice", name="Alice", type="federated")]))
    assert desk.events()[-1].reason == "2 rows, 1 added, 1 updated, 0 unchanged"


def test_where_the_file_does_not_say_active_stays(desk: Desk) -> None:
    """Without the column nobody is switched on or off; an empty cell is a problem."""
    taken(desk, as_csv([person("alice", active="no"), person("bob", active="yes")]))
    taken(desk, as_csv([person("alice"), person("bob")]))
    assert [user.active for user in users(desk)] == [False, True]
    bad = taken(desk, as_csv([person("alice", active=""), person("bob", active="0")]))
    assert (bad.lines, bad.columns) == ([2], ["active"])
    taken(desk, as_csv([person("bob", active="0")]))
    assert [user.active for user in users(desk)] == [False, False]
    kinds = [event.kind for event in desk.events("bob")]
    assert kinds == [EventKind.USER_ADDED, EventKind.DEACTIVATED]


HAS = "the store has that login in"
SAME: dict[str, tuple[list[str], list[str], dict[SameLogin, str]]] = {
    "one elsewhere": (["acme"], ["globex"], {
        SameLogin.REFUSE: HAS, SameLogin.NEW: "acme globex*", SameLogin.MOVE: "globex",
    }),
    "beside themselves": (["acme"], ["acme", "globex"], dict.fromkeys(SameLogin, "acme globex*")),
    "known twice": (["acme", "globex"], ["globex"], dict.fromkeys(SameLogin, "acme globex")),
    "two elsewhere": (["acme", "globex"], ["initech"], {
        SameLogin.REFUSE: HAS, SameLogin.NEW: "acme globex initech*", SameLogin.MOVE: "not clear",
    }),
    "two in the file": (["acme"], ["globex", "initech"], {
        SameLogin.REFUSE: HAS, SameLogin.NEW: "acme globex* initech*", SameLogin.MOVE: "not clear",
    }),
    "new in two": ([], ["acme", "globex"], dict.fromkeys(SameLogin, "acme* globex*")),
}  # fmt: skip
"""Where the store has a login, where the file has it, and what comes of it; * marks new people."""


@pytest.mark.parametrize("same_login", SameLogin)
@pytest.mark.parametrize("case", SAME)
def test_a_login_of_another_account(desk: Desk, case: str, same_login: SameLogin) -> None:
    """Refused with that account, a new person, or the same person in the row's account."""
    there, in_file, outcomes = SAME[case]
    known = {desk.add("alice", account).uid for account in there}
    content = as_csv([person("alice", account=account) for account in in_file])
    result = taken(desk, content, ImportOptions(same_login=same_login))
    found = sorted(users(desk), key=lambda user: user.account)
    expected = outcomes[same_login]
    if expected[-1] in "*mxh":
        accounts = [user.account + "*" * (user.uid not in known) for user in found]
        assert (accounts, result.problems) == (expected.split(), [])
        assert len(users(desk)) == len({*there, *in_file}) - (expected == "globex")
    else:
        assert {problem.column for problem in result.problems} == {"account"}
        assert all(expected in problem.message for problem in result.problems)
        assert all("acme" in problem.message for problem in result.problems)
        assert [user.account for user in found] == there


def test_a_user_who_is_there_twice_in_other_spellings_is_reported(desk: Desk) -> None:
    """At each of the rows, with the line of another."""
    rows = [person("alice"), person("bob"), person(" ALICE "), person("Alice", name="x")]
    result = taken(desk, as_csv(rows))
    assert [(problem.line, problem.column) for problem in result.problems] == [
        (2, "user"),
        (4, "user"),
        (5, "user"),
    ]
    assert [problem.message[-1] for problem in result.problems] == ["4", "2", "2"]
    assert users(desk) == []
    opaque = taken(desk, as_csv([person("00u1abcDEF2ghIJ3k5d7"), person("00u1ABCdef2ghIJ3k5d7")]))
    assert "map the UPN, not the NameID" in opaque.problems[0].message


def test_a_user_who_is_there_twice_is_reported_with_a_bad_row_too(desk: Desk) -> None:
    """A file in which every problem is corrected can be imported."""
    result = taken(desk, as_csv([person("alice", type="x"), person("alice"), person("alice")]))
    assert result.lines == [2, 2, 3, 4]


def test_all_bad_rows_are_reported_in_the_order_of_the_file(desk: Desk) -> None:
    """Every kind of problem, found early or late; and no good row is written."""
    desk.add("zoe", "globex")
    rows = [
        HEADER,
        b"zoe,acme,Z,cloud\n",
        b"a b,acme,A,cloud\n",
        b"alice,acme,A,cloud\n",
        b"short\n",
        b"caf\xe9,acme,A,cloud\n",
        b"bob,acme,B,nope\n",
        b"alice,acme,A,cloud\n",
        b'carol,acme,"C\x1b[31m",cloud\n',
    ]
    before = desk.events()
    result = taken(desk, b"".join(rows))
    assert result.done is None
    assert sorted({*result.lines}) == [2, 3, 4, 5, 6, 7, 8, 9]
    assert result.lines == sorted(result.lines)
    assert [user.login for user in users(desk)] == ["zoe"]
    assert desk.events() == before


def test_bulk_pages_wait_in_memory_for_their_commit(desk: Desk) -> None:
    """As for every bulk command: pages written early would hold up readers."""
    with desk.session() as session:
        take(session, as_csv(PEOPLE))
        assert connection_of(session).execute("PRAGMA cache_spill").fetchall() == [(0,)]
