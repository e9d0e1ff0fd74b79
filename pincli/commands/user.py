"""`pincli user`: add, show, change and erase users."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from pincli.commands.files import names_in
from pincli.commands.invocation import Invocation
from pincli.commands.options import (
    AccountOption,
    EmailOption,
    FromFileOption,
    NameOption,
    NewAccountOption,
    NewLoginArgument,
    ReasonOption,
    StateOption,
    UserArgument,
    UsersArgument,
    WhereOption,
    YesOption,
    account_option,
    option,
)
from pincli.commands.output import show as draw
from pincli.commands.prompts import confirm, require_confirmable
from pincli.errors import UsageProblem
from pincli.models import UserType
from pincli.operations import editing
from pincli.operations import people as operation
from pincli.operations.editing import set_active_many
from pincli.operations.selection import select
from pincli.operations.session import Need
from pincli.views import people as view
from pincli.views.answer import Answer
from pincli.views.progress import progress_bar


def add(
    invocation: Invocation,
    user: UserArgument,
    account: NewAccountOption,
    name: NameOption = None,
    kind: Annotated[UserType, option("--type", "What kind of login it is.")] = UserType.CLOUD,
    email: EmailOption = None,
) -> Answer:
    """Add a user. The PIN is made when its owner first opens it.

    Example:
      pincli user add alice --account acme --name 'Alice Example'
    """
    session = invocation.open(Need.WRITE)
    return view.added(operation.add(session, user, account, name or "", kind, email or ""))


def list_users(
    invocation: Invocation,
    account: AccountOption = None,
    state: StateOption = None,
    kind: Annotated[UserType | None, option("--type", "Users of this type.")] = None,
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


def edit(
    invocation: Invocation,
    user: UserArgument,
    account: WhereOption = None,
    name: NameOption = None,
    email: EmailOption = None,
    kind: Annotated[UserType | None, option("--type", "The new type.")] = None,
    move_to: Annotated[str | None, account_option("The new account.", "--move-to")] = None,
    reason: ReasonOption = None,
) -> Answer:
    """Change a user's display name, e-mail, type or account. PIN and counter stay.

    Example:
      pincli user edit alice --email alice@acme.example
      pincli user edit alice --account acme --move-to globex

    An empty name or e-mail removes it. A type without PINs withdraws the PIN.
    """
    given = {"account": move_to, "display_name": name, "type": kind}
    fields: dict[str, object] = {k: value for k, value in given.items() if value is not None}
    if email is not None:
        fields["email"] = email or None
    if not fields:
        raise UsageProblem(
            "there is nothing to change", "give --name, --email, --type or --move-to"
        )
    session = invocation.open(Need.WRITE)
    return view.edited(editing.edit(session, user, fields, account=account, reason=reason))


def rename(
    invocation: Invocation,
    user: UserArgument,
    new: NewLoginArgument,
    account: WhereOption = None,
    reason: ReasonOption = None,
) -> Answer:
    """Give a user another login. PIN, counter and history stay.

    Example:
      pincli user rename alice alice.smith
    """
    session = invocation.open(Need.WRITE)
    fields = {"login": new}
    return view.edited(editing.edit(session, user, fields, account=account, reason=reason))


def erase(
    invocation: Invocation,
    user: UserArgument,
    account: WhereOption = None,
    yes: YesOption = False,
) -> Answer:
    """Remove everything that names a deactivated user. Their events stay, under a random number.

    Example:
      pincli user erase alice

    Login, display name, e-mail, and the reasons and tickets of their events are gone for good.
    The same login, added again, is a new user.
    """
    require_confirmable(yes=yes)
    session = invocation.open(Need.WRITE)
    found = editing.require_erasable(session, user, account=account)
    if not yes:
        draw(view.erasing(found), sys.stderr)
        confirm("Erase this user for good?")
    return view.erased(editing.erase(session, found))


def deactivate(
    invocation: Invocation,
    users: UsersArgument = None,
    account: WhereOption = None,
    from_file: FromFileOption = None,
    reason: ReasonOption = None,
) -> Answer:
    """Switch users off, and withdraw their PINs.

    Example:
      pincli user deactivate alice --reason 'left the company'
    """
    return _set_active(invocation, users, account, from_file, reason, active=False)


def activate(
    invocation: Invocation,
    users: UsersArgument = None,
    account: WhereOption = None,
    from_file: FromFileOption = None,
    reason: ReasonOption = None,
) -> Answer:
    """Switch users on again. The counter stays; they open a new PIN in the portal.

    Example:
      pincli user activate alice
    """
    return _set_active(invocation, users, account, from_file, reason, active=True)


def _set_active(
    invocation: Invocation,
    users: list[str] | None,
    account: str | None,
    from_file: Path | None,
    reason: str | None,
    *,
    active: bool,
) -> Answer:
    if not users and from_file is None:
        raise UsageProblem("no user is named", "name users, or give --from-file")
    session = invocation.open(Need.WRITE)
    if users and len(users) == 1 and from_file is None:
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
        return view.several(len(selection), changed, "activated" if active else "deactivated")
