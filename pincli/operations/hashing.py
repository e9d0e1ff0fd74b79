"""Hashing many PINs on all cores: threads, as argon2 lets go of the interpreter's lock."""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from typing import TypeVar

from pincli.errors import KeyChanged
from pincli.models import Change, NewPin, PinOrigin, User
from pincli.operations.pin_file import PinFile, PinRow
from pincli.operations.pins import prepare, seal_for
from pincli.operations.session import Session
from pincli.rules.lockout import lacks_pin
from pincli.store.steps.pins import issue

_AHEAD_PER_CORE = 8
_WRITE_AT_ONCE = 64
"""New PINs a transaction: about a second of hashing, which is what a kill can cost."""

_Result = TypeVar("_Result")
Prepared = tuple[User, str, NewPin]


def write_pins(
    session: Session,
    pins: Iterable[tuple[User, str]],
    *,
    unlock: bool,
    reason: str | None,
    file: PinFile | None = None,
    before_each: Callable[[], None] = lambda: None,
) -> Iterator[list[tuple[Change, str]]]:
    """Hash, seal and write PINs for many users who have none, some in each transaction.

    A user whose PIN version changed between reading and writing is prepared again; so is
    everybody whose PIN was made with a key that was rotated meanwhile.

    Args:
        session: Opened with Need.WRITE and Need.SET_PIN.
        pins: Users as just read, and the PINs that they are to have.
        unlock: Whether locked users are released too.
        reason: Why; recorded with every event.
        file: Where each PIN is written down before it is valid.
        before_each: Called with no lock held; what it raises ends the work there, and the
            PINs that are not written yet are gone.

    Yields:
        For each transaction, the changes and the PINs that were written.
    """
    source = iter(pins)
    while True:
        stale: list[tuple[User, str]] = []
        for group in _groups(_prepared(session, source, before_each)):
            new = {user.id: pin for user, pin, _ in group}
            if file is not None:
                file.append([_row(user, pin) for user, pin, _ in group])
            try:
                changes = session.store.write(
                    issue,
                    [(user, made) for user, _, made in group],
                    wanted=lacks_pin,
                    unlock=unlock,
                    reason=reason,
                    tampered=session.left_out,
                )
            except KeyChanged:
                session.renew_keys()
                changes = []
            if file is not None:
                got = {change.after.id for change in changes}
                file.take_back(
                    {(user.login, user.account) for user, _, _ in group if user.id not in got}
                )
            yield [(change, new.pop(change.after.id)) for change in changes]
            again = session.store.people.in_rows(list(new), session.left_out) if new else []
            stale += [
                (user, new[user.id])
                for user in again
                if lacks_pin(user) and user.login not in session.left_out
            ]
        if not stale:
            return
        source = iter(stale)


def _prepared(
    session: Session,
    pins: Iterator[tuple[User, str]],
    before_each: Callable[[], None],
) -> Iterator[Prepared]:
    """PINs hashed and sealed, in order, a bounded number ahead of who takes them."""
    cores = len(os.sched_getaffinity(0))
    session.answers.prepare()  # once, here: all threads would import the same modules
    waiting: deque[Future[Prepared]] = deque()

    def work(user: User, pin: str) -> Prepared:
        sealed = _submitted(sealer, seal_for, session, user, pin)
        return user, pin, prepare(session, user, pin, PinOrigin.GENERATED, sealing=sealed.result)

    # Sealing has a thread of its own: once a thread has run ChaCha20, argon2 was measured to
    # take a third longer in it.
    with (
        ThreadPoolExecutor(1, initializer=_take_no_signals) as sealer,
        ThreadPoolExecutor(cores, initializer=_take_no_signals) as pool,
    ):
        try:
            for user, pin in pins:
                waiting.append(_submitted(pool, work, user, pin))
                before_each()
                if len(waiting) >= cores * _AHEAD_PER_CORE:
                    yield waiting.popleft().result()
            while waiting:
                before_each()
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _row(user: User, pin: str) -> PinRow:
    return PinRow(user.login, user.account, user.display_name, pin)


def _submitted(
    pool: ThreadPoolExecutor, work: Callable[..., _Result], *arguments: object
) -> Future[_Result]:
    """Have a pool do something; where it can start no thread, do it now."""
    with suppress(RuntimeError):  # a limit on processes
        return pool.submit(work, *arguments)
    done: Future[_Result] = Future()
    done.set_result(work(*arguments))
    return done


def _groups(prepared: Iterator[Prepared]) -> Iterator[list[Prepared]]:
    while group := list(islice(prepared, _WRITE_AT_ONCE)):
        yield group


def _take_no_signals() -> None:
    """Leave every signal to the main thread, which puts them off while it holds a lock."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
