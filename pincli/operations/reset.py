"""Resetting users: their PINs are withdrawn, and made anew when they next open them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import NamedTuple

from pincli.models import Change, PinOrigin, ResetUser, User
from pincli.operations.chunks import Progress, in_chunks, no_progress
from pincli.operations.hashing import write_pins
from pincli.operations.pin_file import PinFile, PinRow
from pincli.operations.pins import at_present_version, prepare
from pincli.operations.selection import Selection
from pincli.operations.session import Session
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
        with session.store.holding(user) as held:
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
    with StagedUsers() as issued:
        yield from _write(session, pins, order, issued, progress, total=len(selection))
        yield from _withdraw_others(session, selection, order, issued)


def _issue_one(session: Session, user: User, order: ResetOrder) -> ResetUser:
    def step(present: User) -> ResetUser:
        if not may_have_pin(present):
            (change,) = session.store.withdraw([present], unlock=order.unlock, reason=order.reason)
            return ResetUser(change)
        pin = generate()
        new = prepare(session, present, pin, PinOrigin.GENERATED)
        change = session.store.issue(present, new, unlock=order.unlock, reason=order.reason)
        return ResetUser(change, pin)

    with session.store.holding(user) as held:
        return at_present_version(session, held, step)


def _issue_to_file(
    session: Session,
    selection: Selection,
    order: ResetOrder,
    file: PinFile,
    progress: Progress,
) -> Iterator[list[ResetUser]]:
    file.write(
        PinRow(user.user, user.account, user.name, file.pin_for(user.user))
        for page in selection.pages()
        for user in page
        if may_have_pin(user) or file.knows(user.user)
    )
    pins = ((user, pin) for user, pin in _not_issued(session, file) if may_have_pin(user))
    with StagedUsers() as issued:
        yield from _write(
            session, pins, order, issued, progress, total=len(selection), batch=file.batch
        )
        yield from _withdraw_others(session, selection, order, issued, batch=file.batch)
    without = {user.user for user, _ in _not_issued(session, file)}
    if without:
        file.drop(without)
    file.finish()
    session.store.forget_batch(file.batch)


def _not_issued(session: Session, file: PinFile) -> Iterator[tuple[User, str]]:
    """The users of the file who have not got the PIN in it, whoever was killed before."""
    rows = file.rows()
    while page := dict(islice(rows, _PAGE)):
        users = session.store.find_all(list(page))
        issued = session.store.issued_in(file.batch, [user.id for user in users.values()])
        for name, user in users.items():
            if user.id not in issued:
                yield user, page[name]


def _withdraw_others(
    session: Session,
    selection: Selection,
    order: ResetOrder,
    issued: StagedUsers,
    *,
    batch: str | None = None,
) -> Iterator[list[ResetUser]]:
    """Withdraw the PINs of those who were issued none: the deactivated, for the most part.

    Also of who was switched on meanwhile: nobody keeps the PIN from before the reset.
    """
    for page in selection.pages():
        rows = issued.lacking(user.id for user in page)
        if rows and batch is not None:
            before = session.store.issued_in(batch, rows)  # by a run that was killed
            rows = [row for row in rows if row not in before]
        if rows:
            changes = session.store.withdraw_rows(rows, unlock=order.unlock, reason=order.reason)
            yield [ResetUser(change) for change in changes]


def _write(
    session: Session,
    pins: Iterator[tuple[User, str]],
    order: ResetOrder,
    issued: StagedUsers,
    progress: Progress,
    *,
    total: int,
    batch: str | None = None,
) -> Iterator[list[ResetUser]]:
    done = 0
    for group in write_pins(
        session,
        pins,
        set_by=PinOrigin.GENERATED,
        wanted=may_have_pin,
        counter=partial(reissued, unlock=order.unlock),
        reason=order.reason,
        batch=batch,
    ):
        issued.add(change.after.id for change, _ in group)
        done += len(group)
        progress(done, total)
        yield [ResetUser(change, pin) for change, pin in group]


def _would_become(user: User, order: ResetOrder) -> User:
    if order.issue and may_have_pin(user):
        return reissued(user, unlock=order.unlock)._replace(pin_version=user.pin_version + 1)
    return withdrawn(user, unlock=order.unlock)
