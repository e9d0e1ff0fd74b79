"""Editing the line: against a plain model of text and cursor."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pincli.commands.desk.editing import LONGEST_LINE, Line, line_of
from pincli.commands.desk.keys import Key


@pytest.mark.parametrize(
    ("before", "key", "after"),
    [
        ("alice|", Key.BACKSPACE, "alic|"),
        ("|alice", Key.BACKSPACE, "|alice"),
        ("al|ice", Key.BACKSPACE, "a|ice"),
        ("al|ice", Key.DELETE, "al|ce"),
        ("alice|", Key.DELETE, "alice|"),
        ("al|ice", Key.LEFT, "a|lice"),
        ("|alice", Key.LEFT, "|alice"),
        ("al|ice", Key.RIGHT, "ali|ce"),
        ("alice|", Key.RIGHT, "alice|"),
        ("al|ice", Key.HOME, "|alice"),
        ("al|ice", Key.END, "alice|"),
        ("alice T-4711|", Key.ERASE_WORD, "alice |"),
        ("alice  |", Key.ERASE_WORD, "|"),
        ("alice T|-4711", Key.ERASE_WORD, "alice |-4711"),
        ("al|ice", Key.ERASE_LINE, "|ice"),
        ("al|ice", Key.ERASE_REST, "al|"),
        ("al|ice", Key.ENTER, "al|ice"),
    ],
)
def test_an_editing_key(before: str, key: Key, after: str) -> None:
    """As in a shell."""
    line = Line(before.replace("|", ""), before.index("|")).after(key)
    assert f"{line.text[: line.cursor]}|{line.text[line.cursor :]}" == after


@given(st.lists(st.sampled_from(Key) | st.text(max_size=40), max_size=60))
def test_the_cursor_stays_in_the_line(keys: list[Key | str]) -> None:
    """Whatever is pressed, and the line stays within its bound."""
    line = Line()
    for key in keys:
        line = line.after(key) if isinstance(key, Key) else line.with_text(key)
        assert 0 <= line.cursor <= len(line.text) <= LONGEST_LINE


def test_a_line_does_not_tell_itself() -> None:
    """A PIN may have been typed in the place of a name."""
    assert "444159" not in repr(line_of("444159"))
