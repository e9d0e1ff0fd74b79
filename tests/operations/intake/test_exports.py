"""Files as real directories write them, with invented people: tests/fixtures/people."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pincli.errors import UsageProblem
from pincli.operations.intake.layout import layout_of, shipped_profiles
from pincli.operations.intake.rows import RowChecker
from pincli.results import RowProblem
from pincli.store.scratch import StagedRow
from tests.operations.intake.files import read

FOLDER = Path(__file__).parents[2] / "fixtures" / "people"
FILES = sorted(path.name for path in FOLDER.iterdir())
ACME = {"account": "acme"}
ALICE = ("alice.smith@acme.example", "Alice Smith", "alice.smith@acme.example", True)

Person = tuple[str, str, str | None, bool | None]


def content(name: str) -> bytes:
    """A file of the folder."""
    return (FOLDER / name).read_bytes()


def people(
    name: str, profile: str | None = None, encoding: str | None = None
) -> tuple[list[Person], list[RowProblem]]:
    """Who is in it by login, name, e-mail and whether they are active; and what is wrong."""
    layout = layout_of(profile=profile, lacking=ACME if profile else {})
    found = read(content(name), layout, encoding=encoding)
    checked = [RowChecker(layout).check(row) for row in found.rows]
    good = [row for row in checked if isinstance(row, StagedRow)]
    bad = found.problems + [each for wrong in checked if isinstance(wrong, list) for each in wrong]
    assert {row.account for row in good} <= {"acme", "globex"}
    return [(row.user, row.name, row.email, row.active) for row in good], bad


@pytest.mark.parametrize(
    ("name", "profile", "expected"),
    [
        (
            "entra-portal.csv",
            "entra",
            [
                ALICE,
                (
                    "bob.jones_partner.example#ext#@acme.onmicrosoft.example",
                    *("Jones, Bob", "bob.jones@partner.example", True),
                ),
                ("o'brien@acme.example", "Siobhán O'Brien", "", False),
                ("bjørn@acme.example", "=1+3 Bjørn", "bjørn@acme.example", True),
                ("meeting-room@acme.onmicrosoft.example", "Room 4.12", "", False),
            ],
        ),
        ("entra-portal-older.csv", "entra", [ALICE, ("carol@acme.example", "Carol", "", False)]),
        ("entra-graph.csv", "entra", [ALICE, ("zoe@acme.example", 'Zoë "Zo" Braun', "", False)]),
        ("entra-graph.json", "entra", [ALICE, ("zoe@acme.example", "Zoë Braun", "", False)]),
        (
            "google-workspace.csv",
            "google",
            [
                (*ALICE[:2], "Alice.Smith@acme.example", True),
                ("taro@acme.example", "太郎 田中", "taro@acme.example", False),
                ("ana@acme.example", "Ana", "ana@acme.example", False),
            ],
        ),
        (
            "okta-people.csv",
            "okta",
            [
                ALICE,
                ("bob@acme.example", "Bob Jones, Jr.", "bob@acme.example", False),
                ("carol", "Carol Díaz", "carol@acme.example", True),
                ("dan@acme.example", "Dan Ito", "dan@acme.example", False),
                ("eve@acme.example", "Eve Roe", "eve@acme.example", True),
            ],
        ),
        ("okta-api.json", "okta-api", [ALICE]),
        (
            "excel-sep.csv",
            None,
            [("alice", "Alice Smith", None, True), ("bob", "Bob", None, False)],
        ),
        ("dupacct.csv", None, [("alice", "A", None, None)] * 2),
        ("empty.csv", None, []),
        ("emptyrows.csv", None, [("alice", "Alice", None, None)]),
        (
            "fed.csv",
            None,
            [
                ("o'brien@example.com", "A", None, None),
                ("example\\bob", "B", None, None),
                ("c_example.com#ext#@t.onmicrosoft.com", "C", None, None),
                ("fine", "Fine", None, None),
            ],
        ),
        (
            "names-with-unicode-spaces.csv",
            None,
            [
                ("alice", "Jean Dupont", None, None),
                ("bob", "田中 太郎", None, None),
                ("carl", "O\u2019Brien", None, None),
                ("dora", "משה", None, None),
            ],
        ),
        ("semi.csv", None, [("alice", "Alice Example", None, None)]),
        ("spq.csv", None, [("alice", "Example, Alice", None, None)]),
        ("trailing-blank-columns.csv", None, [("alice", "Alice Example", None, None)]),
    ],
)
def test_a_file_is_read_as_it_is(name: str, profile: str | None, expected: list[Person]) -> None:
    """It gives everybody in it, nobody else, and no problem."""
    assert people(name, profile) == (expected, [])


@pytest.mark.parametrize(
    ("name", "encoding", "lines"),
    [
        ("ad-ps5-unicode.csv", None, {3}),
        ("ad-ps5-utf8-semicolon.csv", None, {3, 4}),
        ("ad-ps5-ansi.csv", "cp1252", {3}),
        ("ad-ps7.csv", None, {3, 4}),
    ],
)
def test_what_active_directory_leaves_empty_is_told(
    name: str, encoding: str | None, lines: set[int]
) -> None:
    """A row without a principal name, or without Enabled, is a problem."""
    good, bad = people(name, "ad", encoding)
    assert good[0] == ("alice.smith@acme.example", "Alice Smith", None, True)
    assert {problem.column for problem in bad} <= {"UserPrincipalName", "Enabled"}
    assert lines <= {problem.line for problem in bad} | {3}


def test_letters_that_powershell_lost_are_seen() -> None:
    """ASCII, a #TYPE line and a question mark in a name: the file is refused."""
    with pytest.raises(UsageProblem, match="letters were lost") as caught:
        people("ad-ps5-default.csv", "ad")
    assert "-Encoding UTF8" in caught.value.hint
    whole = content("ad-ps5-default.csv").replace(b"M?ller", b"Mueller").replace(b"J?rgen", b"J")
    assert read(whole, layout_of(profile="ad", lacking=ACME)).rows


