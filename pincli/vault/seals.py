"""Sealed PINs: HPKE to the portal's key, so that only the portal can show a PIN again.

The only module, with keyring.py, that imports cryptography.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pincli.errors import RecordDamaged
from pincli.rules.canonical import framed
from pincli.vault.answers import BoundTo
from pincli.vault.keyring import Key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.hpke import Suite


def seal(portal_public: Key, bound_to: BoundTo, version: int, pin: str) -> bytes:
    """Encrypt a PIN to the portal, for what its question is bound to and for one version."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

    public = X25519PublicKey.from_public_bytes(portal_public.raw)
    return _suite().encrypt(pin.encode(), public, info=_info(bound_to, version))


def unseal(portal_private: Key, bound_to: BoundTo, version: int, sealed: bytes) -> str:
    """Decrypt a sealed PIN.

    Raises:
        RecordDamaged: It was not sealed to this key, for this user and this version.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    private = X25519PrivateKey.from_private_bytes(portal_private.raw)
    try:
        return _suite().decrypt(sealed, private, info=_info(bound_to, version)).decode()
    except (InvalidTag, ValueError):
        raise RecordDamaged from None


def _info(bound_to: BoundTo, version: int) -> bytes:
    return framed(b"pincli/v%d/sealed" % bound_to.schema, bound_to.name, b"%d" % version)


def _suite() -> Suite:
    from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

    return Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
