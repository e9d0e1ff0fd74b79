"""An import: what is wrong with the file, what it would do, what it did."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from pincli.results import ImportTally, RowProblem
from pincli.views.blocks import Answer, Block, Fields, Headline, Note, Problem, Tone, counted
from pincli.views.exit_codes import ExitCode

_SHOWN_AT_MOST = 20


def problems(count: int, found: Iterator[RowProblem]) -> Answer:
    """The answer of `import` for a file with bad rows; nothing was written."""
    message = f"the file has {counted(count, 'problem')}; nothing was written"
    return Answer(
        {
            "problem_count": count,
            "problems": (
                {"line": line, "column": column or None, "message": words}
                for line, column, words in found
            ),
        },
        complaints=lambda: [
            *(_sentence(problem) for problem in islice(found, _SHOWN_AT_MOST)),
            *([f"... and {count - _SHOWN_AT_MOST} more"] if count > _SHOWN_AT_MOST else []),
        ],
        problem=Problem("usage", message, "correct the file and run the command again"),
        exit_code=ExitCode.USAGE,
    )


def preview(tally: ImportTally, account: str) -> list[Block]:
    """What an import would do, shown before users are deactivated."""
    return [
        Headline(Tone.WARNING, f"import {counted(tally.rows, 'row')}"),
        Fields(
            [
                *_pairs(tally),
                ("missing", _missing(tally.deactivated, account)),
            ]
        ),
    ]


def dry_run(tally: ImportTally) -> Answer:
    """The answer of `import --dry-run`."""
    return Answer(
        {"dry_run": True, **tally._asdict()},
        lambda: [
            Headline(Tone.NEUTRAL, f"import {counted(tally.rows, 'row')}"),
            Fields(_pairs(tally)),
            Note("dry run: nothing was changed"),
        ],
    )


def done(tally: ImportTally) -> Answer:
    """The answer of `import`."""
    return Answer(
        tally._asdict(),
        lambda: [
            Headline(
                Tone.GOOD,
                f"imported {counted(tally.rows, 'row')}",
                ", ".join(f"{value} {label}" for label, value in _pairs(tally)),
            )
        ],
    )


def _missing(count: int, account: str) -> str:
    return f"{counted(count, 'user')} of {account} {'is' if count == 1 else 'are'} deactivated"


def _pairs(tally: ImportTally) -> list[tuple[str, str]]:
    pairs = [
        ("added", tally.added),
        ("updated", tally.updated),
        ("unchanged", tally.unchanged),
    ]
    if tally.deactivated:
        pairs.append(("deactivated", tally.deactivated))
    return [(label, str(n)) for label, n in pairs]


def _sentence(problem: RowProblem) -> str:
    column = f", {problem.column}" if problem.column else ""
    return f"line {problem.line}{column}: {problem.message}"
