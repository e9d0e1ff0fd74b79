"""Resetting users: their PINs are withdrawn, and made anew when they next open them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import NamedTuple

from pincli.errors import Refused, Rule
from pincli.models import Change, PinOrigin, ResetUser, User
from pincli.operations.chunks import Progress, in_chunks, no_progress
from pincli.operations.hashing import write_pins
from pincli.operations.pin_file import PinFile, PinRow
from pincli.operations.pins import at_present_version, prepare
from pincli.operations.selection import Selection
from pincli.operations.session import Session
from pincli.operations.underway import Course, underway
from pincli.rules.pins import generate
from pincli.rules.resets import reissued, withdrawn
from pincli.rules.states import may_have_pin
from pincli.store.staging import StagedUsers

_PAGE = 500


class ResetOrder(NamedTuple):
    """How users are to be reset.

    Attributes:
        unlock: Whether locked users are released too; otherwise they stay locked.
        issue: Whether new PINs are generated at once, for those who can have one.
        reason: Why, cleaned; it stands on every event.
    """

    unlock: bool = False
    issue: bool = False
    reason: str | None = None


def would_reset(selection: Selection, order: ResetOrder) -> Iterator[list[ResetUser]]:
    """What a reset would make of each user, page by page; nothing is changed."""
    for page in selection.pages():
        yield [ResetUser(Change(user, _would_become(user, order))) for user in page]


def reset(
    session: Session,
    selection: Selection,
    order: ResetOrder,
    *,
    file: PinFile | None = None,
    progress: Progress = no_progress,
) -> Iterator[list[ResetUser]]:
    """Reset the users of a selection, some at a time; each step is whole and durable.

    Args:
        session: Opened with Need.WRITE, and with Need.SET_PIN to issue.
        selection: Whom.
        order: How.
        file: Where the new PINs are written down before any of them is valid.
        progress: Told how far it is.

    Raises:
        Interrupted: Between two steps; run again, it does the rest.
    """
    session.store.prepare_for_bulk()
    if not order.issue:
        yield from _withdraw(session, selection, order, progress)
    elif file is None:
        yield from _issue(session, selection, order, progress)
    else:
        yield from _issue_to_file(session, selection, order, file, progress)


def _withdraw(
    session: Session, selection: Selection, order: ResetOrder, progress: Progress
) -> Iterator[list[ResetUser]]:
    if len(selection) == 1:
        (user,) = next(selection.pages())
        with session.holding(user) as held:
            changes = session.store.withdraw([held], unlock=order.unlock, reason=order.reason)
        yield [ResetUser(change) for change in changes]
        return
    step = partial(session.store.withdraw_rows, unlock=order.unlock, reason=order.reason)
    for changes in in_chunks(selection.following, step, total=len(selection), progress=progress):
        yield [ResetUser(change) for change in changes]


def _issue(
    session: Session, selection: Selection, order: ResetOrder, progress: Progress
) -> Iterator[list[ResetUser]]:
    if len(selection) == 1:
        (user,) = next(selection.pages())
        if may_have_pin(user):
            yield [_issue_one(session, user, order)]
        else:
            yield from _withdraw(session, selection, order, progress)
        return
    pins = ((user, generate()) for page in selection.pages() for user in page if may_have_pin(user))
    with StagedUsers() as issued, underway(len(selection), progress) as course:
        yield from _write(session, pins, order, issued, course)
        yield from _withdraw_others(session, selection, order, issued, course)


def _issue_one(session: Session, user: User, order: ResetOrder) -> ResetUser:
    def step(present: User) -> ResetUser:
        if not may_have_pin(present):
            (change,) = session.store.withdraw([present], unlock=order.unlock, reason=order.reason)
            return ResetUser(change)
        pin = generate()
        new = prepare(session, present, pin, PinOrigin.GENERATED)
        change = session.store.issue(present, new, unlock=order.unlock, reason=order.reason)
        return ResetUser(change, pin)

    with session.holding(user) as held:
        return at_present_version(session, held, step)


def _issue_to_file(
    session: Session,
    selection: Selection,
    order: ResetOrder,
    file: PinFile,
    progress: Progress,
) -> Iterator[list[ResetUser]]:
    """Issue PINs that stand in a file; pin_file.py says what each kill leaves, and what then."""
    if file.complete:
        yield from _already_issued(session, selection, file)
    else:
        file.write(_rows(session, selection, file))
        with StagedUsers() as issued, underway(len(selection), progress) as course:
            if file.resumed:
                yield from _issued_before(session, selection, file, issued, course)
            pins = ((user, pin) for user, pin in _without(session, file) if may_have_pin(user))
            yield from _write(session, pins, order, issued, course, batch=file.batch)
            yield from _withdraw_others(session, selection, order, issued, course)
            without = {user.login for user, _ in _without(session, file)}
            if without:
                file.drop(without)
            course.check()
            file.finish()
    session.store.forget_batch(file.batch)


def _rows(session: Session, selection: Selection, file: PinFile) -> Iterator[PinRow]:
    """Whoever may have a PIN, with the one that a killed run wrote down for them.

    With a new one if that was withdrawn since: a PIN that is withdrawn never comes back.
    """
    for page in selection.pages():
        rows = [user.id for user in page]
        gone = session.store.issued_in(file.batch, rows, withdrawn=True)
        for user in page:
            # Who was known stays for now: before the end of this run, they may have that PIN.
            if may_have_pin(user) or file.knows(user.login):
                pin = generate() if user.id in gone else file.pin_for(user.login)
                yield PinRow(user.login, user.account, user.display_name, pin)


def _already_issued(
    session: Session, selection: Selection, file: PinFile
) -> Iterator[list[ResetUser]]:
    """What a run that was killed at its very end did.

    Raises:
        Refused: The file is no such run's, or was about others.
    """
    names = {user for user, _ in file.rows()}
    for page in selection.pages():
        if any(may_have_pin(user) and user.login not in names for user in page):
            raise Refused(Rule.FILE_EXISTS, str(file.path))
        names -= {user.login for user in page}
    if names or not session.store.has_marks(file.batch):
        raise Refused(Rule.FILE_EXISTS, str(file.path))
    for page in selection.pages():
        yield [_unchanged(user, file) for user in page]


def _issued_before(
    session: Session,
    selection: Selection,
    file: PinFile,
    issued: StagedUsers,
    course: Course,
) -> Iterator[list[ResetUser]]:
    """Those who have had their PIN of the file since a run before this one."""
    for page in selection.pages():
        have = session.store.issued_in(file.batch, [user.id for user in page])
        users = [user for user in page if user.id in have and may_have_pin(user)]
        if users:
            issued.add(user.id for user in users)
            course.advance(len(users))
            yield [_unchanged(user, file) for user in users]


def _unchanged(user: User, file: PinFile) -> ResetUser:
    pin = file.pin_for(user.login) if file.knows(user.login) and may_have_pin(user) else None
    return ResetUser(Change(user, user), pin)


def _without(session: Session, file: PinFile) -> Iterator[tuple[User, str]]:
    """The users of the file who don't have the PIN that stands in it, and that PIN."""
    rows = file.rows()
    while page := dict(islice(rows, _PAGE)):
        users = session.store.find_all(list(page))
        have = session.store.issued_in(file.batch, [user.id for user in users.values()])
        for name, user in users.items():
            if user.id not in have:
                yield user, page[name]


