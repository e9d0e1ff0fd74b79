"""PIN rules: which of the million strings may be a PIN, and how one is generated."""

from __future__ import annotations

import re
import secrets
import string
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pincli.errors import MalformedPin, Refused, Rule
from pincli.rules.pins import broken_rule, generate, require_allowed, require_well_formed, ungrouped

# By listing what is forbidden, where the program counts steps between neighbours.
REPEATED = re.compile(r"(\d)\1{3}")
IN_SEQUENCE = re.compile(
    "|".join(run[i : i + 4] for run in (string.digits, string.digits[::-1]) for i in range(7))
)

VALID = ("444159", "234811", "333197", "123678", "987321", "456333", "121212", "789012")
REPEATING = ("666697", "444412", "000000", "111122", "122225", "341111")
COUNTING = ("123498", "311234", "654378", "319876", "012345", "987654", "456789", "943210")
MALFORMED = (
    "",
    "12345",
    "1234567",
    "12a456",
    "\uff14\uff14\uff14\uff11\uff15\uff19",  # fullwidth
    "\u0664\u0664\u0664\u0661\u0665\u0669",  # Arabic-Indic
    "44415\u0669",
    "44415\u00b2",  # a superscript is a digit to str.isdigit()
    "444159\n",
    "444159\r\n",
    "\n444159",
    " 444159",
    "444159 ",
    "444 159",
    "+44159",
    "-44159",
    "44.159",
    "4_4159",
    "0x1f42",
    "444159\x00",
    "\ufeff444159",
    "44415\udcb9",
)


@pytest.mark.parametrize(
    ("typed", "pin"),
    [
        ("444 159", "444159"),
        ("44-41-59", "444159"),
        ("4\u00a04\u2010 4\u2013 1\u20155\u202f9", "444159"),
        ("444  159 ", "444159 "),
        (" -444159", " -444159"),
        ("444.159", "444.159"),
        ("444 15a", "44415a"),
        ("444\u2212159", "444\u2212159"),
        ("\uff14 \uff14", "\uff14 \uff14"),
    ],
)
def test_only_blanks_and_hyphens_between_digits_are_dropped(typed: str, pin: str) -> None:
    """People say and paste a PIN in groups; any other character makes it malformed."""
    assert ungrouped(typed) == pin


def test_all_the_million_are_judged_as_the_independent_rule_judges_them() -> None:
    """Each of the 1,000,000 is allowed, or refused for the right reason; 993,240 are allowed."""
    counts = {None: 0, Rule.REPEATED_DIGITS: 0, Rule.DIGIT_SEQUENCE: 0}
    wrong = []
    for number in range(1_000_000):
        pin = f"{number:06d}"
        expected = None
        if REPEATED.search(pin):
            expected = Rule.REPEATED_DIGITS
        elif IN_SEQUENCE.search(pin):
            expected = Rule.DIGIT_SEQUENCE
        got = broken_rule(pin)
        if got is not expected:
            wrong.append((pin, got, expected))
        else:
            counts[got] += 1
    assert wrong == []
    assert counts[None] == 993_240
    assert sum(counts.values()) == 1_000_000


@pytest.mark.parametrize("pin", VALID)
def test_the_valid_examples_pass(pin: str) -> None:
    """What DESIGN.md lists as valid is well-formed and allowed."""
    require_well_formed(pin)
    require_allowed(pin)
    assert broken_rule(pin) is None


@pytest.mark.parametrize(
    ("pin", "rule"),
    [(pin, Rule.REPEATED_DIGITS) for pin in REPEATING]
    + [(pin, Rule.DIGIT_SEQUENCE) for pin in COUNTING],
)
def test_the_forbidden_examples_are_refused_by_their_rule(pin: str, rule: Rule) -> None:
    """A forbidden PIN is well-formed, and its refusal names the rule."""
    require_well_formed(pin)
    with pytest.raises(Refused) as refusal:
        require_allowed(pin)
    assert refusal.value.rule is rule


@pytest.mark.parametrize("text", MALFORMED)
def test_what_is_not_six_ascii_digits_is_malformed(text: str) -> None:
    """Other lengths, digits of other scripts, blanks and line ends are malformed."""
    with pytest.raises(MalformedPin) as slip:
        require_well_formed(text)
    assert slip.value.args == ()


@given(st.text(max_size=8) | st.text(alphabet=string.digits + "\n\u0661\uff11", max_size=8))
def test_exactly_six_characters_of_ten_are_well_formed(text: str) -> None:
    """A text is well-formed if it has six characters and each is one of `0123456789`."""
    expected = len(text) == 6 and set(text) <= set("0123456789")
    try:
        require_well_formed(text)
    except MalformedPin:
        assert not expected
    else:
        assert expected


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
