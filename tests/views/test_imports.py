"""The answers of an import: people see the first bad rows, programs all of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pincli.results import ImportTally, RowProblem
from pincli.views import imports
from pincli.views.answer import Answer
from pincli.views.exit_codes import ExitCode
from tests.views.screens import piped

TALLY = ImportTally(rows=12, added=3, updated=4, unchanged=5)


def found(count: int, asked: list[int] | None = None) -> Iterator[RowProblem]:
    """This number of problems, one a line from line 2 on; `asked` notes which were read."""
    for line in range(2, count + 2):
        if asked is not None:
            asked.append(line)
        yield RowProblem(line, "type" if line % 2 == 0 else "", f"wrong {line}")


def screen(answer: Answer) -> str:
    """What a person sees, with single blanks."""
    return " ".join(piped(answer.screen()).split())


@pytest.mark.parametrize("count", [1, 2, 19, 20])
def test_up_to_twenty_problems_are_all_shown(count: int) -> None:
    """Line, column if there is one, and what is wrong."""
    answer = imports.problems(count, found(count))
    assert answer.complaints is not None
    shown_problems = answer.complaints()
    assert len(shown_problems) == count
    assert shown_problems[0] == "line 2, type: wrong 2"
    assert shown_problems[1:2] in ([], ["line 3: wrong 3"])


@pytest.mark.parametrize(("count", "more"), [(21, 1), (1_000_000, 999_980)])
def test_of_more_problems_the_first_twenty_are_shown(count: int, more: int) -> None:
    """And a count of the others, which are not even read."""
    asked: list[int] = []
    answer = imports.problems(count, found(count, asked))
    assert answer.complaints is not None
    shown_problems = answer.complaints()
    assert [line.split(":")[0].split(",")[0] for line in shown_problems[:20]] == [
        f"line {number}" for number in range(2, 22)
    ]
    assert shown_problems[20:] == [f"... and {more} more"]
    assert len(asked) <= 21


def test_json_has_all_problems() -> None:
    """As objects; a problem of a whole row has no column."""
    answer = imports.problems(45, found(45))
    rows = answer.facts["problems"]
    assert isinstance(rows, Iterator)
    shown_problems = list(rows)
    assert answer.facts["problem_count"] == len(shown_problems) == 45
    assert shown_problems[0] == {"line": 2, "column": "type", "message": "wrong 2", "value": ""}
    assert shown_problems[1] == {"line": 3, "column": None, "message": "wrong 3", "value": None}


@pytest.mark.parametrize(("count", "words"), [(1, "1 problem;"), (46, "46 problems;")])
def test_bad_rows_end_with_exit_code_2(count: int, words: str) -> None:
    """The error says that nothing was written."""
    answer = imports.problems(count, found(count))
    assert answer.exit_code is ExitCode.USAGE
    assert answer.problem is not None
    assert answer.problem.code == "usage"
    assert words in answer.problem.message
    assert "nothing was written" in answer.problem.message


def test_the_preview_shows_how_many_are_deactivated() -> None:
    """Before the admin confirms with the account's name."""
    blocks = imports.preview(TALLY._replace(deactivated=6), "acme")
    text = piped(blocks)
    assert "6 users of acme are deactivated" in text
    assert "added" in text
