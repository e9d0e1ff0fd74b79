"""Names of users and accounts, for completion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pincli.rules.names import ERASED, all_printable, canonical_account, canonical_user
from pincli.store.contract import Store

NAMES_AT_MOST = 50
"""How many names are offered at once."""


def accounts_with(store: Store, logins: Sequence[str]) -> list[str]:
    """The accounts that have a user of one of these logins, in whatever spelling, by name.

    Raises:
        MalformedName: One can't be a login.
    """
    found = store.people.named([canonical_user(login) for login in logins])
    return sorted({user.account for user in found if all_printable(user.account)})


def names_beginning(store: Store, column: Literal["login", "account"], text: str) -> list[str]:
    """Up to NAMES_AT_MOST names of users or accounts that begin with a text.

    Raises:
        MalformedName: No name can begin so.
    """
    canonical = canonical_user if column == "login" else canonical_account
    begun = canonical(text) if text.strip() else ""
    found = store.people.with_prefix(column, begun, limit=NAMES_AT_MOST)
    # Anybody who can write the store's file may have put anything there.
    return [name for name in found if all_printable(name) and not name.startswith(ERASED)]
