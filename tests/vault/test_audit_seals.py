"""Seals under audit.key: what they cover, and that nothing else passes for one."""

from __future__ import annotations

import hashlib
import hmac

from hypothesis import example, given
from hypothesis import strategies as st

from pincli.vault.audit_seals import AuditSealer
from tests.vault.keys import EIGHT, SEVEN

SEALER = AuditSealer(SEVEN)
STORE, OTHER = bytes(range(16)).hex(), bytes(range(1, 17)).hex()
LINK = hashlib.sha256(b"link").digest()

ids = st.text(alphabet="01ab", max_size=4)
covered = st.tuples(ids, st.integers(0, 2**63 - 1), st.binary(max_size=4))


def by_hand(*parts: bytes) -> bytes:
    """The mac over parts, each behind its length in eight bytes."""
    message = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    return hmac.new(SEVEN.raw, message, hashlib.sha256).digest()


def test_seals_are_macs_of_the_framed_parts() -> None:
    """Anybody with audit.key can compute them."""
    expected = by_hand(b"pincli/v2/seal", STORE.encode(), b"1234", LINK)
    assert SEALER.seal_trail(STORE, 1234, LINK) == expected
    assert SEALER.seal_record(STORE, LINK) == by_hand(
        b"pincli/v2/record-seal", STORE.encode(), LINK
    )


def test_the_vectors_stay() -> None:
    """What stores hold today: a change of either makes every store `tampered`."""
    assert SEALER.seal_trail(STORE, 7, LINK).hex() == (
        "a5d04744d142cf88f0ac967217a612f6bae9e2a10a9dd9415c956c4b1f31f26b"
    )
    assert SEALER.seal_record(STORE, LINK).hex() == (
        "5edf2a7eded6a050ff3b4bc889e0bae5f85016ffd62d70381c65e229e8e77143"
    )


@given(made=covered, asked=covered)
@example(made=(STORE, 1, LINK), asked=(STORE, 1, LINK))
@example(made=(STORE, 1, LINK), asked=(OTHER, 1, LINK))
@example(made=(STORE, 1, LINK), asked=(STORE, 2, LINK))
@example(made=("a", 1, b""), asked=("", 1, b"a"))
@example(made=("", 1, b"1"), asked=("", 11, b""))
def test_a_seal_is_of_one_store_number_and_link(
    made: tuple[str, int, bytes], asked: tuple[str, int, bytes]
) -> None:
    """Another store's, an older one or one of another trail does not pass."""
    assert (SEALER.seal_trail(*asked) == SEALER.seal_trail(*made)) is (made == asked)


@given(
    made=st.tuples(ids, st.binary(max_size=4)),
    asked=st.tuples(ids, st.binary(max_size=4)),
)
@example(made=(STORE, LINK), asked=(STORE, LINK))
@example(made=("ab", b"c"), asked=("a", b"bc"))
def test_a_record_s_seal_is_of_one_store_and_digest(
    made: tuple[str, bytes], asked: tuple[str, bytes]
) -> None:
    """A record edited behind the trail, or copied from another store, does not pass."""
    assert (SEALER.seal_record(*asked) == SEALER.seal_record(*made)) is (made == asked)


@given(store=ids, number=st.integers(0, 2**63 - 1), link=st.binary(max_size=4))
def test_a_seal_of_one_kind_is_none_of_the_other(store: str, number: int, link: bytes) -> None:
    """No event can be chosen so that its seal is that of a record, nor the reverse."""
    assert SEALER.seal_trail(store, number, link) != SEALER.seal_record(store, link)


def test_another_key_seals_otherwise() -> None:
    """Without audit.key no seal can be made that passes."""
    other = AuditSealer(EIGHT)
    assert SEALER.seal_trail(STORE, 1, LINK) != other.seal_trail(STORE, 1, LINK)
    assert SEALER.seal_record(STORE, LINK) != other.seal_record(STORE, LINK)


def test_a_sealer_goes_by_its_key_s_name() -> None:
    """The store knows the key by its fingerprint."""
    assert SEALER.fingerprint == "seven"
