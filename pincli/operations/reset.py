"""Resetting users: PINs are withdrawn, and new ones are made at once or at the next look."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

from pincli.errors import Interrupted, PinChangedMeanwhile
from pincli.models import Change, PinOrigin, User
from pincli.operations.chunks import Progress, in_chunks, no_progress, underway
from pincli.operations.hashing import write_pins
from pincli.operations.pin_file import PinFile
from pincli.operations.pins import at_present_version, prepare
from pincli.operations.selection import Selection
from pincli.operations.session import Session
from pincli.results import ResetUser
from pincli.rules import lockout
from pincli.rules.lockout import lacks_pin, may_have_pin
from pincli.rules.pins import generate
from pincli.store.steps import pins as steps


class ResetOrder(NamedTuple):
    """How to reset users.

    Attributes:
        unlock: Whether to release locked users; otherwise they stay locked.
        issue: Whether to generate new PINs at once, for users who can have one.
        reason: Recorded with every event.
        only_missing: Whether users keep a PIN that they have, or got meanwhile.
    """

    unlock: bool = False
    issue: bool = False
    reason: str | None = None
    only_missing: bool = False


def would_reset(selection: Selection, order: ResetOrder) -> Iterator[list[ResetUser]]:
    """Show the changes of a reset, page by page, without making them."""
    for page in selection.pages():
        yield [ResetUser(Change(user, _would_become(user, order))) for user in page]
    selection.require_none_left_out()


def reset(
    session: Session,
    selection: Selection,
    order: ResetOrder,
    *,
    file: PinFile | None = None,
    progress: Progress = no_progress,
) -> Iterator[list[ResetUser]]:
    """Reset the selected users in durable steps; `file` gets each new PIN before it is valid.

    After an interruption, another run does the rest. The session needs Need.WRITE, and
    Need.SET_PIN to issue.
    """
    session.store.prepare_for_bulk()
    if order.issue:
        yield from _issue(session, selection, order, file, progress)
    else:
        yield from _withdraw(session, selection, order, progress)
    session.require_none_left_out()


def _withdraw(
    session: Session, selection: Selection, order: ResetOrder, progress: Progress
) -> Iterator[list[ResetUser]]:
    if len(selection) == 1:
        changes = _withdrawn(session, selection, selection.following(None, 1), order)
        yield [ResetUser(change) for change in changes]
        return
    step = partial(_withdrawn, session, selection, order=order)
    for changes in in_chunks(selection.following, step, total=len(selection), progress=progress):
        yield [ResetUser(change) for change in changes]


def _issue(
    session: Session,
    selection: Selection,
    order: ResetOrder,
    file: PinFile | None,
    progress: Progress,
) -> Iterator[list[ResetUser]]:
    """Withdraw all PINs, then make new ones: after a kill, the others have no PIN at all."""
    if file is not None:
        file.begin()
    total, done = len(selection), 0
    if file is None and total == 1:
        for user in next(selection.pages()):
            yield [_issue_one(session, selection, user, order)]
        return
    if not order.only_missing:
        for results in _withdraw_first(session, selection, order, total):
            done += len(results)
            yield results
    lacking = (user for page in selection.pages() for user in page if lacks_pin(user))
    pins = ((user, generate(user)) for user in lacking)
    with underway(total, progress) as work:
        work.advance(done)
        try:
            for group in write_pins(
                session,
                pins,
                unlock=order.unlock,
                reason=order.reason,
                file=file,
                before_each=work.check,
            ):
                work.advance(len(group))
                yield [ResetUser(change, pin) for change, pin in group]
        except Interrupted as error:
            raise Interrupted(error.done, error.total, file.kept if file else "") from None
        if file is not None:
            file.finish()


def _withdraw_first(
    session: Session, selection: Selection, order: ResetOrder, total: int
) -> Iterator[list[ResetUser]]:
    """Withdraw all PINs and keep all locks; yield the results of users who get no new PIN."""

    def step(rows: Sequence[int]) -> list[Change]:
        users = session.store.people.in_rows(rows, session.left_out)
        having = [user.id for user in users if may_have_pin(user)]
        _withdrawn(session, selection, having, order._replace(unlock=False))
        others = [user.id for user in users if user.id not in having]
        return _withdrawn(session, selection, others, order)

    done = 0
    try:
        for changes in in_chunks(selection.following, step, total=total):
            done += len(changes)
            yield [ResetUser(change) for change in changes]
    except Interrupted:
        raise Interrupted(done, total) from None


def _issue_one(session: Session, selection: Selection, user: User, order: ResetOrder) -> ResetUser:
    def step(present: User) -> ResetUser:
        if order.only_missing and not lacks_pin(present):
            return ResetUser(Change(present, present))
        if not may_have_pin(present):
            (change,) = _withdrawn(session, selection, [present.id], order)
            return ResetUser(change)
        pin = generate(present)
        new = prepare(session, present, pin, PinOrigin.GENERATED)
        changes = session.store.write(
            steps.issue, [(present, new)], unlock=order.unlock, reason=order.reason
        )
        if not changes:
            raise PinChangedMeanwhile
        return ResetUser(changes[0], pin)

    return at_present_version(session, user, step)


def _would_become(user: User, order: ResetOrder) -> User:
    if order.issue and may_have_pin(user):
        reset_ = lockout.counter_reset(user, unlock=order.unlock)
        return reset_._replace(pin_version=user.pin_version + 1)
    step = lockout.withdrawn(user, unlock=order.unlock, reason=order.reason)
    return lockout.after(user, step)


def _withdrawn(
    session: Session, selection: Selection, rows: Sequence[int], order: ResetOrder
) -> list[Change]:
    if not rows:
        return []
    return session.store.write(
        steps.withdraw,
        rows,
        unlock=order.unlock,
        reason=order.reason,
        uids=selection.uids(rows),
        tampered=None if len(rows) == 1 else session.left_out,
    )
