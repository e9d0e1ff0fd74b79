"""Sealing the events that hosts without audit.key have written, after a check."""

from __future__ import annotations

import hmac

from pincli.errors import StoreTampered
from pincli.models import Head, Start
from pincli.operations.chunks import Progress, no_progress
from pincli.operations.session import Session
from pincli.operations.trail_schema_1 import CHANGED, MISSING
from pincli.rules.canonical import links_of
from pincli.vault.audit_seals import AuditSealer
from pincli.vault.keyring import AUDIT_KEY


def seal_trail(session: Session, *, progress: Progress = no_progress) -> int | None:
    """Seal the newest event, after recomputing every link since the last sealed event.

    A seal vouches for all earlier events, so a forged event must not get one. Forgeries before
    the last sealed event are for `audit verify` to find. The session needs Need.WRITE.

    Returns:
        The number of the sealed event; None if there was nothing to seal.

    Raises:
        StoreTampered: A link or a seal is wrong; nothing is sealed.
        StoreUnavailable: The store contradicts this host's mark; nothing is sealed.
    """
    session.store.require_seen()
    trail = session.store.trail
    sealed, end = trail.last_sealed(), trail.head().number
    _require_right(session, sealed)
    head = Head(sealed.number, sealed.link)
    while head.number < end and (page := trail.raw_after(head.number)):
        for event, link in zip(page, links_of(head.link, page), strict=True):
            if event.number != head.number + 1:
                raise _bad(session, head.number + 1, MISSING)
            if not hmac.compare_digest(link, event.link):
                raise _bad(session, event.number, CHANGED)
            head = Head(event.number, link)
        progress(head.number - sealed.number, end - sealed.number)
    if head.number < end:
        raise _bad(session, head.number + 1, MISSING)
    if head.number == sealed.number or not session.store.write(lambda t: t.seal(head)):
        return None
    return head.number


def _require_right(session: Session, sealed: Start) -> None:
    """Check that the last seal was made with a key that is valid here."""
    made = (
        AuditSealer(key).seal_trail(session.identity.store_id, sealed.number, sealed.link)
        for key in session.keyring.valid(AUDIT_KEY)
    )
    if not any(hmac.compare_digest(sealed.seal, each) for each in made):
        raise _bad(session, sealed.number, "the event has a wrong seal")


def _bad(session: Session, number: int, finding: str) -> StoreTampered:
    return StoreTampered(session.store.path, f"event {number}: {finding}; nothing was sealed")
