"""Importing people: every row is checked before the first is written."""

from __future__ import annotations

import io
import os
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import BinaryIO, NamedTuple

from pincli.errors import FileFailed, MalformedName
from pincli.models import EventKind, NewEvent
from pincli.operations.chunks import Progress, in_chunks, no_progress
from pincli.operations.intake.formats import RawRow, read_people
from pincli.operations.intake.rows import RowChecker
from pincli.operations.session import Session
from pincli.results import ImportTally, RowProblem
from pincli.rules.names import canonical_user
from pincli.store.scratch import StagedImport, StagedRow
from pincli.store.steps.imports import Fate, fate_of
from pincli.store.steps.imports import take_in as take_in_rows
from pincli.store.steps.people import record

_PAGE = 1000


class ImportOptions(NamedTuple):
    """How a file is to be taken.

    Attributes:
        ignore_unknown: Leave out columns that are not ours.
        allow_move: Let users move to another account.
    """

    ignore_unknown: bool = False
    allow_move: bool = False


def stage(
    session: Session,
    file: BinaryIO,
    staged: StagedImport,
    options: ImportOptions,
    *,
    progress: Progress = no_progress,
) -> ImportTally:
    """Read and check a whole file; nothing of it is written to the store.

    Args:
        session: The open store.
        file: The file of people.
        staged: Where its rows and their problems go.
        options: How to take it.
        progress: Told how far it is: reading is the first half, comparing the second. Of how
            much it is told 0 where the file is a pipe, whose end nobody knows.

    Returns:
        What importing it would do. Look at `staged.problem_count` first.

    Raises:
        UsageProblem: The file as a whole can't be read.
        FileFailed: The system failed at it.
    """
    rows = read_people(file, ignore_unknown=options.ignore_unknown, tell=staged.add_problem)
    checker = RowChecker(staged.add_problem)
    size = _size_of(file)
    for number, raw in enumerate(rows):
        if number % _PAGE == 0:
            progress(file.tell() if size else number, 2 * size)
        row = checker.check(raw)
        if row is not None:
            staged.add(row)
        else:
            _note_name(staged, raw)
    staged.flush()
    staged.note_duplicates()
    fates: Counter[Fate] = Counter()
    compared, total = 0, len(staged)
    for page in _pages(staged):
        compared += len(page)
        progress(size + size * compared // total if size else compared, 2 * size)
        named = session.store.people.named([row.user for row in page], session.left_out)
        present = {user.login: user for user in named}
        for row in page:
            user = present.get(row.user)
            fates[fate_of(row, user)] += 1
            if user is not None and user.account != row.account and not options.allow_move:
                words = f"the user belongs to {user.account}; --allow-move lets users move"
                staged.add_problem(RowProblem(row.line, "account", words))
    return _tally(total, fates)


def take_in(
    session: Session,
    staged: StagedImport,
    options: ImportOptions,
    *,
    progress: Progress = no_progress,
) -> ImportTally:
    """Write the checked rows in chunks; run again after an interruption, it does the rest.

    Raises:
        Interrupted: Between two chunks; says how far that got.
        StoreUnavailable: Likewise.
        StoreTampered: Some records were changed behind the trail; everybody else is done.
    """
    store = session.store
    store.prepare_for_bulk()
    fates: Counter[Fate] = Counter()
    for result in in_chunks(
        lambda last, limit: staged.after(last.user if last else "", limit),
        lambda rows: store.write(
            take_in_rows, rows, allow_move=options.allow_move, tampered=session.left_out
        ),
        total=len(staged),
        progress=progress,
    ):
        fates.update(result)
    store.write(record, NewEvent(EventKind.IMPORTED, reason=_summary(len(staged), fates)))
    session.require_none_left_out()
    return _tally(len(staged), fates)


def missing_rows(
    session: Session, staged: StagedImport, account: str
) -> Iterator[tuple[int, bytes]]:
    """Row and uid of the active users of an account that the file lacks."""
    for page in session.store.people.pages(account=account, spoilt=session.left_out):
        active = {user.login: (user.id, user.uid) for user in page if user.active}
        if active:
            yield from (active[name] for name in staged.missing_from(active))


def _size_of(file: BinaryIO) -> int:
    """The size in bytes of a regular file; 0 for anything else."""
    try:
        facts = os.fstat(file.fileno())
    except io.UnsupportedOperation:  # it is in memory
        return 0
    except OSError as error:
        raise FileFailed(error.strerror or "it can't be looked at") from None
    return facts.st_size if stat.S_ISREG(facts.st_mode) else 0


def _note_name(staged: StagedImport, raw: RawRow) -> None:
    """Keep the user of a bad row in mind: a second row of theirs is one too many all the same."""
    name = raw.fields["user"]
    if isinstance(name, str):
        with suppress(MalformedName):
            staged.add_bad(canonical_user(name), raw.line)


def _pages(staged: StagedImport) -> Iterator[Sequence[StagedRow]]:
    last = ""
    while page := staged.after(last, _PAGE):
        yield page
        last = page[-1].user


def _tally(rows: int, fates: Counter[Fate]) -> ImportTally:
    return ImportTally(rows, fates[Fate.ADDED], fates[Fate.UPDATED], fates[Fate.UNCHANGED])


def _summary(rows: int, fates: Counter[Fate]) -> str:
    return (
        f"{rows} rows, {fates[Fate.ADDED]} added, {fates[Fate.UPDATED]} updated,"
        f" {fates[Fate.UNCHANGED]} unchanged"
    )
