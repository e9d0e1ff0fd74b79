"""Reading a file of people: CSV, TSV, a JSON array or JSON lines, row by row.

What format it is we tell from its first bytes; then sqlite-utils reads it. Left to guess,
it takes JSON lines for broken JSON and a letter for a delimiter.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import BinaryIO, NamedTuple, cast

from pincli.errors import UsageProblem
from pincli.operations.intake.json_rows import JsonLines, array_lines
from pincli.operations.intake.lines import Lines, Tell
from pincli.results import RowProblem

REQUIRED = ("user", "account", "name", "type")
OPTIONAL = ("active",)
_WIDE_BOMS = (b"\xff\xfe", b"\xfe\xff")
_MORE = "more fields than columns"
_NAMED_AT_MOST = 10
_LONGEST_LABEL = 40


class FileFormat(Enum):
    """The formats that are understood."""

    CSV = "CSV"
    TSV = "TSV"
    JSON = "JSON array"
    JSON_LINES = "JSON lines"


class RawRow(NamedTuple):
    """A row as the file has it: `fields` by lower-case column, not yet checked."""

    line: int
    fields: Mapping[str, object]


def read_people(file: BinaryIO, *, ignore_unknown: bool, tell: Tell) -> Iterator[RawRow]:
    """The rows of a file of people.

    Args:
        file: Opened for reading bytes.
        ignore_unknown: Whether columns that we don't know are left out, not refused.
        tell: Told of every row that can't be read; those are not given.

    Raises:
        UsageProblem: The file as a whole can't be read; says why.
        FileUnreadable: The system can't.
    """
    lines = Lines(file, tell)
    first = lines.first()
    if not first:
        raise UsageProblem("the file is empty", f"it needs the columns {', '.join(REQUIRED)}")
    if first.startswith(_WIDE_BOMS) or b"\0" in first:
        raise UsageProblem("the file is not UTF-8", "save it as UTF-8")
    kind = _format_of(first)
    if kind is FileFormat.JSON:
        yield from _json_array(lines, ignore_unknown=ignore_unknown, tell=tell)
    elif kind is FileFormat.JSON_LINES:
        yield from _json_lines(lines, ignore_unknown=ignore_unknown, tell=tell)
    else:
        yield from _delimited(lines, first, kind, ignore_unknown=ignore_unknown, tell=tell)


def _format_of(first: bytes) -> FileFormat:
    start = first.lstrip()
    if start.startswith(b"["):
        return FileFormat.JSON
    if start.startswith(b"{"):
        return FileFormat.JSON_LINES
    return FileFormat.TSV if b"\t" in first and b"," not in first else FileFormat.CSV


def _delimited(
    lines: Lines, first: bytes, kind: FileFormat, *, ignore_unknown: bool, tell: Tell
) -> Iterator[RawRow]:
    from sqlite_utils.utils import Format, rows_from_file

    dialect: type[csv.Dialect] = _Tsv if kind is FileFormat.TSV else _Csv
    wanted = _wanted_columns(_columns(first, dialect), ignore_unknown=ignore_unknown)
    source = cast(BinaryIO, lines)
    rows, _ = rows_from_file(
        source, format=Format.CSV, dialect=dialect, encoding="utf-8", extras_key=_MORE
    )
    iterator = iter(rows)
    header = lines.next_line
    while True:
        lines.mark(after=header)
        try:
            row = next(iterator, None)
        except csv.Error as error:
            # An unbalanced quote swallows what follows it, so there is no going on.
            tell(RowProblem(lines.record_line, "", f"{error}; nothing after it was read"))
            return
        if row is None:
            return
        line = lines.record_line
        if _MORE in row:
            tell(RowProblem(line, "", "it has more fields than the header has columns"))
        elif any(row[name] is None for name in wanted):
            tell(RowProblem(line, "", "it has fewer fields than the header has columns"))
        else:
            yield RawRow(line, {column: row[name] for name, column in wanted.items()})


def _columns(first: bytes, dialect: type[csv.Dialect]) -> list[str]:
    """The columns that a header names; it must be one line of text."""
    try:
        return next(csv.reader([first.decode()], dialect))
    except (UnicodeDecodeError, csv.Error):
        raise UsageProblem(
            "the header can't be read", "it must be one line of UTF-8, its end a newline"
        ) from None


def _json_lines(lines: Lines, *, ignore_unknown: bool, tell: Tell) -> Iterator[RawRow]:
    from sqlite_utils.utils import Format, rows_from_file

    source = cast(BinaryIO, JsonLines(lines, tell))
    rows, _ = rows_from_file(source, format=Format.NL)
    for row in rows:
        checked = _json_row(lines.record_line, row, ignore_unknown, tell)
        if checked is not None:
            yield checked


def _json_array(lines: Lines, *, ignore_unknown: bool, tell: Tell) -> Iterator[RawRow]:
    from sqlite_utils.utils import Format, rows_from_file

    content, begin = lines.read_all()
    try:
        places = array_lines(content.decode(), begin)
    except UnicodeDecodeError:
        raise UsageProblem("the file is not UTF-8", "save it as UTF-8") from None
    rows, _ = rows_from_file(io.BytesIO(content), format=Format.JSON)
    for row, (line, sound) in zip(rows, places, strict=True):
        if not sound:
            tell(RowProblem(line, "", "it has a key twice"))
            continue
        checked = _json_row(line, row, ignore_unknown, tell)
        if checked is not None:
            yield checked


def _json_row(line: int, row: object, ignore_unknown: bool, tell: Tell) -> RawRow | None:
    if not isinstance(row, dict):
        tell(RowProblem(line, "", "it is no JSON object"))
        return None
    fields = {str(name).strip().casefold(): value for name, value in row.items()}
    missing = [name for name in REQUIRED if name not in fields]
    unknown = [name for name in fields if name not in REQUIRED + OPTIONAL]
    if missing:
        tell(RowProblem(line, missing[0], "it is missing"))
        return None
    if unknown and not ignore_unknown:
        words = f"unknown column; {_about_unknown(unknown)}"
        tell(RowProblem(line, _label(unknown[0]), words))
        return None
    return RawRow(line, {k: v for k, v in fields.items() if k not in unknown})


def _wanted_columns(columns: list[str], *, ignore_unknown: bool) -> dict[str, str]:
    """The columns that we know: as the header spells them, and as we do."""
    known = {name: name.strip().casefold() for name in columns}
    if len(set(known.values())) != len(columns):
        raise UsageProblem("the header has a column twice", "remove one of them")
    missing = [name for name in REQUIRED if name not in known.values()]
    if missing:
        # What it has instead is not repeated: without a header it is the first person's row.
        raise UsageProblem(
            f"the header lacks {_list(missing)}",
            f"it needs {', '.join(REQUIRED)}, separated by commas or tabs",
        )
    unknown = [name for name in known.values() if name not in REQUIRED + OPTIONAL]
    if unknown and not ignore_unknown:
        raise UsageProblem(
            f"unknown column{'s' if len(unknown) > 1 else ''} {_list(unknown)}",
            _about_unknown(unknown),
        )
    return {name: column for name, column in known.items() if column not in unknown}


def _about_unknown(names: list[str]) -> str:
    """What to do about columns that we don't know."""
    leave = f"--ignore-unknown leaves {'it' if len(names) == 1 else 'them'} out"
    if "pin" not in names:
        return leave
    return f"imports carry no PINs, `pincli reset --issue` hands out new ones; {leave}"


def _list(names: list[str]) -> str:
    shown = [repr(_label(name)) for name in names[:_NAMED_AT_MOST]]
    more = len(names) - _NAMED_AT_MOST
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _label(name: str) -> str:
    """A column's name as it can be shown: bounded, and text, which JSON may spell otherwise."""
    return name[:_LONGEST_LABEL].encode("utf-8", "backslashreplace").decode()


class _Csv(csv.excel):
    """Strict: a quote that is never closed is an error, not a row with the rest in it."""

    strict = True


class _Tsv(csv.excel_tab):
    """The same with tabs."""

    strict = True
