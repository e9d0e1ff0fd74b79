"""`pincli user`: people."""

from __future__ import annotations

from typing import Annotated

import typer

from pincli.commands.options import (
    AccountOption,
    JsonOption,
    ReasonOption,
    UserArgument,
    example,
)
from pincli.commands.running import deliver, new_app, opened
from pincli.models import State, UserType
from pincli.operations import people as operation
from pincli.operations.session import Need
from pincli.rules.names import clean_reason
from pincli.views import people as view

GROUP = True
app = new_app(group=True)


@app.callback()
def user() -> None:
    """Add, list and show users; switch them off and on."""


@app.command(
    epilog=example("pincli user add alice --account acme --name 'Alice Example'")
    + "\n\nExit codes: 0 added, 2 malformed name, 7 the user exists.",
)
def add(
    ctx: typer.Context,
    user: UserArgument,
    account: Annotated[
        str, typer.Option("--account", metavar="ACCOUNT", help="The account the user belongs to.")
    ],
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="The display name.")] = "",
    kind: Annotated[
        UserType, typer.Option("--type", help="What kind of login it is.")
    ] = UserType.CLOUD,
    as_json: JsonOption = False,
) -> None:
    """Add a user. The PIN is made when its owner first opens it."""
    with opened(ctx, Need.WRITE) as session:
        result = operation.add(session, user, account, name, kind)
    deliver(ctx, view.added(result), as_json=as_json)


@app.command("list", epilog=example("pincli user list --account acme"))
def list_users(
    ctx: typer.Context,
    account: AccountOption = None,
    state: Annotated[State | None, typer.Option("--state", help="Users in this state.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List users."""
    with opened(ctx) as session:
        account = None if account is None else operation.require_account(session, account)
        pages = session.store.user_pages(account=account, state=state)
        deliver(ctx, view.listing(pages), as_json=as_json)


@app.command(epilog=example("pincli user show alice"))
def show(ctx: typer.Context, user: UserArgument, as_json: JsonOption = False) -> None:
    """Show a user's record."""
    with opened(ctx) as session:
        result = operation.require_user(session, user)
    deliver(ctx, view.record(result), as_json=as_json)


@app.command(epilog=example("pincli user deactivate alice --reason 'left the company'"))
def deactivate(
    ctx: typer.Context,
    user: UserArgument,
    reason: ReasonOption = None,
    as_json: JsonOption = False,
) -> None:
    """Switch a user off: no PIN of theirs is compared any more."""
    _set_active(ctx, user, active=False, reason=reason, as_json=as_json)


@app.command(epilog=example("pincli user activate alice"))
def activate(
    ctx: typer.Context,
    user: UserArgument,
    reason: ReasonOption = None,
    as_json: JsonOption = False,
) -> None:
    """Switch a user on again, with counter and PIN as they were."""
    _set_active(ctx, user, active=True, reason=reason, as_json=as_json)


def _set_active(
    ctx: typer.Context, user: str, *, active: bool, reason: str | None, as_json: bool
) -> None:
    reason = None if reason is None else clean_reason(reason)
    with opened(ctx, Need.WRITE) as session:
        change = operation.set_active(session, user, active=active, reason=reason)
    deliver(ctx, view.activity(change), as_json=as_json)
