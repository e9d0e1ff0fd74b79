"""`pincli user`: people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pincli.commands.files import names_in
from pincli.commands.invocation import Invocation
from pincli.commands.options import (
    AccountOption,
    NameOption,
    NewAccountOption,
    ReasonOption,
    UserArgument,
    UsersArgument,
    WhereOption,
)
from pincli.errors import UsageProblem
from pincli.models import State, UserType
from pincli.operations import people as operation
from pincli.operations.activity import set_active_many
from pincli.operations.selection import select
from pincli.operations.session import Need
from pincli.views import people as view
from pincli.views.blocks import Answer
from pincli.views.progress import progress_bar

FromFileOption = Annotated[
    Path | None, typer.Option("--from-file", metavar="FILE", help="Users, one a line; - for stdin.")
]


def add(
    invocation: Invocation,
    user: UserArgument,
    account: NewAccountOption,
    name: NameOption = "",
    kind: Annotated[
        UserType, typer.Option("--type", help="What kind of login it is.")
    ] = UserType.CLOUD,
) -> Answer:
    """Add a user. The PIN is made when its owner first opens it.

    Example:
      pincli user add alice --account acme --name 'Alice Example'
    """
    session = invocation.open(Need.WRITE)
    return view.added(operation.add(session, user, account, name, kind))


def list_users(
    invocation: Invocation,
    account: AccountOption = None,
    state: Annotated[State | None, typer.Option("--state", help="Users in this state.")] = None,
    kind: Annotated[UserType | None, typer.Option("--type", help="Users of this type.")] = None,
) -> Answer:
    """List users.

    Example:
      pincli user list --account acme
    """
    session = invocation.open()
    account = None if account is None else operation.require_account(session, account)
    return view.listing(session.store.people.pages(account=account, state=state, user_type=kind))


def show(invocation: Invocation, user: UserArgument, account: WhereOption = None) -> Answer:
    """Show a user's record.

    Example:
      pincli user show alice
    """
    return view.record(operation.require_user(invocation.open(), user, account=account))


def deactivate(
    invocation: Invocation,
    users: UsersArgument = None,
    account: WhereOption = None,
    from_file: FromFileOption = None,
    reason: ReasonOption = None,
) -> Answer:
    """Switch users off: no PIN of theirs is compared any more.

    Example:
      pincli user deactivate alice --reason 'left the company'
    """
    return _set_active(invocation, users or [], account, from_file, active=False, reason=reason)


def activate(
    invocation: Invocation,
    users: UsersArgument = None,
    account: WhereOption = None,
    from_file: FromFileOption = None,
    reason: ReasonOption = None,
) -> Answer:
    """Switch users on again, with counter and PIN as they were.

    Example:
      pincli user activate alice
    """
    return _set_active(invocation, users or [], account, from_file, active=True, reason=reason)


def _set_active(
    invocation: Invocation,
    users: list[str],
    account: str | None,
    from_file: Path | None,
    *,
    active: bool,
    reason: str | None,
) -> Answer:
    if not users and from_file is None:
        raise UsageProblem("nobody is named", "name users, or give --from-file")
    session = invocation.open(Need.WRITE)
    if len(users) == 1 and from_file is None:
        change = operation.set_active(
            session, users[0], account=account, active=active, reason=reason
        )
        return view.activity(change)
    names = names_in(users, from_file, invocation.config)
    with (
        select(session, names=names, account=account) as selection,
        progress_bar("switching") as progress,
    ):
        changed = set_active_many(
            session, selection, active=active, reason=reason, progress=progress
        )
        return view.activities(len(selection), changed, active=active)
