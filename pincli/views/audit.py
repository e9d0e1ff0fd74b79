"""The audit trail as a list and as lines, and the results of its check, archive and seal."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from pincli.config import read_display
from pincli.results import Archived, Event, Listed, TrailReport
from pincli.rules.texts import escape_formula
from pincli.views.answer import Answer, Problem
from pincli.views.blocks import Fields, Headline, Next, Note, Table, Tone, counted
from pincli.views.exit_codes import ExitCode
from pincli.views.sanitiser import command, shown
from pincli.views.times import local_time, relative_time
from pincli.views.verdict import with_script


def listing(listed: Listed, limit: int) -> Answer:
    """The answer of `audit list`.

    Args:
        listed: The events, in order.
        limit: How many of them are listed at most.
    """
    pages, total = listed
    truncated = total > limit
    cut = f"{limit:,} of {total:,}; --limit N shows more, --jsonl everything"
    return Answer(
        {
            "events": (_facts(event) for page in pages for event in page),
            "total": total,
            "truncated": truncated,
        },
        lambda: [
            Table(
                ("seq", "at", "agent", "what", "user", "detail"),
                ([_row(event, relative_time(event.at)) for event in page] for page in pages),
                "no such events",
                folding=("user", "detail"),
            ),
            *([Note(cut, Tone.QUIET)] if truncated else []),
        ],
    )


def json_lines(events: Iterable[Event]) -> Iterator[str]:
    """Each event as a line of JSON."""
    for event in events:
        yield json.dumps(_facts(event)) + "\n"


def csv_lines(events: Iterable[Event]) -> Iterator[str]:
    """Each event as a line for a spreadsheet; no cell is a formula."""
    for event in events:
        yield _csv("" if value is None else escape_formula(str(value)) for value in event)


def csv_head() -> str:
    """The first line of a spreadsheet."""
    return _csv(Event._fields)


def lines(events: Iterable[Event]) -> Iterator[str]:
    """Each event as a line for people."""
    unicode = read_display().unicode
    for event in events:
        text = "  ".join(cell for cell in _row(event, local_time(event.at)) if cell)
        yield shown(text, unicode=unicode) + "\n"


def _csv(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


def checked(report: TrailReport) -> Answer:
    """The answer of `audit verify`."""
    facts: dict[str, object] = {
        "events": report.events,
        "head": str(report.head) if report.events else None,
        "bad_event": report.seq,
        "finding": report.finding,
        "first": report.first,
    }
    if report.finding is None:
        count = f"{report.events} events"
        if report.first > 1:
            count = f"events {report.first} to {report.events}; those before are archived"
        return Answer(
            facts,
            lambda: [
                Headline(Tone.GOOD, "untouched", count),
                Fields([("head", f"{report.head}  (note it down elsewhere)")]),
            ],
        )
    where = "" if report.seq is None else f"event {report.seq}: "
    problem = Problem(
        "tampered",
        f"the store was tampered with: {where}{report.finding}",
        "trust nothing after it; tell those in charge of security, and keep a copy",
    )
    return Answer(facts, complaints=tuple, problem=problem, exit_code=ExitCode.UNAVAILABLE)


def archived(result: Archived, path: Path) -> Answer:
    """The answer of `audit archive`."""
    count = 0 if result.first is None or result.last is None else result.last - result.first + 1
    facts: dict[str, object] = {
        "events": count,
        "first": result.first,
        "last": result.last,
        "digest": result.digest,
        "file": str(path) if count else None,
        "names_dropped": result.names,
        "stopped_by": None,
    }
    notes = [Note(f"{counted(result.names, 'unknown name')} dropped")] * bool(result.names)
    why = "no events from before that date"
    if result.stopped_by is not None:
        number, at = result.stopped_by
        facts["stopped_by"] = {"seq": number, "at": at}
        why = f"event {number} is in the way"
        notes += [
            Note(
                f"it ends before event {number} of {local_time(at)}, though later ones are older: "
                "a clock was wrong"
            ),
            Note("to archive those too, give --before a time after it", Tone.QUIET),
        ]
    if not count:
        nothing = Headline(Tone.NEUTRAL, "nothing to archive", why)
        return Answer(facts, lambda: [nothing, *notes])
    return Answer(
        facts,
        lambda: [
            Headline(Tone.GOOD, "archived", f"events {result.first} to {result.last}"),
            Fields([("file", str(path)), ("sha256", str(result.digest))]),
            *notes,
            Next(command("audit", "verify", "--archive", str(path)), "to check file and store"),
        ],
    )


def sealed(number: int | None) -> Answer:
    """The answer of `audit seal`.

    Args:
        number: The number of the event that was sealed; None if no event needed a seal.
    """
    about = "everything was sealed already" if number is None else f"up to event {number}"
    return Answer({"sealed": number}, lambda: [Headline(Tone.GOOD, "sealed", about)])


def _facts(event: Event) -> dict[str, object]:
    return {**event._asdict(), "kind": event.kind.value}


def _row(event: Event, at: str) -> tuple[str, ...]:
    detail = [
        f"{label}{value}"
        for label, value in (
            ("", event.outcome if event.outcome != event.kind.value else None),
            ("ticket ", event.ticket),
            ("reason: ", event.reason),
        )
        if value
    ]
    return (
        str(event.seq),
        at,
        event.agent,
        event.kind.value,
        with_script(event.user or ""),
        "; ".join(detail),
    )
