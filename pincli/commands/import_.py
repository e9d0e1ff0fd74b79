"""`pincli import`: users from another system."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from pincli.commands.files import input_file
from pincli.commands.invocation import Invocation
from pincli.commands.options import (
    DryRunOption,
    ReasonOption,
    YesOption,
    account_option,
    argument,
    option,
)
from pincli.commands.output import show
from pincli.commands.prompts import confirm_word, require_confirmable
from pincli.errors import UsageProblem
from pincli.models import UserType
from pincli.operations.editing import set_active_many
from pincli.operations.intake import imports as operation
from pincli.operations.intake.imports import ImportOptions
from pincli.operations.intake.layout import layout_of
from pincli.operations.intake.rejects import require_new, write_rejects
from pincli.operations.people import require_account
from pincli.operations.selection import Selection, select_staged
from pincli.operations.session import Need, Session
from pincli.results import ImportTally
from pincli.rules.people import SameLogin
from pincli.store.scratch import StagedImport
from pincli.views import imports as view
from pincli.views.answer import Answer
from pincli.views.progress import progress_bar


def import_people(
    invocation: Invocation,
    path: Annotated[Path, argument("FILE", "The file; - for stdin.")],
    dry_run: DryRunOption = False,
    profile: Annotated[
        str | None,
        option("--profile", "Read an export of entra, google, okta, okta-api or ad.", "NAME"),
    ] = None,
    maps: Annotated[
        list[str] | None, option("--map", "Where a field is; may be repeated.", "FIELD=COLUMN")
    ] = None,
    account: Annotated[
        str | None,
        account_option("Everybody's account, in a file without that column."),
    ] = None,
    kind: Annotated[
        UserType | None, option("--type", "Everybody's type, in a file without it.")
    ] = None,
    ignore_unknown: Annotated[
        bool, option("--ignore-unknown", "Leave out columns that are not ours.")
    ] = False,
    encoding: Annotated[
        str | None, option("--encoding", "Of a file that is not UTF-8: cp1252.", "NAME")
    ] = None,
    rejects: Annotated[
        Path | None,
        option("--rejects", "Import the good rows, and write the bad ones there.", "FILE"),
    ] = None,
    same_login: Annotated[
        SameLogin | None,
        option(
            "--same-login",
            "A login that another account has: refuse the row, take it for a new person, or"
            " move the user here with PIN and counter.",
        ),
    ] = None,
    allow_move: Annotated[bool, option("--allow-move", "The same as --same-login move.")] = False,
    deactivate_missing: Annotated[
        bool, option("--deactivate-missing", "Deactivate users of --account that the file lacks.")
    ] = False,
    at_most: Annotated[
        int | None, option("--at-most", "How many may be deactivated.", "N", minimum=0)
    ] = None,
    yes: YesOption = False,
    reason: ReasonOption = None,
) -> Answer:
    """Add and update users from a file. Counters, locks and PINs stay as they are.

    Example:
      pincli import people.csv --dry-run
      pincli import export.csv --profile entra --account acme
      pincli import people.csv --deactivate-missing --account acme --yes

    Columns: user, account, name, type, and optionally email and active. CSV with commas,
    semicolons or tabs, a JSON array or JSON lines. Every row is checked before the first is
    written.
    """
    if deactivate_missing and account is None:
        raise UsageProblem(
            "--deactivate-missing needs --account",
            "`pincli import FILE --deactivate-missing --account ACCOUNT`",
        )
    if at_most is not None and not deactivate_missing:
        raise UsageProblem("--at-most is for --deactivate-missing", "leave it out")
    if deactivate_missing and rejects:
        raise UsageProblem(
            "--deactivate-missing and --rejects don't go together",
            "users with a bad row would count as missing; correct the rows first",
        )
    if deactivate_missing and not (yes or dry_run):
        require_confirmable(yes=False, hint="give --yes, or --dry-run to look")
        if str(path) == "-":
            raise UsageProblem(
                "the file on standard input leaves nobody to confirm", "give --yes, or a file"
            )
    given = {"account": account, "type": kind.value if kind else None}
    layout = layout_of(
        profile=profile,
        maps=maps or (),
        lacking={field: value for field, value in given.items() if value is not None},
        ignore_unknown=ignore_unknown,
        mixed=deactivate_missing,
        site=invocation.config.profiles,
    )
    session = invocation.open(Need.WRITE)
    if rejects is not None:
        require_new(rejects, invocation.config.secret_folders)
    file = invocation.enter(input_file(path, invocation.config))
    staged = invocation.enter(StagedImport())
    policy = same_login or (SameLogin.MOVE if allow_move else SameLogin.REFUSE)
    options = ImportOptions(layout, encoding, policy, rejects is not None)
    with progress_bar("checking", percent=True) as progress:
        expected = operation.stage(session, file, staged, options, progress=progress)
    if staged.problem_count and not expected.rejected:
        return view.problems(staged.problem_count, staged.problems())
    missing = invocation.enter(
        _missing(session, staged, account if deactivate_missing else None, at_most)
    )
    expected = expected._replace(deactivated=len(missing))
    rejected = view.Rejected(staged.problem_count, staged.problems(), str(rejects))
    if dry_run:
        return view.dry_run(expected, rejected)
    if len(missing) and not yes:
        show(view.preview(expected, missing.word), sys.stderr)
        confirm_word(missing.word)
    if rejects is not None and expected.rejected:
        write_rejects(rejects, staged, invocation.config.secret_folders)
    done = _write(session, staged, options, missing, reason)
    return view.done(done._replace(rejected=expected.rejected), rejected)


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


@contextmanager
def _missing(
    session: Session, staged: StagedImport, account: str | None, at_most: int | None
) -> Iterator[Selection]:
    """The active users of an account that the file lacks; nobody without an account."""
    if account is None:
        with select_staged(session, (), "") as nobody:
            yield nobody
        return
    if not staged.names_account(account):  # one that the file names may be new
        require_account(session, account)
    absent = operation.Missing(session, staged, account)
    with select_staged(session, absent, account) as missing:
        absent.require_few(at_most)
        yield missing
