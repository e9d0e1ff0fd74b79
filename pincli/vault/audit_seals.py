"""The seals under audit.key: of the trail, at its newest event, and of each user's record."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from functools import lru_cache

from pincli.rules.canonical import framed
from pincli.vault.keyring import Key

_TRAIL = b"pincli/v2/seal"
_RECORD = b"pincli/v2/record-seal"


@lru_cache(maxsize=4)
def _of_store(label: bytes, store_id: str) -> bytes:
    """The beginning of a seal's message; the same for millions of records."""
    return framed(label, store_id.encode())


class AuditSealer:
    """Makes seals; callers that check one compare it in constant time."""

    def __init__(self, key: Key) -> None:
        self._key = key
        # A copy of it is quicker than a new one for each record.
        self._keyed = hmac.new(key.raw, digestmod="sha256")

    @property
    def fingerprint(self) -> str:
        """The audit key's name, for the store to compare with its own record."""
        return self._key.fingerprint

    def seal_trail(self, store_id: str, number: int, link: bytes) -> bytes:
        """The seal of a store's trail up to the event of that number, by its link."""
        return self._mac(_of_store(_TRAIL, store_id) + framed(b"%d" % number, link))

    def seal_record(self, store_id: str, digest: bytes) -> bytes:
        """The seal of one user's record, by its digest."""
        return self._mac(_of_store(_RECORD, store_id) + framed(digest))

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
        return self._mac(framed(previous.encode(), *values)).hex()

    def _mac(self, message: bytes) -> bytes:
        keyed = self._keyed.copy()
        keyed.update(message)
        return keyed.digest()
