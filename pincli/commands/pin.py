"""`pincli pin`: the customer's own actions, called by the portal for who is logged in."""

from __future__ import annotations

import typer

from pincli.commands.options import JsonOption, PinStdinOption, UserArgument, example
from pincli.commands.prompts import ask_pin, read_pin_line, require_pin_source
from pincli.commands.running import deliver, new_app, opened
from pincli.errors import UsageProblem
from pincli.operations import pins as operation
from pincli.operations.session import Need
from pincli.views import pins as view
from pincli.views.exit_codes import ExitCode

GROUP = True
app = new_app(group=True)


@app.callback(epilog=example("pincli pin show alice"))
def pin() -> None:
    """Show, change or check a PIN: the customer's own actions."""


@app.command(
    epilog=example("pincli pin show alice --json"),
    exits=(ExitCode.NOTHING_TO_VERIFY, ExitCode.UNKNOWN, ExitCode.REFUSED),
)
def show(ctx: typer.Context, user: UserArgument, as_json: JsonOption = False) -> None:
    """Show a user's PIN to its owner; the first look makes it."""
    with opened(ctx, Need.WRITE, Need.SET_PIN, Need.SHOW_PIN) as session:
        result = operation.show(session, user)
    deliver(ctx, view.shown(result), as_json=as_json)


@app.command(
    epilog=example(
        "pincli pin change alice",
        "printf '%s\\n' \"$PIN\" | pincli pin change alice --pin-stdin",
    ),
    exits=(ExitCode.NOTHING_TO_VERIFY, ExitCode.UNKNOWN, ExitCode.REFUSED),
)
def change(
    ctx: typer.Context,
    user: UserArgument,
    pin_stdin: PinStdinOption = False,
    as_json: JsonOption = False,
) -> None:
    """Set the PIN that the customer chose.

    On a terminal it is asked for twice.
    """
    require_pin_source(pin_stdin=pin_stdin)
    chosen = read_pin_line() if pin_stdin else None
    with opened(ctx, Need.WRITE, Need.SET_PIN) as session:
        if chosen is None:
            chosen = _ask_twice(operation.require_changeable(session, user).login)
        result = operation.change(session, user, chosen)
    deliver(ctx, view.changed(result), as_json=as_json)


@app.command(
    epilog=example("pincli pin check"),
    exits=(ExitCode.REFUSED,),
)
def check(
    ctx: typer.Context, pin_stdin: PinStdinOption = False, as_json: JsonOption = False
) -> None:
    """Test whether a PIN may be chosen; nothing is stored."""
    require_pin_source(pin_stdin=pin_stdin)
    operation.check(read_pin_line() if pin_stdin else ask_pin("PIN to check: "))
    deliver(ctx, view.allowed(), as_json=as_json)


def _ask_twice(user: str) -> str:
    chosen = ask_pin(f"New support PIN of {user}: ")
    if ask_pin("The same again: ") != chosen:
        raise UsageProblem("the two PINs differ", "nothing was changed; try again")
    return chosen
