"""`pincli audit`: the trail of everything that happened."""

from __future__ import annotations

import sys
import time
from typing import Annotated

import typer

from pincli.commands.options import AccountOption, AgentOption, JsonOption, UserOption, example
from pincli.commands.running import deliver, new_app, opened
from pincli.errors import UsageProblem
from pincli.models import EventKind
from pincli.operations.session import Need, Session
from pincli.operations.trail import check_trail, parse_head
from pincli.rules.times import since
from pincli.models import EventFilter
from pincli.views import audit as view
from pincli.views.exit_codes import ExitCode
from pincli.views.progress import progress_bar

GROUP = True
app = new_app(group=True)

_LOOK_AGAIN = 0.5


@app.callback(epilog=example("pincli audit list --since 24h"))
def audit() -> None:
    """Read and check the audit trail."""


@app.command(
    "list",
    epilog=example(
        "pincli audit list --user alice --limit 20",
        "pincli audit list --since 24h --kind locked",
        "pincli audit list --follow --jsonl",
    ),
    exits=(ExitCode.REFUSED,),
)
def list_events(
    ctx: typer.Context,
    user: UserOption = None,
    account: AccountOption = None,
    agent: AgentOption = None,
    kind: Annotated[
        EventKind | None, typer.Option("--kind", metavar="KIND", help="Of this kind only.")
    ] = None,
    since_when: Annotated[
        str | None,
        typer.Option("--since", metavar="WHEN", help="Such as 30m, 24h, 7d, or 2026-11-24."),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, metavar="N", help="How many at most.")
    ] = 50,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help="One JSON object a line, for a log collector.")
    ] = False,
    follow: Annotated[
        bool, typer.Option("--follow", help="Then go on with new ones, oldest first, as they come.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List events, the newest first."""
    if as_json and (jsonl or follow):
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
    with opened(ctx) as session:
        if follow:
            _follow(session, wanted, limit, jsonl=jsonl)
        elif jsonl:
            for page in session.store.trail.newest_first(wanted, limit=limit):
                sys.stdout.writelines(map(view.json_line, page))
        else:
            deliver(
                ctx,
                view.listing(session.store.trail.newest_first(wanted, limit=limit)),
                as_json=as_json,
            )


@app.command(
    epilog=example("pincli audit verify", "pincli audit verify --expect-head 4711:9f..."),
    exits=(ExitCode.REFUSED,),
)
def verify(
    ctx: typer.Context,
    expect_head: Annotated[
        str | None,
        typer.Option(
            "--expect-head",
            metavar="SEQ:MAC",
            help="A head that was printed earlier: nothing may be cut off since.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check the whole trail.

    Names the first row that is not as it was written.
    """
    expected = None if expect_head is None else parse_head(expect_head)
    with opened(ctx, Need.CHECK) as session, progress_bar("checking") as progress:
        report = check_trail(session, expected, progress=progress)
    deliver(ctx, view.checked(report), as_json=as_json)


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
