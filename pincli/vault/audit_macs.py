"""The macs that chain the audit trail."""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from pincli.rules.framing import framed
from pincli.vault.keyring import Key


class AuditSigner:
    """Computes the mac of an event row from the previous mac and the row itself."""

    def __init__(self, key: Key) -> None:
        self._key = key

    @property
    def fingerprint(self) -> str:
        """The audit key's name, for the store to compare with its own record."""
        return self._key.fingerprint

    def mac(self, previous: str, row: Sequence[str | int | None]) -> str:
        """The mac of one event.

        Args:
            previous: The mac before it, hexadecimal; for the first event, the store's id.
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
        message = framed(previous.encode(), *values)
        return hmac.digest(self._key.raw, message, "sha256").hex()
