"""Fingerprints: the names that keys go by."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from pincli.vault.framing import fingerprint


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
