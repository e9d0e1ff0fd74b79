"""Rows in the temporary database: in order, each once, and gone at the end."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from pincli.errors import StoreUnavailable
from pincli.models import Fault, UserType
from pincli.results import RowProblem
from pincli.store import scratch
from pincli.store.scratch import StagedImport, StagedRow, StagedUsers

MANY = 4321
"""More than is written or read at once."""


def row(user: str, line: int = 2, **fields: object) -> StagedRow:
    """A row with something in every column."""
    good = StagedRow(user, line, "acme", "Name", UserType.CLOUD, True, "a@x.example", line)
    return good._replace(**fields)  # type: ignore[arg-type]


@pytest.fixture
def staged() -> Iterator[StagedImport]:
    """An empty import."""
    with StagedImport() as staged:
        yield staged


def test_users_come_once_in_storage_order() -> None:
    """However often and in whichever order they were added."""
    with StagedUsers() as users:
        assert (len(users), users.after(0, 10)) == (0, [])
        users.add((row, b"first") for row in (5, 3))
        users.add((row, b"second") for row in (9, 3, 1, 5))
        assert len(users) == 4
        assert users.after(0, 10) == [1, 3, 5, 9]
        assert users.after(3, 1) == [5]
        assert users.after(9, 10) == []
        assert users.uids([3, 9, 11]) == {3: b"first", 9: b"second"}


def test_rows_come_back_as_they_went_in(staged: StagedImport) -> None:
    """Rows come back by user; missing fields are still missing."""
    rows = [
        row("zoe", 2, active=None, email=None),
        row("bob", 3, active=False, name="a'b\"c;--", account="x"),
        row("alice", 4, type=UserType.DATAPIPE),
    ]
    for each in rows:
        staged.add(each)
    staged.flush()
    assert staged.after(None, 10) == sorted(rows)
    assert staged.after(rows[2], 1) == [rows[1]]
    assert staged.after(rows[0], 1) == []
    assert len(staged) == 3


def test_many_rows_are_all_there(staged: StagedImport) -> None:
    """Rows come page by page, none twice."""
    names = [f"u{number * 7919 % 100_003:06}" for number in range(MANY)]
    for line, name in enumerate(names, 2):
        staged.add(row(name, line))
    staged.flush()
    seen: list[StagedRow] = []
    while page := staged.after(seen[-1] if seen else None, 500):
        seen += page
    assert [each.user for each in seen] == sorted(names)


def test_problems_come_in_the_order_of_the_file(staged: StagedImport) -> None:
    """All problems come by line, and within a line in the order in which they were found."""
    for line in range(MANY, 0, -1):
        staged.add_problem(RowProblem(line, "name", "first"), line)
        staged.add_problem(RowProblem(line, "", "second"), line)
    assert staged.problem_count == 2 * MANY
    listed = list(staged.problems())
    assert [problem.line for problem in listed] == sorted([*range(1, MANY + 1)] * 2)
    assert [problem.message for problem in listed] == ["first", "second"] * MANY


def test_every_row_of_a_user_who_has_several_is_a_problem(staged: StagedImport) -> None:
    """Each row is reported by its line; the same login in another account is another user."""
    staged.add(row("bob", 5, account="globex"))
    for user, line in (("bob", 9), ("alice", 7), ("bob", 4), ("bob", 12), ("carol", 3)):
        staged.add(row(user, line))
    staged.flush()
    staged.note_duplicates()
    listed = list(staged.problems())
    assert [(problem.line, problem.column) for problem in listed] == [
        *((line, "user") for line in (4, 9, 12))
    ]
    assert [problem.message.split()[-1] for problem in listed] == ["9", "4", "4"]


def test_who_is_missing_is_told(staged: StagedImport) -> None:
    """Missing are those of the given users that no row names or moves away."""
    for user in ("alice", "bob"):
        staged.add(row(user))
    staged.add(row("carol", account="globex"))
    staged.flush()
    staged.add_move("erin", "acme")
    names = ["bob", "carol", "dave", "erin"]
    assert staged.missing_from("acme", names) == {"carol", "dave"}
    assert staged.missing_from("globex", names) == {"bob", "dave", "erin"}
    assert staged.missing_from("acme", []) == set()
    assert staged.accounts_of(["bob", "carol", "zoe"]) == {
        "bob": {"acme"},
        "carol": {"globex"},
        "zoe": set(),
    }


def test_the_file_has_no_name_and_is_gone_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody can open the file, and nothing is left after a kill."""
    monkeypatch.setattr(scratch, "_CACHE_KIB", 16)
    before = _files()
    with StagedImport() as staged:
        for number in range(MANY):
            staged.add(row(f"u{number:06}"))
        staged.flush()
        (spilled,) = _files() - before
        path, _, word = spilled.partition(" ")
        assert word == "(deleted)"
        assert not Path(path).exists()
        assert len(staged) == MANY
    assert _files() == before


def _files() -> set[str]:
    """SQLite's temporary files that this process has open."""
    links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return {name for name in (str(link.readlink()) for link in links) if "etilqs" in name}


def test_it_closes_after_an_error_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C leaves nothing open."""

    def fail() -> None:
        with StagedUsers() as users:
            opened.append(users)
            raise KeyboardInterrupt

    opened: list[StagedUsers] = []
    with pytest.raises(KeyboardInterrupt):
        fail()
    with pytest.raises(StoreUnavailable):
        len(opened[0])


def test_a_full_disk_is_a_fault_that_names_the_temporary_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every method that writes reports it in the same way."""

    class Full:
        def __getattr__(self, _: str) -> object:
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorname = "SQLITE_FULL"
            raise error

    with StagedImport() as staged:
        staged.add(row("alice"))
        monkeypatch.setattr(staged, "_connection", Full())
        for step in (
            staged.flush,
            staged.note_duplicates,
            lambda: staged.add_problem(RowProblem(1, "", "x"), 1),
            lambda: staged.after(None, 1),
            lambda: list(staged.problems()),
            lambda: staged.missing_from("acme", ["x"]),
            lambda: len(staged),
        ):
            with pytest.raises(StoreUnavailable) as caught:
                step()
            assert caught.value.fault is Fault.FULL
            assert str(caught.value.path) == "temporary file"
        monkeypatch.undo()


def test_pages_go_by_an_index() -> None:
    """The next page costs the same, however many came before it."""
    with StagedImport() as staged, StagedUsers() as users:
        for database, question in (
            (staged, "SELECT * FROM rows WHERE (user, account) > ('a', 'b') ORDER BY 1, 3 LIMIT 9"),
            (staged, "SELECT user FROM rows WHERE user IN ('a', 'b')"),
            (users, "SELECT id FROM ids WHERE id > 5 ORDER BY id LIMIT 9"),
        ):
            plan = database._connection.execute(f"EXPLAIN QUERY PLAN {question}").fetchall()
            assert all(detail.startswith("SEARCH") for *_, detail in plan), plan
