"""Reading a file of people: CSV in its kinds, a JSON array or JSON lines, row by row."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import itemgetter
from typing import Any, BinaryIO, NamedTuple

from pincli.errors import UsageProblem
from pincli.operations.intake.layout import Layout, Plan, Unfit, label
from pincli.operations.intake.lines import LONGEST_LINE, NO_UTF8, Lines
from pincli.results import RowProblem
from pincli.rules.profiles import Choices

_DELIMITERS = ",;\t"
_SEPARATOR = re.compile(r"sep=([,;:|\t])\r?\n?", re.IGNORECASE)
_TYPE = "#TYPE "
_BLANKS = re.compile(r"[ \t\n\r]*")
_ENOUGH = 4 * LONGEST_LINE
"""Characters of JSON read at once; an object has at most a quarter of them."""
# What Graph puts around its array; a link in it means that there are more pages.
_NOTES = r'"@[^"]*"\s*:\s*(?:"[^"]*"|\d+)\s*'
_AROUND = re.compile(rf'\s*\{{\s*(?:{_NOTES},\s*)*"value"\s*:\s*(?=\[)', re.IGNORECASE)
_BEHIND = re.compile(rf"\s*(?:,\s*{_NOTES})*\}}\s*")
_LINES_AROUND = 10
_MORE_PAGES = "nextLink"
_MOST_PLANS = 1000
_ENDED = "nothing after it was read"
_TWICE = "it has a key twice"
_SURROGATES = re.compile("[\ud800-\udfff]")


class RawRow(NamedTuple):
    """A row as the file has it, not yet checked.

    Attributes:
        number: From 1.
        line: Where it begins.
        fields: By our names of columns.
        text: What the file has there.
        wrong: Why it can't be read; None if it can.
    """

    number: int
    line: int
    fields: Mapping[str, object]
    text: str = ""
    wrong: RowProblem | None = None


class People:
    """The rows of a file of people; iterate over it once.

    Attributes:
        preamble: The lines before the first row, for a file with some of the rows.
        broken: Whether an unbalanced quote may have swallowed rows.
    """

    def __init__(self, file: BinaryIO, layout: Layout, encoding: str | None = None) -> None:
        """Look at the beginning of the file.

        Args:
            file: Opened for reading bytes.
            layout: Which column is which.
            encoding: Of a file that is not UTF-8 and has no byte order mark.

        Raises:
            UsageProblem: It is not a list of people.
            FileUnreadable: The system can't read it.
        """
        self._lines = Lines(file, encoding)
        self._layout = layout
        self._plans: dict[tuple[str, ...], Plan | Unfit] = {}
        self.preamble = ""
        self.broken = False

    def __iter__(self) -> Iterator[RawRow]:
        """Each row, bad ones too; raises as above if the file as a whole can't be read."""
        first = self._lines.first()
        if not first:
            wanted = ", ".join(map(self._layout.label, self._layout.required))
            raise UsageProblem("the file is empty", f"it needs the columns {wanted}")
        if first.lstrip().startswith("["):
            found = self._json(_elements(self._lines))
        elif first.lstrip().startswith("{"):
            is_graph = _AROUND.match(self._lines.ahead(_LINES_AROUND).lstrip())
            found = self._json(_elements(self._lines) if is_graph else _json_lines(self._lines))
        else:
            found = self._csv()
        for number, row in enumerate(found, 1):
            yield RawRow(number, *row)

    def _csv(self) -> Iterator[_Found]:
        lines = self._lines
        header, delimiter, is_typed = self._header()
        plan = self._layout.plan(header)
        picks = [(field, _picked(choices, header)) for field, choices in plan.picks]
        used = {name for _, choices in plan.picks for choice in choices for name in choice}
        least = 1 + max((header.index(name.casefold()) for name in used), default=-1)
        width = len(header)
        is_lossy = False
        reader = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)
        while True:
            lines.begin()
            try:
                row = next(reader, None)
            except csv.Error as error:
                if len(lines.record) > 1:
                    # An unbalanced quote swallows what follows it, so reading can't go on.
                    self.broken = True
                    yield _bad(lines.line or lines.number, lines.text, f"{error}; {_ENDED}")
                    return
                self.broken = self.broken or not lines.wrong
                yield _bad(lines.line or lines.number, lines.text, lines.wrong or str(error))
                continue
            if row is None:
                break
            if not any(map(str.strip, row)):
                continue
            if lines.wrong:
                yield _bad(lines.line, lines.text, lines.wrong)
            elif len(row) > width and any(map(str.strip, row[width:])):
                yield _bad(lines.line, lines.text, "it has more fields than the header has columns")
            elif len(row) < least:
                yield _bad(
                    lines.line, lines.text, "it has fewer fields than the header has columns"
                )
            else:
                fields = {field: pick(row) for field, pick in picks}
                is_lossy = is_lossy or (is_typed and "?" in fields["name"])
                yield lines.line, fields | plan.constants, lines.text, None
        if is_lossy and lines.is_ascii:
            raise UsageProblem(
                "letters were lost when the file was written: names have ? in their place",
                "export it with -Encoding UTF8",
            )

    def _header(self) -> tuple[list[str], str, bool]:
        """The columns in lower case, their delimiter, and whether PowerShell names a type."""
        delimiter, is_typed = "", False
        for line in self._lines:
            if line.startswith(_TYPE):
                is_typed = True
            elif separator := _SEPARATOR.fullmatch(line):
                delimiter = separator[1]
                self.preamble = line
            elif line.strip():
                break
        self.preamble += line
        delimiter = delimiter or max(_DELIMITERS, key=lambda each: len(_split(line, each)))
        header = [name.strip().casefold() for name in _split(line, delimiter)]
        if self._lines.wrong or not header:
            raise UsageProblem(
                "the header can't be read",
                self._lines.wrong or "it must be one line of text, its end a newline",
            )
        while header and not header[-1]:
            header.pop()
        return header, delimiter, is_typed

    def _json(self, found: Iterator[_Value]) -> Iterator[_Found]:
        for line, value, text, wrong in found:
            if wrong:
                yield _bad(line, text, wrong)
                continue
            if not isinstance(value, dict):
                yield _bad(line, text, "it is not a JSON object")
                continue
            fields = {name.strip().casefold(): each for name, each in value.items()}
            plan = self._plan(tuple(fields))
            if isinstance(plan, Unfit):
                words = f"{plan.message}; {plan.hint}"
                yield line, {}, text, RowProblem(line, label(plan.column), words)
                continue
            picked = {field: _chosen(choices, fields) for field, choices in plan.picks}
            yield line, picked | plan.constants, text, None

    def _plan(self, names: tuple[str, ...]) -> Plan | Unfit:
        """How to read an object with these keys; most objects have the same."""
        plan = self._plans.get(names)
        if plan is None:
            try:
                plan = self._layout.plan(names, nested=True)
            except Unfit as unfit:
                plan = unfit
            if len(self._plans) < _MOST_PLANS:
                self._plans[names] = plan
        return plan


