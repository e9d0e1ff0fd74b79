"""Who seals what a store writes, and which seals are right, even after a rotation of the key."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable
from typing import Protocol

from pincli.errors import KeyChanged, KeysUnavailable


class Sealer(Protocol):
    """Seals trail and records; implemented in vault/audit_seals.py."""

    @property
    def fingerprint(self) -> str:
        """The name of its key."""

    def seal_trail(self, store_id: str, number: int, link: bytes) -> bytes:
        """The seal of the trail up to an event."""

    def seal_record(self, store_id: str, digest: bytes) -> bytes:
        """The seal of a user's record."""


class Sealers:
    """The sealer with the audit key that counts now.

    Another process may rotate the key while an attempt is in flight or a desk is open: the new
    key is looked for once. Until a record is next written, its seal is of the old key.
    """

    def __init__(
        self,
        sealer: Sealer,
        find: Callable[[str], Sealer],
        everyone: Callable[[], Iterable[Sealer]],
    ) -> None:
        """Start with one sealer.

        Args:
            sealer: Has the key that the store names now.
            find: Gives the sealer of another key by its fingerprint, or raises KeysUnavailable.
            everyone: Gives the sealers of all keys that are valid here, old ones too.
        """
        self._sealer, self._find, self._everyone = sealer, find, everyone
        self._others: list[Sealer] | None = None

    def of(self, fingerprint: str) -> Sealer:
        """The sealer with this key.

        Raises:
            KeyChanged: The key is not here.
        """
        if self._sealer.fingerprint != fingerprint:
            try:
                self._sealer = self._find(fingerprint)
            except KeysUnavailable:
                raise KeyChanged from None
            self._others = None
        return self._sealer

    def accept(self, seal: object, made_by: Callable[[Sealer], bytes]) -> bool:
        """Whether a seal is right under the present key or an old one."""
        if not isinstance(seal, bytes):
            return False
        if hmac.compare_digest(seal, made_by(self._sealer)):
            return True
        if self._others is None:
            self._others = [each for each in self._everyone() if each != self._sealer]
        return any(hmac.compare_digest(seal, made_by(each)) for each in self._others)
