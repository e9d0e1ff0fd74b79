"""The trail of schema 1: every event has a mac, under audit.key, over the mac before it."""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Sequence
from contextlib import suppress

from pincli.errors import KeysUnavailable
from pincli.models import EventKind, Fault, Head
from pincli.results import Event
from pincli.store.questions import OldEvent
from pincli.vault.audit_seals import AuditSealer
from pincli.vault.key_files import read_key
from pincli.vault.keyring import AUDIT_KEY, Keyring, is_fingerprint, named_key

MISSING = "the event is missing"
CHANGED = "the event was changed or put here"

_KIND, _OUTCOME = Event._fields.index("kind"), Event._fields.index("outcome")


class BadEvent(Exception):
    """An event, or with no number a record, that is not as pincli wrote it."""

    def __init__(self, number: int | None, finding: str) -> None:
        super().__init__(finding if number is None else f"event {number}: {finding}")
        self.number = number
        self.finding = finding


class OldTrail:
    """Checks the events of schema 1 in order.

    Attributes:
        number: The number of the last event that is right.
        mac: Its mac; before the first event, the store's id.
    """

    def __init__(self, keyring: Keyring, store_id: str, after: Head | None = None) -> None:
        """Begin with the first event, or after those that were archived."""
        self.number = after.number if after else 0
        self.mac = after.link.hex() if after and after.number else store_id
        self._keyring = keyring
        self._signer: AuditSealer | None = None

    def follow(self, rows: Sequence[OldEvent]) -> None:
        """Check the next events.

        Raises:
            BadEvent: One is not as pincli wrote it.
            KeysUnavailable: A key that the trail names isn't here, so its events can't be
                checked.
        """
        signer = self._signer or self._first_signer(rows)
        for row in rows:
            if row[0] != self.number + 1:
                raise BadEvent(self.number + 1, MISSING)
            if not _signed(signer, self.mac, row):
                raise BadEvent(self.number + 1, CHANGED)
            self.number, self.mac = self.number + 1, str(row[-1])
            if row[_KIND] == EventKind.KEY_ROTATED:
                signer = self._signer_after(signer, row)
        self._signer = signer

    def _first_signer(self, rows: Sequence[OldEvent]) -> AuditSealer:
        """The signer of the first event: the audit key that it names.

        A missing key and a changed name look alike. The second event, signed by the same key,
        tells them apart if another key on disk signed it.
        """
        first, following = rows[0], rows[1:2]
        named = str(first[_OUTCOME])
        if first[0] != self.number + 1:
            raise BadEvent(self.number + 1, MISSING)
        if self.number:  # an archived event names the key, so try each
            for signer in self._keys():
                if _signed(signer, self.mac, first):
                    return signer
            raise BadEvent(self.number + 1, CHANGED)
        if first[_KIND] != EventKind.INITIALISED or not is_fingerprint(named):
            raise BadEvent(1, CHANGED)
        try:
            return self._signer_named(named)
        except KeysUnavailable as error:
            if error.fault is not Fault.MISSING:
                raise
            if any(_signed(key, str(first[-1]), row) for row in following for key in self._keys()):
                raise BadEvent(1, CHANGED) from None
            raise

    def _signer_after(self, signer: AuditSealer, row: OldEvent) -> AuditSealer:
        """The signer after a key rotation, whose event was just checked with the previous key."""
        kind, _, named = str(row[_OUTCOME]).partition(":")
        return self._signer_named(named) if kind == "audit" else signer

    def _signer_named(self, named: str) -> AuditSealer:
        return AuditSealer(self._keyring.of(AUDIT_KEY, named))

    def _keys(self) -> Iterator[AuditSealer]:
        """Every readable audit key on this host: present, rotated away or compromised."""
        for path in self._keyring.on_disk(AUDIT_KEY):
            with suppress(KeysUnavailable):
                yield AuditSealer(named_key(AUDIT_KEY, read_key(path)))
        yield from map(AuditSealer, self._keyring.compromised(AUDIT_KEY))


def _signed(signer: AuditSealer, previous: str, row: OldEvent) -> bool:
    # As bytes: hmac compares only ASCII text, and a forged mac may be anything.
    return hmac.compare_digest(signer.old_mac(previous, row[:-1]).encode(), str(row[-1]).encode())
