"""Importing people: every row is checked before the first is written."""

from __future__ import annotations

import io
import os
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import BinaryIO, NamedTuple

from pincli.errors import FileFailed, MalformedName, Refused, Rule
from pincli.models import EventKind, NewEvent
from pincli.operations.chunks import Progress, in_chunks, no_progress
from pincli.operations.intake.formats import People, RawRow
from pincli.operations.intake.layout import Layout
from pincli.operations.intake.rows import RowChecker
from pincli.operations.session import Session
from pincli.results import ImportTally, RowProblem
from pincli.rules.names import canonical_account, canonical_user
from pincli.rules.people import SameLogin, whose
from pincli.store.scratch import StagedImport, StagedRow
from pincli.store.steps.imports import Fate, by_login, fate_of
from pincli.store.steps.imports import take_in as take_in_rows
from pincli.store.steps.people import record

_PAGE = 1000
_NAMED_AT_MOST = 5
_FEW = 5
"""Without --at-most, one user in this many may be missing from the file."""


class ImportOptions(NamedTuple):
    """How to import a file.

    Attributes:
        layout: Which column holds what.
        encoding: Of a file that is not UTF-8 and has no byte order mark.
        same_login: What to do if another account has the login of a row.
        rejecting: Whether bad rows are left out and kept for a file of their own.
    """

    layout: Layout = Layout()
    encoding: str | None = None
    same_login: SameLogin = SameLogin.REFUSE
    rejecting: bool = False


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
        options: How to import it.
        progress: Reading is the first half, comparing the second. The total is 0 for a pipe,
            whose length is unknown.

    Returns:
        What importing it would do, if `staged.problem_count` is 0.

    Raises:
        UsageProblem: The file as a whole can't be read.
        FileFailed: The system failed at it.
    """
    people = People(file, options.layout, options.encoding)
    checker = RowChecker(options.layout)
    size = _size_of(file)
    for raw in people:
        if raw.number % _PAGE == 1:
            progress(file.tell() if size else raw.number, 2 * size)
        if options.rejecting:
            staged.keep(raw.number, raw.text)
        row = checker.check(raw)
        if isinstance(row, StagedRow):
            staged.add(row)
            continue
        _note_name(staged, raw)
        for problem in row:
            staged.add_problem(problem, raw.number)
    staged.preamble = people.preamble
    staged.flush()
    staged.note_duplicates()
    if people.broken and options.rejecting:
        # Nobody knows what the quote swallowed, so nor which rows are good.
        options = options._replace(rejecting=False)
    if options.rejecting:
        staged.reject()
    fates: Counter[Fate] = Counter()
    compared, total = 0, len(staged)
    for page in _pages(staged):
        compared += len(page)
        progress(size + size * compared // total if size else compared, 2 * size)
        in_file = staged.accounts_of(row.user for row in page)
        present = by_login(session.store.people.named([*in_file], session.left_out))
        for row in page:
            user = whose(
                row.account, present.get(row.user, {}), in_file[row.user], options.same_login
            )
            if isinstance(user, list):
                words = _unclear(user, options.same_login)
                staged.add_problem(RowProblem(row.line, "account", words, row.account), row.number)
                continue
            if user is not None and user.account != row.account:
                staged.add_move(user.login, user.account)
            fates[fate_of(row, user)] += 1
    rejected = staged.reject() if options.rejecting else 0
    return _tally(len(staged), fates, rejected)


def take_in(
    session: Session,
    staged: StagedImport,
    options: ImportOptions,
    *,
    progress: Progress = no_progress,
) -> ImportTally:
    """Write the checked rows in chunks; after an interruption, the next run does the rest.

    Raises:
        StoreTampered: Some records were changed behind the trail; all others are done.
    """
    store = session.store
    store.prepare_for_bulk()
    fates: Counter[Fate] = Counter()
    for result in in_chunks(
        staged.after,
        lambda rows: store.write(
            take_in_rows,
            rows,
            staged.accounts_of(row.user for row in rows),
            same_login=options.same_login,
            tampered=session.left_out,
        ),
        total=len(staged),
        progress=progress,
    ):
        fates.update(result)
    store.write(record, NewEvent(EventKind.IMPORTED, reason=_summary(len(staged), fates)))
    session.require_none_left_out()
    return _tally(len(staged), fates)


class Missing:
    """Row and uid of an account's active users that the file lacks; iterate over it once."""

    def __init__(self, session: Session, staged: StagedImport, account: str) -> None:
        self._session = session
        self._staged = staged
        self._account = account
        self._active = self._missing = 0

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Go through the account page by page."""
        session = self._session
        for page in session.store.people.pages(account=self._account, spoilt=session.left_out):
            active = {user.login: (user.id, user.uid) for user in page if user.active}
            missing = self._staged.missing_from(self._account, active)
            self._active += len(active)
            self._missing += len(missing)
            yield from (active[name] for name in missing)

    def require_few(self, at_most: int | None) -> None:
        """Refuse a file that names nobody of the account, or lacks many; call it at the end.

        Args:
            at_most: How many may be missing; None for a fifth.
        """
        if self._missing == self._active and not self._staged.names_account(self._account):
            raise Refused(Rule.FILE_NAMES_NOBODY, self._account)
        most = self._active / _FEW if at_most is None else at_most
        if self._missing > most:
            words = f"{self._missing} of the {self._active} active users of {self._account}"
            raise Refused(Rule.TOO_MANY_MISSING, words)


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
    """Remember the user of a bad row: another row of theirs is a duplicate."""
    name, account = raw.fields.get("user"), raw.fields.get("account")
    if isinstance(name, str) and isinstance(account, str):
        with suppress(MalformedName):
            user, account = canonical_user(name), canonical_account(account)
            staged.add_bad(user, account, raw.line, raw.number)


def _unclear(accounts: Sequence[str], same_login: SameLogin) -> str:
    """The problem of a row whose login another account has."""
    few = ", ".join(accounts[:_NAMED_AT_MOST])
    if same_login is SameLogin.MOVE:
        return f"it is not clear who moves: the store has that login in {few}"
    return (
        f"the store has that login in {few}: --same-login says whether it is a new person or moves"
    )


def _pages(staged: StagedImport) -> Iterator[Sequence[StagedRow]]:
    last = None
    while page := staged.after(last, _PAGE):
        yield page
        last = page[-1]


def _tally(rows: int, fates: Counter[Fate], rejected: int = 0) -> ImportTally:
    added, updated, unchanged = (fates[fate] for fate in Fate)
    return ImportTally(rows, added, updated, unchanged, rejected=rejected)


def _summary(rows: int, fates: Counter[Fate]) -> str:
    return (
        f"{rows} rows, {fates[Fate.ADDED]} added, {fates[Fate.UPDATED]} updated,"
        f" {fates[Fate.UNCHANGED]} unchanged"
    )
