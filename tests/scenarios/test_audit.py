"""`pincli audit`: listing, following and checking the trail, as the command line does it."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from pincli.models import EventKind, NewEvent
from pincli.operations import keys, locks
from pincli.operations.keys import KeyKind
from pincli.operations.session import Need
from pincli.operations.verify import verify
from pincli.rules.texts import unescape_formula
from pincli.store.steps.people import record
from tests.commands.table import EVENT
from tests.support.ageing import long_ago
from tests.support.contract import answer_of, call
from tests.support.desk import PROGRAM, Desk, Ran, new_desk
from tests.support.driving import RIGHT, WRONG
from tests.support.floor import copy_of
from tests.support.terminal import terminal


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """Two accounts, two agents and several kinds of events."""
    desk = new_desk(tmp_path_factory.mktemp("audit"))
    desk.collected("alice")
    desk.collected("gus", "globex")
    with desk.session(agent="amy", command="verify") as session:
        verify(session, "alice", RIGHT, "T-1")
        for _ in range(6):
            verify(session, "gus", WRONG, None)
    with desk.session(agent="lea", command="unlock") as session:
        locks.unlock(session, "gus", "rang")
    with desk.session(agent="lea", command="keys rotate") as session:
        keys.rotate(session, KeyKind.AUDIT)
    return desk


@pytest.fixture
def busy(template: Desk, tmp_path: Path) -> Desk:
    """The same for one test alone."""
    return copy_of(template, tmp_path)


def events_of(ran: Ran) -> list[dict[str, Any]]:
    """The events in an answer."""
    assert ran.code == 0, ran
    events: list[dict[str, Any]] = ran.answer["events"]
    return events


FILTERS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "": lambda e: True,
    "--user gus": lambda e: e["user"] == "gus",
    "--user GUS": lambda e: e["user"] == "gus",
    "--account globex": lambda e: e["account"] == "globex",
    "--account Acme": lambda e: e["account"] == "acme",
    "--agent amy": lambda e: e["agent"] == "amy",
    "--agent AMY": lambda e: False,
    "--kind locked": lambda e: e["kind"] == "locked",
    "--kind key_rotated": lambda e: e["kind"] == "key_rotated",
    "--user gus --agent amy --kind incorrect": lambda e: e["kind"] == "incorrect",
    "--kind verify": lambda e: e["command"] == "verify",
    "--kind 'keys rotate'": lambda e: e["command"] == "keys rotate",
    "--ticket T-1": lambda e: e["ticket"] == "T-1",
    "--ticket T-2": lambda e: False,
    "--until 2999-01-01": lambda e: True,
    "--until 1h": lambda e: False,
    "--since 1h": lambda e: True,
    "--since 2999-01-01": lambda e: False,
    "--since 2020-01-01T00:00+05:00": lambda e: True,
}


@pytest.mark.parametrize("line", FILTERS)
def test_a_list_fits_its_filter(busy: Desk, line: str) -> None:
    """A list has every event that fits the filter, the newest first."""
    everything = events_of(call(busy, "audit list --json --limit 1000"))
    assert [event["seq"] for event in everything] == list(range(len(everything), 0, -1))
    assert all(set(event) == EVENT for event in everything)
    expected = [event for event in everything if FILTERS[line](event)]
    assert events_of(call(busy, f"audit list {line} --json")) == expected
    lines = call(busy, f"audit list {line} --jsonl").out.splitlines()
    assert [json.loads(each) for each in lines] == expected
    table = call(busy, f"audit list {line}")
    assert table.code == 0
    rows = table.out.splitlines()[1:] if expected else []
    assert [int(row.split()[0]) for row in rows] == [event["seq"] for event in expected]
    assert expected or table.out == "no such events\n"


def test_json_lines_are_complete_by_default(desk: Desk) -> None:
    """JSON lines are complete by default; the table shows the latest fifty."""
    for number in range(60):
        desk.add(f"u{number}")
    everything = desk.sql("SELECT count(*) FROM trail")[0][0]
    assert len(call(desk, "audit list --jsonl --since 24h").out.splitlines()) == everything > 60
    *_, cut = rows = call(desk, "audit list").out.splitlines()
    assert len(rows) == 52
    assert cut.startswith(f"50 of {everything}; ")


@pytest.mark.engines
@pytest.mark.parametrize("words", ["", "--user gus", "--kind verify", "--after 3", "--since 1h"])
def test_what_is_cut_is_counted(floor: Desk, words: str) -> None:
    """A list has the total, and whether it is truncated."""
    every = answer_of(call(floor, f"audit list {words} --json --limit 1000"))
    assert (every["total"], every["truncated"]) == (len(every["events"]), False)
    for limit in (1, max(1, every["total"])):
        some = answer_of(call(floor, f"audit list {words} --json --limit {limit}"))
        assert some["events"] == every["events"][:limit]
        assert (some["total"], some["truncated"]) == (every["total"], limit < every["total"])


@pytest.mark.engines
def test_above_a_number_the_oldest_come_first(floor: Desk) -> None:
    """With `--after` events come in order, to the end, so that a collector can go on."""
    last = events_of(call(floor, "audit list --json --limit 1"))[0]["seq"]
    for form in ("--jsonl", "--format csv", "--jsonl --limit 3"):
        out = call(floor, f"audit list {form} --after {last - 5}").out.splitlines()
        found = [int(re.search(r"\d+", line)[0]) for line in out if not line.startswith("seq")]  # type: ignore[index]
        assert found == list(range(last - 4, last + 1))[: 3 if "3" in form else 5]
    assert call(floor, f"audit list --jsonl --after {last}").out == ""


def test_archived_events_are_a_warning(tmp_path: Path) -> None:
    """A late collector gets the rest, and a warning about archived events."""
    with long_ago(90):
        desk = new_desk(tmp_path)
        desk.collected("alice")
    gone = desk.events()[-1].seq
    desk.add("bob")
    archive = ["audit", "archive", "--before", "60d", "--output", str(tmp_path / "archive")]
    assert call(desk, archive).code == 0
    for after in (0, gone - 1, gone):
        ran = call(desk, f"audit list --jsonl --after {after}")
        assert next(json.loads(line)["seq"] for line in ran.out.splitlines()) == gone + 1
        warned = f"events {after + 1} to {gone} are not in the store" in ran.err
        assert warned is (after < gone)
    assert answer_of(call(desk, "audit list --json --after 0"))["total"] == len(desk.events())


def test_a_slip_is_answered_with_near_names(busy: Desk) -> None:
    """A mistyped filter is exit 6 with near names, except for names that have events."""
    for line, near in (("--user alcie", "alice"), ("--account globx", "globex")):
        ran = call(busy, f"audit list {line}")
        assert (ran.code, ran.out) == (6, "")
        assert near in ran.err
    assert call(busy, "verify malory --pin-stdin", f"{RIGHT}\n").code == 6
    (event,) = events_of(call(busy, "audit list --user malory --json"))
    assert event["outcome"] == "unknown_user"


def test_a_table_for_a_spreadsheet(busy: Desk) -> None:
    """CSV has the values of the JSON, and no cell is a formula."""
    assert call(busy, ["lock", "alice", "--reason", "=HYPERLINK(1)"]).code == 0
    out = call(busy, "audit list --format csv").out
    rows = list(csv.DictReader(io.StringIO(out, newline="")))
    every = events_of(call(busy, "audit list --json --limit 1000"))
    assert rows[0]["reason"] == "'=HYPERLINK(1)"
    assert [{name: unescape_formula(cell) for name, cell in row.items()} for row in rows] == [
        {name: "" if value is None else str(value) for name, value in event.items()}
        for event in every
    ]


def test_since_cuts_at_the_second(busy: Desk) -> None:
    """`--since` includes events of that second."""
    for ago, seq in ((3, 1), (2, 2), (1, 3)):
        busy.sql("UPDATE trail SET at = ? WHERE number = ?", f"2030-01-01T00:00:0{9 - ago}Z", seq)
    found = events_of(call(busy, "audit list --json --since 2030-01-01T00:00:07Z"))
    assert [event["seq"] for event in found] == [3, 2]
    found = events_of(call(busy, "audit list --json --since 2030-01-01T02:00:07+02:00"))
    assert [event["seq"] for event in found] == [3, 2]


@contextmanager
def following(desk: Desk, *options: str) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """Follow the trail until the end of the block; gives the process and its stdout."""
    with desk.start("audit", "list", "--follow", *options) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout
        finally:
            process.kill()


def test_new_events_appear(busy: Desk) -> None:
    """`--follow` prints old events, then new ones, until Ctrl-C."""
    with following(busy, "--jsonl", "--limit", "2") as (process, lines):
        head = events_of(call(busy, "audit list --json --limit 2"))[::-1]
        assert [json.loads(lines.readline()) for _ in head] == head
        for pin, kinds in ((WRONG, ["attempt", "incorrect"]), (RIGHT, ["attempt", "verified"])):
            with busy.session() as session:
                verify(session, "alice", pin, None)
            new = [json.loads(lines.readline()) for _ in kinds]
            assert [event["kind"] for event in new] == kinds
            assert new == events_of(call(busy, "audit list --json --limit 2"))[::-1]
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
        assert process.returncode == 130
        assert out == b""


@pytest.mark.engines
def test_following_goes_on_above_a_number(floor: Desk) -> None:
    """`--follow --after N` prints each event above N exactly once."""
    last = events_of(call(floor, "audit list --json --limit 1"))[0]["seq"]
    with following(floor, "--jsonl", "--after", str(last - 3)) as (_, lines):
        assert [json.loads(lines.readline())["seq"] for _ in range(3)] == [last - 2, last - 1, last]
        with floor.session() as session:
            verify(session, "alice", RIGHT, None)
        assert [json.loads(lines.readline())["seq"] for _ in range(2)] == [last + 1, last + 2]


def test_following_keeps_to_the_filter(busy: Desk) -> None:
    """`--follow` keeps to the filter, also if nothing fits at first."""
    with following(busy, "--kind", "unlocked", "--user", "alice", "--jsonl") as (_, lines):
        with busy.session() as session:
            for _ in range(6):
                verify(session, "alice", WRONG, None)
            locks.unlock(session, "alice", "rang")
        event = json.loads(lines.readline())
        assert (event["kind"], event["user"]) == ("unlocked", "alice")


def test_nothing_is_missed_at_the_beginning(busy: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event between the first list and the first look for new ones is shown."""
    from pincli.commands import audit
    from pincli.store.sql.trail import SqlTrail

    latest, looks = SqlTrail.newest_first, []

    def listing(trail: SqlTrail, *arguments: Any, **options: Any) -> Any:
        pages = list(latest(trail, *arguments, **options))
        with busy.session() as session:
            verify(session, "alice", WRONG, None)
        return iter(pages)

    def enough(_seconds: float) -> None:
        looks.append(1)
        if len(looks) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(SqlTrail, "newest_first", listing)
    monkeypatch.setattr(audit, "time", type("Clock", (), {"sleep": staticmethod(enough)}))
    ran = call(busy, "audit list --follow --jsonl --user alice --kind incorrect")
    assert ran.code == 130
    assert [json.loads(line)["kind"] for line in ran.out.splitlines()] == ["incorrect"]


