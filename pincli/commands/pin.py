"""`pincli pin`: the customer's own actions, run by the portal for a logged-in customer."""

from __future__ import annotations

from pincli.commands.invocation import Invocation
from pincli.commands.options import PinStdinOption, UserArgument, WhereOption
from pincli.commands.prompts import ask_pin, piped_pin
from pincli.errors import UsageProblem
from pincli.operations import pins as operation
from pincli.operations.session import Need
from pincli.views import pins as view
from pincli.views.answer import Answer


def show(invocation: Invocation, user: UserArgument, account: WhereOption = None) -> Answer:
    """Show a user's PIN to its owner; the first look makes it.

    Example:
      pincli pin show alice --json
    """
    session = invocation.open(Need.WRITE, Need.SET_PIN, Need.SHOW_PIN)
    return view.shown(operation.show(session, user, account=account))


def change(
    invocation: Invocation,
    user: UserArgument,
    account: WhereOption = None,
    pin_stdin: PinStdinOption = False,
) -> Answer:
    r"""Set the PIN that the customer chose.

    On a terminal it is asked for twice. Refused are the present PIN, the one that was withdrawn
    last, and digits of the user's own login, e-mail address or account.

    Example:
      pincli pin change alice
      printf '%s\n' "$PIN" | pincli pin change alice --pin-stdin
    """
    chosen = piped_pin(pin_stdin=pin_stdin)
    session = invocation.open(Need.WRITE, Need.SET_PIN)
    if chosen is None:
        changeable = operation.require_changeable(session, user, account=account)
        chosen = _ask_twice(changeable.login)
    return view.changed(operation.change(session, user, chosen, account=account))


def check(_invocation: Invocation, pin_stdin: PinStdinOption = False) -> Answer:
    """Test whether a PIN may be chosen; nothing is stored.

    Example:
      pincli pin check
    """
    pin = piped_pin(pin_stdin=pin_stdin)
    operation.check(ask_pin("PIN to check: ") if pin is None else pin)
    return view.allowed()


def _ask_twice(user: str) -> str:
    chosen = ask_pin(f"New support PIN of {user}: ")
    if ask_pin("The same again: ") != chosen:
        raise UsageProblem("the two PINs differ", "nothing was changed; try again")
    return chosen
