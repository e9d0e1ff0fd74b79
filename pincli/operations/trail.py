"""The audit trail: following it, and checking that nobody changed it."""

from __future__ import annotations

import hmac

from pincli.errors import KeysUnavailable, UsageProblem
from pincli.models import EventKind
from pincli.operations.chunks import Progress, no_progress
from pincli.operations.session import Session
from pincli.results import Head, TrailReport
from pincli.store.rows import EVENT_COLUMNS
from pincli.store.trail import RawEvent
from pincli.vault.audit_macs import AuditSigner
from pincli.vault.keyring import AUDIT_KEY

_MAC_CHARACTERS = 64
_COLUMNS = EVENT_COLUMNS.split(", ")
_KIND, _OUTCOME = _COLUMNS.index("kind"), _COLUMNS.index("outcome")


def parse_head(text: str) -> Head:
    """A head as `audit verify` printed it.

    Raises:
        UsageProblem: It is none.
    """
    seq, _, mac = text.strip().partition(":")
    is_number = seq.isascii() and seq.isdigit()
    if not is_number or len(mac) != _MAC_CHARACTERS or set(mac) - set("0123456789abcdef"):
        raise UsageProblem("that is no head", "give it as `pincli audit verify` printed it")
    return Head(int(seq), mac)


def check_trail(
    session: Session, expected: Head | None, *, progress: Progress = no_progress
) -> TrailReport:
    """Recompute every mac from the first event on, and compare users with their last events.

    Args:
        session: Opened with Need.CHECK.
        expected: A head printed earlier, to see that the tail was not cut since.
        progress: Told how far it is.
    """
    store = session.store
    signer = _first_signer(session)
    total = store.trail_head()[0]
    head = Head(0, store.identity.store_id)
    met_expected = expected is None
    while rows := store.raw_events_after(head.seq):
        for row in rows:
            seq, mac = int(str(row[0])), str(row[-1])
            if seq != head.seq + 1:
                return TrailReport(head.seq, head, head.seq + 1, "the event is missing")
            if not hmac.compare_digest(signer.mac(head.mac, row[:-1]), mac):
                return TrailReport(head.seq, head, seq, "the event was changed or put here")
            head = Head(seq, mac)
            signer = _signer_after(session, signer, row)
            met_expected = met_expected or head == expected
        progress(head.seq, total)
    if expected is not None and not met_expected:
        finding = "the trail was cut off" if head.seq < expected.seq else "the head is another"
        return TrailReport(head.seq, head, min(head.seq + 1, expected.seq), finding)
    return TrailReport(head.seq, head, None, _mismatch(session))


def _first_signer(session: Session) -> AuditSigner:
    """Who signed the first event: the audit key that it names."""
    rows = session.store.raw_events_after(0)
    named = str(rows[0][_OUTCOME]) if rows else ""
    try:
        return AuditSigner(session.keyring.find(AUDIT_KEY, named))
    except KeysUnavailable:
        return AuditSigner(session.keyring.audit)


def _signer_after(session: Session, signer: AuditSigner, row: RawEvent) -> AuditSigner:
    """Who signs what follows an event: another key, if it records that one took over.

    The event itself has just been checked with the key before, so it can be believed.
    """
    kind, _, named = str(row[_OUTCOME]).partition(":")
    if row[_KIND] == EventKind.KEY_ROTATED and kind == "audit":
        return AuditSigner(session.keyring.find(AUDIT_KEY, named))
    return signer


def _mismatch(session: Session) -> str | None:
    """The first user whose record is not as the trail says."""
    row = 0
    while True:
        row, found = session.store.record_mismatches_after(row)
        if found:
            user, field = found[0]
            return f"the record of {user} was changed behind the trail: its {field}"
        if row == 0:
            return None
