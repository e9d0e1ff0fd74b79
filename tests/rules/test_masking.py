"""Masking: what may be a PIN is not shown, and a longer number stays readable."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pincli.rules.names import mask_pins

DIGITS = "0159\uff11\u0661\u0967"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("444159", "******"),
        ("pin 444159.", "pin ******."),
        ("444159 and 234811", "****** and ******"),
        ("444159-234811", "******-******"),
        ("a444159b", "a******b"),
        ("\uff14\uff14\uff14\uff11\uff15\uff19", "******"),
        ("\u0664\u0664\u0664\u0661\u0665\u0669", "******"),
        ("4\uff14\u0664159", "******"),
        ("444 159", "*******"),
        ("pin 44-41-59, she said", "pin ********, she said"),
        ("444\u00a0159 and 4 4 4\u20131 5 9", "******* and ***********"),
        ("444 - 159", "*********"),
        ("0664 123 456 7", "0664 ******* 7"),
        ("12 444159 3", "12 ****** 3"),
        ("since 2026-11-26", "since 2026-11-26"),
        ("12 34 56 78", "12 34 56 78"),
        ("444.159", "444.159"),
        ("44415", "44415"),
        ("4441590", "4441590"),
        ("444159\uff10", "444159\uff10"),
        ("444159234811", "444159234811"),
        ("", ""),
        ("T-4711", "T-4711"),
    ],
)
def test_exactly_six_digits_are_masked(text: str, masked: str) -> None:
    """A run of six digits of any script is masked; five or seven are no PIN and stay."""
    assert mask_pins(text) == masked


@given(st.text(alphabet=DIGITS + "a.", max_size=40))
def test_only_runs_of_six_change(text: str) -> None:
    """Cut into runs of digits and of others, every run of six is stars and nothing else moved."""
    pieces: list[str] = []
    for character in text:
        digit = unicodedata.category(character) == "Nd"
        if pieces and (unicodedata.category(pieces[-1][0]) == "Nd") is digit:
            pieces[-1] += character
        else:
            pieces.append(character)
    expected = "".join(
        "*" * 6 if len(p) == 6 and unicodedata.category(p[0]) == "Nd" else p for p in pieces
    )
    assert mask_pins(text) == expected


@given(st.text(max_size=60) | st.text(alphabet="159 -\u2011a", max_size=40))
def test_no_run_of_six_digits_survives(text: str) -> None:
    """Whatever the text, nothing that could be a PIN is left, and masking again adds nothing."""
    masked = mask_pins(text)
    assert all(len(run) != 6 for run in re.findall(r"\d+", masked))
    rows = re.findall(r"\d(?:[\s\u2010-\u2015-]{0,3}\d)*", masked)
    assert all(sum(map(str.isdecimal, row)) != 6 for row in rows)
    assert mask_pins(masked) == masked
    assert len(masked) == len(text)
