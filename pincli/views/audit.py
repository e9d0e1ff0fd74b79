"""The audit trail: as a list, as lines, and checked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from pincli.config import read_display
from pincli.models import Event
from pincli.results import Archived, TrailReport
from pincli.views.blocks import (
    Answer,
    Fields,
    Headline,
    Next,
    Note,
    Problem,
    Table,
    Tone,
    counted,
)
from pincli.views.exit_codes import ExitCode
from pincli.views.sanitiser import shown
from pincli.views.shell import command
from pincli.views.times import dated, said


def listing(pages: Iterator[Sequence[Event]]) -> Answer:
    """The answer of `audit list`."""
    return Answer(
        {"events": (_facts(event) for page in pages for event in page)},
        lambda: [
            Table(
                ("seq", "at", "agent", "what", "user", "detail"),
                ([_row(event, said(event.at)) for event in page] for page in pages),
                "no such events",
                folding=("user", "detail"),
            )
        ],
    )


def json_line(event: Event) -> str:
    """One event as a line of JSON."""
    return json.dumps(_facts(event)) + "\n"


def line(event: Event) -> str:
    """One event as a line for people."""
    text = "  ".join(cell for cell in _row(event, dated(event.at)) if cell)
    return shown(text, unicode=read_display().unicode) + "\n"


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
    }
    names = [Note(f"{counted(result.names, 'typed name')} of nobody dropped")] * bool(result.names)
    if not count:
        nothing = Headline(Tone.NEUTRAL, "nothing to archive", "no events from before that date")
        return Answer(facts, lambda: [nothing, *names])
    return Answer(
        facts,
        lambda: [
            Headline(Tone.GOOD, "archived", f"events {result.first} to {result.last}"),
            Fields([("file", str(path)), ("sha256", str(result.digest))]),
            *names,
            Next(command("audit", "verify", "--archive", str(path)), "to check file and store"),
        ],
    )


def sealed(number: int | None) -> Answer:
    """The answer of `audit seal`.

    Args:
        number: Of the event that was sealed; None where nothing waited for a seal.
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
        event.user or "",
        "; ".join(detail),
    )
