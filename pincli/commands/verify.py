"""`pincli verify`: the main job.

Annotations are not postponed here: Typer would compile each from its text.
"""

from functools import partial

from pincli.commands.interrupts import in_background
from pincli.commands.invocation import Invocation
from pincli.commands.options import PinStdinOption, TicketOption, UserArgument, WhereOption
from pincli.commands.prompts import ask_pin, piped_pin
from pincli.models import User, Verdict
from pincli.operations import verify as operation
from pincli.operations.session import Need, Session
from pincli.vault.answers import Answers
from pincli.views.answer import Answer


def verify(
    invocation: Invocation,
    user: UserArgument,
    account: WhereOption = None,
    ref: TicketOption = None,
    pin_stdin: PinStdinOption = False,
) -> Answer:
    r"""Check a caller's support PIN. Six wrong answers in a row lock it.

    Example:
      pincli verify alice --ref T-4711
      printf '%s\n' "$PIN" | pincli verify alice --pin-stdin --json
    """
    pin = piped_pin(pin_stdin=pin_stdin)
    answers = Answers()
    as_json = invocation.as_json
    if pin is None:
        in_background(partial(_get_ready, answers, as_json))
    session = invocation.open(Need.ATTEMPT, Need.COMPARE, answers=answers)
    import_the_rest = partial(in_background, partial(_import_the_rest, session, as_json))
    if pin is None:
        admitted = operation.admit(session, user, invocation.ticket(ref), account=account)
        if isinstance(admitted, Verdict):
            return _answer(invocation, admitted)
        import_the_rest()
        pin, meanwhile = _ask(admitted), None
    else:
        # Two importing threads would only wait for each other. Argon2 computes without the
        # interpreter's lock: the rest is imported meanwhile.
        answers.prepare()
        meanwhile = import_the_rest
    ticket = invocation.ticket(ref, pin)
    verdict = operation.verify(session, user, pin, ticket, account=account, meanwhile=meanwhile)
    invocation.closing.callback(operation.renew, session, verdict, pin)
    return _answer(invocation, verdict)


def _answer(invocation: Invocation, result: Verdict) -> Answer:
    from pincli.views.verdict import verdict

    return verdict(result, ticket_masked=invocation.ticket_masked)


def _import_the_rest(session: Session, as_json: bool) -> None:
    """While the agent types or the answer is hashed: import what charges, settles and prints."""
    session.prepare_to_attempt()
    import pincli.views.verdict

    if as_json:
        import pincli.views.json_output  # noqa: F401


def _get_ready(answers: Answers, as_json: bool) -> None:
    """While the agent types: do first-time work that would otherwise come after Enter."""
    answers.warm_up()
    if not as_json:
        from pincli.views.text_output import rehearse

        rehearse()


def _ask(user: User) -> str:
    from pincli.views.verdict import who

    return ask_pin(f"Support PIN of {who(user)}: ", of_caller=True)