def test_following_in_a_terminal(busy: Desk) -> None:
    """In a terminal each event is a line; Ctrl-C ends it."""
    with terminal(busy, "audit", "list", "--follow", "--user", "gus", "--limit", "1") as screen:
        screen.wait_for("unlocked")
        with busy.session() as session:
            verify(session, "gus", RIGHT, "T-77")
        assert "ticket T-77" in screen.wait_for("verified  gus  ticket T-77")
        screen.type("\x03")
        assert screen.end() == 130


def test_a_check_prints_the_head(busy: Desk) -> None:
    """A check prints the head, and accepts it with `--expect-head`."""
    head = call(busy, "audit verify --json").answer["head"]
    (later,) = re.findall(r"head +([0-9]+:[0-9a-f]{64}) ", call(busy, "audit verify").out)
    other = later[:-1] + ("1" if later.endswith("0") else "0")
    for earlier, code in ((head, 0), (later, 0), (other, 8)):
        assert call(busy, ["audit", "verify", "--expect-head", earlier]).code == code


def test_every_kind_can_be_asked_for(busy: Desk) -> None:
    """`--kind` takes every kind of event."""
    for kind in EventKind:
        assert call(busy, f"audit list --kind {kind} --jsonl").code == 0


def test_a_long_list_held_open_blocks_nobody(busy: Desk) -> None:
    """While `audit list | less` waits with a full pipe, agents verify."""
    event = NewEvent(EventKind.REFUSED, name="n" * 60, outcome="unknown_user")
    with busy.session(Need.WRITE) as session:
        session.store.write(record, *[event] * 600)
    read, write = os.pipe()
    with subprocess.Popen(
        [*PROGRAM, "audit", "list", "--jsonl", "--limit", "1000"],
        stdout=write,
        env=busy.environment(),
    ) as process:
        os.close(write)
        os.read(read, 100)
        assert process.poll() is None
        with busy.session() as session:
            verify(session, "alice", RIGHT, None)
        assert process.poll() is None
        with os.fdopen(read, "rb") as rest:
            rest.read()
        assert process.wait(30) == 0
