"""Times as people say them, in local time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pincli.views.times import local_time, relative_time
from tests.support import gallery


@pytest.mark.parametrize(
    ("ago", "words"),
    [
        ({"seconds": -30}, "just now (15:30:30)"),
        ({"seconds": -90}, "2026-11-24 15:31:30"),
        ({"seconds": 59}, "just now (15:29:01)"),
        ({"seconds": 60}, "1 min ago (15:29:00)"),
        ({"minutes": 59, "seconds": 59}, "59 min ago (14:30:01)"),
        ({"hours": 1}, "today 14:30:00"),
        ({"hours": 15, "minutes": 30}, "today 00:00:00"),
        ({"hours": 15, "minutes": 30, "seconds": 1}, "yesterday 23:59:59"),
        ({"hours": 39, "minutes": 30}, "yesterday 00:00:00"),
        ({"hours": 39, "minutes": 30, "seconds": 1}, "2026-11-22 23:59:59"),
        ({"days": 200}, "2026-05-08 15:30:00"),
    ],
)
def test_how_a_time_is_shown(ago: dict[str, int], words: str) -> None:
    """A day ends at local midnight, and the future has a date."""
    with gallery.clock() as fixed, gallery.in_zone("CET-1"):
        fixed.at(**ago)
        at = f"{fixed.now:%Y-%m-%dT%H:%M:%SZ}"
        fixed.at()
        assert relative_time(at) == words


def test_minutes_count_past_midnight() -> None:
    """A minute ago is not `yesterday`."""
    with gallery.clock() as fixed:
        fixed.at(hours=14, minutes=29)
        assert relative_time("2026-11-23T23:58:00Z") == "3 min ago (23:58:00)"


def test_each_day_has_its_own_offset() -> None:
    """Summer time counts in summer only."""
    with gallery.in_zone("CET-1CEST,M3.5.0,M10.5.0/3"):
        assert [local_time(f"2026-{month}-01T12:00:00Z") for month in ("07", "12")] == [
            "2026-07-01 14:00:00",
            "2026-12-01 13:00:00",
        ]


@given(st.text(max_size=24) | st.sampled_from(["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"]))
def test_what_is_not_a_time_is_returned_unchanged(text: str) -> None:
    """The store may hold anything; it never ends as a bug."""
    for zone in ("CET-1", "EST5"):
        with gallery.in_zone(zone):
            assert relative_time(text) == local_time(text)
