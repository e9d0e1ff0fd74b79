"""Who seals what a store writes, and which seals are right, also once the audit key was rotated."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable
from typing import Protocol

from pincli.errors import KeyChanged, KeysUnavailable


class Sealer(Protocol):
    """Who seals trail and records; vault/audit_seals.py has the one there is."""

    @property
    def fingerprint(self) -> str:
        """The name of the key it seals with."""

    def seal_trail(self, store_id: str, number: int, link: bytes) -> bytes:
        """The seal of the trail up to an event."""

    def seal_record(self, store_id: str, digest: bytes) -> bytes:
        """The seal of a user's record."""


class Sealers:
    """The sealer with the key that counts, whichever that is by now.

    An attempt in flight must be settled and an open desk go on, though another process has
    rotated the audit key since: the new one is looked for once, and kept. A record may be
    sealed with a key that was rotated away, until it is next written.
    """

    def __init__(
        self,
        sealer: Sealer,
        find: Callable[[str], Sealer],
        everyone: Callable[[], Iterable[Sealer]],
    ) -> None:
        """Begin with one sealer.

        Args:
            sealer: Seals with the key that the store names now.
            find: Gives the sealer of another key by its fingerprint, or raises
                KeysUnavailable.
            everyone: Gives the sealers of all keys that are valid here, old ones too.
        """
        self._sealer, self._find, self._everyone = sealer, find, everyone
        self._others: list[Sealer] | None = None

    def of(self, fingerprint: str) -> Sealer:
        """The sealer with the key of that fingerprint.

        Raises:
            KeyChanged: This process neither has that key nor finds it.
        """
        if self._sealer.fingerprint != fingerprint:
            try:
                self._sealer = self._find(fingerprint)
            except KeysUnavailable:
                raise KeyChanged from None
            self._others = None
        return self._sealer

    def accept(self, seal: object, made_by: Callable[[Sealer], bytes]) -> bool:
        """Whether a seal is right under the present key, or under one that was rotated away."""
        if not isinstance(seal, bytes):
            return False
        if hmac.compare_digest(seal, made_by(self._sealer)):
            return True
        if self._others is None:
            self._others = [each for each in self._everyone() if each != self._sealer]
        return any(hmac.compare_digest(seal, made_by(each)) for each in self._others)
