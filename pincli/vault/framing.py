"""The names that keys go by."""

from __future__ import annotations

import hashlib

from pincli.rules.framing import framed

_FINGERPRINT_CHARACTERS = 16


def fingerprint(purpose: str, key: bytes) -> str:
    """A short name for a key, safe to store and show: 64 bits of SHA-256 over 256 random bits.

    Args:
        purpose: What the key is for; the same bytes used for two purposes have two names.
        key: The raw key.
    """
    message = framed(b"pincli/v1/fingerprint", purpose.encode(), key)
    return hashlib.sha256(message).hexdigest()[:_FINGERPRINT_CHARACTERS]


def is_fingerprint(text: str) -> bool:
    """Whether a text has the form of a key's name."""
    return len(text) == _FINGERPRINT_CHARACTERS and not set(text) - set("0123456789abcdef")
