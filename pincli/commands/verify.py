"""`pincli verify`: the main job."""

from __future__ import annotations

from functools import partial

from pincli.commands.background import in_background
from pincli.commands.invocation import Invocation
from pincli.commands.options import PinStdinOption, TicketOption, UserArgument
from pincli.commands.prompts import ask_pin, read_pin_line, require_pin_source
from pincli.models import User, Verdict
from pincli.operations import verify as operation
from pincli.operations.session import Need, Session
from pincli.vault.answers import Answers
from pincli.views.blocks import Answer
from pincli.views.verdict import verdict, who


def verify(
    invocation: Invocation,
    user: UserArgument,
    ref: TicketOption = None,
    pin_stdin: PinStdinOption = False,
) -> Answer:
    r"""Check a caller's support PIN. Six wrong answers in a row lock it.

    Example:
      pincli verify alice --ref T-4711
      printf '%s\n' "$PIN" | pincli verify alice --pin-stdin --json
    """
    require_pin_source(pin_stdin=pin_stdin)
    answers = Answers()
    as_json = invocation.as_json
    if not pin_stdin:
        # Beside a PIN that is piped in, two threads that import would only wait for each other.
        in_background(partial(_get_ready, answers, as_json))
    pin = read_pin_line() if pin_stdin else None
    session = invocation.open(Need.ATTEMPT, Need.COMPARE, answers=answers)
    if pin is None:
        return verdict(_ask_and_verify(session, user, ref))
    return verdict(operation.verify(session, user, pin, ref))


def _get_ready(answers: Answers, as_json: bool) -> None:
    """While the agent types: do what would otherwise be done for the first time after Enter."""
    answers.warm_up()
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
