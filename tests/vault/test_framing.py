"""Framing: no two lists of values become the same message."""

from __future__ import annotations

import hashlib

from hypothesis import example, given
from hypothesis import strategies as st

from pincli.vault.framing import fingerprint, framed

parts = st.lists(st.binary(max_size=12), max_size=5)


def taken_apart(message: bytes) -> list[bytes]:
    """The parts of a framed message."""
    found = []
    while message:
        length = int.from_bytes(message[:8], "big")
        found.append(message[8 : 8 + length])
        message = message[8 + length :]
    return found


@given(parts)
@example([])
@example([b""])
@example([b"", b""])
@example([bytes(8)])
def test_the_parts_can_be_read_back(values: list[bytes]) -> None:
    """What can be taken apart again can't have been made of anything else."""
    assert taken_apart(framed(*values)) == values


@given(text=st.binary(max_size=12), first=st.integers(0, 12), second=st.integers(0, 12))
def test_the_place_of_the_cut_matters(text: bytes, first: int, second: int) -> None:
    """The same bytes cut at two places give two messages."""
    one, two = (text[:first], text[first:]), (text[:second], text[second:])
    assert (framed(*one) == framed(*two)) is (one == two)


def test_fingerprints_are_sixteen_characters_of_sha_256() -> None:
    """A fingerprint is what DESIGN.md's readers can compute with any SHA-256."""
    purpose, key = b"verify.key", bytes(range(32))
    message = b"".join(
        len(part).to_bytes(8, "big") + part for part in (b"pincli/v1/fingerprint", purpose, key)
    )
    assert fingerprint(purpose.decode(), key) == hashlib.sha256(message).hexdigest()[:16]


@given(st.binary(min_size=32, max_size=32))
def test_a_key_has_another_name_for_every_purpose(key: bytes) -> None:
    """The same bytes as verify.key and as audit.key are told apart, and neither is shown."""
    names = {fingerprint(purpose, key) for purpose in ("verify.key", "audit.key", "portal.pub")}
    assert len(names) == 3
    assert all(name not in key.hex() for name in names)
