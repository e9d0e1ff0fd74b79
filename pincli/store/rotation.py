"""The store's side of a key rotation: which keys count, and PINs sealed anew."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from pincli.errors import KeyChanged
from pincli.models import EventKind, User
from pincli.store.rows import read_users
from pincli.store.transaction import Transaction

KEY_COLUMNS = {"verify": "verify_key", "portal": "portal_key", "audit": "audit_key"}
"""The column of the store's identity for each kind of key."""


class Resealed(NamedTuple):
    """A user's PIN sealed to another key; the PIN and its version are the same."""

    row: int
    version: int
    sealed: bytes
    portal_key: str

    def __repr__(self) -> str:
        return f"Resealed({self.row})"


def name_key(transaction: Transaction, kind: str, fingerprint: str) -> None:
    """Say that another key of a kind counts from now on.

    The event stands under the audit key that was valid before, and names the new one: so
    the chain says itself which key signs what follows.
    """
    transaction.record(EventKind.KEY_ROTATED, outcome=f"{kind}:{fingerprint}")
    transaction.connection.execute(f"UPDATE store SET {KEY_COLUMNS[kind]} = ?", (fingerprint,))


def sealed_otherwise(
    connection: sqlite3.Connection, portal_key: str, row: int, limit: int
) -> list[User]:
    """The next users above a row whose PIN is sealed to another key than this."""
    return read_users(
        connection,
        "WHERE id > ? AND portal_key IS NOT NULL AND portal_key <> ? ORDER BY id LIMIT ?",
        (row, portal_key, limit),
    )


def reseal(transaction: Transaction, resealed: Sequence[Resealed]) -> int:
    """Write PINs sealed anew, where the version is still the same; how many were.

    Raises:
        KeyChanged: The key was rotated again since: soon nobody could open these.
    """
    if any(each.portal_key != transaction.identity.portal_key for each in resealed):
        raise KeyChanged
    return transaction.connection.executemany(
        "UPDATE users SET sealed = ?, portal_key = ? WHERE id = ? AND pin_version = ?",
        [(r.sealed, r.portal_key, r.row, r.version) for r in resealed],
    ).rowcount


def key_uses(connection: sqlite3.Connection) -> dict[str, dict[str, int]]:
    """How many users' verifiers and seals need which key, by kind and fingerprint."""
    return {
        kind: dict(
            connection.execute(
                f"SELECT {column}, count(*) FROM users WHERE {column} IS NOT NULL GROUP BY 1"
            ).fetchall()
        )
        for kind, column in (("verify", "verify_key"), ("portal", "portal_key"))
    }
