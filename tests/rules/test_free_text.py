"""Display names, reasons and tickets: one printable line, within bounds."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pincli.errors import MalformedName
from pincli.rules.names import clean_display_name, clean_reason, clean_ticket

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
    """Blanks are no reason and no ticket."""
    with pytest.raises(MalformedName):
        clean(text)


def test_a_display_name_may_be_empty_and_loses_needless_blanks() -> None:
    """Nobody has to have a display name."""
    assert clean_display_name("  ") == ""
    assert clean_display_name(" Alice  Example\n") == "Alice Example"


def test_what_looks_like_a_pin_is_masked_in_a_reason() -> None:
    """A PIN typed in the wrong place does not reach the audit trail."""
    assert clean_reason("caller said 444159, then hung up") == "caller said ******, then hung up"


def test_a_display_name_keeps_its_digits() -> None:
    """Masking is for what people type in the wrong place, not for names."""
    assert clean_display_name("Room 444159") == "Room 444159"


@cleaners
@given(text=st.text(max_size=60))
def test_whatever_is_kept_is_one_printable_line(clean: Callable[[str], str], text: str) -> None:
    """What passes holds only printable characters and joiners, and passes again unchanged."""
    try:
        kept = clean(text)
    except MalformedName:
        return
    assert all(c.isprintable() or c in "\u200c\u200d" for c in kept)
    assert kept == kept.strip()
    assert clean(kept) == kept
