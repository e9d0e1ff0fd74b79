"""How several values become one message, so that no two lists become the same."""

from __future__ import annotations

_LENGTH_BYTES = 8
# Looked up, not made: framing is done for every column of a record, millions of times.
_SHORT = tuple(length.to_bytes(_LENGTH_BYTES, "big") for length in range(128))


def framed(*parts: bytes) -> bytes:
    """The parts, each behind its own length: ("ab", "c") and ("a", "bc") differ."""
    return b"".join(
        [
            (_SHORT[n] if (n := len(part)) < len(_SHORT) else n.to_bytes(_LENGTH_BYTES, "big"))
            + part
            for part in parts
        ]
    )
