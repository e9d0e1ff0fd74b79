"""`pincli import`: people from another system."""

from __future__ import annotations

import os
import stat
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from pincli.commands.files import input_file
from pincli.commands.invocation import Invocation
from pincli.commands.options import AccountOption, ReasonOption, YesOption
from pincli.commands.prompts import confirm_word, require_terminal
from pincli.commands.running import show
from pincli.errors import UsageProblem
from pincli.operations.activity import set_active_many
from pincli.operations.intake import imports as operation
from pincli.operations.intake.imports import ImportOptions
from pincli.operations.people import require_account
from pincli.operations.selection import Selection, select_staged
from pincli.operations.session import Need, Session
from pincli.results import ImportTally
from pincli.store.staging import StagedImport
from pincli.vault.envelopes import Envelope
from pincli.views import imports as view
from pincli.views.blocks import Answer
from pincli.views.progress import progress_bar

_READABLE_BY_OTHERS = 0o077


def import_people(
    invocation: Invocation,
    path: Annotated[
        Path, typer.Argument(metavar="FILE", help="The file; - for stdin.", show_default=False)
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would happen.")] = False,
    ignore_unknown: Annotated[
        bool, typer.Option("--ignore-unknown", help="Leave out columns that are not ours.")
    ] = False,
    allow_move: Annotated[
        bool, typer.Option("--allow-move", help="Let users move to another account.")
    ] = False,
    deactivate_missing: Annotated[
        bool,
        typer.Option(
            "--deactivate-missing", help="Deactivate users of --account that the file lacks."
        ),
    ] = False,
    account: AccountOption = None,
    yes: YesOption = False,
    reason: ReasonOption = None,
) -> Answer:
    """Add and update users from a file. Counters, locks and PINs stay as they are.

    Example:
      pincli import people.csv --dry-run
      pincli import people.csv --deactivate-missing --account acme --yes

    Columns: user, account, name, type, and if you like active and pin. CSV, TSV, a JSON
    array or JSON lines. Every row is checked before the first is written.
    """
    if deactivate_missing != (account is not None):
        raise UsageProblem(
            "--deactivate-missing and --account go together",
            "`pincli import FILE --deactivate-missing --account ACCOUNT`",
        )
    if deactivate_missing and not (yes or dry_run):
        require_terminal("nobody is there to confirm", "give --yes, or --dry-run to look")
        if str(path) == "-":
            raise UsageProblem(
                "the file on standard input leaves nobody to confirm", "give --yes, or a file"
            )
    envelope = Envelope()
    session = invocation.open(Need.WRITE, Need.SET_PIN)
    file = invocation.keep(input_file(path, invocation.config))
    staged = invocation.keep(StagedImport())
    options = ImportOptions(ignore_unknown, allow_move, allow_pins=_is_private(file))
    with progress_bar("checking", percent=True) as progress:
        expected = operation.stage(session, file, staged, envelope, options, progress=progress)
    if staged.problem_count:
        return view.problems(staged.problem_count, staged.problems())
    missing = invocation.keep(_missing(session, staged, account))
    expected = expected._replace(deactivated=len(missing))
    if dry_run:
        return view.dry_run(expected)
    if len(missing) and not yes:
        show(view.preview(expected, missing.word), sys.stderr)
        confirm_word(missing.word)
    return view.done(_write(session, staged, envelope, options, missing, reason))


def _write(
    session: Session,
    staged: StagedImport,
    envelope: Envelope,
    options: ImportOptions,
    missing: Selection,
    reason: str | None,
) -> ImportTally:
    with progress_bar("importing") as progress:
        tally = operation.take_in(session, staged, envelope, options, progress=progress)
    with progress_bar("deactivating") as progress:
        deactivated = set_active_many(
            session, missing, active=False, reason=reason, progress=progress
        )
    return tally._replace(deactivated=deactivated)


def _is_private(file: BinaryIO) -> bool:
    """Whether nobody else can read the file, so that PINs may stand in it; a pipe is private."""
    mode = os.fstat(file.fileno()).st_mode
    return not stat.S_ISREG(mode) or not mode & _READABLE_BY_OTHERS


def _missing(
    session: Session, staged: StagedImport, account: str | None
) -> AbstractContextManager[Selection]:
    """The active users of an account that the file lacks; nobody without an account."""
    if account is None:
        return select_staged(session, (), "")
    canonical = require_account(session, account)
    return select_staged(session, operation.missing_rows(session, staged, canonical), canonical)
