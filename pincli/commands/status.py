"""`pincli status`: one user's card, a list, or the totals."""

from __future__ import annotations

from typing import Annotated

import typer

from pincli.commands.options import AccountOption, JsonOption, OptionalUserArgument, example
from pincli.commands.running import deliver, new_app, opened
from pincli.errors import UsageProblem
from pincli.models import State
from pincli.operations.people import require_account, require_user
from pincli.views import status as view
from pincli.views.exit_codes import ExitCode

app = new_app()

_LATEST = 10


@app.command(
    epilog=example(
        "pincli status alice",
        "pincli status --account acme --locked --exit-code",
    ),
    exits=(ExitCode.LOCKED, ExitCode.UNKNOWN, ExitCode.REFUSED),
)
def status(
    ctx: typer.Context,
    user: OptionalUserArgument = None,
    account: AccountOption = None,
    state: Annotated[State | None, typer.Option("--state", help="Users in this state.")] = None,
    locked: Annotated[bool, typer.Option("--locked", help="The same as --state locked.")] = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 4 if any user shown is locked.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show one user, a list, or the totals.

    With nothing named: the totals by state, and the latest locks.
    """
    if locked:
        if state not in (None, State.LOCKED):
            raise UsageProblem(
                f"--locked and --state {state.value} exclude each other", "give one of them"
            )
        state = State.LOCKED
    if user is not None and (account is not None or state is not None):
        raise UsageProblem(
            "a user and a filter exclude each other",
            "`pincli status USER` shows one user; leave the user out for a list",
        )
    with opened(ctx) as session:
        if user is not None:
            answer = view.card(require_user(session, user), exit_code=exit_code)
        elif account is None and state is None:
            answer = view.overview(
                session.store.people.totals(), session.store.people.latest_locks(_LATEST), exit_code=exit_code
            )
        else:
            account = None if account is None else require_account(session, account)
            answer = view.listing(
                session.store.people.pages(account=account, state=state),
                session.store.people.totals(account=account),
                state=state,
                exit_code=exit_code,
            )
        deliver(ctx, answer, as_json=as_json)
