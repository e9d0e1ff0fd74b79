"""The store's side of a key rotation: which keys count, and PINs sealed to another key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from pincli.errors import KeyChanged
from pincli.models import EventKind, NewEvent, User
from pincli.rules import lockout

if TYPE_CHECKING:
    from pincli.store.contract import Transaction


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

    The event is signed with the audit key that was valid before, and names the new one: so
    the chain says itself which key signs what follows.
    """
    transaction.save([NewEvent(EventKind.KEY_ROTATED, outcome=f"{kind}:{fingerprint}")])
    transaction.name_key(kind, fingerprint)


def seal_records(transaction: Transaction, rows: Sequence[int], tampered: list[str]) -> None:
    """Seal records with the present audit key; tampered ones are left out, and named."""
    transaction.seal_records(rows, tampered)


def note_compromised(transaction: Transaction, kind: str) -> None:
    """Record, under the present key, that older keys no longer count.

    The start of the trail, which outlives them, is sealed with that.
    """
    transaction.seal_start()
    transaction.save([NewEvent(EventKind.KEY_ROTATED, outcome=f"compromised:{kind}")])


def reseal(
    transaction: Transaction, resealed: Sequence[Resealed], tampered: list[str] | None = None
) -> int:
    """Write PINs sealed to another key, where the version is still the same; how many were.

    Args:
        transaction: The transaction to write in.
        resealed: The seals.
        tampered: Gets the logins of records that were tampered with, which are left out.

    Raises:
        KeyChanged: The key was rotated again since: soon nobody could open these.
    """
    if any(each.portal_key != transaction.identity.portal_key for each in resealed):
        raise KeyChanged
    new = {each.row: each for each in resealed}
    events: list[NewEvent] = []
    done = 0
    for user in transaction.users(sorted(new), tampered):
        each = new[user.id]
        if user.sealed is None or user.pin_version != each.version:
            continue

        def sealed(now: User, each: Resealed = each) -> lockout.Step:
            fresh = now._replace(sealed=each.sealed, portal_key=each.portal_key)
            return (NewEvent(EventKind.RESEALED, fresh),)

        step, _ = lockout.ended_first(user, sealed, withdraws=False, at=transaction.at)
        events += step
        done += 1
    transaction.save(events)
    return done
