"""`pincli alerts`: signs of an attack, and the command against each."""

from __future__ import annotations

from typing import Annotated

from pincli.commands.invocation import Invocation
from pincli.commands.options import ReasonOption, WhereOption, argument, option
from pincli.commands.prompts import ask_reason, require_reason
from pincli.operations import alerts as operation
from pincli.operations.session import Need
from pincli.operations.verify import end_left_open
from pincli.rules.roles import Role
from pincli.rules.signs import Bounds
from pincli.views.alerts import acknowledged, found
from pincli.views.answer import Answer


def alerts(
    invocation: Invocation,
    exit_code: Annotated[bool, option("--exit-code", "Exit with 4 if there are any.")] = False,
    everything: Annotated[
        bool, option("--all", "Also show what was acknowledged in the last 30 days.")
    ] = False,
) -> Answer:
    """Show signs of an attack. On users, on accounts, by an agent, on the whole floor.

    Example:
      pincli alerts
      pincli alerts --exit-code --json
    """
    session = invocation.open()
    end_left_open(session)
    config = invocation.config
    about_agents = config.roles is None or Role.ADMIN in config.roles
    signs = operation.find_alerts(
        session, bounds=Bounds(**config.own_bounds), about_agents=about_agents
    )
    return found(signs, invocation.may_run, exit_code=exit_code, everything=everything)


def ack(
    invocation: Invocation,
    sign: Annotated[str, argument("SIGN", "Its id in alerts, such as agent:mia.")],
    account: WhereOption = None,
    reason: ReasonOption = None,
) -> Answer:
    """Acknowledge a sign that was dealt with. Counting restarts there.

    Example:
      pincli alerts ack agent:mia --reason 'T-4711: a training'
    """
    require_reason(reason, "acknowledging")
    session = invocation.open(Need.WRITE)
    if reason is None:
        reason = ask_reason(f"acknowledging {sign}")
    config = invocation.config
    oneself = None if config.roles is None else config.agent
    operation.acknowledge(
        session, sign, reason, account=account, agent=oneself, bounds=Bounds(**config.own_bounds)
    )
    return acknowledged(sign)
