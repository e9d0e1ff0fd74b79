"""A chunk of an import: users are added and updated, and nothing else changes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pincli.errors import Refused, Rule
from pincli.models import EventKind, User, UserType
from pincli.operations.session import Session
from pincli.rules import lockout
from pincli.rules.people import SameLogin
from pincli.store.scratch import StagedRow
from pincli.store.steps import imports
from pincli.store.steps.imports import Fate, fate_of
from tests.store.attempting import with_counter, without_event
from tests.store.importing import take_in
from tests.support.desk import Desk, connection_of
from tests.support.replay import replay

pytestmark = pytest.mark.engines(in_turn=True)


def row(user: str, **fields: object) -> StagedRow:
    """Return a row like the users of `Desk.add`."""
    good = StagedRow(user, 2, "acme", user.title(), UserType.CLOUD, None)
    return good._replace(**fields)  # type: ignore[arg-type]


@pytest.fixture
def session(desk: Desk) -> Iterator[Session]:
    """Open a session; alice has a PIN and three misses, and bob is locked."""
    for user, misses in (("alice", 3), ("bob", 6)):
        with_counter(desk, misses, user)
    with desk.session() as session:
        yield session


@pytest.mark.engines
def test_the_fates_come_in_the_order_of_the_rows(session: Session) -> None:
    """The fates come in the order of the rows, as `fate_of` predicts."""
    rows = [row("new"), row("bob", name="B"), row("alice"), row("newer", active=False)]
    names = [each.user for each in rows]
    present = {user.login: user for user in session.store.people.named(names)}
    expected = [Fate.ADDED, Fate.UPDATED, Fate.UNCHANGED, Fate.ADDED]
    assert [fate_of(each, present.get(each.user)) for each in rows] == expected
    assert take_in(session, rows) == expected
    after = {user.login: user for user in session.store.people.named(names)}
    assert [fate_of(each, after[each.user]) for each in rows] == [Fate.UNCHANGED] * 4


@pytest.mark.engines
def test_a_tampered_record_is_left_out_and_named(desk: Desk, session: Session) -> None:
    """All other rows are imported."""
    desk.sql("UPDATE people SET attempts_total = 9 WHERE login = 'bob'")
    before = desk.sql("SELECT * FROM people WHERE login = 'bob'")
    rows = [row("alice", name="A"), row("bob", name="B"), row("new")]
    in_file = {each.user: {each.account} for each in rows}
    left_out: list[str] = []
    fates = session.store.write(
        imports.take_in, rows, in_file, same_login=SameLogin.REFUSE, tampered=left_out
    )
    assert (fates, left_out) == ([Fate.UPDATED, Fate.ADDED], ["bob"])
    assert desk.sql("SELECT * FROM people WHERE login = 'bob'") == before


def test_unchanged_users_get_no_event(desk: Desk, session: Session) -> None:
    """Unchanged users get no event."""
    before = desk.events()
    take_in(session, [row("alice"), row("bob")])
    assert desk.events() == before


KINDS: list[tuple[dict[str, object], list[EventKind]]] = [
    ({"name": "A"}, [EventKind.USER_UPDATED]),
    ({"account": "globex"}, [EventKind.USER_UPDATED]),
    ({"type": UserType.FEDERATED}, [EventKind.USER_UPDATED]),
    ({"active": False}, [EventKind.DEACTIVATED, EventKind.PIN_WITHDRAWN]),
    ({"active": True}, []),
    ({"type": UserType.DATAPIPE}, [EventKind.USER_UPDATED, EventKind.PIN_WITHDRAWN]),
    (
        {"type": UserType.CLOUD_OFFICE, "active": False, "name": "A", "account": "globex"},
        [EventKind.USER_UPDATED, EventKind.PIN_WITHDRAWN, EventKind.DEACTIVATED],
    ),
]


@pytest.mark.parametrize(("fields", "kinds"), KINDS)
def test_each_change_has_its_event_and_changes_nothing_else(
    desk: Desk, session: Session, fields: dict[str, object], kinds: list[EventKind]
) -> None:
    """Counter, lock and totals stay; a type without PINs or a deactivation withdraws the PIN."""
    both, seen = [desk.user(user) for user in ("alice", "bob")], len(desk.events())
    take_in(session, [row(user.login, **fields) for user in both], SameLogin.MOVE)
    columns = {"display_name" if name == "name" else name: fields[name] for name in fields}
    withdrawn = [EventKind.PIN_WITHDRAWN in kinds[: place + 1] for place in range(len(kinds))]
    for before in both:
        expected: User = before._replace(**columns)  # type: ignore[arg-type]
        if EventKind.PIN_WITHDRAWN in kinds:
            expected = lockout.without_pin(expected)
        assert without_event(desk.user(before.login)) == without_event(expected)
        events = [event for event in desk.events(before.login) if event.seq > seen]
        assert [event.kind for event in events] == kinds
        assert {event.attempts_used for event in events} <= {before.failed_attempts}
        versions = [before.pin_version + gone for gone in withdrawn]
        assert [event.pin_version for event in events] == versions


@pytest.mark.folder
def test_a_concurrent_move_undoes_the_chunk(desk: Desk, session: Session) -> None:
    """A user who has moved since the check undoes the whole chunk."""
    take_in(session, [row("alice", account="globex")], SameLogin.MOVE)
    before, trail = desk.database.read_bytes(), desk.events()
    with pytest.raises(Refused) as caught:
        take_in(session, [row("new"), row("bob", name="B"), row("alice")])
    assert (caught.value.rule, caught.value.subject) == (Rule.WOULD_MOVE, "alice")
    assert desk.events() == trail
    assert desk.database.read_bytes() == before


def test_the_account_decides_between_equal_logins(desk: Desk, session: Session) -> None:
    """The account decides between two users of one login."""
    desk.add("alice", "globex")
    for account in ("acme", "globex"):
        rows = [row("alice", account=account, name=f"of {account}")]
        assert take_in(session, rows, SameLogin.MOVE) == [Fate.UPDATED]
    found = session.store.people.find("alice")
    assert {(user.account, user.display_name) for user in found} == {
        ("acme", "of acme"),
        ("globex", "of globex"),
    }


@pytest.mark.folder
def test_the_pin_is_withdrawn_with_the_type(desk: Desk, session: Session) -> None:
    """Type and PIN change in one commit."""
    seen: list[tuple[str, bool]] = []
    connection = connection_of(session)
    connection.set_trace_callback(
        lambda _: seen.append(
            *desk.sql("SELECT type, question IS NULL FROM people WHERE login = 'alice'")
        )
    )
    take_in(session, [row("alice", type=UserType.DATAPIPE)])
    connection.set_trace_callback(None)
    seen += desk.sql("SELECT type, question IS NULL FROM people WHERE login = 'alice'")
    assert set(seen) == {("cloud", 0), ("datapipe", 1)}


@pytest.mark.engines
def test_a_full_chunk_is_one_transaction(desk: Desk, session: Session) -> None:
    """Two thousand rows are one transaction, and the chain is sound."""
    fates = take_in(session, [row(f"u{n:04}") for n in range(2000)])
    assert set(fates) == {Fate.ADDED}
    assert len({event.at for event in desk.events()[-2000:]}) == 1
    assert replay(desk.sql) == []
