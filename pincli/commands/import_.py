"""`pincli import`: people from another system."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated

import typer

from pincli.commands.files import input_file
from pincli.commands.options import AccountOption, JsonOption, ReasonOption, YesOption, example
from pincli.commands.prompts import confirm_word, require_terminal
from pincli.commands.running import config_of, deliver, new_app, opened, show
from pincli.errors import UsageProblem
from pincli.operations.activity import set_active_many
from pincli.operations.intake import imports as operation
from pincli.operations.intake.imports import ImportOptions
from pincli.operations.people import require_account
from pincli.operations.selection import Selection, select_staged
from pincli.operations.session import Need, Session
from pincli.results import ImportTally
from pincli.store.staging import StagedImport
from pincli.views import imports as view
from pincli.views.exit_codes import ExitCode
from pincli.views.progress import progress_bar

app = new_app()


@app.command(
    "import",
    epilog=example(
        "pincli import people.csv --dry-run",
        "pincli import people.csv --deactivate-missing --account acme --yes",
    )
    + "\n\nColumns: user, account, name, type, and if you like active. CSV, TSV, a JSON array or"
    " JSON lines. Every row is checked before the first is written.",
    exits=(ExitCode.UNKNOWN, ExitCode.REFUSED),
)
def import_people(
    ctx: typer.Context,
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
    as_json: JsonOption = False,
) -> None:
    """Add and update users from a file. Counters, locks and PINs stay as they are."""
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
    with (
        opened(ctx, Need.WRITE) as session,
        input_file(path, config_of(ctx)) as file,
        StagedImport() as staged,
    ):
        options = ImportOptions(ignore_unknown, allow_move)
        with progress_bar("checking", percent=True) as progress:
            expected = operation.stage(session, file, staged, options, progress=progress)
        if staged.problem_count:
            deliver(ctx, view.problems(staged.problem_count, staged.problems()), as_json=as_json)
        with _missing(session, staged, account) as missing:
            expected = expected._replace(deactivated=len(missing))
            if dry_run:
                deliver(ctx, view.dry_run(expected), as_json=as_json)
                return
            if len(missing) and not yes:
                show(view.preview(expected, missing.word), sys.stderr)
                confirm_word(missing.word)
            tally = _write(session, staged, options, missing, reason)
    deliver(ctx, view.done(tally), as_json=as_json)


def _write(
    session: Session,
    staged: StagedImport,
    options: ImportOptions,
    missing: Selection,
    reason: str | None,
) -> ImportTally:
    with progress_bar("importing") as progress:
        tally = operation.take_in(session, staged, options, progress=progress)
    with progress_bar("deactivating") as progress:
        deactivated = set_active_many(
            session, missing, active=False, reason=reason, progress=progress
        )
    return tally._replace(deactivated=deactivated)


def _missing(
    session: Session, staged: StagedImport, account: str | None
) -> AbstractContextManager[Selection]:
    """The active users of an account that the file lacks; nobody without an account."""
    if account is None:
        return select_staged(session, (), "")
    canonical = require_account(session, account)
    return select_staged(session, operation.missing_rows(session, staged, canonical), canonical)
