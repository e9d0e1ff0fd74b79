"""The exit codes and error codes, on which scripts rely."""

from __future__ import annotations

import inspect

import pytest

from pincli import errors
from pincli.errors import PincliError
from pincli.models import Outcome
from pincli.views.exit_codes import EXIT_OF, ExitCode
from tests.support.contract import EXIT_OF as TABLE


def test_every_error_code_has_the_number_of_the_design() -> None:
    """The same codes and the same numbers."""
    assert {word: int(code) for word, code in EXIT_OF.items()} == TABLE


def test_only_0_has_no_error_code() -> None:
    """0 is for success alone; every other number belongs to an error code."""
    assert int(ExitCode.DONE) == 0
    assert {int(code) for code in ExitCode} == {0, *TABLE.values()}


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_but_verified_has_an_exit_code(outcome: Outcome) -> None:
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
def test_every_error_has_an_exit_code(error: type[PincliError]) -> None:
    """Every error class ends with a documented exit code."""
    assert error.code in TABLE