_Value = tuple[int, Any, str, str]
"""A JSON value: its line, the value, its text, and what is wrong with it."""
_Found = tuple[int, Mapping[str, object], str, RowProblem | None]
"""A row without its number."""


def _bad(line: int, text: str, words: str) -> _Found:
    return line, {}, text, RowProblem(line, "", words)


def _split(line: str, delimiter: str) -> list[str]:
    """The cells of a header; none if it is not one."""
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True, skipinitialspace=True))
    except csv.Error:
        return []


def _picked(choices: Choices, header: list[str]) -> Callable[[list[str]], str]:
    """The function that takes a field from a row of CSV."""
    places = [[header.index(name.casefold()) for name in choice] for choice in choices]
    if len(places) == len(places[0]) == 1:
        return itemgetter(places[0][0])
    return lambda row: _first([row[place] for place in choice] for choice in places)


def _chosen(choices: Choices, fields: Mapping[str, object]) -> object:
    """A field of a JSON object; a value that is not text is returned as it is."""
    if len(choices) == len(choices[0]) == 1:
        return _reached(fields, choices[0][0])
    values = [[_reached(fields, name) for name in choice] for choice in choices]
    strange = (each for row in values for each in row if not isinstance(each, str | None))
    found = next(strange, None)
    return _first([[str(each or "") for each in row] for row in values]) if found is None else found


