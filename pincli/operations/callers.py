"""Who rings: the user that is named, or the users of an account to choose from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from pincli.models import User, Verdict
from pincli.operations.left_open import end_left_open
from pincli.operations.session import Session
from pincli.operations.verify import admit
from pincli.rules.names import all_printable, canonical_account, canonical_user
from pincli.store.contract import Store

NAMES_AT_MOST = 50
"""How many names are offered at once."""


class AccountUsers(NamedTuple):
    """An account that was named in the place of a user.

    Attributes:
        users: The first of its users, by login; NAMES_AT_MOST of them.
        total: How many it has.
    """

    account: str
    users: Sequence[User]
    total: int


def look_up(session: Session, name: str, ticket: str | None) -> User | Verdict | AccountUsers:
    """Whom the caller says to be, or the verdict if there is nothing to ask them for.

    A name that is a user's and an account's means the user.

    Raises:
        MalformedName: It can be neither's name.
        UnknownUser: There is neither; recorded, and with near names.
    """
    canonical = canonical_user(name)
    people = session.store.people
    if not people.find(canonical) and people.account_exists(canonical):
        users = next(people.pages(account=canonical), [])[:NAMES_AT_MOST]
        total = sum(people.totals(account=canonical).values())
        return AccountUsers(canonical, users, total)
    end_left_open(session)
    return admit(session, canonical, ticket)


def names_beginning(store: Store, column: Literal["login", "account"], text: str) -> list[str]:
    """Up to NAMES_AT_MOST names of users or accounts that begin with a text.

    Raises:
        MalformedName: No name can begin so.
    """
    canonical = canonical_user if column == "login" else canonical_account
    begun = canonical(text) if text.strip() else ""
    found = store.people.with_prefix(column, begun, limit=NAMES_AT_MOST)
    # Somebody who can write the store's file may have put anything there.
    return [name for name in found if all_printable(name)]
