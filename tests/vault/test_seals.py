"""Sealed PINs: opened by the portal's key alone, for the user and version they were made for."""

from __future__ import annotations

import string

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from hypothesis import example, given
from hypothesis import strategies as st

from pincli.errors import RecordDamaged
from pincli.vault.answers import BoundTo
from pincli.vault.seals import seal, unseal
from tests.vault.keys import OTHER_PRIVATE, PORTAL_PRIVATE, PORTAL_PUBLIC

PIN = "444159"
UID = BoundTo(2, bytes(range(16)))
OLD_SEALED = bytes.fromhex(
    "3c902d2e8a5f20284d11325ff9882076a9efbf6212200a6ac372b3"
    "d6ceeea22b4c4e9f9ad8694d8a1f8c8d9a4238a2f5970e1e7e568e"
)
"""What a program of schema 1 sealed: alice's PIN of version 1."""
NEW_SEALED = bytes.fromhex(
    "0fd74261876c7c4bc0ec2529b2bfdf11f9468011a8e75cb9123812"
    "748f30945fb571f46eef84232fd7e9c76492f8627b5f8540e0a476"
)
"""The PIN of UID's version 1."""
SEALED = seal(PORTAL_PUBLIC, UID, 1, PIN)

pins = st.text(alphabet=string.digits, min_size=6, max_size=6)
bound = st.builds(BoundTo, st.sampled_from([1, 2]), st.binary(max_size=16))


def info_of(version: bytes) -> bytes:
    """What binds a seal to UID, put together by hand."""
    parts = (b"pincli/v2/sealed", UID.name, version)
    return b"".join(len(part).to_bytes(8, "big") + part for part in parts)


@given(owner=bound, version=st.integers(0, 10_000), pin=pins)
def test_the_portal_reads_what_was_sealed(owner: BoundTo, version: int, pin: str) -> None:
    """The private half gives back the same PIN, with leading zeros."""
    sealed = seal(PORTAL_PUBLIC, owner, version, pin)
    assert unseal(PORTAL_PRIVATE, owner, version, sealed) == pin


def test_another_portal_s_key_does_not_open_it() -> None:
    """Only the private half that belongs to portal.pub reads a PIN."""
    with pytest.raises(RecordDamaged) as error:
        unseal(OTHER_PRIVATE, UID, 1, SEALED)
    assert error.value.__suppress_context__


def test_it_is_the_hpke_of_the_design() -> None:
    """X25519, HKDF-SHA256 and ChaCha20-Poly1305, with uid and version as info, both ways."""
    suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
    private = X25519PrivateKey.from_private_bytes(PORTAL_PRIVATE.raw)
    assert suite.decrypt(SEALED, private, info=info_of(b"1")) == PIN.encode()
    public = X25519PublicKey.from_public_bytes(PORTAL_PUBLIC.raw)
    made_elsewhere = suite.encrypt(b"234811", public, info=info_of(b"12"))
    assert unseal(PORTAL_PRIVATE, UID, 12, made_elsewhere) == "234811"


@pytest.mark.parametrize("byte", range(len(SEALED)))
def test_every_flipped_bit_shows(byte: int) -> None:
    """A seal changed in any of its bits does not open."""
    for bit in range(8):
        damaged = bytearray(SEALED)
        damaged[byte] ^= 1 << bit
        with pytest.raises(RecordDamaged):
            unseal(PORTAL_PRIVATE, UID, 1, bytes(damaged))


@pytest.mark.parametrize(
    "damaged",
    [*(SEALED[:length] for length in range(len(SEALED))), SEALED + b"\x00", bytes(54), b"444159"],
    ids=len,
)
def test_every_wrong_length_and_weak_key_shows(damaged: bytes) -> None:
    """Cut short, longer or all zeros, it does not open, and raises no other error."""
    with pytest.raises(RecordDamaged):
        unseal(PORTAL_PRIVATE, UID, 1, damaged)


def test_a_seal_of_no_text_is_damaged() -> None:
    """Properly sealed bytes that are not UTF-8 are damage, not a crash."""
    suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
    public = X25519PublicKey.from_public_bytes(PORTAL_PUBLIC.raw)
    sealed = suite.encrypt(b"\xff\xfe", public, info=info_of(b"1"))
    with pytest.raises(RecordDamaged):
        unseal(PORTAL_PRIVATE, UID, 1, sealed)


def test_equal_pins_look_different_and_equally_long() -> None:
    """Sealed twice, a PIN gives two texts, and all are equally long."""
    sealed = [seal(PORTAL_PUBLIC, UID, 1, pin) for pin in (PIN, PIN, "000111", "987321")]
    assert len(set(sealed)) == 4
    assert len({len(each) for each in sealed}) == 1
    assert all(PIN.encode() not in each for each in sealed)


@given(made=bound, asked=bound, versions=st.tuples(st.integers(0, 99), st.integers(0, 99)))
@example(made=UID, asked=UID, versions=(1, 1))
@example(made=UID, asked=UID, versions=(1, 2))
@example(made=UID, asked=BoundTo(1, UID.name), versions=(1, 1))
@example(made=BoundTo(1, b"alice"), asked=BoundTo(2, b"alice"), versions=(1, 1))
def test_a_seal_opens_for_what_it_is_bound_to_alone(
    made: BoundTo, asked: BoundTo, versions: tuple[int, int]
) -> None:
    """A uid and a login are never taken for each other, even if their bytes are the same."""
    then, now = versions
    sealed = seal(PORTAL_PUBLIC, made, then, PIN)
    if (made, then) == (asked, now):
        assert unseal(PORTAL_PRIVATE, asked, now, sealed) == PIN
    else:
        with pytest.raises(RecordDamaged) as error:
            unseal(PORTAL_PRIVATE, asked, now, sealed)
        assert error.value.__suppress_context__


def test_what_is_sealed_today_opens_tomorrow() -> None:
    """Seals in existing stores open, those of schema 1 by the login that they are bound to."""
    assert unseal(PORTAL_PRIVATE, BoundTo(1, b"alice"), 1, OLD_SEALED) == PIN
    assert unseal(PORTAL_PRIVATE, UID, 1, NEW_SEALED) == PIN
