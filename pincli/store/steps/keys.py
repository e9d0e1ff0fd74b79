"""The store's side of a key rotation: naming the new key, and resealing PINs and records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from pincli.errors import KeyChanged
from pincli.models import EventKind, NewEvent, User
from pincli.rules import lockout
from pincli.store.steps.records import change_users

if TYPE_CHECKING:
    from pincli.store.contract import Transaction


class Resealed(NamedTuple):
    """A user's PIN, sealed to another key. The PIN and its version stay."""

    row: int
    version: int
    sealed: bytes
    portal_key: str

    def __repr__(self) -> str:
        return f"Resealed({self.row})"


def name_key(transaction: Transaction, kind: str, fingerprint: str) -> None:
    """Make another key the present one of its kind.

    The event is sealed with the previous audit key and names the new one, so the trail itself
    says which key seals what follows.
    """
    transaction.save([NewEvent(EventKind.KEY_ROTATED, outcome=f"{kind}:{fingerprint}")])
    transaction.name_key(kind, fingerprint)


def seal_records(transaction: Transaction, rows: Sequence[int], tampered: list[str]) -> None:
    """Seal records with the present audit key."""
    transaction.seal_records(rows, tampered)


def note_compromised(transaction: Transaction, kind: str) -> None:
    """Record, under the present key, that older keys are no longer valid.

    The start of the trail is sealed again, since its old seal would no longer be accepted.
    """
    transaction.seal_start()
    transaction.save([NewEvent(EventKind.KEY_ROTATED, outcome=f"compromised:{kind}")])


def reseal(
    transaction: Transaction, resealed: Sequence[Resealed], tampered: list[str] | None = None
) -> int:
    """Write PINs sealed to another key, where the version is the same. Return how many.

    Raises:
        KeyChanged: The key was rotated again, so these seals would soon be unreadable.
    """
    if any(each.portal_key != transaction.identity.portal_key for each in resealed):
        raise KeyChanged
    new = {each.row: each for each in resealed}

    def sealed(now: User) -> lockout.Step:
        fresh = now._replace(sealed=new[now.id].sealed, portal_key=new[now.id].portal_key)
        return (NewEvent(EventKind.RESEALED, fresh),)

    users = [
        user
        for user in transaction.users(sorted(new), tampered)
        if user.sealed is not None and user.pin_version == new[user.id].version
    ]
    return len(change_users(transaction, users, sealed, withdraws=False))
