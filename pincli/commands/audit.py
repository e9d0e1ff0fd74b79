"""`pincli audit`: the trail of everything that happened."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pincli.commands.invocation import Invocation
from pincli.commands.options import AccountOption, AgentOption, UserOption, option
from pincli.commands.output import warn
from pincli.commands.registry import COMMANDS
from pincli.errors import UsageProblem
from pincli.models import EventKind
from pincli.operations import archive as archiving
from pincli.operations.events import archived_above, in_order, require_known
from pincli.operations.events import list_events as newest_events
from pincli.operations.session import Need, Session
from pincli.operations.trail_check import check_trail, parse_head
from pincli.operations.trail_sealing import seal_trail
from pincli.results import Event, EventFilter
from pincli.rules.times import since
from pincli.views import audit as view
from pincli.views.answer import Answer
from pincli.views.progress import progress_bar


class Format(StrEnum):
    """A format of events for other programs."""

    CSV = "csv"
    JSONL = "jsonl"


if TYPE_CHECKING:
    Kind = str
else:
    # Typer offers, completes and checks the words of an enum.
    _WORDS = (*EventKind, *(entry.name for entry in COMMANDS if entry.allowed))
    Kind = StrEnum("Kind", {word: word for word in _WORDS})


_LOOK_AGAIN_SECONDS = 0.5
_LATEST = 50
_LINES = {Format.CSV: view.csv_lines, Format.JSONL: view.json_lines, None: view.lines}


def list_events(
    invocation: Invocation,
    user: UserOption = None,
    account: AccountOption = None,
    agent: AgentOption = None,
    kind: Annotated[
        Kind | None,
        option(
            "--kind",
            "Only this kind, or everything that a command such as reset did. Kinds: "
            f"{', '.join(EventKind)}.",
            "KIND",
        ),
    ] = None,
    ticket: Annotated[str | None, option("--ticket", "Only with this ticket.", "TICKET")] = None,
    since_when: Annotated[
        str | None, option("--since", "Such as 30m, 24h, 7d, or 2026-11-24 (local time).", "WHEN")
    ] = None,
    until_when: Annotated[
        str | None, option("--until", "Up to this time; a date means its midnight.", "WHEN")
    ] = None,
    after: Annotated[
        int | None, option("--after", "Only above this number, the oldest first.", "SEQ", minimum=0)
    ] = None,
    limit: Annotated[
        int | None,
        option("--limit", "How many at most; 50 by default, all with a format.", "N", minimum=1),
    ] = None,
    form: Annotated[
        Format | None,
        option("--format", "For a spreadsheet, or one JSON object a line.", "csv|jsonl"),
    ] = None,
    jsonl: Annotated[bool, option("--jsonl", "The same as --format jsonl.")] = False,
    follow: Annotated[
        bool, option("--follow", "Then go on with new ones, oldest first, as they come.")
    ] = False,
) -> Answer | None:
    """List events, the newest first.

    Example:
      pincli audit list --user alice --limit 20
      pincli audit list --since 24h --kind locked
      pincli audit list --kind reset --format csv
      pincli audit list --follow --jsonl --after 4711
    """
    form = form or (Format.JSONL if jsonl else None)
    if jsonl and form is not Format.JSONL:
        raise UsageProblem("--jsonl and --format csv exclude each other", "give one of them")
    if invocation.as_json and (form or follow):
        raise UsageProblem(
            "--json gives one object; a format and --follow give many lines",
            "leave out --json",
        )
    wanted = EventFilter(
        user=user,
        account=account,
        agent=agent,
        kind=None if kind is None else str(kind),
        ticket=ticket,
        since=None if since_when is None else since(since_when),
        until=None if until_when is None else since(until_when),
        after=after,
    )
    session = invocation.open()
    require_known(session, wanted)
    if after is not None and not invocation.as_json:
        gone = archived_above(session, after)
        if gone:
            warn(f"events {after + 1} to {gone} are not in the store: they were archived")
    lines = _LINES[form]
    if form is Format.CSV:
        sys.stdout.write(view.csv_head())
    if follow:
        _follow(session, wanted, limit or _LATEST, lines)
    elif form is None:
        limit = limit or _LATEST
        return view.listing(newest_events(session, wanted, limit), limit)
    else:
        head = session.store.trail.head().number
        for page in in_order(session, wanted, limit or sys.maxsize, head):
            sys.stdout.writelines(lines(page))
    return None


def verify(
    invocation: Invocation,
    expect_head: Annotated[
        str | None,
        option(
            "--expect-head",
            "A head that was printed earlier: nothing may be cut off since.",
            "NUMBER:LINK",
        ),
    ] = None,
    archives: Annotated[
        list[Path] | None,
        option("--archive", "A file of `audit archive`; again for each, in any order.", "FILE"),
    ] = None,
) -> Answer:
    """Check the whole trail.

    It names the first row that was changed.

    Example:
      pincli audit verify
      pincli audit verify --expect-head 4711:9f...
      pincli audit verify --archive 2024.jsonl --archive 2025.jsonl

    With --archive, it checks those files first, and that the store continues from them.
    """
    expected = None if expect_head is None else parse_head(expect_head)
    session = invocation.open(Need.CHECK)
    with progress_bar("checking") as progress:
        report = check_trail(session, expected, archives=archives or (), progress=progress)
        return view.checked(report)


def seal(invocation: Invocation) -> Answer:
    """Seal what hosts without audit.key have written.

    Example:
      pincli audit seal

    Every link since the last sealed event is checked first. Run it from cron where desks work
    over a PostgreSQL server: the owner of the database can rewrite what has no seal yet.
    """
    session = invocation.open(Need.WRITE)
    with progress_bar("checking") as progress:
        return view.sealed(seal_trail(session, progress=progress))


def archive(
    invocation: Invocation,
    before: Annotated[str, option("--before", "Such as 2026-01-01, or 400d.", "DATE")],
    output: Annotated[Path, option("--output", "The file to write.", "FILE")],
) -> Answer:
    """Move the oldest events out of the store, into a file.

    Example:
      pincli audit archive --before 400d --output "$HOME/audit-$(date +%F).jsonl"

    The last 30 days always stay. Unknown names typed more than 30 days ago are dropped.
    Agents keep working. After an interruption, run the same command to finish.
    """
    moment = since(before)
    session = invocation.open(Need.WRITE, Need.CHECK)
    forbidden = invocation.config.secret_folders
    with progress_bar("archiving") as progress:
        result = archiving.archive(session, moment, output, forbidden=forbidden, progress=progress)
    return view.archived(result, output)


def _follow(
    session: Session,
    wanted: EventFilter,
    limit: int,
    lines: Callable[[Iterable[Event]], Iterable[str]],
) -> None:
    """Print the latest events, or all above a number, then new ones, until Ctrl-C."""
    trail = session.store.trail
    events: list[Event] = []
    if wanted.after is not None:
        last = wanted.after
    else:
        # The end of the trail is read before the list: what comes in between is shown too.
        last = trail.head().number
        pages = trail.newest_first(wanted, limit=limit)
        events = [event for page in pages for event in page][::-1]
        last = events[-1].seq if events else last
    while True:
        sys.stdout.writelines(lines(events))
        sys.stdout.flush()
        looked_to = trail.head().number
        events = trail.after(last, wanted)
        last = events[-1].seq if events else max(last, looked_to)
        if not events:
            time.sleep(_LOOK_AGAIN_SECONDS)
