"""JSON rows: which lines and objects are sound, found before a reader stops at the first."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from pincli.errors import UsageProblem
from pincli.operations.intake.lines import Lines, Tell
from pincli.results import RowProblem

_BLANKS = re.compile(r"[ \t\n\r]*")


class _KeyTwice(ValueError):
    """An object has a key twice: which of the two counts is not to be guessed."""


class JsonLines:
    """The lines that hold sound JSON; the others are told."""

    def __init__(self, lines: Lines, tell: Tell) -> None:
        self._lines = lines
        self._tell = tell

    def __iter__(self) -> Iterator[bytes]:
        """The good lines."""
        for line in self._lines:
            wrong = _wrong_with(line)
            if wrong is None:
                yield line
            else:
                self._tell(RowProblem(self._lines.record_line, "", wrong))


def array_lines(text: str, begin: int) -> list[tuple[int, bool]]:
    """Where each element of a JSON array is, and whether it has a key twice.

    Args:
        text: The array, and nothing but blanks around it.
        begin: The line that the text begins at.

    Raises:
        UsageProblem: It is no JSON array.
    """
    found: list[tuple[int, bool]] = []
    position, counted, line = _after_blanks(text, 0) + 1, 0, begin
    try:
        while True:
            position = _after_blanks(text, position)
            if not found and text[position] == "]":
                position += 1
                break
            line += text.count("\n", counted, position)
            counted = position
            sound = True
            try:
                _, end = _STRICT.raw_decode(text, position)
            except _KeyTwice:
                sound = False
                _, end = _LENIENT.raw_decode(text, position)
            found.append((line, sound))
            position = _after_blanks(text, end) + 1
            if text[position - 1] == "]":
                break
            if text[position - 1] != ",":
                raise ValueError
        if _after_blanks(text, position) != len(text):
            raise ValueError
    except (ValueError, IndexError, RecursionError):
        line += text.count("\n", counted, position)
        raise UsageProblem(
            f"the file is not valid JSON (line {line})", "nothing was changed"
        ) from None
    return found


def _wrong_with(line: bytes) -> str | None:
    # As bytes: what the reader behind us passes over is blank in ASCII, not in Unicode.
    if not line.strip():
        return None
    try:
        json.loads(line.decode(), object_pairs_hook=_without_repeats)
    except _KeyTwice:
        return "it has a key twice"
    except (ValueError, RecursionError):
        return "it is not valid JSON"
    return None


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len({key.strip().casefold() for key, _ in pairs}) != len(pairs):
        raise _KeyTwice
    return dict(pairs)


def _after_blanks(text: str, position: int) -> int:
    match = _BLANKS.match(text, position)
    return match.end() if match else position


_STRICT = json.JSONDecoder(object_pairs_hook=_without_repeats)
_LENIENT = json.JSONDecoder()
