"""`pincli find`: who may be calling."""

from __future__ import annotations

from typing import Annotated

import typer

from pincli.commands.invocation import Invocation
from pincli.commands.options import AccountOption
from pincli.operations import find as operation
from pincli.operations.session import Need
from pincli.views.blocks import Answer
from pincli.views.find import found


def find(
    invocation: Invocation,
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="WORDS...",
            help="Words of login, name, e-mail and account, or their beginnings.",
            show_default=False,
        ),
    ],
    account: AccountOption = None,
) -> Answer:
    """Find people by their names.

    Example:
      pincli find alice smith
      pincli find smi --account 'acme gmbh' --json
    """
    session = invocation.open(Need.ATTEMPT)
    text = " ".join(words)
    result = operation.find(session, text, account=account)
    if not result.people:
        operation.note_nobody(session)
    return found(result)
