"""Reading a file of people: CSV, TSV, a JSON array or JSON lines, row by row.

What format it is we tell from its first bytes; then sqlite-utils reads it. Left to guess,
it takes JSON lines for broken JSON and a letter for a delimiter.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import BinaryIO, NamedTuple, cast

from pincli.errors import UsageProblem
from pincli.operations.intake.lines import BOM, JsonLines, Lines, Tell
from pincli.results import RowProblem

REQUIRED = ("user", "account", "name", "type")
OPTIONAL = ("active", "pin")
_WIDEBOMS = (b"\xff\xfe", b"\xfe\xff")
_MORE = "more fields than columns"


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
    """
    lines = Lines(file, tell)
    head = lines.peek()
    if not head.strip():
        raise UsageProblem("the file is empty", f"it needs the columns {', '.join(REQUIRED)}")
    if head.startswith(_WIDEBOMS):
        raise UsageProblem("the file is not UTF-8", "save it as UTF-8")
    kind = _format_of(head)
    if kind is FileFormat.JSON:
        yield from _json_array(lines, ignore_unknown=ignore_unknown, tell=tell)
    elif kind is FileFormat.JSON_LINES:
        yield from _json_lines(lines, ignore_unknown=ignore_unknown, tell=tell)
    else:
        yield from _delimited(lines, head, kind, ignore_unknown=ignore_unknown, tell=tell)


def _format_of(head: bytes) -> FileFormat:
    start = head.removeprefix(BOM).lstrip()
    if start.startswith(b"["):
        return FileFormat.JSON
    if start.startswith(b"{"):
        return FileFormat.JSON_LINES
    first_line = start.partition(b"\n")[0]
    return FileFormat.TSV if b"\t" in first_line and b"," not in first_line else FileFormat.CSV


def _delimited(
    lines: Lines,
    head: bytes,
    kind: FileFormat,
    *,
    ignore_unknown: bool,
    tell: Tell,
) -> Iterator[RawRow]:
    from sqlite_utils.utils import Format, rows_from_file

    dialect: type[csv.Dialect] = csv.excel_tab if kind is FileFormat.TSV else csv.excel
    first_line = head.removeprefix(BOM).partition(b"\n")[0].decode("utf-8", "replace")
    columns = next(csv.reader([first_line], dialect), [])
    wanted = _wanted_columns(columns, ignore_unknown=ignore_unknown)
    rows, _ = rows_from_file(
        cast(BinaryIO, lines), format=Format.CSV, dialect=dialect, extras_key=_MORE
    )
    iterator = iter(rows)
    while True:
        begin = lines.next_line
        try:
            row = next(iterator, None)
        except csv.Error as error:
            # An unbalanced quote swallows what follows it, so there is no going on.
            tell(RowProblem(begin, "", f"{error}; nothing after it was read"))
            return
        if row is None:
            return
        begin = max(begin, 2)  # before the first row, the reader also takes the header
        if _MORE in row:
            tell(RowProblem(begin, "", "it has more fields than the header has columns"))
        elif any(row[name] is None for name in wanted):
            tell(RowProblem(begin, "", "it has fewer fields than the header has columns"))
        else:
            yield RawRow(begin, {column: row[name] for name, column in wanted.items()})


def _json_lines(lines: Lines, *, ignore_unknown: bool, tell: Tell) -> Iterator[RawRow]:
    from sqlite_utils.utils import Format, rows_from_file

    rows, _ = rows_from_file(cast(BinaryIO, JsonLines(lines, tell)), format=Format.NL)
    for row in rows:
        checked = _json_row(lines.next_line - 1, row, ignore_unknown, tell)
        if checked is not None:
            yield checked


def _json_array(lines: Lines, *, ignore_unknown: bool, tell: Tell) -> Iterator[RawRow]:
    from sqlite_utils.utils import Format, rows_from_file

    content = lines.read_all()
    try:
        rows, _ = rows_from_file(io.BytesIO(content), format=Format.JSON)
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise UsageProblem(f"the file is not valid JSON{where}", "nothing was changed") from None
    for number, row in enumerate(rows, 1):
        checked = _json_row(number, row, ignore_unknown, tell)
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
        tell(RowProblem(line, unknown[0], "unknown column; --ignore-unknown leaves it out"))
        return None
    return RawRow(line, {k: v for k, v in fields.items() if k not in unknown})


def _wanted_columns(columns: list[str], *, ignore_unknown: bool) -> dict[str, str]:
    """The columns that we know: as the header spells them, and as we do."""
    known = {name: name.strip().casefold() for name in columns}
    if len(set(known.values())) != len(columns):
        raise UsageProblem("a column stands twice in the header", "remove one of them")
    missing = [name for name in REQUIRED if name not in known.values()]
    if missing:
        raise UsageProblem(
            f"the header lacks {_list(missing)}",
            f"it needs {', '.join(REQUIRED)}, separated by commas or tabs; it has"
            f" {_list(list(known.values()))}",
        )
    unknown = [name for name in known.values() if name not in REQUIRED + OPTIONAL]
    if unknown and not ignore_unknown:
        raise UsageProblem(
            f"unknown column{'s' if len(unknown) > 1 else ''} {_list(unknown)}",
            "remove them, or leave them out with --ignore-unknown",
        )
    return {name: column for name, column in known.items() if column not in unknown}


def _list(names: list[str]) -> str:
    shown = [repr(name[:40]) for name in names[:10]]
    return ", ".join(shown) + (f" and {len(names) - 10} more" if len(names) > 10 else "")  # noqa: PLR2004
