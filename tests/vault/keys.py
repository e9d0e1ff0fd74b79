"""Keys that are the same in every run."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from pincli.vault.keyring import Key

SEVEN = Key(bytes([7]) * 32, "seven")
EIGHT = Key(bytes([8]) * 32, "eight")

PORTAL_PRIVATE = Key(bytes(range(32)), "portal")
PORTAL_PUBLIC = Key(
    X25519PrivateKey.from_private_bytes(PORTAL_PRIVATE.raw).public_key().public_bytes_raw(),
    "portal",
)
OTHER_PRIVATE = Key(bytes(range(32, 64)), "other")