@pytest.mark.parametrize("name", FILES)
def test_a_profile_is_never_guessed_but_named_where_one_fits(name: str) -> None:
    """Without --profile the file is refused; the hint names the profile that it looks like."""
    profiles = {**dict.fromkeys(shipped_profiles(), ""), "entra-": "entra"}
    fitting = [word.rstrip("-") for word in profiles if name.startswith(word)]
    if not fitting:
        return
    try:
        message = repr(read(content(name), encoding="cp1252" if "ansi" in name else None).problems)
    except UsageProblem as problem:
        message = problem.hint
    assert f"--profile {'okta-api' if name == 'okta-api.json' else fitting[0]}" in message


@pytest.mark.parametrize("profile", shipped_profiles())
def test_a_profile_needs_its_columns(profile: str) -> None:
    """No login comes from another column, and nobody is active by default."""
    layout = layout_of(profile=profile, lacking=ACME)
    for field in ("user", "active"):
        columns = [layout.label(each) for each in ("user", "name", "active") if each != field]
        with pytest.raises(UsageProblem, match="lacks"):
            layout.plan([column.casefold() for column in columns])


GRAPH = {
    "@odata.context": "https://x/$metadata#users",
    "value": json.loads(content("entra-graph.json")),
}


@pytest.mark.parametrize("indent", [None, 2])
def test_graph_s_own_answer_is_read(indent: int | None) -> None:
    """An object with the array in it is read, on one line or on many."""
    layout = layout_of(profile="entra", lacking=ACME)
    assert len(read(json.dumps(GRAPH, indent=indent).encode(), layout).rows) == 2
    for more in (
        {"@odata.nextLink": "https://x/users?$skiptoken=1", **GRAPH},
        {**GRAPH, "@odata.nextLink": "https://x/users?$skiptoken=1"},
    ):
        with pytest.raises(UsageProblem, match="one page of several"):
            read(json.dumps(more, indent=indent).encode(), layout)
