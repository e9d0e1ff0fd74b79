"""Points in time as people write them after --since."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pincli.errors import UsageProblem
from pincli.rules.times import since
from tests.support.gallery import in_zone

NOW = datetime(2026, 11, 24, 12, 30, 15, 999999, tzinfo=UTC)
FORM = "%Y-%m-%dT%H:%M:%SZ"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0s", "2026-11-24T12:30:15Z"),
        ("45s", "2026-11-24T12:29:30Z"),
        ("30m", "2026-11-24T12:00:15Z"),
        ("24h", "2026-11-23T12:30:15Z"),
        ("1d", "2026-11-23T12:30:15Z"),
        ("7d", "2026-11-17T12:30:15Z"),
        ("2w", "2026-11-10T12:30:15Z"),
        (" 24h ", "2026-11-23T12:30:15Z"),
        ("2026-11-24", "2026-11-24T00:00:00Z"),
        ("2026-11-24T08:00", "2026-11-24T08:00:00Z"),
        ("2026-11-24 08:00:59", "2026-11-24T08:00:59Z"),
        ("2026-11-24T08:00:00Z", "2026-11-24T08:00:00Z"),
        ("2026-11-24T08:00+02:00", "2026-11-24T06:00:00Z"),
        ("2026-11-24T00:30-05:30", "2026-11-24T06:00:00Z"),
        ("2026-11-24T00:30+02:00", "2026-11-23T22:30:00Z"),
        ("2026-11-24T08:00:00.750", "2026-11-24T08:00:00Z"),
        ("2028-02-29", "2028-02-29T00:00:00Z"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
    ],
)
def test_a_time_is_understood(text: str, expected: str) -> None:
    """A time ago, a date, or a full time with or without a zone."""
    with in_zone("UTC"):
        assert since(text, now=NOW) == expected


def test_without_a_zone_it_is_local() -> None:
    """A time that the screen shows can be typed."""
    with in_zone("CET-1"):
        assert since("2026-11-24 08:00", now=NOW) == "2026-11-24T07:00:00Z"


@pytest.mark.parametrize(
    "text",
    ["", " ", "h", "24", "24x", "24H", "-1h", "+1h", "1.5h", "1h30m", "24 h", "1234567h",
     "yesterday", "2026-02-30", "2026-13-01", "24.11.2026", "2026-11-24T25:00", "12:30",
     "\u0662\u0664h", "9999999w", "999999w", "0001-01-01T00:00+05:00",
     "9999-12-31T23:00-05:00", "2026-11-24T08:00+25:00", "24h\0", "\udcff"],
)  # fmt: skip
def test_what_is_no_time_is_refused(text: str) -> None:
    """It is a usage error with a hint, and never another error."""
    with pytest.raises(UsageProblem):
        since(text, now=NOW)


@given(st.text(max_size=30))
def test_no_text_is_a_bug(text: str) -> None:
    """Any text is a time in the form of events, or refused."""
    try:
        found = since(text, now=NOW)
    except UsageProblem:
        return
    assert len(found) == len("2026-11-24T12:30:15Z")
    assert found.endswith("Z")


@given(
    st.datetimes(timezones=st.timezones(), allow_imaginary=False)
    | st.datetimes(timezones=st.just(UTC))
)
def test_a_full_time_is_the_same_moment(moment: datetime) -> None:
    """In any zone, and to the second."""
    try:
        expected = moment.astimezone(UTC).replace(microsecond=0)
        found = since(moment.isoformat())
    except (OverflowError, UsageProblem):
        return
    assert datetime.fromisoformat(found) == expected


@given(st.integers(0, 999_999), st.sampled_from("smhdw"))
@example(600_000, "d")
@example(90_000, "w")
def test_ago_is_never_after_now(number: int, unit: str) -> None:
    """Times are compared as text, so a year before 1000 has four digits too."""
    try:
        found = since(f"{number}{unit}", now=NOW)
    except UsageProblem:
        assert unit in "dw"
        return
    assert found <= NOW.strftime(FORM)
    assert len(found) == len("2026-11-24T12:30:15Z")


def test_without_a_clock_it_is_now() -> None:
    """The present time is the system's."""
    before = datetime.now(UTC).replace(microsecond=0)
    assert before <= datetime.fromisoformat(since("0s")) <= datetime.now(UTC)
