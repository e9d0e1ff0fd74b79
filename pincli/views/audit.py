"""The audit trail as a list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pincli.models import Event
from pincli.views.blocks import Answer, Table


def listing(pages: Iterator[Sequence[Event]]) -> Answer:
    """The answer of `audit list`."""
    return Answer(
        {"events": (_facts(event) for page in pages for event in page)},
        lambda: [
            Table(
                ("seq", "at", "agent", "what", "user", "detail"),
                ([_row(event) for event in page] for page in pages),
                "no such events",
            )
        ],
    )


def _facts(event: Event) -> dict[str, object]:
    return {
        "seq": event.seq,
        "at": event.at,
        "agent": event.agent,
        "command": event.command,
        "kind": event.kind.value,
        "user": event.user,
        "account": event.account,
        "attempt": event.attempt,
        "outcome": event.outcome,
        "attempts_used": event.attempts_used,
        "pin_version": event.pin_version,
        "reason": event.reason,
        "ticket": event.ticket,
        "mac": event.mac,
    }


def _row(event: Event) -> tuple[str, ...]:
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
        event.at,
        event.agent,
        event.kind.value,
        event.user or "",
        "; ".join(detail),
    )