def _withdraw_others(
    session: Session,
    selection: Selection,
    order: ResetOrder,
    issued: StagedUsers,
    course: Course,
) -> Iterator[list[ResetUser]]:
    """Withdraw the PINs of those who were issued none: the deactivated, for the most part.

    Also of who was switched on meanwhile: nobody keeps the PIN from before the reset.
    """
    for page in selection.pages():
        rows = issued.lacking(user.id for user in page)
        if rows:
            course.check()
            changes = session.store.withdraw_rows(rows, unlock=order.unlock, reason=order.reason)
            course.advance(len(changes))
            yield [ResetUser(change) for change in changes]


def _write(
    session: Session,
    pins: Iterator[tuple[User, str]],
    order: ResetOrder,
    issued: StagedUsers,
    course: Course,
    *,
    batch: str | None = None,
) -> Iterator[list[ResetUser]]:
    for group in write_pins(
        session,
        pins,
        set_by=PinOrigin.GENERATED,
        wanted=may_have_pin,
        counter=partial(reissued, unlock=order.unlock),
        reason=order.reason,
        batch=batch,
        before_each=course.check,
    ):
        issued.add(change.after.id for change, _ in group)
        course.advance(len(group))
        yield [ResetUser(change, pin) for change, pin in group]


def _would_become(user: User, order: ResetOrder) -> User:
    if order.issue and may_have_pin(user):
        return reissued(user, unlock=order.unlock)._replace(pin_version=user.pin_version + 1)
    return withdrawn(user, unlock=order.unlock)
