"""`pincli reset`: withdraw PINs, so that their owners make new ones in the portal."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from pincli.commands.files import names_in
from pincli.commands.invocation import Invocation
from pincli.commands.options import (
    AccountOption,
    DryRunOption,
    FromFileOption,
    ReasonOption,
    UsersArgument,
    YesOption,
    option,
)
from pincli.commands.output import show
from pincli.commands.prompts import confirm_word, require_confirmable
from pincli.errors import UsageProblem
from pincli.operations import reset as operation
from pincli.operations.pin_file import PinFile
from pincli.operations.reset import ResetOrder
from pincli.operations.selection import Selection, select, select_staged, without_pin
from pincli.operations.session import Need
from pincli.views import reset as view
from pincli.views.answer import Answer
from pincli.views.blocks import Block
from pincli.views.progress import progress_bar

_NAMED_AT_MOST = 20


def reset(
    invocation: Invocation,
    users: UsersArgument = None,
    account: AccountOption = None,
    from_file: FromFileOption = None,
    everybody: Annotated[bool, option("--all", "Everybody.")] = False,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    reason: ReasonOption = None,
    unlock: Annotated[
        bool, option("--unlock", "Release locked users too; needs --reason.")
    ] = False,
    issue: Annotated[
        bool, option("--issue", "Make the new PINs now (where there is no portal).")
    ] = False,
    only_missing: Annotated[
        bool, option("--only-missing", "Users without a PIN only; needs --issue.")
    ] = False,
    reveal: Annotated[bool, option("--reveal", "Show the new PINs; implies --issue.")] = False,
    output: Annotated[
        Path | None, option("--output", "Write the new PINs here; implies --issue.", "FILE")
    ] = None,
) -> Answer:
    """Withdraw PINs: of users, of an attacked account, of everybody. Locked users stay locked.

    Example:
      pincli reset alice --reason 'PIN overheard'
      pincli reset alice --account acme --yes
      pincli reset --account acme --dry-run
      pincli reset --account acme --reason T-4711 --yes --json
      pincli reset --from-file users.txt --output pins.csv --yes

    After an interruption, run the same command to finish. With --output, add --only-missing and
    give another file: FILE.part has the PINs made so far.
    """
    if not (users or account or from_file or everybody):
        raise UsageProblem("no user is named", "give users, --account, --from-file or --all")
    if unlock and reason is None:
        raise UsageProblem(
            "--unlock needs a reason", "give it with --reason; it is recorded in the audit trail"
        )
    issue = issue or reveal or output is not None
    if only_missing and not issue:
        raise UsageProblem(
            "--only-missing makes new PINs for those who have none", "add --issue, or --output FILE"
        )
    order = ResetOrder(unlock, issue, reason, only_missing)
    if reveal and not invocation.as_json and not sys.stdout.isatty():
        raise UsageProblem("--reveal shows PINs on a terminal only", "for a program, add --json")
    if str(output) == "-":
        raise UsageProblem(
            "PINs are not written to standard output like that", "use --reveal --json, or a file"
        )
    require_confirmable(yes=yes or dry_run, hint="give --yes, or --dry-run to look")
    needs = [Need.WRITE, Need.SET_PIN] if order.issue else [Need.WRITE]
    session = invocation.open(*needs)
    file = None
    if output is not None:  # checked before anybody is asked whether to go on
        file = invocation.enter(PinFile(output, forbidden=invocation.config.secret_folders))
    names = names_in(users, from_file, invocation.config)
    named = invocation.enter(select(session, names=names, account=account, everybody=everybody))
    selection = named
    if order.only_missing:
        selection = invocation.enter(select_staged(session, without_pin(named), named.word))
    tally = view.ResetTally()
    if dry_run:
        for results in operation.would_reset(selection, order):
            tally.add(results)
        return view.dry_run(tally, selection.pages(), _preview(selection, order))
    if not yes:
        show(_preview(selection, order), sys.stderr)
        confirm_word(selection.word)
    with progress_bar("resetting") as progress:
        for results in operation.reset(session, selection, order, file=file, progress=progress):
            tally.add(results, keep_pins=reveal)
    path = None if file is None else str(file.path)
    return view.receipt(tally, selection.pages(), reveal=reveal, file=path)


def _preview(selection: Selection, order: ResetOrder) -> list[Block]:
    few = not selection.word and len(selection) <= _NAMED_AT_MOST
    named = [user for page in selection.pages() for user in page] if few else []
    return view.preview(
        len(selection), selection.totals(), named=named, unlock=order.unlock, issue=order.issue
    )
