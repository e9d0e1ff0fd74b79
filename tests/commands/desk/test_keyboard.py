"""Bytes as keys, in whichever pieces they come."""

from __future__ import annotations

import os
import pty
import sys
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prompt_toolkit.key_binding import KeyPress
from prompt_toolkit.keys import Keys

from pincli.commands.desk import keyboard
from pincli.commands.desk.keyboard import Keyboard

_PIECES = st.lists(
    st.sampled_from(
        [b"\x1b", b"[", b"O", b"A", b"200~", b"\x1b[200~", b"\x1b[201~", b"4", b"\r", b"]", b"P"]
    )
    | st.binary(min_size=1, max_size=8),
    max_size=20,
)


class Typist:
    """A terminal, and the keyboard that reads it."""

    def __init__(self) -> None:
        self.master, slave = pty.openpty()
        self._stdin = open(slave, encoding="utf-8")  # noqa: SIM115
        before, sys.stdin = sys.stdin, self._stdin
        try:
            self.keyboard = Keyboard()
        finally:
            sys.stdin = before
        self.keyboard.raw_mode().__enter__()

    def close(self) -> None:
        """Hang up."""
        self._stdin.close()
        os.close(self.master)

    def keys_of(self, *pieces: bytes, pause: bool = True) -> list[Keys | str]:
        """The keys in these pieces, after a pause if nothing follows."""
        keys: list[KeyPress] = []
        for piece in pieces:
            os.write(self.master, piece)
            keys += self.keyboard.read_keys()
        if pause:
            keys += self.keyboard.flush_keys()
        return [each.data if each.key is Keys.BracketedPaste else each.key for each in keys]


@pytest.fixture
def typist() -> Iterator[Typist]:
    """A terminal."""
    one = Typist()
    yield one
    one.close()


@pytest.mark.parametrize(
    ("data", "key"),
    [
        (b"\r", Keys.ControlM),
        (b"\x1bOM", Keys.ControlM),
        (b"\x1b", Keys.Escape),
        (b"\x1b[", Keys.Escape),
        (b"\x7f", Keys.ControlH),
        (b"\x1b\x7f", Keys.ControlW),
        (b"\x1bOp", "0"),
        (b"\x1bOy", "9"),
        (b"\x1b[A", Keys.Up),
        (b"\x1bOA", Keys.Up),
        (b"\xc2\x9bA", Keys.Up),
        (b"\x1b[1~", Keys.Home),
        (b"\x1b[3~", Keys.Delete),
        (b"\xe6\xbc\xa2", "\u6f22"),
        (b"\x1b[200~444159\n\x1b[201~", "444159\n"),
    ],
)
def test_a_key_is_the_same_whole_or_in_pieces(typist: Typist, data: bytes, key: Keys | str) -> None:
    """A paste is one key, and the line end in it is no Enter."""
    assert typist.keys_of(data)[:1] == [key]
    assert typist.keys_of(*(bytes([byte]) for byte in data))[:1] == [key]


@pytest.mark.parametrize(
    "data",
    [
        b"\x1b[24;80R",
        b"\x1b[?64;1;2;6;22c",
        b"\x1b[>41;354;0c",
        b"\x1b]11;rgb:1234/5678/9012\x07",
        b"\x1b]11;rgb:1234/5678/9012\x1b\\",
        b"\x1bP>|xterm(354)\x1b\\",
        b"\x1b[I",
        b"\x1b[O",
        b"\x1b[<0;12;34M",
        b"\x1b[M012",
        b"\x1b[49u",
        b"\x1b[27;5;49~",
        b"\x1b[1;3D",
        b"\x1b[?2026;2$y",
        b"\xc2\x9b24;80R",
        b"\x1b_G123456\x1b\\",
        b"\x1b[[A",
    ],
)
def test_what_means_nothing_here_leaves_nothing(typist: Typist, data: bytes) -> None:
    """A report of a terminal or a mouse types no digit of a PIN, and cancels no call."""
    typed = typist.keys_of(data)
    assert Keys.Escape not in typed
    assert all(isinstance(each, Keys) for each in typed)
    assert typist.keys_of(*(bytes([byte]) for byte in data), b"7")[-1] == "7"


@pytest.mark.parametrize("name", ["bob", "Paul", "Otto", "_svc", "]x"])
def test_an_escape_and_a_name_that_come_together(typist: Typist, name: str) -> None:
    """Over a slow line they are one read; nothing is lost."""
    typist.keyboard.flush_keys()
    assert typist.keys_of(b"\x1b" + name.encode()) == [Keys.Escape, *name]


def test_an_escape_is_known_after_a_moment_alone(typist: Typist) -> None:
    """It may be the beginning of an arrow."""
    assert typist.keys_of(b"\x1b", pause=False) == []
    assert typist.keyboard.flush_keys()[0].key is Keys.Escape


def test_a_paste_that_never_ends_does_not_swallow_the_keyboard(
    typist: Typist, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a pause, the paste ends."""
    assert typist.keys_of(b"\x1b[200~444159") == []
    monkeypatch.setattr(keyboard, "_PASTE_SECONDS", -1.0)
    assert typist.keys_of(b"a") == ["444159", "a"]


def test_what_is_forgotten_does_not_come_back(typist: Typist) -> None:
    """Neither half a sequence nor unread bytes."""
    typist.keys_of(b"\x1b[200~444", pause=False)
    os.write(typist.master, b"777")
    typist.keyboard.forget()
    assert typist.keys_of(b"a") == ["a"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(pieces=_PIECES)
def test_no_bytes_break_it(typist: Typist, pieces: list[bytes]) -> None:
    """No bytes are an error, and a key typed afterwards arrives."""
    typist.keys_of(*pieces)
    typist.keyboard.forget()
    typist.keyboard.stdin_reader._stdin_decoder.reset()
    assert typist.keys_of(b"\r") == [Keys.ControlM]


def test_a_huge_paste_is_whole(typist: Typist) -> None:
    """100,000 characters are one paste; the line has its own bounds."""
    pieces = [b"x" * 1000] * 100
    assert typist.keys_of(b"\x1b[200~", *pieces, b"\x1b[201~") == ["x" * 100_000]
