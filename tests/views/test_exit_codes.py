"""The exit codes: scripts rely on every number and every word."""

from __future__ import annotations

import inspect

import pytest

from pincli import errors
from pincli.errors import PincliError
from pincli.models import Outcome
from pincli.views.exit_codes import EXIT_OF, ExitCode
from tests.support.contract import EXIT_OF as TABLE


def test_every_word_has_the_number_of_the_design() -> None:
    """No word more, no word less, and no number another."""
    assert {word: int(code) for word, code in EXIT_OF.items()} == TABLE


def test_done_is_the_only_other_code() -> None:
    """0 is for success alone, and every other code is some word's."""
    assert int(ExitCode.DONE) == 0
    assert {int(code) for code in ExitCode} == {0, *TABLE.values()}


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_but_one_has_a_code(outcome: Outcome) -> None:
    """An outcome that is not `verified` must never end with 0."""
    assert (outcome.value in EXIT_OF) is (outcome is not Outcome.VERIFIED)


@pytest.mark.parametrize(
    "error",
    [
        each
        for _, each in inspect.getmembers(errors, inspect.isclass)
        if issubclass(each, PincliError) and each is not PincliError
    ],
    ids=lambda error: error.__name__,
)
def test_every_error_has_a_word_of_the_table(error: type[PincliError]) -> None:
    """Whatever is raised ends in a documented exit code."""
    assert error.code in TABLE
