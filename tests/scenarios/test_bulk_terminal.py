"""Bulk work at a terminal: the word to type, and the bar while it runs."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.bulk_work import SMALL_CHUNKS, app, crowd, users_of
from tests.support.desk import Desk
from tests.support.driving import ROOT
from tests.support.floor import content
from tests.support.terminal import Terminal, any_terminal, terminal

HIDE_CURSOR, SHOW_CURSOR = b"\x1b[?25l", b"\x1b[?25h"
PEOPLE = "user,account,name,type\nalice,acme,Alice,cloud\n"
MISSING = ["--deactivate-missing", "--at-most", "9", "--account"]


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["--account", "acme"], "acme"),
        (["--account", " ACME"], "acme"),
        (["--account", "globex", "gus"], "y"),
        (["--all"], "ALL"),
        (["alice", "gus"], "y"),
    ],
)
def test_the_word_that_shows_what_is_meant_goes_on(
    floor: Desk, words: list[str], answer: str
) -> None:
    """The account's name, ALL, or a yes for named users; the preview comes first."""
    with terminal(floor, "reset", *words) as screen:
        shown = screen.wait_for("o on")
        screen.type(f"{answer}\r")
        assert screen.end() == 0
    assert "stop working" in " ".join(shown.split())
    assert users_of(floor)["alice" if "globex" not in words else "gus"].question is None


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["--account", "acme"], "ACME"),
        (["--account", "acme"], "y"),
        (["--account", "acme"], "globex"),
        (["--account", "acme"], ""),
        (["--account", "acme"], "acme acme"),
        (["--all"], "all"),
        (["--all", "--account", "acme"], "acme"),
        (["alice", "gus"], "alice"),
    ],
)
def test_any_other_word_changes_nothing(floor: Desk, words: list[str], answer: str) -> None:
    """Exit 7, and the store is as it was."""
    before = content(floor.store)
    with terminal(floor, "reset", *words) as screen:
        screen.wait_for("o on")
        screen.type(f"{answer}\r")
        assert screen.end() == 7
        assert "not confirmed" in screen.text
    assert content(floor.store) == before


@pytest.mark.parametrize(("answer", "code"), [("acme", 0), ("no", 7)])
def test_deactivating_who_is_missing_asks_for_the_account(
    floor: Desk, tmp_path: Path, answer: str, code: int
) -> None:
    """The question says how many; a wrong word imports no row either."""
    (tmp_path / "people.csv").write_text(PEOPLE.replace("Alice", "Another"))
    words = [str(tmp_path / "people.csv"), *MISSING, "acme"]
    with terminal(floor, "import", *words) as screen:
        shown = screen.wait_for("Type acme to go on: ")
        screen.type(f"{answer}\r")
        assert screen.end() == code
    # vera, lara, uma and otto; ina and ludo are inactive already
    assert "4 users of acme are deactivated" in " ".join(shown.split())
    users = users_of(floor)
    assert users["alice"].display_name == ("Alice" if code else "Another")
    active = {name for name, user in users.items() if user.active}
    assert active == ({"alice", "gus"} if code == 0 else active | {"vera", "lara", "uma", "otto"})


@pytest.mark.parametrize("name", ["there", "missing/pins.csv", "store/pins.csv"])
def test_an_impossible_file_is_refused_before_the_question(
    floor: Desk, tmp_path: Path, name: str
) -> None:
    """So nobody confirms in vain."""
    (tmp_path / "there").write_text("mine")
    path = floor.store / "pins.csv" if name.startswith("store") else tmp_path / name
    with terminal(floor, "reset", "--all", "--output", str(path)) as screen:
        assert screen.end() in (2, 7)
        assert "to go on" not in screen.text


AT_ONCE = {**SMALL_CHUNKS, "pincli.views.progress:_APPEARS_AFTER": 0.0}
"""Small chunks, and a bar that does not wait for a second."""


@contextmanager
def with_a_bar(desk: Desk, *arguments: str, slow: float = 0.0) -> Iterator[Terminal]:
    """A run in a terminal whose bar appears at once, and whose steps may take their time."""
    command = (*app(sizes=AT_ONCE, slow=slow), *arguments)
    with any_terminal(command, desk.environment(PYTHONPATH=str(ROOT))) as screen:
        yield screen


@pytest.fixture
def work(desk: Desk, tmp_path: Path) -> dict[str, list[str]]:
    """Bulk commands of several chunks, by name."""
    crowd(desk, 200)
    names = [f"u{number:06}" for number in range(200)]
    (tmp_path / "names").write_text("\n".join(names))
    rows = "".join(f"{name},acme,Another,cloud\n" for name in names)
    (tmp_path / "people.csv").write_text(f"user,account,name,type\n{rows}")
    return {
        "reset": ["reset", "--account", "acme", "--yes"],
        "issue": ["reset", "--account", "acme", "--yes", "--issue"],
        "import": ["import", str(tmp_path / "people.csv")],
        "switch": ["user", "deactivate", "--from-file", str(tmp_path / "names")],
    }


@pytest.mark.parametrize("name", ["reset", "issue", "import", "switch"])
def test_a_bar_shows_how_far_it_is(desk: Desk, work: dict[str, list[str]], name: str) -> None:
    """It is gone when the answer comes."""
    with with_a_bar(desk, *work[name]) as screen:
        screen.wait_for("/200")
        assert screen.end() == 0
        hidden, shown = screen.raw.rindex(HIDE_CURSOR), screen.raw.rindex(SHOW_CURSOR)
    assert hidden < shown < screen.raw.rindex("\u2714".encode())


@pytest.mark.parametrize("name", ["reset", "import"])
def test_no_bar_when_piped(desk: Desk, work: dict[str, list[str]], name: str) -> None:
    """Even for long work, stderr is empty and stdout has no escapes."""
    ended = subprocess.run(
        [*app(sizes=AT_ONCE), *work[name]],
        capture_output=True,
        env=desk.environment(),
        cwd=ROOT,
        check=True,
    )
    assert ended.stderr == b""
    assert b"\x1b" not in ended.stdout


def test_checking_a_large_file_shows_a_bar_too(desk: Desk, tmp_path: Path) -> None:
    """Reading and checking all the rows can take longer than writing them."""
    rows = "".join(f"u{number},acme,Name,cloud\n" for number in range(5_000))
    (tmp_path / "people.csv").write_text(f"user,account,name,type\n{rows}")
    with with_a_bar(desk, "import", str(tmp_path / "people.csv"), "--dry-run") as screen:
        assert screen.end() == 0
        assert HIDE_CURSOR in screen.raw
