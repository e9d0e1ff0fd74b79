"""Users: adding them, finding the one that is meant, switching them off and on."""

from __future__ import annotations

from collections.abc import Sequence

from pincli.errors import AmbiguousUser, Rule, UnknownAccount, UnknownUser
from pincli.models import Change, EventKind, NewEvent, User, UserType
from pincli.operations.session import Session
from pincli.rules.names import canonical_account, canonical_user, clean_display_name, mask_pins

_CANDIDATES = 20


def require_user(session: Session, name: str, *, ticket: str | None = None) -> User:
    """The user of that name, in whatever spelling.

    Where events can be recorded, not finding one is an event: it may be somebody guessing.

    Raises:
        MalformedName: It can't be a user name.
        UnknownUser: There is none; carries near names.
        AmbiguousUser: Several accounts have one.
    """
    canonical = canonical_user(name)
    found = session.store.people.find(canonical)
    if not found:
        note_unknown(session, [canonical], ticket=ticket)
        raise UnknownUser([canonical], session.store.people.near("login", canonical))
    if len(found) > 1:
        raise AmbiguousUser(canonical, [user.account for user in found[:_CANDIDATES]])
    return found[0]


def require_users(session: Session, names: Sequence[str]) -> list[User]:
    """The users of these names, each once.

    Raises:
        MalformedName: One can't be a user name.
        UnknownUser: Some are unknown; carries all of them.
        AmbiguousUser: Several accounts have one.
    """
    wanted = list(dict.fromkeys(canonical_user(name) for name in names))
    if len(wanted) == 1:
        return [require_user(session, wanted[0])]
    found: dict[str, list[User]] = {name: [] for name in wanted}
    for user in session.store.people.named(wanted):
        found[user.login].append(user)
    unknown = [name for name in wanted if not found[name]]
    if unknown:
        note_unknown(session, unknown)
        near = session.store.people.near("login", unknown[0]) if len(unknown) == 1 else []
        raise UnknownUser(unknown, near)
    for name, users in found.items():
        if len(users) > 1:
            raise AmbiguousUser(name, [user.account for user in users[:_CANDIDATES]])
    return [user for (user,) in found.values()]


def require_account(session: Session, name: str) -> str:
    """The canonical name of an account that has users.

    Raises:
        MalformedName: It can't be an account name.
        UnknownAccount: No user belongs to it.
    """
    account = canonical_account(name)
    if not session.store.people.account_exists(account):
        raise UnknownAccount(account, session.store.people.near("account", account))
    return account


def add(session: Session, name: str, account: str, display_name: str, kind: UserType) -> User:
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
    )


def set_active(session: Session, name: str, *, active: bool, reason: str | None) -> Change:
    """Deactivate or activate a user; doing it twice changes nothing the second time."""
    user = require_user(session, name)
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
