"""Seals and old macs under audit.key: what they cover, and that nothing else passes for one."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pincli.vault.audit_seals import AuditSealer
from tests.vault.keys import EIGHT, SEVEN

SEALER = AuditSealer(SEVEN)
STORE, OTHER = bytes(range(16)).hex(), bytes(range(1, 17)).hex()
LINK = hashlib.sha256(b"link").digest()

Row = tuple[str | int | None, ...]
ROW: Row = (
    7, "2026-01-02T03:04:05Z", "agent", "verify", "incorrect", "alice", "acme", 6, "incorrect",
    3, 2, None, "T-4711",
)  # fmt: skip
LOOKALIKES: Row = (None, "", "-", 0, 1, -1, 10, "0", "1", "i1", "t1", "t")

ids = st.text(alphabet="01ab", max_size=4)
covered = st.tuples(ids, st.integers(0, 2**63 - 1), st.binary(max_size=4))
columns = st.sampled_from(LOOKALIKES) | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=6)
rows = st.lists(columns, min_size=1, max_size=4).map(tuple)


def by_hand(*parts: bytes) -> bytes:
    """The mac over parts, each behind its length in eight bytes."""
    message = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    return hmac.new(SEVEN.raw, message, hashlib.sha256).digest()


def test_seals_are_macs_of_the_framed_parts() -> None:
    """Anybody with audit.key can compute them."""
    store = STORE.encode()
    assert SEALER.seal_trail(STORE, 1234, LINK) == by_hand(b"pincli/v2/seal", store, b"1234", LINK)
    assert SEALER.seal_record(STORE, LINK) == by_hand(b"pincli/v2/record-seal", store, LINK)
    marked = [
        b"-" if v is None else (b"i" if isinstance(v, int) else b"t") + str(v).encode() for v in ROW
    ]
    assert SEALER.old_mac("before", ROW) == by_hand(b"before", *marked).hex()


def test_the_vectors_stay() -> None:
    """Existing stores hold them: a change of either makes every store `tampered`."""
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
    """The seal of another store, event or trail does not pass."""
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


@pytest.mark.parametrize("column", range(len(ROW)))
def test_any_other_value_in_any_column_of_an_old_event_shows(column: int) -> None:
    """NULL, the empty text, a dash, 1 and "1" are all different."""
    values = {*LOOKALIKES, "Alice", 8, ROW[column]}
    macs = {SEALER.old_mac("p", (*ROW[:column], each, *ROW[column + 1 :])) for each in values}
    assert len(macs) == len(values)


@given(one=rows, other=rows, first=st.text(max_size=3), second=st.text(max_size=3))
@example(one=("a", "b"), other=("b", "a"), first="p", second="p")
def test_only_the_same_old_event_after_the_same_mac_has_its_mac(
    one: Row, other: Row, first: str, second: str
) -> None:
    """No two events, and no two predecessors, give one mac."""
    same = one == other and first == second
    assert (SEALER.old_mac(first, one) == SEALER.old_mac(second, other)) is same


def test_another_key_seals_otherwise() -> None:
    """Without audit.key no seal can be made that passes; the store knows the key by its name."""
    other = AuditSealer(EIGHT)
    assert SEALER.seal_trail(STORE, 1, LINK) != other.seal_trail(STORE, 1, LINK)
    assert SEALER.seal_record(STORE, LINK) != other.seal_record(STORE, LINK)
    assert SEALER.old_mac("p", ROW) != other.old_mac("p", ROW)
    assert (SEALER.fingerprint, other.fingerprint) == ("seven", "eight")
