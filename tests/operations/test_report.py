"""The report: right figures on a terminal, in JSON and as a safe page."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from pincli.errors import UnknownUser
from pincli.operations import locks, people
from pincli.operations.report import LONGEST, report
from pincli.operations.verify import verify
from pincli.rules.times import present, written
from tests.support.ageing import days_ago, long_ago
from tests.support.contract import answer_of, call, error_of
from tests.support.desk import Desk
from tests.support.driving import RIGHT, WRONG
from tests.support.gallery import in_zone
from tests.support.terminal import terminal

pytestmark = pytest.mark.engines

HOSTILE = "<script src=//evil.example/x>alert(1)</script>"
AUCKLAND, LOS_ANGELES = "NZST-12NZDT,M9.5.0,M4.1.0/3", "PST8PDT,M3.2.0,M11.1.0"
LOADING = frozenset({"src", "href", "srcset", "data", "action", "background", "poster", "style"})


@pytest.fixture
def floor(desk: Desk) -> Desk:
    """Two weeks: amy's callers are right, mia's are not, lea unlocks and deactivates."""
    for user in ("alice", "bob", "carol", "dave"):
        desk.collected(user)
    desk.collected("gus", "globex")
    for days, agent, user, pins in (
        *((9, "amy", "alice", [RIGHT]), (9, "amy", "gus", [WRONG, RIGHT])),
        *((3, "amy", "alice", [WRONG, RIGHT]), (3, "mia", "bob", [WRONG] * 6)),
        *((2, "mia", user, [WRONG]) for user in ("carol", "dave")),
        (0, "amy", "gus", [RIGHT, RIGHT]),
    ):
        with long_ago(days, desk), desk.session(agent=agent, command="verify") as session:
            for pin in pins:
                verify(session, user, pin, None)
    with desk.session(agent="lea", command="unlock") as session:
        locks.unlock(session, "bob", HOSTILE)
    with desk.session(agent="lea", command="user deactivate") as session:
        people.set_active(session, "dave", active=False, reason=None)
    return desk


def reported(desk: Desk, more: str = "") -> dict[str, Any]:
    return answer_of(call(desk, f"report --json {more}"))


def test_the_figures(floor: Desk) -> None:
    """Of the span and of the one before; unresolved users; what admins did."""
    with floor.session(agent="lea", command="user erase") as session, pytest.raises(UnknownUser):
        people.require_user(session, "nobody")
    answer = reported(floor)
    assert answer["totals"] == {"verified": 3, "incorrect": 9, "locked": 1, "unlocked": 1}
    assert answer["before"] == {"verified": 2, "incorrect": 1, "locked": 0, "unlocked": 0}
    assert sum(day["incorrect"] for day in answer["days"]) == 9
    assert len(answer["days"]) == 7
    assert [(row["account"], row["unresolved"]) for row in answer["accounts"]] == [("acme", 3)]
    assert [(row["agent"], row["unresolved"]) for row in answer["agents"]] == [("mia", 3)]
    done = {each["what"]: (each["times"], each["users"], each["by"]) for each in answer["done"]}
    assert done["unlock"] == (1, 1, [{"agent": "lea", "times": 1}])
    assert done["user deactivate"] == (1, 1, [{"agent": "lea", "times": 1}])
    assert done.keys() & {"verify", "user erase"} == set()
    assert answer["states"]["inactive"] == 1
    assert (answer["made_by"], answer["sealed"]) != (None, 0)
    assert set(answer["signs"]) >= {"accounts", "agents", "users"}


def test_what_was_done_again_counts_again(desk: Desk, tmp_path: Path) -> None:
    """Users and times are two figures; an import of many is once."""
    people_file = tmp_path / "people.csv"
    people_file.write_text("user,account,name,type\na,acme,A,cloud\nb,acme,B,cloud\n")
    assert call(desk, f"import {people_file}").code == 0
    for days in (2, 1):
        with long_ago(days, desk), desk.session(agent="lea", command="unlock") as session:
            locks.lock(session, [people.require_user(session, "a")], reason="a rat")
            locks.unlock(session, "a", "rang")
    done = {each["what"]: (each["times"], each["users"]) for each in reported(desk)["done"]}
    assert done["unlock"] == (2, 1)
    assert done["import"] == (1, 2)


def test_those_with_a_sign_come_first(floor: Desk) -> None:
    """Then those with the most unresolved users, ten at most."""
    with floor.session() as session:
        since = days_ago(6)
        signed = {"globex"}, {"amy"}
        result = report(session, since, by="lea", signs=signed)
        assert [name for name, _ in result.accounts] == ["globex", "acme"]
        assert [name for name, _ in result.agents] == ["amy", "mia"]
        none = report(session, since, by="lea", signs=(set(), set()))
        assert [name for name, _ in none.agents] == ["mia"]


def test_a_span_of_a_day_begins_at_the_given_time(floor: Desk) -> None:
    """Future events are not counted."""
    assert reported(floor, "--since 1h")["totals"]["verified"] == 2
    now = present() - timedelta(days=2, hours=12)
    with floor.session() as session:
        day_before = written(now - timedelta(days=1))  # rounded down: a little more than a day
        result = report(session, day_before, by="x", signs=(set(), set()), now=now)
    assert result.since == day_before
    assert (result.now.verified, result.before.verified) == (1, 0)


@pytest.mark.folder
@pytest.mark.parametrize(
    ("zone", "since", "begins"),
    [
        ("UTC", "2026-11-01T00:00:00Z", "2026-11-01T00:00:00Z"),
        ("UTC", "2026-11-01T00:00:01Z", "2026-11-02T00:00:00Z"),
        (AUCKLAND, "2026-11-01T10:59:00Z", "2026-11-01T11:00:00Z"),
        (LOS_ANGELES, "2026-11-01T07:00:01Z", "2026-11-02T08:00:00Z"),
        (LOS_ANGELES, "2026-11-01T20:00:00Z", "2026-11-02T08:00:00Z"),
    ],
)
def test_a_longer_span_begins_at_a_local_midnight(
    desk: Desk, zone: str, since: str, begins: str
) -> None:
    """On a day of 25 hours too."""
    now = datetime(2026, 11, 7, 12, tzinfo=UTC)
    with in_zone(zone), desk.session() as session:
        result = report(session, since, by="x", signs=(set(), set()), now=now)
    assert result.since == begins


@pytest.mark.folder
@pytest.mark.parametrize("since", [f"{LONGEST.days + 1}d", "2999-01-01"])
def test_an_impossible_span_is_wrong_usage(desk: Desk, since: str) -> None:
    """Too long, or in the future."""
    message, _ = error_of(call(desk, f"report --since {since}"))
    assert "45 days at most" in message


@pytest.mark.folder
def test_an_empty_store_has_a_report(desk: Desk, tmp_path: Path) -> None:
    """Without a division by zero."""
    ran = call(desk, f"report --html {tmp_path}/r.html")
    assert "init" in ran.out
    assert "no signs of an attack" in ran.out
    assert "<svg" in (tmp_path / "r.html").read_text()


class _Page(HTMLParser):
    """Collects a page's tags, loading attributes and text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.loading: list[tuple[str, str | None]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.loading += [(name, value) for name, value in attrs if name in LOADING]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_the_page_is_one_safe_file(floor: Desk, tmp_path: Path) -> None:
    """No script, nothing loaded from outside, hostile text escaped, mode 0600."""
    path = tmp_path / "report.html"
    assert reported(floor, f"--html {path}")["file"] == str(path)
    text = path.read_text()
    page = _Page()
    page.feed(text)
    assert page.tags.isdisjoint({"script", "link", "img", "iframe", "object", "form", "a", "base"})
    assert {name for name, _ in page.loading} == {"style"}
    assert all(re.fullmatch(r"background:var\(--\w+\)", value or "") for _, value in page.loading)
    assert "url(" not in text
    assert "@import" not in text
    assert "http:" not in text
    assert "default-src 'none'" in text
    assert HOSTILE in "".join(page.words)
    assert {"mia", "acme", "unlock", "lea"} <= {*page.words}
    assert "color-scheme:light dark" in text
    assert "width=device-width" in text
    assert path.stat().st_mode & 0o777 == 0o600
    assert call(floor, f"report --html {path}").code == 7
    assert path.read_text() == text


def test_it_fits_a_terminal(floor: Desk) -> None:
    """In 80 columns, with signs first."""
    with terminal(floor, "report") as screen:
        screen.end()
        shown = screen.text
    assert max(map(len, shown.splitlines())) <= 80
    assert shown.index("sign") < shown.index("not verified") < shown.index("what admins did")
