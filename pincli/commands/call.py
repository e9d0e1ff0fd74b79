"""`pincli call`: the customer can see in the portal that support is really calling."""

from __future__ import annotations

from typing import Annotated

import typer

from pincli.commands.invocation import Invocation
from pincli.commands.options import TicketOption, UserArgument, WhereOption
from pincli.errors import UsageProblem
from pincli.operations import call as operation
from pincli.operations.session import Need
from pincli.rules.roles import Role
from pincli.views import call as view
from pincli.views.blocks import Answer


def call(
    invocation: Invocation,
    user: UserArgument,
    account: WhereOption = None,
    ref: TicketOption = None,
    end: Annotated[bool, typer.Option("--end", help="End the call.")] = False,
) -> Answer:
    """Let the portal show a customer that you are calling. A verify does so too.

    A call lasts 30 minutes; a new one replaces it. Only its agent or an admin can end it.

    Example:
      pincli call alice --ref T-4711
      pincli call alice --end
    """
    if end and ref is not None:
        raise UsageProblem("--end takes no ticket", "leave --ref out")
    session = invocation.open(Need.ATTEMPT)
    if not end:
        ref = invocation.ticket(ref)
        return view.begun(operation.begin(session, user, ref, account=account))
    roles = invocation.config.roles
    anybodys = roles is None or Role.ADMIN in roles
    return view.ended(*operation.end(session, user, anybodys=anybodys, account=account))
