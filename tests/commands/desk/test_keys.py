"""Bytes as keys, however a terminal or a network cuts them up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pincli.commands.desk.keys import Key, KeyEvent, KeyReader, Paste, Text
from pincli.rules.names import is_printable

_PIECES = st.lists(
    st.sampled_from(
        [b"\x1b", b"[", b"O", b"A", b"200~", b"\x1b[200~", b"\x1b[201~", b"4", b"\r", b"]", b"P"]
    )
    | st.binary(max_size=8),
    max_size=20,
)


def keys_of(*pieces: bytes) -> list[KeyEvent]:
    """The keys that these pieces make, one after the other, and then nothing."""
    reader = KeyReader()
    return [event for piece in pieces for event in reader.feed(piece)] + reader.expire()


@pytest.mark.parametrize(
    ("data", "event"),
    [
        (b"\r", Key.ENTER),
        (b"\n", Key.ENTER),
        (b"\x1bOM", Key.ENTER),
        (b"\t", Key.TAB),
        (b"\x1b", Key.CANCEL),
        (b"\x03", Key.CANCEL),
        (b"\x04", Key.END_SHIFT),
        (b"\x1a", Key.SUSPEND),
        (b"\x0c", Key.REDRAW),
        (b"\x7f", Key.BACKSPACE),
        (b"\x08", Key.BACKSPACE),
        (b"\x15", Key.ERASE_LINE),
        (b"\x17", Key.ERASE_WORD),
        (b"\x1b\x7f", Key.ERASE_WORD),
        (b"\x0b", Key.ERASE_REST),
        (b"\x1bOp", Text("0")),
        (b"\x1bOy", Text("9")),
        (b"\x1b[A", Key.UP),
        (b"\xc2\x9bA", Key.UP),
        (b"\x1bOA", Key.UP),
        (b"\x1b[1;5B", Key.DOWN),
        (b"\x1b[D", Key.LEFT),
        (b"\x1b[C", Key.RIGHT),
        (b"\x1b[H", Key.HOME),
        (b"\x1b[1~", Key.HOME),
        (b"\x1b[F", Key.END),
        (b"\x1b[3~", Key.DELETE),
        (b"\x1b[3;2~", Key.DELETE),
    ],
)
def test_a_key_is_the_same_whole_or_in_pieces(data: bytes, event: KeyEvent) -> None:
    """In one read, or byte by byte."""
    assert keys_of(data) == [event]
    assert keys_of(*(bytes([byte]) for byte in data)) == [event]


@pytest.mark.parametrize(
    "data",
    [
        b"\x1b[M012",
        b"\x1b[M !!",
        b"\xc2\x9b24;80R",
        b"\x1b[[A",
        b"\x1b[5~",
        b"\x1b[?1;2c",
        b"\x1b]0;title\x07",
        b"\x1bP1$r0m\x1b\\",
        b"\x00",
    ],
)
def test_what_means_nothing_here_leaves_nothing(data: bytes) -> None:
    """Function keys and the terminal's own reports are not typed into a name."""
    assert keys_of(data) == []


def test_a_lone_escape_is_known_after_a_moment() -> None:
    """It may be the beginning of an arrow; with patience run out it is Esc."""
    reader = KeyReader()
    assert reader.patience is None
    assert reader.feed(b"\x1b") == []
    assert reader.patience is not None
    assert reader.expire() == [Key.CANCEL]
    assert reader.patience is None


@pytest.mark.parametrize("name", [b"bob", b"Paul", b"Otto", b"]x"])
def test_an_escape_and_a_name_that_come_together(name: bytes) -> None:
    """Over a slow line Esc and what follows it are one read, and nothing of it is lost."""
    text = "".join(e.text for e in keys_of(b"\x1b" + name) if isinstance(e, Text))
    assert keys_of(b"\x1b" + name)[0] is Key.CANCEL
    assert text == name.decode()


def test_text_comes_whole() -> None:
    """A run of characters is one event; a wide one may be cut between its bytes."""
    assert keys_of(b"444159\r") == [Text("444159"), Key.ENTER]
    wide = "\u6f22".encode()
    assert keys_of(wide[:1], wide[1:]) == [Text("\u6f22")]
    assert keys_of(b"\xff") == [Text("\ufffd")]


@pytest.mark.parametrize("cut", range(1, 18))
def test_a_paste_is_one_event_wherever_it_is_cut(cut: int) -> None:
    """Its line ends are no Enter: what is pasted is looked at first."""
    data = b"\x1b[200~444159\n\x1b[201~\r"
    assert keys_of(data[:cut], data[cut:]) == [Paste("444159\n"), Key.ENTER]


def test_a_paste_that_never_ends_does_not_swallow_the_keyboard() -> None:
    """After a while it is what has come of it."""
    reader = KeyReader()
    assert reader.feed(b"\x1b[200~444159\x1b[20") == []
    assert reader.expire() == [Paste("444159")]
    assert reader.feed(b"a\r") == [Text("a"), Key.ENTER]


def test_a_huge_paste_is_bounded() -> None:
    """A cat, or a clipboard with a book in it."""
    reader = KeyReader()
    for _ in range(100):
        assert reader.feed(b"x" * 4096 if _ else b"\x1b[200~") == []
    (paste,) = reader.feed(b"\x1b[201~")
    assert isinstance(paste, Paste)
    assert len(paste.text) <= 4096


@given(_PIECES)
def test_no_bytes_break_it(pieces: list[bytes]) -> None:
    """Whatever comes: no error, only printable text, and a key typed afterwards arrives."""
    reader = KeyReader()
    for piece in pieces:
        for event in reader.feed(piece):
            assert not isinstance(event, Text) or all(map(is_printable, event.text))
    reader.expire()
    reader.forget()
    assert reader.patience is None
    assert reader.feed(b"\r") == [Key.ENTER]


@given(st.text())
def test_no_repr_tells_what_was_typed(text: str) -> None:
    """It may be a PIN, and a traceback may hold the event."""
    assert repr(Text(text)) == "Text()"
    assert repr(Paste(text)) == "Paste()"
