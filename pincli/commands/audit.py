"""`pincli audit`: the trail of everything that happened."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from pincli.commands.invocation import Invocation
from pincli.commands.options import AccountOption, AgentOption, UserOption
from pincli.errors import UsageProblem
from pincli.models import EventFilter, EventKind
from pincli.operations.people import require_unambiguous
from pincli.operations.sealing import seal_trail
from pincli.operations.session import Need, Session
from pincli.operations.trail import check_trail, parse_head
from pincli.rules.times import since
from pincli.views import audit as view
from pincli.views.blocks import Answer
from pincli.views.progress import progress_bar

_LOOK_AGAIN = 0.5
_LATEST = 50


def list_events(
    invocation: Invocation,
    user: UserOption = None,
    account: AccountOption = None,
    agent: AgentOption = None,
    kind: Annotated[
        EventKind | None, typer.Option("--kind", metavar="KIND", help="Of this kind only.")
    ] = None,
    since_when: Annotated[
        str | None,
        typer.Option(
            "--since", metavar="WHEN", help="Such as 30m, 24h, 7d, or 2026-11-24 (local time)."
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", min=1, metavar="N", help="How many at most; else 50, or all by --jsonl."
        ),
    ] = None,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help="One JSON object a line, for a log collector.")
    ] = False,
    follow: Annotated[
        bool, typer.Option("--follow", help="Then go on with new ones, oldest first, as they come.")
    ] = False,
) -> Answer | None:
    """List events, the newest first.

    Example:
      pincli audit list --user alice --limit 20
      pincli audit list --since 24h --kind locked
      pincli audit list --follow --jsonl
    """
    if invocation.as_json and (jsonl or follow):
        raise UsageProblem(
            "--json answers with one object, which --jsonl and --follow can't",
            "leave out --json",
        )
    wanted = EventFilter(
        user=user,
        account=account,
        agent=agent,
        kind=kind,
        since=None if since_when is None else since(since_when),
    )
    session = invocation.open()
    if user is not None and account is None:
        require_unambiguous(session, user)
    if limit is None:
        limit = sys.maxsize if jsonl and not follow else _LATEST
    if follow:
        _follow(session, wanted, limit, jsonl=jsonl)
    elif jsonl:
        for page in session.store.trail.newest_first(wanted, limit=limit):
            sys.stdout.writelines(map(view.json_line, page))
    else:
        return view.listing(session.store.trail.newest_first(wanted, limit=limit))
    return None


def verify(
    invocation: Invocation,
    expect_head: Annotated[
        str | None,
        typer.Option(
            "--expect-head",
            metavar="NUMBER:LINK",
            help="A head that was printed earlier: nothing may be cut off since.",
        ),
    ] = None,
    archives: Annotated[
        list[Path] | None,
        typer.Option(
            "--archive",
            metavar="FILE",
            help="A file of `audit archive`; again for each, in any order.",
        ),
    ] = None,
) -> Answer:
    """Check the whole trail.

    Names the first row that is not as it was written.

    Example:
      pincli audit verify
      pincli audit verify --expect-head 4711:9f...
      pincli audit verify --archive 2024.jsonl --archive 2025.jsonl

    With files of archived events, those are checked first, and that the store goes on from them.
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


def _follow(session: Session, wanted: EventFilter, limit: int, *, jsonl: bool) -> None:
    """Print the latest events, then new ones, until Ctrl-C."""
    # Where the trail ends is asked before it is listed: what comes in between is shown too.
    last = session.store.trail.head()[0]
    pages = session.store.trail.newest_first(wanted, limit=limit)
    events = [event for page in pages for event in page][::-1]
    last = events[-1].seq if events else last
    while True:
        for event in events:
            sys.stdout.write(view.json_line(event) if jsonl else view.line(event))
        sys.stdout.flush()
        looked_to = session.store.trail.head()[0]
        events = session.store.trail.after(last, wanted)
        last = events[-1].seq if events else max(last, looked_to)
        if not events:
            time.sleep(_LOOK_AGAIN)
