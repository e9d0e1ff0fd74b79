"""The same login in several accounts: two people who are never confused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from pincli.errors import AmbiguousUser, Refused, UnknownAccount, UnknownUser
from pincli.models import User, UserType
from pincli.operations import people, pins
from pincli.operations.locks import require_locked, unlock
from pincli.operations.people import Named, require_users
from pincli.operations.selection import select
from pincli.operations.session import Session
from pincli.operations.verify import admit, verify
from pincli.views.problems import describe
from tests.support.desk import Desk

pytestmark = pytest.mark.engines(in_turn=True)
PINS = {"acme": "444159", "globex": "234811"}


@pytest.fixture
def two(desk: Desk) -> Iterator[Session]:
    """Alice of acme, alice of globex, and bob of globex."""
    with desk.session() as session:
        for account, pin in PINS.items():
            people.add(session, "alice", account, account, UserType.CLOUD)
            pins.change(session, "alice", pin, account=account)
        people.add(session, "bob", "globex", "", UserType.CLOUD)
        yield session


def of(session: Session, account: str) -> User:
    return people.require_user(session, "alice", account=account)


DEEDS: dict[str, Callable[[Session, str | None], object]] = {
    "admit": lambda s, a: admit(s, "alice", None, account=a),
    "verify": lambda s, a: verify(s, "alice", "121212", None, account=a),
    "pin show": lambda s, a: pins.show(s, "alice", account=a),
    "ask for a PIN": lambda s, a: pins.require_changeable(s, "alice", account=a),
    "pin change": lambda s, a: pins.change(s, "alice", "333197", account=a),
    "unlock": lambda s, a: unlock(s, "alice", "r", account=a),
    "ask for a lock": lambda s, a: require_locked(s, "alice", account=a),
    "switch off": lambda s, a: people.set_active(s, "alice", account=a, active=False, reason=None),
    "lock": lambda s, a: [
        s.attempts.lock(user, reason="r") for user in require_users(s, ["alice"], account=a)
    ],
}


def test_without_an_account_the_login_is_ambiguous(two: Session, desk: Desk) -> None:
    """The error names the accounts, and nothing is written."""
    number = len(desk.events())
    for name, deed in DEEDS.items():
        with pytest.raises(AmbiguousUser) as refusal:
            deed(two, None)
        assert (refusal.value.login, refusal.value.accounts) == ("alice", ("acme", "globex")), name
    assert len(desk.events()) == number


@pytest.mark.parametrize("deed", DEEDS.values(), ids=list(DEEDS))
def test_with_an_account_the_other_one_stays(
    two: Session, deed: Callable[[Session, str | None], object]
) -> None:
    """Whatever is done to one."""
    for account, other in (("acme", "globex"), ("globex", "acme")):
        before = of(two, other)
        with suppress(Refused):  # there is no lock to release
            deed(two, account.upper())
        assert of(two, other) == before


def test_an_account_says_where_the_names_are(two: Session) -> None:
    """It never selects all its users; a name may have its own account."""
    with select(two, names=["alice"], account="globex") as selection:
        ((alice,),) = selection.pages()
        assert (alice.login, alice.account, selection.word) == ("alice", "globex", "")
    with select(two, names=["bob", Named("Alice", "ACME")], account="globex") as selection:
        (page,) = selection.pages()
    assert [(user.login, user.account) for user in page] == [("alice", "acme"), ("bob", "globex")]
    with select(two, names=[], account="globex") as selection:
        assert len(selection) == 0
    with pytest.raises(AmbiguousUser), select(two, names=["bob", "alice"]):
        pytest.fail("it was selected")


def test_a_name_of_another_account_is_unknown(two: Session, desk: Desk) -> None:
    """All unknown names are in the error and recorded as typed."""
    with (
        pytest.raises(UnknownUser) as unknown,
        select(two, names=["bob", "alice", "carl"], account="acme"),
    ):
        pytest.fail("it was selected")
    assert unknown.value.names == ("bob in acme", "carl in acme")
    assert [event.user for event in desk.events()[-2:]] == ["bob", "carl"]
    with pytest.raises(UnknownUser) as unknown:
        people.require_user(two, "bob", account="acme")
    assert (unknown.value.names, unknown.value.near) == (("bob in acme",), ())


def test_twenty_candidates_and_none_for_the_portal(two: Session) -> None:
    """The portal gets neither accounts nor similar names."""
    for number in range(20):
        people.add(two, "alice", f"a{number:02}", "", UserType.CLOUD)
    with pytest.raises(AmbiguousUser) as refusal:
        people.require_user(two, "alice")
    assert "a19 and 2 more;" in (describe(refusal.value).hint or "")
    portal = two._replace(shows_people=False)
    with pytest.raises(AmbiguousUser) as refusal:
        people.require_user(portal, "alice")
    assert refusal.value.accounts == ()
    for session, near in ((two, ("bob",)), (portal, ())):
        with pytest.raises(UnknownUser) as unknown:
            people.require_user(session, "bib")
        assert unknown.value.near == near
    for session, near in ((two, ("acme",)), (portal, ())):
        with pytest.raises(UnknownAccount) as unknown_account:
            people.require_account(session, "acmee")
        assert unknown_account.value.near == near
