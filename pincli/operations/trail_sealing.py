"""Sealing what hosts without audit.key have written, once it was seen to be whole."""

from __future__ import annotations

import hmac

from pincli.errors import StoreTampered
from pincli.models import Head, Start
from pincli.operations.chunks import Progress, no_progress
from pincli.operations.session import Session
from pincli.operations.trail_schema_1 import CHANGED, MISSING
from pincli.rules.canonical import link_of
from pincli.store.contract import Transaction
from pincli.vault.audit_seals import AuditSealer
from pincli.vault.keyring import AUDIT_KEY


def seal_trail(session: Session, *, progress: Progress = no_progress) -> int | None:
    """Seal the newest event, after every link from the last sealed event to it was recomputed.

    A seal vouches for all that comes before it, so that it must not be put on a forged event.
    What was forged before the last sealed event is for `audit verify` to find.

    Args:
        session: Opened with Need.WRITE.
        progress: Told how far it is.

    Returns:
        The number of the event that was sealed; None where nothing waited for a seal.

    Raises:
        StoreTampered: A link or a seal is wrong; nothing is sealed.
        StoreUnavailable: The store is not the one that this host has seen; likewise.
    """
    session.store.require_seen()
    trail = session.store.trail
    sealed, end = trail.last_sealed(), trail.head().number
    _require_right(session, sealed)
    head = Head(sealed.number, sealed.link)
    while head.number < end and (page := trail.raw_after(head.number)):
        for event in page:
            if event.number != head.number + 1:
                raise _bad(session, head.number + 1, MISSING)
            if not hmac.compare_digest(link_of(head.link, event), event.link):
                raise _bad(session, event.number, CHANGED)
            head = Head(event.number, event.link)
        progress(head.number - sealed.number, end - sealed.number)
    if head.number < end:
        raise _bad(session, head.number + 1, MISSING)
    if head.number == sealed.number or not session.store.write(_seal, head):
        return None
    return head.number


def _seal(transaction: Transaction, head: Head) -> bool:
    return transaction.seal(head)


def _require_right(session: Session, sealed: Start) -> None:
    """The seal to go on from was made with one of the keys that are valid here."""
    made = (
        AuditSealer(key).seal_trail(session.identity.store_id, sealed.number, sealed.link)
        for key in session.keyring.valid(AUDIT_KEY)
    )
    if not any(hmac.compare_digest(sealed.seal, each) for each in made):
        raise _bad(session, sealed.number, "the event has a wrong seal")


def _bad(session: Session, number: int, finding: str) -> StoreTampered:
    return StoreTampered(session.store.path, f"event {number}: {finding}; nothing was sealed")
