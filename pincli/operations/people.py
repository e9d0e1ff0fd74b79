"""Users: adding them, finding the one that is meant, switching them off and on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pincli.errors import AmbiguousUser, Rule, UnknownAccount, UnknownUser
from pincli.models import Change, EventKind, NewEvent, User, UserType
from pincli.operations.session import Session
from pincli.rules.names import canonical_account, canonical_user
from pincli.rules.texts import clean_display_name, clean_email, mask_pins


class Named(NamedTuple):
    """A user as somebody names them, canonical; with the account, where that was said."""

    login: str
    account: str | None = None

    def __str__(self) -> str:
        return self.login if self.account is None else f"{self.login} in {self.account}"


def named(name: str | Named, account: str | None = None) -> Named:
    """Whom a name in whatever spelling means, in an account unless it says another itself.

    Raises:
        MalformedName: It can't be a user name, or an account name.
    """
    login, own = name if isinstance(name, Named) else (name, None)
    where = own or account
    return Named(canonical_user(login), None if where is None else canonical_account(where))


class Chosen(NamedTuple):
    """Who is meant by some names.

    Attributes:
        users: Those who are, in the order of the names.
        unknown: The names that nobody has.
        ambiguous: A login that several accounts have, with those, if there is one.
    """

    users: list[User]
    unknown: list[Named]
    ambiguous: tuple[str, list[str]] | None


def choose(found: Iterable[User], names: Iterable[Named]) -> Chosen:
    """Who of those found is meant by each name."""
    by_login: dict[str, list[User]] = {}
    for user in found:
        by_login.setdefault(user.login, []).append(user)
    chosen, unknown, ambiguous = list[User](), list[Named](), None
    for name in names:
        users = [u for u in by_login.get(name.login, ()) if name.account in (None, u.account)]
        if not users:
            unknown.append(name)
        elif len(users) > 1:
            ambiguous = ambiguous or (name.login, sorted(user.account for user in users))
        else:
            chosen += users
    return Chosen(chosen, unknown, ambiguous)


def require_user(
    session: Session, name: str, *, account: str | None = None, ticket: str | None = None
) -> User:
    """The user of that name, in whatever spelling.

    Where events can be recorded, not finding one is an event: it may be somebody guessing.

    Args:
        session: The open store.
        name: The login.
        account: The user's, where several may have one of that login.
        ticket: For the event.

    Raises:
        MalformedName: It can't be a user name.
        UnknownUser: There is none; carries near names.
        AmbiguousUser: Several accounts have one.
    """
    (user,) = require_users(session, [name], account=account, ticket=ticket)
    return user


def require_users(
    session: Session,
    names: Sequence[str | Named],
    *,
    account: str | None = None,
    ticket: str | None = None,
) -> list[User]:
    """The users of these names, each once.

    Raises:
        MalformedName: One can't be a user name.
        UnknownUser: Some are unknown; carries all of them.
        AmbiguousUser: Several accounts have one.
    """
    wanted = list(dict.fromkeys(named(name, account) for name in names))
    if len(wanted) == 1:
        found = session.store.people.find(*wanted[0])
    else:
        found = session.store.people.named([name.login for name in wanted])
    chosen = choose(found, wanted)
    if chosen.unknown:
        note_unknown(session, [name.login for name in chosen.unknown], ticket=ticket)
    refuse_unless_chosen(session, chosen.unknown, chosen.ambiguous)
    return list({user.id: user for user in chosen.users}.values())


def refuse_unless_chosen(
    session: Session, unknown: Sequence[Named], ambiguous: tuple[str, list[str]] | None
) -> None:
    """Raise the error for names that mean nobody, or somebody of several accounts.

    A caller who may not see people, such as the portal, gets no candidates.

    Raises:
        UnknownUser: Some are unknown.
        AmbiguousUser: Several accounts have one.
    """
    if unknown:
        near: list[str] = []
        if len(unknown) == 1 and session.shows_people:
            login = unknown[0].login
            near = [each for each in session.store.people.near("login", login) if each != login]
        raise UnknownUser([str(name) for name in unknown], near)
    if ambiguous is not None:
        login, accounts = ambiguous
        raise AmbiguousUser(login, accounts if session.shows_people else ())


def require_account(session: Session, name: str) -> str:
    """The canonical name of an account that has users.

    Raises:
        MalformedName: It can't be an account name.
        UnknownAccount: No user belongs to it.
    """
    account = canonical_account(name)
    if not session.store.people.account_exists(account):
        near = session.store.people.near("account", account) if session.shows_people else []
        raise UnknownAccount(account, near)
    return account


def add(
    session: Session,
    name: str,
    account: str,
    display_name: str,
    kind: UserType,
    email: str = "",
) -> User:
    """Add an active user, without a PIN until it is opened in the portal.

    Raises:
        MalformedName: One of the names breaks its rule.
        Refused: The user exists.
    """
    from pincli.store.steps.people import add_user

    return session.store.write(
        add_user,
        canonical_user(name),
        canonical_account(account),
        clean_display_name(display_name),
        kind,
        clean_email(email) or None,
    )


def set_active(
    session: Session,
    name: str,
    *,
    account: str | None = None,
    active: bool,
    reason: str | None,
) -> Change:
    """Deactivate or activate a user; doing it twice changes nothing the second time."""
    user = require_user(session, name, account=account)
    from pincli.store.steps import people as steps

    write = session.store.write
    (change,) = write(
        steps.set_active, [user.id], active=active, reason=reason, uids={user.id: user.uid}
    )
    return change


def note_refusal(session: Session, rule: Rule) -> None:
    """Record that a rule refused a command."""
    session.attempts.record(NewEvent(EventKind.REFUSED, outcome=rule.name.lower()))


def note_unknown(session: Session, names: Sequence[str], *, ticket: str | None = None) -> None:
    """Record that somebody asked for users that don't exist, where events can be recorded."""
    if session.writable:
        outcome = UnknownUser.code
        session.attempts.record(
            *(
                NewEvent(EventKind.REFUSED, name=mask_pins(name), outcome=outcome, ticket=ticket)
                for name in names
            )
        )
