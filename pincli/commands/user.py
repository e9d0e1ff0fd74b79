"""`pincli user`: people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pincli.commands.files import names_from
from pincli.commands.options import (
    AccountOption,
    JsonOption,
    NameOption,
    NewAccountOption,
    ReasonOption,
    UserArgument,
    UsersArgument,
    example,
)
from pincli.commands.running import config_of, deliver, new_app, opened
from pincli.errors import UsageProblem
from pincli.models import State, UserType
from pincli.operations import people as operation
from pincli.operations.activity import set_active_many
from pincli.operations.selection import select
from pincli.operations.session import Need
from pincli.views import people as view
from pincli.views.exit_codes import ExitCode
from pincli.views.progress import progress_bar

GROUP = True
app = new_app(group=True)


@app.callback(epilog=example("pincli user add alice --account acme"))
def user() -> None:
    """Add, list and show users; switch them off and on."""


@app.command(
    epilog=example("pincli user add alice --account acme --name 'Alice Example'"),
    exits=(ExitCode.REFUSED,),
)
def add(
    ctx: typer.Context,
    user: UserArgument,
    account: NewAccountOption,
    name: NameOption = "",
    kind: Annotated[
        UserType, typer.Option("--type", help="What kind of login it is.")
    ] = UserType.CLOUD,
    as_json: JsonOption = False,
) -> None:
    """Add a user. The PIN is made when its owner first opens it."""
    with opened(ctx, Need.WRITE) as session:
        result = operation.add(session, user, account, name, kind)
    deliver(ctx, view.added(result), as_json=as_json)


@app.command(
    "list",
    epilog=example("pincli user list --account acme"),
    exits=(ExitCode.UNKNOWN, ExitCode.REFUSED),
)
def list_users(
    ctx: typer.Context,
    account: AccountOption = None,
    state: Annotated[State | None, typer.Option("--state", help="Users in this state.")] = None,
    kind: Annotated[UserType | None, typer.Option("--type", help="Users of this type.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List users."""
    with opened(ctx) as session:
        account = None if account is None else operation.require_account(session, account)
        pages = session.store.people.pages(account=account, state=state, user_type=kind)
        deliver(ctx, view.listing(pages), as_json=as_json)


@app.command(epilog=example("pincli user show alice"), exits=(ExitCode.UNKNOWN, ExitCode.REFUSED))
def show(ctx: typer.Context, user: UserArgument, as_json: JsonOption = False) -> None:
    """Show a user's record."""
    with opened(ctx) as session:
        result = operation.require_user(session, user)
    deliver(ctx, view.record(result), as_json=as_json)


FromFileOption = Annotated[
    Path | None, typer.Option("--from-file", metavar="FILE", help="Users, one a line; - for stdin.")
]


@app.command(
    epilog=example("pincli user deactivate alice --reason 'left the company'"),
    exits=(ExitCode.UNKNOWN, ExitCode.REFUSED),
)
def deactivate(
    ctx: typer.Context,
    users: UsersArgument = None,
    from_file: FromFileOption = None,
    reason: ReasonOption = None,
    as_json: JsonOption = False,
) -> None:
    """Switch users off: no PIN of theirs is compared any more."""
    _set_active(ctx, users or [], from_file, active=False, reason=reason, as_json=as_json)


@app.command(
    epilog=example("pincli user activate alice"), exits=(ExitCode.UNKNOWN, ExitCode.REFUSED)
)
def activate(
    ctx: typer.Context,
    users: UsersArgument = None,
    from_file: FromFileOption = None,
    reason: ReasonOption = None,
    as_json: JsonOption = False,
) -> None:
    """Switch users on again, with counter and PIN as they were."""
    _set_active(ctx, users or [], from_file, active=True, reason=reason, as_json=as_json)


def _set_active(
    ctx: typer.Context,
    users: list[str],
    from_file: Path | None,
    *,
    active: bool,
    reason: str | None,
    as_json: bool,
) -> None:
    if not users and from_file is None:
        raise UsageProblem("nobody is named", "name users, or give --from-file")
    with opened(ctx, Need.WRITE) as session:
        if len(users) == 1 and from_file is None:
            change = operation.set_active(session, users[0], active=active, reason=reason)
            answer = view.activity(change)
        else:
            names = [*users, *names_from(from_file, config_of(ctx))]
            with (
                select(session, names=names) as selection,
                progress_bar("switching") as progress,
            ):
                changed = set_active_many(
                    session, selection, active=active, reason=reason, progress=progress
                )
                answer = view.activities(len(selection), changed, active=active)
    deliver(ctx, answer, as_json=as_json)
