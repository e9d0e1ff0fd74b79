"""The seals under audit.key: of the trail, at its newest event, and of each user's record."""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from pincli.rules.canonical import framed
from pincli.vault.keyring import Key

_TRAIL = b"pincli/v2/seal"
_RECORD = b"pincli/v2/record-seal"


class AuditSealer:
    """Makes seals; callers that check one compare it in constant time."""

    def __init__(self, key: Key) -> None:
        self._key = key

    @property
    def fingerprint(self) -> str:
        """The audit key's name, for the store to compare with its own record."""
        return self._key.fingerprint

    def seal_trail(self, store_id: str, number: int, link: bytes) -> bytes:
        """The seal of a store's trail up to the event of that number, by its link."""
        return self._mac(_TRAIL, store_id.encode(), b"%d" % number, link)

    def seal_record(self, store_id: str, digest: bytes) -> bytes:
        """The seal of one user's record, by its digest."""
        return self._mac(_RECORD, store_id.encode(), digest)

    def old_mac(self, previous: str, row: Sequence[str | int | None]) -> str:
        """The mac of one event in the trail of schema 1, hexadecimal.

        Args:
            previous: The mac before it; for the first event, the store's id.
            row: The event's columns in their fixed order, its number first.
        """
        # NULL, the empty text, 1 and "1" are four different things. Written out, not a function
        # a value: `audit verify` is here for millions of rows.
        values = [
            b"-"
            if value is None
            else b"t" + value.encode()
            if isinstance(value, str)
            else b"i%d" % value
            for value in row
        ]
        return self._mac(previous.encode(), *values).hex()

    def _mac(self, *parts: bytes) -> bytes:
        return hmac.digest(self._key.raw, framed(*parts), "sha256")
