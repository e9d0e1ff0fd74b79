"""Who signs what a store writes, also once the audit key was rotated."""

from __future__ import annotations

from collections.abc import Callable

from pincli.errors import KeyChanged, KeysUnavailable
from pincli.store.contract import Signer


class Signers:
    """The signer of the key that counts, whichever that is by now.

    An attempt in flight must be settled and an open desk go on, though another process has
    rotated the audit key since: the new one is looked for once, and kept.
    """

    def __init__(self, signer: Signer, find: Callable[[str], Signer]) -> None:
        """Begin with one signer.

        Args:
            signer: Signs with the key that the store names now.
            find: Gives the signer of another key by its fingerprint, or raises
                KeysUnavailable.
        """
        self._signer, self._find = signer, find

    def of(self, fingerprint: str) -> Signer:
        """The signer with the key of that fingerprint.

        Raises:
            KeyChanged: This process neither has that key nor finds it.
        """
        if self._signer.fingerprint != fingerprint:
            try:
                self._signer = self._find(fingerprint)
            except KeysUnavailable:
                raise KeyChanged from None
        return self._signer
