"""The keyboard, without the terminal sequences that mean nothing here.

prompt_toolkit would type those that it doesn't know, and the digits in a terminal's or a
mouse's report could be taken for a PIN.
"""

from __future__ import annotations

import re
import sys
import termios
import time

from prompt_toolkit.input.ansi_escape_sequences import ANSI_SEQUENCES
from prompt_toolkit.input.vt100 import Vt100Input
from prompt_toolkit.key_binding import KeyPress

ESCAPE_SECONDS = 0.25
"""The wait after an Esc: over a slow line, the rest of a sequence may come late."""
_PASTE_SECONDS = 1.0
"""After this pause in a paste, its end is taken to be lost."""

_LONGEST = 4096
_PASTE, _PASTE_END = "\x1b[200~", "\x1b[201~"
_SEQUENCE = re.compile(
    r"\x1b(?:"
    r"\[(?:\[[@-~]|M(?s:...)|[ -?]+[@-~]|[@-LN-Z\\-~])"
    # The keypad in application mode; if text follows, it is a name after an Esc.
    r"|O(?:(?P<keypad>[Mj-y])(?![^\x00-\x1f])|[A-DFHP-S])"
    # A terminal's answers begin so; other letters are a name after an Esc.
    r"|(?:\][0-9]|P[ -?]|_G)[^\x07\x1b]*(?:\x07|\x1b\\)"
    r"|\x7f"
    r")"
)
_UNFINISHED = re.compile(
    r"\x1b(?:\[(?:\[|M(?s:.{0,2})|[ -?]*)?|[O\]P_]|(?:\][0-9]|P[ -?]|_G)[^\x07\x1b]*\x1b?)?"
)
_KEYPAD = 0x40
"""The distance from a keypad's letter to its character: p is 0, M is Enter."""


class Keyboard(Vt100Input):
    """Standard input, which is a terminal."""

    def __init__(self) -> None:
        super().__init__(sys.stdin)
        self._rest = ""
        self._read_at = 0.0

    def read_keys(self) -> list[KeyPress]:
        """The keys that are complete so far.

        Raises:
            termios.error: The terminal is gone.
        """
        text = self.stdin_reader.read()
        if not text:
            termios.tcgetattr(self.fileno())
        now = time.monotonic()
        if self._rest.startswith(_PASTE) and now - self._read_at > _PASTE_SECONDS:
            self._rest += _PASTE_END
        self._read_at = now
        # One character in some terminals, two in others.
        self._rest += text.replace("\x9b", "\x1b[")
        while self._rest and self._take():
            pass
        return super().flush_keys()

    def flush_keys(self) -> list[KeyPress]:
        """The keys if nothing follows: a lone Esc."""
        if not self._rest.startswith(_PASTE):
            rest, self._rest = self._rest, ""
            # A longer rest is a sequence whose end is lost.
            for each in rest if len(rest) <= len("\x1b[") else "":
                self._feed(each)
        return super().flush_keys()

    def forget(self) -> None:
        """Drop what was typed and not read yet."""
        termios.tcflush(self.fileno(), termios.TCIFLUSH)
        self._rest = ""

    def _take(self) -> bool:
        """Take the next keys off the rest; False to wait for more."""
        if self._rest.startswith(_PASTE):
            end = self._rest.find(_PASTE_END)
            return end > 0 and self._feed(self._rest[: end + len(_PASTE_END)])
        if not self._rest.startswith("\x1b"):
            return self._feed(self._rest.partition("\x1b")[0])
        found = _SEQUENCE.match(self._rest)
        if found is None:
            if _UNFINISHED.fullmatch(self._rest) and len(self._rest) < _LONGEST:
                return False
            # Not Alt: over a slow line an Esc and the next letter come together.
            return self._feed("\x1b")
        keypad = found["keypad"]
        if keypad:
            self._rest = chr(ord(keypad) - _KEYPAD) + self._rest[found.end() :]
        elif found[0] == "\x1b\x7f":
            self._rest = "\x17" + self._rest[found.end() :]
        elif isinstance(ANSI_SEQUENCES.get(found[0]), str):
            return self._feed(found[0])
        else:
            self._rest = self._rest[found.end() :]
        return True

    def _feed(self, text: str) -> bool:
        """Hand a whole key on to prompt_toolkit's parser."""
        self._rest = self._rest[len(text) :]
        self.vt100_parser.feed_and_flush(text)
        return True
