"""Free texts: what is kept of display names, reasons and tickets, and what is masked."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pincli.errors import MalformedName
from pincli.rules.texts import (
    clean_display_name,
    clean_reason,
    clean_ticket,
    mask_pins,
    recorded_ticket,
)

LONGEST: list[tuple[Callable[[str], str], int]] = [
    (clean_display_name, 200),
    (clean_reason, 500),
    (clean_ticket, 100),
]
cleaners = pytest.mark.parametrize("clean", [clean for clean, _ in LONGEST])
texts = pytest.mark.parametrize("clean", [clean_reason, clean_ticket])

UNPRINTABLE = [
    "a\nb",
    "a\rb",
    "a\tb",
    "a\x00b",
    "a\x07b",
    "\x1b]52;c;aGFja2Vk\x07",
    "\x1b[2J",
    "a\x7fb",
    "a\x9bb",  # C1: CSI in one byte
    "a\u2028b",
    "a\u00adb",  # soft hyphen
    "\u202egnp.exe",  # right-to-left override
    "\u2066a\u2069",  # isolates
    "a\u200eb",
    "a\u200bb",  # zero-width space
    "a\ufeffb",
    "a\udc80b",  # what a byte that is no UTF-8 becomes
    "a\ud800b",
    "a\ue000b",  # private use
]


@texts
@pytest.mark.parametrize("text", UNPRINTABLE)
def test_nothing_unprintable_is_kept(clean: Callable[[str], str], text: str) -> None:
    """Control characters, direction overrides and lone surrogates are refused, not repeated."""
    with pytest.raises(MalformedName) as refusal:
        clean(text)
    assert text not in str(refusal.value)


@cleaners
@pytest.mark.parametrize(
    "text",
    [
        "Alice Example",
        "Zo\u00eb M\u00fcller-L\u00fcdenscheidt",
        "\u5f20\u4f1f",
        "\u05d3\u05d5\u05d3",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian needs the joiner
        "\U0001f469\u200d\U0001f4bb",
        "O'Brien [red] \\ %s {x} <b>",
    ],
)
def test_any_printable_unicode_is_kept(clean: Callable[[str], str], text: str) -> None:
    """Every script, emoji joined to one, and what looks like markup stay as they are."""
    assert clean(text) == text


@pytest.mark.parametrize(("clean", "longest"), LONGEST)
def test_the_longest_is_kept_and_one_more_refused(
    clean: Callable[[str], str], longest: int
) -> None:
    """The bound counts characters without the blanks around them."""
    assert clean("\u00e9" * longest) == "\u00e9" * longest
    assert clean(" " + "x" * longest + "\n") == "x" * longest
    with pytest.raises(MalformedName):
        clean("x" * (longest + 1))


@texts
@pytest.mark.parametrize("text", ["", " ", "\n\t "])
def test_a_reason_or_ticket_is_never_empty(clean: Callable[[str], str], text: str) -> None:
    """Blanks alone are refused."""
    with pytest.raises(MalformedName):
        clean(text)


def test_what_looks_like_a_pin_is_masked_in_a_reason() -> None:
    """A PIN typed in the wrong place does not reach the audit trail."""
    assert clean_reason("caller said 444159, then hung up") == "caller said ******, then hung up"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("  Alice\u00a0\u3000 Example\n", "Alice Example"),
        ("  ", ""),
        ("Al\u200bice\ufeff", "Alice"),
        ("\u200eAlice\u200f", "Alice"),
        ("Alice\u2800\u3164", "Alice"),
        ("Ali\U000e0041ce\ue000", "Alice"),
        ("", ""),
    ],
)
def test_a_display_name_shows_as_what_it_is(text: str, name: str) -> None:
    """Blanks become one blank, and invisible characters are dropped."""
    assert clean_display_name(text) == name


@pytest.mark.parametrize(
    "character", ["\t", "\x1b", "\x85", "\u2028", "\u202e", "\u2066", "\ud800"]
)
def test_a_display_name_that_could_deceive_is_refused(character: str) -> None:
    """Controls, line separators and overrides are refused by their number."""
    with pytest.raises(MalformedName) as refusal:
        clean_display_name(f"Al{character}ice")
    assert f"U+{ord(character):04X}" in refusal.value.rule


def test_a_display_name_keeps_its_digits() -> None:
    """Masking is for what people type in the wrong place, not for names."""
    assert clean_display_name("Room 444159") == "Room 444159"


@cleaners
@given(text=st.text(max_size=60))
def test_every_accepted_text_is_one_printable_line(clean: Callable[[str], str], text: str) -> None:
    """What passes holds only printable characters and joiners, and passes again unchanged."""
    try:
        kept = clean(text)
    except MalformedName:
        return
    assert all(c.isprintable() or c in "\u200c\u200d" for c in kept)
    assert kept == kept.strip()
    assert clean(kept) == kept


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
    """Six digits of any script are masked; five or seven can't be a PIN and stay."""
    assert mask_pins(text) == masked


@given(st.text(alphabet=DIGITS + "a.", max_size=40))
def test_only_runs_of_six_change(text: str) -> None:
    """Every run of six digits becomes stars, and nothing else changes."""
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
    """In any text, nothing that could be a PIN is left, and masking again adds nothing."""
    masked = mask_pins(text)
    assert all(len(run) != 6 for run in re.findall(r"\d+", masked))
    rows = re.findall(r"\d(?:[\s\u2010-\u2015-]{0,3}\d)*", masked)
    assert all(sum(map(str.isdecimal, row)) != 6 for row in rows)
    assert mask_pins(masked) == masked
    assert len(masked) == len(text)


ALLOWED = re.compile("[0-9]{6}|T[0-9]{6}")


@pytest.mark.parametrize(
    ("ticket", "masked"),
    [
        ("444159", "******"),
        ("444 159 and 444-159", "******* and *******"),
        ("T-4441591", "T-******1"),
        ("4 4\u20114 - 159", "*" * 11),
        ("\uff14\uff14\uff14159", "******"),
        ("234811", "234811"),
        ("T-4711", "T-4711"),
    ],
)
def test_with_an_answer_only_what_holds_it_is_masked(ticket: str, masked: str) -> None:
    """Also in groups and within longer numbers; other six digits stay."""
    assert recorded_ticket(ticket, "444159", None) == masked
    assert recorded_ticket(ticket, "444159", ALLOWED) == masked


@pytest.mark.parametrize("answer", [None, "", "44415", "a"])
@pytest.mark.parametrize(
    ("ticket", "masked", "on_this_site"),
    [
        ("444159", "******", "444159"),
        ("#444159", "#******", "#444159"),
        ("T444159", "T******", "T444159"),
        ("444-159", "*******", "*******"),
        ("T444159 444159", "T****** ******", "T****** ******"),
        ("4441590", "4441590", "4441590"),
    ],
)
def test_without_an_answer_six_digits_are_masked(
    ticket: str, masked: str, on_this_site: str, answer: str | None
) -> None:
    """Unless the whole ticket matches the site's pattern; a malformed answer counts as none."""
    assert recorded_ticket(ticket, answer, None) == masked
    assert recorded_ticket(ticket, answer, ALLOWED) == on_this_site
