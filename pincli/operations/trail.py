"""The audit trail: following it, and checking that nobody changed it."""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Sequence
from contextlib import suppress

from pincli.errors import KeysUnavailable, UsageProblem
from pincli.models import Event, EventKind, Fault
from pincli.operations.chunks import Progress, no_progress
from pincli.operations.session import Session
from pincli.results import Head, TrailReport
from pincli.store.contract import RawEvent
from pincli.vault.audit_macs import AuditSigner
from pincli.vault.framing import is_fingerprint
from pincli.vault.key_files import read_key
from pincli.vault.keyring import AUDIT_KEY, named_key, rotated_name

_MAC_CHARACTERS = 64
_KIND, _OUTCOME = Event._fields.index("kind"), Event._fields.index("outcome")
_KEY_ROTATED = EventKind.KEY_ROTATED.value
_MISSING = "the event is missing"
_CHANGED = "the event was changed or put here"


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
    """Check the chain of events, see check_chain, and compare users with their last events."""
    report = check_chain(session, expected, progress=progress)
    return report if report.finding else report._replace(finding=_mismatch(session))


def check_chain(
    session: Session, expected: Head | None, *, progress: Progress = no_progress
) -> TrailReport:
    """Recompute every mac from the first event on.

    Args:
        session: Opened with Need.CHECK.
        expected: A head printed earlier, to see that the tail was not cut since.
        progress: Told how far it is.

    Raises:
        KeysUnavailable: A key that the trail names is not there: nothing can be said about
            what it signed.
    """
    trail = session.store.trail
    total = trail.head()[0]
    seq, mac = 0, session.identity.store_id
    met_expected = expected is None
    rows = trail.raw_after(seq)
    if not rows or rows[0][0] != 1:  # `init` wrote one
        return TrailReport(0, Head(seq, mac), 1, _MISSING)
    signer = _first_signer(session, rows)
    if signer is None:
        return TrailReport(0, Head(seq, mac), 1, _CHANGED)
    while rows:
        for row in rows:
            if row[0] != seq + 1:
                return TrailReport(seq, Head(seq, mac), seq + 1, _MISSING)
            if not _signed(signer, mac, row):
                return TrailReport(seq, Head(seq, mac), seq + 1, _CHANGED)
            seq, mac = seq + 1, str(row[-1])
            if row[_KIND] == _KEY_ROTATED:
                signer = _signer_after(session, signer, row)
            met_expected = met_expected or (seq, mac) == expected
        progress(seq, total)
        rows = trail.raw_after(seq)
    head = Head(seq, mac)
    if expected is not None and not met_expected:
        finding = "the trail was cut off" if head.seq < expected.seq else "the head is another"
        return TrailReport(head.seq, head, min(head.seq + 1, expected.seq), finding)
    return TrailReport(head.seq, head, None, None)


def _first_signer(session: Session, rows: Sequence[RawEvent]) -> AuditSigner | None:
    """Who signed the first event: the audit key that it names; None if it was changed.

    A missing key and a changed name look alike. The second event, which the same key signed,
    tells them apart, as long as that key is there.
    """
    first, following = rows[0], rows[1:2]
    named = str(first[_OUTCOME])
    if first[_KIND] != EventKind.INITIALISED or not is_fingerprint(named):
        return None
    try:
        return _signer_named(session, named)
    except KeysUnavailable as error:
        if error.fault is not Fault.MISSING:
            raise
        if any(_signed(key, str(first[-1]), row) for row in following for key in _keys(session)):
            return None
        raise


def _signer_named(session: Session, named: str) -> AuditSigner:
    """The signer of a fingerprint.

    Raises:
        KeysUnavailable: Its key is missing, or can't be read.
    """
    keyring = session.keyring
    try:
        return AuditSigner(keyring.find(AUDIT_KEY, named))
    except KeysUnavailable as error:
        # The present key is the store's, as was checked before: so it is another that lacks.
        if error.fault is Fault.MISMATCH:
            path = keyring.folder / rotated_name(AUDIT_KEY, named)
            raise KeysUnavailable(Fault.MISSING, path) from None
        raise


def _keys(session: Session) -> Iterator[AuditSigner]:
    """Every audit key there is, present or rotated away; one that can't be read is left out."""
    for path in session.keyring.on_disk(AUDIT_KEY):
        with suppress(KeysUnavailable):
            yield AuditSigner(named_key(AUDIT_KEY, read_key(path)))


def _signed(signer: AuditSigner, previous: str, row: RawEvent) -> bool:
    # As bytes: of text, hmac compares ASCII only, and a mac put here may be any.
    return hmac.compare_digest(signer.mac(previous, row[:-1]).encode(), str(row[-1]).encode())


def _signer_after(session: Session, signer: AuditSigner, row: RawEvent) -> AuditSigner:
    """Who signs what follows the rotation of a key: another, if it was the audit key.

    The event itself has just been checked with the key before, so it can be believed.
    """
    kind, _, named = str(row[_OUTCOME]).partition(":")
    return _signer_named(session, named) if kind == "audit" else signer


def _mismatch(session: Session) -> str | None:
    """The first user whose record is not as the trail says."""
    row = 0
    while True:
        row, found = session.store.trail.mismatches_after(row)
        if found:
            user, field = found[0]
            return f"the record of {user} was changed behind the trail: its {field}"
        if row == 0:
            return None
