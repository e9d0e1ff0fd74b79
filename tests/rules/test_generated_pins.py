"""Generated PINs: allowed, uniform, and from the system's randomness."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator

import pytest

from pincli.rules.pins import broken_rule, generate

SAMPLE = 20_000
# With 9 degrees of freedom a uniform generator exceeds this once in about 10^17 samples.
FAR_TOO_UNEVEN = 100.0


def chi_square(counts: Counter[str], total: int) -> float:
    """How far the counts of ten digits are from even."""
    expected = total / 10
    return sum((counts[digit] - expected) ** 2 / expected for digit in "0123456789")


def test_a_sample_is_allowed_and_even_in_every_place() -> None:
    """Every PIN of a sample passes the rules, and each place shows the ten digits evenly."""
    sample = [generate() for _ in range(SAMPLE)]
    assert all(len(pin) == 6 and pin.isascii() and pin.isdigit() for pin in sample)
    assert [pin for pin in sample if broken_rule(pin) is not None] == []
    for place in range(6):
        assert chi_square(Counter(pin[place] for pin in sample), SAMPLE) < FAR_TOO_UNEVEN, place


def test_a_sample_hardly_repeats_itself() -> None:
    """As many PINs differ as by chance: they are drawn from the whole range."""
    # About 19,800 of 20,000 are expected to differ, give or take 14.
    assert len({generate() for _ in range(SAMPLE)}) > 19_500


def test_every_draw_is_over_the_whole_range_and_keeps_its_zeros(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A forbidden draw is drawn again, never changed; leading zeros are part of a PIN."""
    draws: Iterator[int] = iter([444_412, 123_498, 7, 999_999, 4711])
    asked: list[int] = []

    def randbelow(limit: int) -> int:
        asked.append(limit)
        return next(draws)

    monkeypatch.setattr(secrets, "randbelow", randbelow)
    assert generate() == "004711"
    assert asked == [1_000_000] * 5
