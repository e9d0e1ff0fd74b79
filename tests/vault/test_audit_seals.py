"""Seals under audit.key: what they cover, and that nothing else passes for one."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pincli.vault.audit_seals import AuditSealer
from tests.vault.keys import EIGHT, SEVEN

SEALER = AuditSealer(SEVEN)
STORE, OTHER = bytes(range(16)), bytes(range(1, 17))
LINK = hashlib.sha256(b"link").digest()

covered = st.tuples(st.binary(max_size=4), st.integers(0, 2**63 - 1), st.binary(max_size=4))


def by_hand(*parts: bytes) -> bytes:
    """The mac over parts, each behind its length in eight bytes."""
    message = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    return hmac.new(SEVEN.raw, message, hashlib.sha256).digest()


def test_seals_are_macs_of_the_framed_parts() -> None:
    """Anybody with audit.key can compute them."""
    expected = by_hand(b"pincli/v2/seal", STORE, b"1234", LINK)
    assert SEALER.seal_trail(STORE, 1234, LINK) == expected
    assert SEALER.seal_record(STORE, LINK) == by_hand(b"pincli/v2/record-seal", STORE, LINK)


def test_the_vectors_stay() -> None:
    """What stores hold today: a change of either makes every store `tampered`."""
    assert SEALER.seal_trail(STORE, 7, LINK).hex() == (
        "b3ba0fb372d4a2853aa9a79d8ee122307e0d17323f9fd0f3ab7c3496e09fe9d2"
    )
    assert SEALER.seal_record(STORE, LINK).hex() == (
        "3a7933b43f2830b0555b4676daeff878469b40abc53826c6e3b9f90d36191e48"
    )


@given(made=covered, asked=covered)
@example(made=(STORE, 1, LINK), asked=(STORE, 1, LINK))
@example(made=(STORE, 1, LINK), asked=(OTHER, 1, LINK))
@example(made=(STORE, 1, LINK), asked=(STORE, 2, LINK))
@example(made=(b"a", 1, b""), asked=(b"", 1, b"a"))
@example(made=(b"", 1, b"1"), asked=(b"", 11, b""))
def test_a_seal_is_of_one_store_number_and_link(
    made: tuple[bytes, int, bytes], asked: tuple[bytes, int, bytes]
) -> None:
    """Another store's, an older one or one of another trail does not pass."""
    assert SEALER.is_trail_sealed(*asked, SEALER.seal_trail(*made)) is (made == asked)


@given(
    made=st.tuples(st.binary(max_size=4), st.binary(max_size=4)),
    asked=st.tuples(st.binary(max_size=4), st.binary(max_size=4)),
)
@example(made=(STORE, LINK), asked=(STORE, LINK))
@example(made=(b"ab", b"c"), asked=(b"a", b"bc"))
def test_a_record_s_seal_is_of_one_store_and_digest(
    made: tuple[bytes, bytes], asked: tuple[bytes, bytes]
) -> None:
    """A record edited behind the trail, or copied from another store, does not pass."""
    assert SEALER.is_record_sealed(*asked, SEALER.seal_record(*made)) is (made == asked)


def test_a_seal_of_one_kind_is_none_of_the_other() -> None:
    """No event can be chosen so that its seal is that of a record, nor the reverse."""
    assert not SEALER.is_record_sealed(STORE, LINK, SEALER.seal_trail(STORE, 1, LINK))
    assert not SEALER.is_trail_sealed(STORE, 1, LINK, SEALER.seal_record(STORE, LINK))


@pytest.mark.parametrize("seal", [None, b"", bytes(32), by_hand(b""), bytes(33)])
def test_nothing_else_is_a_seal(seal: bytes | None) -> None:
    """No seal, a cut one and one of zeros are all wrong, and no error."""
    assert not SEALER.is_trail_sealed(STORE, 1, LINK, seal)
    assert not SEALER.is_record_sealed(STORE, LINK, seal)


def test_another_key_seals_otherwise() -> None:
    """Without audit.key no seal can be made that passes."""
    other = AuditSealer(EIGHT)
    assert not SEALER.is_trail_sealed(STORE, 1, LINK, other.seal_trail(STORE, 1, LINK))
    assert not SEALER.is_record_sealed(STORE, LINK, other.seal_record(STORE, LINK))


def test_a_sealer_goes_by_its_key_s_name() -> None:
    """The store knows the key by its fingerprint."""
    assert SEALER.fingerprint == "seven"
