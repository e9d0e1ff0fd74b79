"""`pincli find`, as an agent sees it."""

from __future__ import annotations

import pytest

from tests.support.contract import answer_of, call
from tests.support.desk import Desk

pytestmark = pytest.mark.engines


@pytest.fixture
def smiths(floor: Desk) -> Desk:
    """The floor, with 26 people of the account `smith & sons`, one of them o'brien."""
    for number in range(25):
        floor.add(f"s{number:02}", "smith & sons")
    floor.add("o'brien", "smith & sons")
    return floor


def test_twenty_are_shown_and_the_others_counted(smiths: Desk) -> None:
    """At most 20 are shown and the others counted; JSON has the numbers."""
    lines = call(smiths, "find smith").out.splitlines()
    assert lines[0].split() == ["user", "account", "state", "name"]
    assert lines[1].split() == ["o'brien", "smith", "&", "sons", "uncollected", "O'Brien"]
    assert lines[21] == "and 6 more: add a first name or the company"
    answer = answer_of(call(smiths, "find smith --json"))
    assert (len(answer["users"]), answer["more"], answer["all_counted"]) == (20, 6, True)
    assert set(answer["users"][0]) == {
        *("user", "account", "name", "type", "active", "state", "added_at", "email")
    }


def test_the_next_step_is_quoted(smiths: Desk) -> None:
    """`find` prints a next command for one certain person who can be verified, quoted."""
    smiths.collected("$(id)", "smith & sons")
    out = call(smiths, ["find", "$(id)"]).out
    assert "next: pincli verify '$(id)' --account 'smith & sons'" in out
    assert "next:" not in call(smiths, "find smith").out
    assert "next:" not in call(smiths, ["find", "lara"]).out  # locked


def test_nobody_found_is_an_event_without_the_words(smiths: Desk) -> None:
    """Nobody found is exit 0 with near words; no word of the search is in the trail."""
    before = len(smiths.events())
    ran = call(smiths, "find smiht 444159 zanzibar")
    assert (ran.code, ran.out, ran.err) == (0, "nobody fits\n", "")
    assert "near words: sons" in call(smiths, "find smith snos").out
    for event in smiths.events()[before:]:
        assert (event.kind, event.outcome, event.command) == ("refused", "not_found", "find")
        assert (event.user, event.reason, event.ticket) == (None, None, None)
    assert call(smiths, "find alice").out.startswith("user ")
    assert len(smiths.events()) == before + 2
