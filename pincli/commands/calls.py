"""`pincli find` and `pincli call`: who is calling, and that support is calling."""

from __future__ import annotations

from typing import Annotated

from pincli.commands.invocation import Invocation
from pincli.commands.options import (
    AccountOption,
    TicketOption,
    UserArgument,
    WhereOption,
    argument,
    option,
)
from pincli.errors import UsageProblem
from pincli.operations import call as operation
from pincli.operations import find as search
from pincli.operations.session import Need
from pincli.rules.roles import Role
from pincli.views.answer import Answer
from pincli.views.call import begun, ended
from pincli.views.find import found


def find(
    invocation: Invocation,
    words: Annotated[
        list[str],
        argument("WORDS...", "Words of login, name, e-mail and account, or their beginnings."),
    ],
    account: AccountOption = None,
) -> Answer:
    """Find people by their names.

    Example:
      pincli find alice smith
      pincli find smi --account 'acme gmbh' --json
    """
    session = invocation.open(Need.ATTEMPT)
    result = search.find(session, " ".join(words), account=account)
    if not result.people:
        search.note_nobody(session)
    return found(result)


def call(
    invocation: Invocation,
    user: UserArgument,
    account: WhereOption = None,
    ref: TicketOption = None,
    end: Annotated[bool, option("--end", "End the call.")] = False,
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
        return begun(operation.begin(session, user, invocation.ticket(ref), account=account))
    roles = invocation.config.roles
    any_agents = roles is None or Role.ADMIN in roles
    return ended(*operation.end(session, user, any_agents=any_agents, account=account))
