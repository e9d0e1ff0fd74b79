"""The macs of the audit trail: any change of any column, or of the order, shows."""

from __future__ import annotations

import hashlib
import hmac
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pincli.vault.audit_macs import AuditSigner
from tests.vault.keys import EIGHT, SEVEN

SIGNER = AuditSigner(SEVEN)
ROW: tuple[str | int | None, ...] = (
    7, "2026-01-02T03:04:05Z", "agent", "verify", "incorrect", "alice", "acme", 6, "incorrect",
    3, 2, None, "T-4711",
)  # fmt: skip
LOOKALIKES: tuple[str | int | None, ...] = (None, "", "-", 0, 1, -1, 10, "0", "1", "i1", "t1", "t")

columns = st.none() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=6)
rows = st.lists(columns, min_size=1, max_size=4).map(tuple)


@pytest.mark.parametrize("column", range(len(ROW)))
@pytest.mark.parametrize("value", [*LOOKALIKES, "Alice", 8], ids=repr)
def test_any_other_value_in_any_column_shows(column: int, value: str | int | None) -> None:
    """A row with one column changed has another mac."""
    changed = (*ROW[:column], value, *ROW[column + 1 :])
    assert (SIGNER.mac("previous", changed) == SIGNER.mac("previous", ROW)) is (changed == ROW)


@pytest.mark.parametrize(("one", "other"), list(combinations(LOOKALIKES, 2)), ids=repr)
def test_values_that_look_alike_are_different(
    one: str | int | None, other: str | int | None
) -> None:
    """NULL, the empty text, a dash, 1 and "1" are all told apart."""
    assert SIGNER.mac("p", (one,)) != SIGNER.mac("p", (other,))


@given(one=rows, other=rows, first=st.text(max_size=3), second=st.text(max_size=3))
def test_only_the_same_row_after_the_same_mac_has_the_same_mac(
    one: tuple[str | int | None, ...],
    other: tuple[str | int | None, ...],
    first: str,
    second: str,
) -> None:
    """No two different rows, and no two different predecessors, give one mac."""
    same = one == other and first == second
    assert (SIGNER.mac(first, one) == SIGNER.mac(second, other)) is same


@given(rows)
def test_moving_a_value_to_its_neighbour_shows(row: tuple[str | int | None, ...]) -> None:
    """A row reversed has another mac, unless it reads the same both ways."""
    assert (SIGNER.mac("p", row[::-1]) == SIGNER.mac("p", row)) is (row[::-1] == row)


def test_another_key_gives_another_mac() -> None:
    """Who doesn't hold audit.key can't sign."""
    assert AuditSigner(EIGHT).mac("p", ROW) != SIGNER.mac("p", ROW)
    assert (AuditSigner(EIGHT).fingerprint, SIGNER.fingerprint) == ("eight", "seven")


def test_the_mac_can_be_recomputed_from_the_design() -> None:
    """HMAC-SHA256 over the framed previous mac and columns, each marked with its type."""
    marked = [
        b"-" if v is None else (b"i" if isinstance(v, int) else b"t") + str(v).encode() for v in ROW
    ]
    message = b"".join(len(x).to_bytes(8, "big") + x for x in (b"before", *marked))
    assert SIGNER.mac("before", ROW) == hmac.new(SEVEN.raw, message, hashlib.sha256).hexdigest()
