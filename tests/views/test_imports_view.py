"""How an import is told: to people the first bad rows, to programs all of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pincli.results import ImportTally, RowProblem
from pincli.views import imports
from pincli.views.blocks import Answer
from pincli.views.exit_codes import ExitCode
from tests.views.screens import piped

TALLY = ImportTally(rows=12, added=3, updated=4, unchanged=5)
NONE = imports.Rejected(0, iter(()), "")


def found(count: int, asked: list[int] | None = None) -> Iterator[RowProblem]:
    """So many problems, one a line from line 2 on; notes which were asked for."""
    for line in range(2, count + 2):
        if asked is not None:
            asked.append(line)
        yield RowProblem(line, "type" if line % 2 == 0 else "", f"wrong {line}")


def screen(answer: Answer) -> str:
    """What a person sees, with single blanks."""
    return " ".join(piped(answer.screen()).split())


@pytest.mark.parametrize("count", [1, 2, 19, 20])
def test_up_to_twenty_problems_are_all_shown(count: int) -> None:
    """Line, column where there is one, and what is wrong; nothing about more."""
    answer = imports.problems(count, found(count))
    assert answer.complaints is not None
    told = answer.complaints()
    assert len(told) == count
    assert told[0] == "line 2, type: wrong 2"
    assert told[1:2] in ([], ["line 3: wrong 3"])


@pytest.mark.parametrize(("count", "more"), [(21, 1), (1_000_000, 999_980)])
def test_of_more_the_first_twenty_and_a_count(count: int, more: int) -> None:
    """The others are not even read."""
    asked: list[int] = []
    answer = imports.problems(count, found(count, asked))
    assert answer.complaints is not None
    told = answer.complaints()
    assert [line.split(":")[0].split(",")[0] for line in told[:20]] == [
        f"line {number}" for number in range(2, 22)
    ]
    assert told[20:] == [f"... and {more} more"]
    assert len(asked) <= 21


def test_a_program_gets_all_of_them() -> None:
    """As objects, page by page; a row as a whole has no column."""
    answer = imports.problems(45, found(45))
    rows = answer.facts["problems"]
    assert isinstance(rows, Iterator)
    told = list(rows)
    assert answer.facts["problem_count"] == len(told) == 45
    assert told[0] == {"line": 2, "column": "type", "message": "wrong 2", "value": ""}
    assert told[1] == {"line": 3, "column": None, "message": "wrong 3", "value": None}


@pytest.mark.parametrize(("count", "words"), [(1, "1 problem;"), (46, "46 problems;")])
def test_bad_rows_are_a_failure_of_usage(count: int, words: str) -> None:
    """Exit 2, an error beside the rows, and the word that nothing was written."""
    answer = imports.problems(count, found(count))
    assert answer.exit_code is ExitCode.USAGE
    assert answer.problem is not None
    assert answer.problem.code == "usage"
    assert words in answer.problem.message
    assert "nothing was written" in answer.problem.message


def test_what_was_done_is_told_with_its_figures() -> None:
    """Deactivations where there are any, and not as a nought."""
    answer = imports.done(TALLY, NONE)
    assert answer.facts == TALLY._asdict()
    assert screen(answer) == "\u2714 imported 12 rows 3 added, 4 updated, 5 unchanged"
    more = imports.done(TALLY._replace(deactivated=6), NONE)
    assert screen(more).endswith("5 unchanged, 6 deactivated")


def test_a_dry_run_says_that_it_was_one() -> None:
    """For people and for programs."""
    answer = imports.dry_run(TALLY, NONE)
    assert answer.facts == {"dry_run": True, **TALLY._asdict()}
    assert screen(answer).startswith("import 12 rows added 3 updated 4 unchanged 5")
    assert screen(answer).endswith("dry run: nothing was changed")
    assert answer.exit_code is ExitCode.DONE


def test_the_preview_says_how_many_are_switched_off() -> None:
    """Before one types the account's name."""
    blocks = imports.preview(TALLY._replace(deactivated=6), "acme")
    text = piped(blocks)
    assert "6 users of acme are deactivated" in text
    assert "added" in text
