"""Lockout arithmetic: six, then locked."""

from __future__ import annotations

import pytest

from pincli.rules.lockout import ATTEMPTS_ALLOWED, attempts_left, is_locked, without_own_charge


def test_six_attempts_are_allowed() -> None:
    """The number is six; nothing else in the program or its texts may say another."""
    assert ATTEMPTS_ALLOWED == 6


@pytest.mark.parametrize(
    ("counter", "left", "locked", "before"),
    [
        (0, 6, False, 0),
        (1, 5, False, 0),
        (2, 4, False, 1),
        (3, 3, False, 2),
        (4, 2, False, 3),
        (5, 1, False, 4),
        (6, 0, True, 5),
    ],
)
def test_each_counter_means_what_the_table_says(
    counter: int, left: int, locked: bool, before: int
) -> None:
    """Attempts left, locked or not, and the counter without the charge in flight."""
    assert attempts_left(counter) == left
    assert is_locked(counter) is locked
    assert without_own_charge(counter) == before


def test_a_counter_out_of_range_fails_safe() -> None:
    """Should a counter ever exceed six, it is locked with nothing left."""
    assert is_locked(7)
    assert attempts_left(7) == 0
