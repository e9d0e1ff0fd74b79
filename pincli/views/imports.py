"""The answers of `import`: bad rows, a preview, what was done."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from pincli.results import ImportTally, RowProblem
from pincli.views.answer import Answer, Problem
from pincli.views.blocks import Block, Fields, Headline, Note, Tone, counted
from pincli.views.exit_codes import ExitCode

_SHOWN_AT_MOST = 20


class Rejected(NamedTuple):
    """Bad rows that were left out, and the file that they were written to."""

    problems: int
    found: Iterator[RowProblem]
    path: str


def problems(count: int, found: Iterator[RowProblem]) -> Answer:
    """The answer of `import` for a file with bad rows; nothing was written."""
    message = f"the file has {counted(count, 'problem')}; nothing was written"
    return Answer(
        {"problem_count": count, "problems": _listed(found)},
        complaints=lambda: _complaints(count, found),
        problem=Problem("usage", message, "correct the file and run the command again"),
        exit_code=ExitCode.USAGE,
    )


def preview(tally: ImportTally, account: str) -> list[Block]:
    """What an import will do, shown before users are deactivated."""
    return [
        Headline(Tone.WARNING, f"import {counted(tally.rows, 'row')}"),
        Fields([*_pairs(tally), ("missing", _missing(tally.deactivated, account))]),
    ]


def dry_run(tally: ImportTally, bad: Rejected) -> Answer:
    """The answer of `import --dry-run`."""
    return Answer(
        {"dry_run": True, **tally._asdict(), **_facts(tally, bad)},
        lambda: [
            Headline(Tone.NEUTRAL, f"import {counted(tally.rows, 'row')}"),
            Fields(_pairs(tally)),
            *_notes(tally, bad),
            Note("dry run: nothing was changed"),
        ],
    )


def done(tally: ImportTally, bad: Rejected) -> Answer:
    """The answer of `import`."""
    return Answer(
        {**tally._asdict(), **_facts(tally, bad)},
        lambda: [
            Headline(
                Tone.GOOD,
                f"imported {counted(tally.rows, 'row')}",
                ", ".join(f"{value} {label}" for label, value in _pairs(tally)),
            ),
            *_notes(tally, bad),
            *([Note(f"the bad rows are in {bad.path}")] if tally.rejected else []),
        ],
    )


def _facts(tally: ImportTally, bad: Rejected) -> dict[str, object]:
    if not tally.rejected:
        return {}
    return {"problem_count": bad.problems, "problems": _listed(bad.found)}


def _notes(tally: ImportTally, bad: Rejected) -> list[Block]:
    if not tally.rejected:
        return []
    return [Note(line, Tone.WARNING) for line in _complaints(bad.problems, bad.found)]


def _listed(found: Iterator[RowProblem]) -> Iterator[dict[str, object]]:
    return (
        {
            "line": each.line,
            "column": each.column or None,
            "message": each.message,
            "value": each.value if each.column else None,
        }
        for each in found
    )


def _complaints(count: int, found: Iterator[RowProblem]) -> list[str]:
    """The first problems, and how many more there are."""
    more = [f"... and {count - _SHOWN_AT_MOST} more"] if count > _SHOWN_AT_MOST else []
    return [*map(_sentence, islice(found, _SHOWN_AT_MOST)), *more]


def _missing(count: int, account: str) -> str:
    return f"{counted(count, 'user')} of {account} {'is' if count == 1 else 'are'} deactivated"


def _pairs(tally: ImportTally) -> list[tuple[str, str]]:
    pairs = [("added", tally.added), ("updated", tally.updated), ("unchanged", tally.unchanged)]
    if tally.deactivated:
        pairs.append(("deactivated", tally.deactivated))
    if tally.rejected:
        pairs.append(("rejected", tally.rejected))
    return [(label, str(n)) for label, n in pairs]


def _sentence(problem: RowProblem) -> str:
    column = f", {problem.column}" if problem.column else ""
    value = f" {problem.value!r}" if problem.value else ""
    return f"line {problem.line}{column}{value}: {problem.message}"
