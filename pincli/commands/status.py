"""`pincli status`: one user's card, a list, or the totals."""

from __future__ import annotations

from typing import Annotated

from pincli.commands.invocation import Invocation
from pincli.commands.options import AccountOption, OptionalUserArgument, StateOption, option
from pincli.errors import UsageProblem
from pincli.models import State
from pincli.operations.people import require_account, require_user
from pincli.operations.verify import end_left_open
from pincli.views import status as view
from pincli.views.answer import Answer

_LATEST_LOCKS = 10


def status(
    invocation: Invocation,
    user: OptionalUserArgument = None,
    account: AccountOption = None,
    state: StateOption = None,
    locked: Annotated[bool, option("--locked", "The same as --state locked.")] = False,
    exit_code: Annotated[
        bool, option("--exit-code", "Exit with 4 if any user shown is locked.")
    ] = False,
) -> Answer:
    """Show one user, a list, or the totals.

    With nothing named: the totals by state, and the latest locks.

    Example:
      pincli status alice
      pincli status --account acme --locked --exit-code
    """
    if locked:
        if state not in (None, State.LOCKED):
            raise UsageProblem(
                f"--locked and --state {state.value} exclude each other", "give one of them"
            )
        state = State.LOCKED
    if user is not None and state is not None:
        raise UsageProblem(
            "a user and a filter exclude each other",
            "`pincli status USER` shows one user; leave the user out for a list",
        )
    session = invocation.open()
    if user is not None:
        end_left_open(session)
        return view.card(require_user(session, user, account=account), exit_code=exit_code)
    if account is None and state is None:
        return view.overview(
            session.store.people.totals(),
            session.store.people.latest_locks(_LATEST_LOCKS),
            exit_code=exit_code,
        )
    account = None if account is None else require_account(session, account)
    return view.listing(
        session.store.people.pages(account=account, state=state),
        session.store.people.totals(account=account),
        state=state,
        exit_code=exit_code,
    )
