"""The sanitiser: its output is always printable."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pincli.views.sanitiser import shown
from tests.views.records import HOSTILE

JOINERS = "\u200c\u200d"

anything = st.text(alphabet=st.characters(codec=None), max_size=40) | st.sampled_from(HOSTILE)


@given(text=anything, unicode=st.booleans())
@example(text="".join(map(chr, range(0x100))), unicode=True)
@example(text="\ud800\udfff", unicode=True)
def test_only_printable_characters_come_out(text: str, unicode: bool) -> None:
    """No control character, no override, no surrogate; ASCII alone if asked for."""
    out = shown(text, unicode=unicode)
    assert all(character.isprintable() or character in JOINERS for character in out)
    assert out.encode() is not None
    if not unicode:
        assert out.isascii()
        assert out.isprintable()


@given(text=anything)
def test_printable_characters_are_kept(text: str) -> None:
    """A name that a terminal can show is not escaped."""
    out = shown(text, unicode=True)
    if text.isprintable():
        assert out == text
    kept = [character for character in text if character.isprintable()]
    remaining = iter(out)
    assert all(character in remaining for character in kept)


@given(text=st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=40))
def test_plain_ascii_is_never_touched(text: str) -> None:
    """With or without Unicode."""
    assert shown(text, unicode=True) == shown(text, unicode=False) == text


@pytest.mark.parametrize(
    ("text", "with_unicode", "without"),
    [
        ("\x1b]52;c;aGFja2Vk\x07", "\\x1b]52;c;aGFja2Vk\\x07", "\\x1b]52;c;aGFja2Vk\\x07"),
        ("a\r\nb\tc", "a\\r\\nb\\tc", "a\\r\\nb\\tc"),
        ("\u202eabc", "\\u202eabc", "\\u202eabc"),
        ("\x9b31m", "\\x9b31m", "\\x9b31m"),
        ("\udc80", "\\udc80", "\\udc80"),
        ("Zo\u00eb", "Zo\u00eb", "Zo\\xeb"),
        ("\u5f20", "\u5f20", "\\u5f20"),
        ("\U0001f512", "\U0001f512", "\\U0001f512"),
        ("\u0645\u200c\u0647", "\u0645\u200c\u0647", "\\u0645\\u200c\\u0647"),
        ("\u2028", "\\u2028", "\\u2028"),
        ("\ue000", "\\ue000", "\\ue000"),
        ("", "", ""),
    ],
)
def test_escapes_are_those_of_python_literals(text: str, with_unicode: str, without: str) -> None:
    """The original can be read from what is shown."""
    assert shown(text, unicode=True) == with_unicode
    assert shown(text, unicode=False) == without
