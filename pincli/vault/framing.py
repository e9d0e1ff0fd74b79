"""How several values become one message for a MAC, so that no two lists become the same."""

from __future__ import annotations

import hashlib

_LENGTH_BYTES = 8
# Looked up, not made: the check of a trail frames a dozen short parts an event, millions of times.
_SHORT = tuple(length.to_bytes(_LENGTH_BYTES, "big") for length in range(128))
_FINGERPRINT_CHARACTERS = 16


def framed(*parts: bytes) -> bytes:
    """The parts, each behind its own length: ("ab", "c") and ("a", "bc") differ."""
    return b"".join(
        [
            (_SHORT[n] if (n := len(part)) < len(_SHORT) else n.to_bytes(_LENGTH_BYTES, "big"))
            + part
            for part in parts
        ]
    )


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
