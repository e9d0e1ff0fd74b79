"""Secrets at rest for as long as one process lives."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12


class Envelope:
    """Encrypts PINs that wait in a temporary file, with a key that only this process has.

    After a kill or a power cut, what is left on the disk is noise.
    """

    def close(self, pin: str) -> bytes:
        """Encrypt a PIN."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, pin.encode(), None)

    def open(self, envelope: bytes) -> str:
        """Decrypt what `close` of this same object gave."""
        nonce, content = envelope[:_NONCE_BYTES], envelope[_NONCE_BYTES:]
        return self._cipher.decrypt(nonce, content, None).decode()

    @cached_property
    def _cipher(self) -> AESGCM:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(AESGCM.generate_key(bit_length=256))
