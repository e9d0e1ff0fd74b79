"""Users: which one a name means; add, deactivate, activate.

Annotations are not postponed here, as in models.py.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pincli.errors import AmbiguousUser, Rule, UnknownAccount, UnknownUser
from pincli.models import Change, EventKind, NewEvent, User, UserType
from pincli.operations.session import Session
from pincli.rules.names import canonical_account, canonical_user
from pincli.rules.texts import clean_display_name, clean_email, mask_pins


class Named(NamedTuple):
    """A login as somebody gives it, maybe with its account."""

    login: str
    account: str | None = None

    def __str__(self) -> str:
        return self.login if self.account is None else f"{self.login} in {self.account}"


def named(name: str | Named, account: str | None = None) -> Named:
    """Return the canonical form of a name, in its own account or else in this one."""
    login, own = name if isinstance(name, Named) else (name, None)
    where = own or account
    return Named(canonical_user(login), None if where is None else canonical_account(where))


class Chosen(NamedTuple):
    """The users that some names mean, unknown names, and the first login of several accounts."""

    users: list[User]
    unknown: list[Named]
    ambiguous: tuple[str, list[str]] | None


def choose(found: Iterable[User], names: Iterable[Named]) -> Chosen:
    """Choose the user that each name means."""
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
    """Return the user of that name, in any spelling.

    An unknown name is recorded, with the ticket, if the session is writable: somebody may be
    guessing. If several accounts have the login, `account` is needed.

    Raises:
        MalformedName: It can't be a user name.
        UnknownUser: Nobody has it; carries similar names.
        AmbiguousUser: Several accounts have it.
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
    """Return the users of these names, each once; see `require_user`."""
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
    """Raise UnknownUser for unknown names, or AmbiguousUser for a login of several accounts.

    A caller who may not see people, such as the portal, gets no candidates.
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
    """Return the canonical name of an account that has users.

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
    """Add an active user; the PIN is made at the first look in the portal.

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
    """Deactivate or activate a user; nothing changes if they already are."""
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
    """Record that somebody asked for unknown users, if the session is writable."""
    if session.writable:
        event = NewEvent(EventKind.REFUSED, outcome=UnknownUser.code, ticket=ticket)
        session.attempts.record(*(event._replace(name=mask_pins(name)) for name in names))
