"""The answers of `audit list` and `audit verify`."""

from __future__ import annotations

import json

import pytest

from pincli.models import EventKind, Head
from pincli.results import Event, Listed, TrailReport
from pincli.views import audit
from pincli.views.exit_codes import ExitCode
from tests.support.gallery import in_zone
from tests.views.records import HOSTILE
from tests.views.screens import ASCII, UNCOLOURED, piped

HEAD = Head(42, b"\xab" * 32)
EVENT = Event(
    seq=7,
    at="2026-11-24T11:30:00Z",
    agent="amy",
    command="verify",
    kind=EventKind.INCORRECT,
    user="alice",
    account="acme",
    attempt=6,
    outcome="incorrect",
    attempts_used=1,
    pin_version=2,
    reason=None,
    ticket="T-1",
    mac="cd" * 32,
)


def test_a_line_of_json_is_the_event() -> None:
    """One line of ASCII with every column by its name."""
    (line,) = audit.json_lines([EVENT._replace(reason="caf\u00e9\n\x1b")])
    assert line.endswith("\n")
    assert line.count("\n") == 1
    assert line.isascii()
    assert json.loads(line) == {**EVENT._asdict(), "reason": "caf\u00e9\n\x1b"}


def test_a_line_of_text_leaves_out_empty_columns() -> None:
    """It names ticket and reason, repeats no outcome, and shows local time."""
    refused = EVENT._replace(
        kind=EventKind.REFUSED, outcome="locked", user=None, ticket=None, reason="why"
    )
    with in_zone("CET-1"):
        line, other = audit.lines([EVENT, refused])
    assert line == "7  2026-11-24 12:30:00  amy  incorrect  alice  ticket T-1\n"
    assert other == "7  2026-11-24 12:30:00  amy  refused  locked; reason: why\n"


@pytest.mark.parametrize("text", HOSTILE, ids=repr)
def test_hostile_text_stays_on_its_line(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every form of a list escapes what is in the store."""
    event = EVENT._replace(
        agent=text, command=text, user=text, account=text, outcome=text, reason=text, ticket=text
    )
    for locale, display in (("C.UTF-8", UNCOLOURED), ("C", ASCII)):
        monkeypatch.setenv("LC_ALL", locale)
        (line,) = audit.lines([event])
        assert line.count("\n") == 1
        assert line[:-1].isprintable()
        table = piped(audit.listing(Listed(iter([[event]]), 1), 50).screen(), display)
        assert table.count("\n") == 2
        assert all(each.isprintable() for each in table.splitlines())
    assert all(line.isascii() for line in audit.json_lines([event]))


def test_a_trail_that_is_intact() -> None:
    """The answer has the number of events and the head."""
    answer = audit.checked(TrailReport(42, HEAD, None, None))
    assert answer.facts == {
        "events": 42,
        "first": 1,
        "head": f"42:{'ab' * 32}",
        "bad_event": None,
        "finding": None,
    }
    assert (answer.problem, answer.exit_code) == (None, ExitCode.DONE)
    text = piped(answer.screen())
    assert "untouched" in text
    assert str(HEAD) in text


@pytest.mark.parametrize(
    ("seq", "finding", "message"),
    [
        (7, "the event is missing", "the store was tampered with: event 7: the event is missing"),
        (None, "the record of bob", "the store was tampered with: the record of bob"),
    ],
)
def test_a_finding(seq: int | None, finding: str, message: str) -> None:
    """Exit 8, the number of the event if there is one, and a hint."""
    answer = audit.checked(TrailReport(6, HEAD._replace(number=6), seq, finding))
    assert answer.exit_code is ExitCode.UNAVAILABLE
    assert answer.problem is not None
    assert (answer.problem.code, answer.problem.message) == ("tampered", message)
    assert answer.problem.hint
    assert (answer.facts["bad_event"], answer.facts["finding"]) == (seq, finding)


def test_a_trail_that_is_bad_from_the_first_event_has_no_head() -> None:
    """No head that an admin could note down and trust later."""
    report = TrailReport(0, Head(0, b"the store's id"), 1, "the event is missing")
    assert audit.checked(report).facts["head"] is None
