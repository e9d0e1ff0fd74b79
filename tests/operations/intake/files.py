"""Files of people as tests write them, and as pincli reads them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from pincli.operations.intake.formats import People, RawRow
from pincli.operations.intake.imports import ImportOptions, stage, take_in
from pincli.operations.intake.layout import Layout, layout_of
from pincli.operations.session import Session
from pincli.results import ImportTally, RowProblem
from pincli.store.scratch import StagedImport
from tests.support.desk import Desk

HEADER = b"user,account,name,type\n"
Person = Mapping[str, object]


def person(user: str = "alice", **fields: object) -> dict[str, object]:
    """A row with something good in every column that there must be."""
    return {"user": user, "account": "acme", "name": "A", "type": "cloud", **fields}


def as_csv(people: Sequence[Person], delimiter: str = ",", end: str = "\r\n") -> bytes:
    """The people as CSV, as Python's own writer quotes it."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(people[0]), delimiter=delimiter, lineterminator=end)
    writer.writeheader()
    writer.writerows(people)
    return text.getvalue().encode()


def as_tsv(people: Sequence[Person]) -> bytes:
    """The people as TSV."""
    return as_csv(people, "\t", "\n")


def as_array(people: Sequence[Person]) -> bytes:
    """The people as one JSON array in one line."""
    return json.dumps(list(people)).encode()


def as_pretty_array(people: Sequence[Person]) -> bytes:
    """The people as one JSON array over many lines, not escaped."""
    return json.dumps(list(people), indent=2, ensure_ascii=False).encode()


def as_lines(people: Sequence[Person]) -> bytes:
    """The people as JSON lines."""
    return b"".join(json.dumps(each).encode() + b"\n" for each in people)


Writer = Callable[[Sequence[Person]], bytes]
FORMATS: dict[str, Writer] = {
    "csv": as_csv,
    "tsv": as_tsv,
    "array": as_array,
    "pretty": as_pretty_array,
    "lines": as_lines,
}


class Read(NamedTuple):
    """What reading a file gave."""

    rows: list[RawRow]
    problems: list[RowProblem]

    @property
    def lines(self) -> list[int]:
        """Where the good rows begin."""
        return [row.line for row in self.rows]


def read(
    content: bytes,
    layout: Layout | None = None,
    *,
    ignore_unknown: bool = False,
    encoding: str | None = None,
) -> Read:
    """Read a whole file."""
    layout = layout or layout_of(ignore_unknown=ignore_unknown)
    rows = list(People(io.BytesIO(content), layout, encoding))
    return Read(
        [row for row in rows if row.wrong is None], [row.wrong for row in rows if row.wrong]
    )


class Taken(NamedTuple):
    """What an import came to.

    Attributes:
        expected: What `stage` foretold.
        done: What `take_in` did; None if there were problems.
    """

    problems: list[RowProblem]
    expected: ImportTally
    done: ImportTally | None

    @property
    def lines(self) -> list[int]:
        """The lines of the problems."""
        return [problem.line for problem in self.problems]

    @property
    def columns(self) -> list[str]:
        """The columns of the problems."""
        return [problem.column for problem in self.problems]


def take(session: Session, content: bytes, options: ImportOptions | None = None) -> Taken:
    """Import a file as the command does: not at all if anything is wrong with it."""
    options = options or ImportOptions()
    with StagedImport() as staged:
        expected = stage(session, io.BytesIO(content), staged, options)
        problems = list(staged.problems())
        assert staged.problem_count == len(problems)
        done = None if problems else take_in(session, staged, options)
    return Taken(problems, expected, done)


def taken(desk: Desk, content: bytes, options: ImportOptions | None = None) -> Taken:
    """The same, in a session of its own."""
    with desk.session() as session:
        return take(session, content, options)
