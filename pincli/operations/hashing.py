"""Hashing many PINs on all cores, in threads: argon2 releases the interpreter's lock."""

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
"""New PINs a transaction: about a second of hashing, which a kill loses."""

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
    """Hash, seal and write PINs for many users who have none.

    If a user's PIN version or a key changes meanwhile, the PIN is prepared again. The session
    needs Need.WRITE and Need.SET_PIN.

    Args:
        session: The open store.
        pins: Users as just read, with their new PINs.
        unlock: Whether to release locked users too.
        reason: Recorded with every event.
        file: Gets each PIN before it is valid.
        before_each: Called with no lock held; it may raise to end the work.

    Yields:
        For each transaction, the changes with the new PINs.
    """
    source = iter(pins)
    while True:
        stale: list[tuple[User, str]] = []
        prepared = _prepared(session, source, before_each)
        while group := list(islice(prepared, _WRITE_AT_ONCE)):
            new = {user.id: pin for user, pin, _ in group}
            if file is not None:
                file.append(
                    [PinRow(u.login, u.account, u.display_name, pin) for u, pin, _ in group]
                )
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
    """Hash and seal PINs in order, a bounded number ahead of their use."""
    cores = len(os.sched_getaffinity(0))
    session.answers.prepare()  # import once, not in every thread
    waiting: deque[Future[Prepared]] = deque()

    def work(user: User, pin: str) -> Prepared:
        sealed = _submitted(sealer, seal_for, session, user, pin)
        return user, pin, prepare(session, user, pin, PinOrigin.GENERATED, sealing=sealed.result)

    # Sealing has its own thread: after ChaCha20, argon2 was measured to take a third longer in
    # the same thread.
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


def _submitted(
    pool: ThreadPoolExecutor, work: Callable[..., _Result], *arguments: object
) -> Future[_Result]:
    """Submit work to a pool, or do it now if no thread can be started."""
    with suppress(RuntimeError):  # a limit on processes
        return pool.submit(work, *arguments)
    done: Future[_Result] = Future()
    done.set_result(work(*arguments))
    return done


def _take_no_signals() -> None:
    """Leave all signals to the main thread, which defers them while it holds a lock."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
