"""One row: every field is checked, all problems are reported, and no PIN is repeated."""

from __future__ import annotations

import itertools

import pytest

from pincli.models import UserType
from pincli.operations.intake.formats import RawRow
from pincli.operations.intake.layout import Layout
from pincli.operations.intake.rows import RowChecker
from pincli.results import RowProblem
from pincli.store.scratch import StagedRow
from tests.operations.intake.files import Person, person


def check(fields: Person) -> StagedRow | list[RowProblem]:
    """Row 7 of a file, otherwise good, as it is staged; or what is wrong with it."""
    found = RowChecker(Layout()).check(RawRow(1, 7, {**person(), **fields}))
    assert found
    assert isinstance(found, StagedRow) or {problem.line for problem in found} == {7}
    return found


def wrong(fields: Person) -> dict[str, str]:
    """What is wrong with a row, by column."""
    result = check(fields)
    assert isinstance(result, list), result
    assert len({problem.column for problem in result}) == len(result)
    return {problem.column: problem.message for problem in result}


def test_a_good_row_is_staged_in_its_canonical_form() -> None:
    """Names are canonical, the display name is stripped, the type is a type."""
    row = check(person(" Alice ", account="ACME", name=" A b ", type=" Cloud-Office ", active="NO"))
    assert row == StagedRow("alice", 7, "acme", "A b", UserType.CLOUD_OFFICE, False, None, 1)


@pytest.mark.parametrize(
    ("word", "meaning"),
    [
        *itertools.product(["true", "yes", "1", " TRUE ", "WAHR", "sí", True, 1], [True]),
        *itertools.product(["false", "no", "0", " False", "nein", False, 0], [False]),
    ],
)
def test_active_is_yes_or_no(word: object, meaning: bool) -> None:
    """Words as people and spreadsheets spell them, digits and JSON's own."""
    row = check({"active": word})
    assert isinstance(row, StagedRow)
    assert row.active is meaning


NO_NAME = ["", " ", "a*b", "-a", "\u0430b", "a" * 255, "a\0b", "a\nb"]
NO_TEXT: list[object] = [None, 1, 1.5, True, ["a"], {"a": 1}]
UNPRINTABLE = [
    "a\nb",
    "a\r\nb",
    "a\0b",
    "\x1b[31m",
    "\u202eb",
    "a\tb",
    "a\x7f",
    "a\u2028b",
    "\ud800",
]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *itertools.product(["user", "account"], NO_NAME),
        ("user", "a b"),
        *itertools.product(["user", "account", "name"], NO_TEXT),
        *itertools.product(["name"], ["x" * 201, *UNPRINTABLE]),
        *itertools.product(["type"], ["", "cloudy", None, 1, ["cloud"], {}, "cloud office"]),
        *itertools.product(
            ["active"], ["", " ", None, "perhaps", 2, -1, 1.5, [], {}, "10", "\uff11"]
        ),
    ],
)
def test_a_bad_value_is_reported_with_its_column(column: str, value: object) -> None:
    """Values of the wrong form or kind, or with a control character."""
    assert list(wrong({column: value})) == [column]


def test_everything_that_is_wrong_with_a_row_is_reported_at_once() -> None:
    """There is one problem for each bad column."""
    problems = wrong(person("a b", account="", name="\n\0x", type="x", active="x"))
    assert list(problems) == ["user", "account", "name", "type", "active"]


@pytest.mark.parametrize("where", ["user", "account", "name", "type", "active"])
def test_what_is_wrong_never_repeats_a_pin(where: str) -> None:
    """In any column."""
    for bad in ("444159 444159", "444159\n", "444159\0"):
        result = check({"active": "perhaps", "type": "x", where: bad})
        assert isinstance(result, list)
        assert "444159" not in repr(result)
    result = check({"active": "perhaps", "type": "x", where: "444\u00a0159 44-41-59 \0"})
    assert isinstance(result, list)
    assert not set(repr(result)) & set("159")
