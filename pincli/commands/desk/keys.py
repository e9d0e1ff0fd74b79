"""Bytes from a terminal, as keys: control characters, escape sequences, pastes, UTF-8."""

from __future__ import annotations

import codecs
import re
from enum import Enum, auto
from typing import NamedTuple

from pincli.rules.names import is_printable

ESCAPE_SECONDS = 0.1
"""How long an Esc may be the beginning of a sequence: they come in one piece, even by ssh."""
PASTE_SECONDS = 1.0
"""How long a paste may pause; after that its end is not coming any more."""

_LONGEST = 4096
_PASTE_END = "\x1b[201~"
_SEQUENCE = re.compile(
    r"\x1b(?:"
    r"\[(?:\[[@-~]|M(?s:...)|(?P<numbers>[0-?]*)[ -/]*(?P<csi>[@-LN-Z\\-~]))"
    r"|O(?P<ss3>[A-DFHMP-S]|(?P<keypad>[j-y])(?![^\x00-\x1f]))"
    r"|\][^\x07\x1b]*(?:\x07|\x1b\\)"
    r"|[PX^_][^\x1b]*\x1b\\"
    r"|(?P<meta>[\x08\x7f])"
    r")"
)
_UNFINISHED = re.compile(
    r"\x1b(?:\[(?:\[|M(?s:.{0,2})|[0-?]*[ -/]*)?|O|\][^\x07\x1b]*\x1b?|[PX^_][^\x1b]*\x1b?)?"
)


class Key(Enum):
    """A key that is no text, by what it means here."""

    ENTER = auto()
    TAB = auto()
    CANCEL = auto()
    """Esc or Ctrl-C."""
    END_SHIFT = auto()
    """Ctrl-D, or a terminal that is gone."""
    SUSPEND = auto()
    REDRAW = auto()
    UP = auto()
    DOWN = auto()
    LEFT = auto()
    RIGHT = auto()
    HOME = auto()
    END = auto()
    BACKSPACE = auto()
    DELETE = auto()
    ERASE_WORD = auto()
    ERASE_LINE = auto()
    ERASE_REST = auto()


class Text(NamedTuple):
    """Printable characters as they were typed; they may be a PIN, so its repr hides them."""

    text: str

    def __repr__(self) -> str:
        return "Text()"


class Paste(NamedTuple):
    """What was pasted, whole; its repr hides it."""

    text: str

    def __repr__(self) -> str:
        return "Paste()"


KeyEvent = Key | Text | Paste

_CONTROLS = {
    "\r": Key.ENTER,
    "\n": Key.ENTER,
    "\t": Key.TAB,
    "\x03": Key.CANCEL,
    "\x04": Key.END_SHIFT,
    "\x1a": Key.SUSPEND,
    "\x0c": Key.REDRAW,
    "\x10": Key.UP,
    "\x0e": Key.DOWN,
    "\x02": Key.LEFT,
    "\x06": Key.RIGHT,
    "\x01": Key.HOME,
    "\x05": Key.END,
    "\x7f": Key.BACKSPACE,
    "\x08": Key.BACKSPACE,
    "\x17": Key.ERASE_WORD,
    "\x15": Key.ERASE_LINE,
    "\x0b": Key.ERASE_REST,
}
_FINALS = {
    "A": Key.UP,
    "B": Key.DOWN,
    "C": Key.RIGHT,
    "D": Key.LEFT,
    "H": Key.HOME,
    "F": Key.END,
    "M": Key.ENTER,
    "Z": Key.UP,
}
_NUMBERED = {
    "1": Key.HOME,
    "7": Key.HOME,
    "4": Key.END,
    "8": Key.END,
    "3": Key.DELETE,
}


class KeyReader:
    """Makes keys of bytes, however they are cut up on the way."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self._paste: list[str] | None = None

    @property
    def patience(self) -> float | None:
        """Seconds after which `expire` is to be called if nothing comes; None for never."""
        if self._paste is not None:
            return PASTE_SECONDS
        return ESCAPE_SECONDS if self._rest else None

    def feed(self, data: bytes) -> list[KeyEvent]:
        """The keys that these bytes complete."""
        # What one character begins on some terminals, two begin on the others.
        self._rest += self._decoder.decode(data).replace("\x9b", "\x1b[")
        events: list[KeyEvent] = []
        while self._rest and self._take(events):
            pass
        return events

    def expire(self) -> list[KeyEvent]:
        """The keys that it must have been, as nothing followed: a lone Esc, half a paste."""
        events: list[KeyEvent] = []
        if self._paste is not None:
            self._paste.append(self._rest.partition("\x1b")[0])
            self._rest = ""
            self._end_paste(events)
        elif self._rest:
            events.append(Key.CANCEL)
            self._rest = self._rest[1:]
            while self._rest and self._take(events):
                pass
        return events

    def forget(self) -> None:
        """Drop whatever was begun."""
        self._decoder.reset()
        self._rest = ""
        self._paste = None

    def _take(self, events: list[KeyEvent]) -> bool:
        """Take one key off what has come; False to wait for more."""
        if self._paste is not None:
            return self._take_paste(events)
        first = self._rest[0]
        if first == "\x1b":
            return self._take_sequence(events)
        taken = 1
        if first in _CONTROLS:
            events.append(_CONTROLS[first])
        elif is_printable(first):
            while taken < len(self._rest) and is_printable(self._rest[taken]):
                taken += 1
            events.append(Text(self._rest[:taken]))
        self._rest = self._rest[taken:]
        return True

    def _take_sequence(self, events: list[KeyEvent]) -> bool:
        found = _SEQUENCE.match(self._rest)
        if found is None:
            if _UNFINISHED.fullmatch(self._rest) and len(self._rest) < _LONGEST:
                return False
            # Not Alt: over a slow line an Esc and the next letter come together.
            events.append(Key.CANCEL)
            self._rest = self._rest[1:]
            return True
        self._rest = self._rest[found.end() :]
        if found["meta"]:
            events.append(Key.ERASE_WORD)
        elif found["keypad"]:
            # Of the keypad in application mode, p is 0; text behind it is a name after an Esc.
            events.append(Text(chr(ord(found["keypad"]) - 0x40)))
        elif found["csi"] == "~" and found["numbers"] == "200":
            self._paste = []
        else:
            key = _key_of(found["numbers"] or "", found["csi"] or found["ss3"] or "")
            if key is not None:
                events.append(key)
        return True

    def _take_paste(self, events: list[KeyEvent]) -> bool:
        assert self._paste is not None  # noqa: S101
        text, end, rest = self._rest.partition(_PASTE_END)
        if end:
            self._paste.append(text)
            self._rest = rest
            self._end_paste(events)
            return True
        kept = len(_PASTE_END) - 1
        if sum(map(len, self._paste)) < _LONGEST:
            self._paste.append(self._rest[:-kept])
        self._rest = self._rest[-kept:]
        return False

    def _end_paste(self, events: list[KeyEvent]) -> None:
        if self._paste is not None:
            events.append(Paste("".join(self._paste)[:_LONGEST]))
            self._paste = None


def _key_of(numbers: str, final: str) -> Key | None:
    number = numbers.partition(";")[0]
    return _NUMBERED.get(number) if final == "~" else _FINALS.get(final)
