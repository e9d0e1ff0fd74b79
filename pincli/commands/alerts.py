"""`pincli alerts`: signs of an attack, and the command against each."""

from __future__ import annotations

from typing import Annotated

import typer

from pincli.commands.invocation import Invocation
from pincli.operations.alerts import find_alerts
from pincli.views.alerts import found
from pincli.views.blocks import Answer


def alerts(
    invocation: Invocation,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 4 if there are any.")
    ] = False,
) -> Answer:
    """Show signs of an attack. On users, on accounts, and from a desk.

    Example:
      pincli alerts
      pincli alerts --exit-code --json
    """
    return found(find_alerts(invocation.open()), exit_code=exit_code)
