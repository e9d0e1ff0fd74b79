"""Options and arguments that several commands share, described once."""

from __future__ import annotations

from typing import Annotated

import typer

UserArgument = Annotated[
    str, typer.Argument(metavar="USER", help="The user's login.", show_default=False)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer with one JSON object.")]
PinStdinOption = Annotated[
    bool, typer.Option("--pin-stdin", help="Read the PIN as one line from standard input.")
]
ReasonOption = Annotated[
    str | None,
    typer.Option("--reason", metavar="TEXT", help="Why; stands in the audit trail."),
]
AccountOption = Annotated[
    str | None, typer.Option("--account", metavar="ACCOUNT", help="Users of this account only.")
]
YesOption = Annotated[bool, typer.Option("--yes", help="Don't ask, go ahead.")]


def example(*lines: str) -> str:
    """An epilog with example commands, in the form that the help keeps line by line."""
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)
