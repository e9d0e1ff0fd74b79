"""The store's side of a key rotation: which keys count, and PINs sealed to another key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pincli.errors import KeyChanged
from pincli.models import EventKind, NewEvent
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


def reseal(transaction: Transaction, resealed: Sequence[Resealed]) -> int:
    """Write PINs sealed to another key, where the version is still the same; how many were.

    Raises:
        KeyChanged: The key was rotated again since: soon nobody could open these.
    """
    if any(each.portal_key != transaction.identity.portal_key for each in resealed):
        raise KeyChanged
    new = {each.row: each for each in resealed}
    events = []
    for user in transaction.users(sorted(new)):
        each = new[user.id]
        if user.pin is not None and user.pin_version == each.version:
            pin = user.pin._replace(sealed=each.sealed, portal_key=each.portal_key)
            events.append(NewEvent(EventKind.RESEALED, user._replace(pin=pin)))
    transaction.save(events)
    return len(events)
