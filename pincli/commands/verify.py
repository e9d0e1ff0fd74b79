"""`pincli verify`: the main job."""

from __future__ import annotations

from functools import partial

import typer

from pincli.commands.background import in_background
from pincli.commands.options import JsonOption, PinStdinOption, TicketOption, UserArgument, example
from pincli.commands.prompts import ask_pin, read_pin_line, require_pin_source
from pincli.commands.running import deliver, new_app, opened
from pincli.models import User, Verdict
from pincli.operations import verify as operation
from pincli.operations.session import Need, Session
from pincli.vault.verifiers import Verifiers
from pincli.views.exit_codes import ExitCode
from pincli.views.verdict import verdict, who

app = new_app()


@app.command(
    epilog=example(
        "pincli verify alice --ref T-4711",
        "printf '%s\\n' \"$PIN\" | pincli verify alice --pin-stdin --json",
    ),
    exits=(
        ExitCode.INCORRECT,
        ExitCode.LOCKED,
        ExitCode.NOTHING_TO_VERIFY,
        ExitCode.UNKNOWN,
        ExitCode.REFUSED,
    ),
)
def verify(
    ctx: typer.Context,
    user: UserArgument,
    ref: TicketOption = None,
    pin_stdin: PinStdinOption = False,
    as_json: JsonOption = False,
) -> None:
    """Check a caller's support PIN. Six wrong answers in a row lock it."""
    require_pin_source(pin_stdin=pin_stdin)
    verifiers = Verifiers()
    in_background(verifiers.prepare if pin_stdin else partial(_get_ready, verifiers, as_json))
    pin = read_pin_line() if pin_stdin else None
    with opened(ctx, Need.WRITE, Need.COMPARE, verifiers=verifiers) as session:
        if pin is None:
            result = _ask_and_verify(session, user, ref)
        else:
            result = operation.verify(session, user, pin, ref)
    deliver(ctx, verdict(result), as_json=as_json)


def _get_ready(verifiers: Verifiers, as_json: bool) -> None:
    """While the agent types: do what would otherwise be done for the first time after Enter."""
    verifiers.warm_up()
    if not as_json:
        from pincli.views.terminal import rehearse

        rehearse()


def _ask_and_verify(session: Session, name: str, ticket: str | None) -> Verdict:
    admitted = operation.admit(session, name, ticket)
    if isinstance(admitted, Verdict):
        return admitted
    return operation.verify(session, name, _ask(admitted), ticket)


def _ask(user: User) -> str:
    return ask_pin(f"Support PIN of {who(user)}: ", of_caller=True)