def _first(values: Iterable[list[str]]) -> str:
    """The first value that is not empty, its parts joined."""
    joined = (" ".join(filter(None, map(str.strip, each))) for each in values)
    return next(filter(None, joined), "")


def _reached(value: object, path: str) -> object:
    """The value at a path, in keys of any case; None if there is none."""
    path = path.casefold()
    if isinstance(value, dict) and path in value:
        return value[path]
    for part in path.split("."):
        if not isinstance(value, dict):
            return None
        lower = {key.strip().casefold(): each for key, each in value.items()}
        value = lower.get(part)
    return value


class _KeyTwice(ValueError):
    """An object has a key twice; which of them counts can't be known."""


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len({key.strip().casefold() for key, _ in pairs}) != len(pairs):
        raise _KeyTwice
    return dict(pairs)


_STRICT = json.JSONDecoder(object_pairs_hook=_without_repeats)
_LENIENT = json.JSONDecoder()


def _json_lines(lines: Lines) -> Iterator[_Value]:
    """One value a line; a bad line becomes a bad row, and reading goes on."""
    for _ in lines:
        text = lines.text
        if not text.strip(" \t\r\n"):
            lines.begin()
            continue
        value, wrong = None, lines.wrong
        try:
            value = None if wrong else _STRICT.decode(text)
        except _KeyTwice:
            wrong = _TWICE
        except (ValueError, RecursionError):
            wrong = "it is not valid JSON"
        yield lines.number, value, text, wrong
        lines.begin()


def _elements(lines: Lines) -> Iterator[_Value]:
    """The elements of an array, alone or as Graph has it; only a part is in memory at a time."""
    line = lines.number + 1
    text = lines.read(_ENOUGH)
    around = _AROUND.match(text)
    position = around.end() if around else text.index("[")
    counted, is_first, is_end = 0, True, False
    before = text[:position]
    position += 1
    try:
        while True:
            if len(text) - position < LONGEST_LINE and not is_end:
                line += text.count("\n", counted, position)
                more = lines.read(_ENOUGH)
                text, position, counted, is_end = text[position:] + more, 0, 0, not more
            position = _after_blanks(text, position)
            if is_first and text[position] == "]":
                break
            line += text.count("\n", counted, position)
            counted, wrong, is_first = position, "", False
            try:
                value, end = _STRICT.raw_decode(text, position)
            except _KeyTwice:
                value, end = _LENIENT.raw_decode(text, position)
                wrong = _TWICE
            element = text[position:end]
            if not element.isascii() and _SURROGATES.search(element):
                wrong = NO_UTF8
            yield line, value, element, wrong
            position = _after_blanks(text, end)
            if text[position] == "]":
                break
            if text[position] != ",":
                raise ValueError
            position += 1
        after = text[position + 1 :] + lines.read(_ENOUGH)
        if lines.read(1) or not (_BEHIND.fullmatch(after) if around else not after.strip()):
            raise ValueError
    except (ValueError, IndexError, RecursionError):
        line += text.count("\n", counted, position)
        raise UsageProblem(
            f"the file is not valid JSON (line {line})", "nothing was changed"
        ) from None
    if around and _MORE_PAGES in before + after:
        raise UsageProblem(
            "the file is one page of several: it has a nextLink",
            "put the objects of all pages into one array, or write one a line",
        )


def _after_blanks(text: str, position: int) -> int:
    match = _BLANKS.match(text, position)
    return match.end() if match else position
