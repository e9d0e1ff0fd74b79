"""The deployment's hook for locks, run while the shift goes on."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from queue import SimpleQueue

from pincli.commands.interrupts import in_background
from pincli.errors import PincliError
from pincli.operations import hooks
from pincli.operations.session import Session
from pincli.results import Notice


class LockHook:
    """Runs the hook for one waiting lock after another.

    Attributes:
        wake: Called from another thread when a run has ended.
    """

    def __init__(self, command: Sequence[str]) -> None:
        """Run nothing yet; an empty command means no hook."""
        self.wake: Callable[[], None] = lambda: None
        self._command = command
        self._runs = False
        self._ended: SimpleQueue[tuple[int, str | None]] = SimpleQueue()

    def start(self, session: Session) -> None:
        """Start the hook for the next lock that waits; nobody waits for it."""
        if self._runs or not self._command:
            return
        notice: Notice | None = None
        with suppress(PincliError):
            if session.store.notices():
                notice = session.attempts.next_notice()
        if notice is None:
            return
        # Not in the thread: it blocks signals, and what it starts would inherit that.
        started = hooks.start(self._command)
        self._runs = True
        if isinstance(started, str):
            self._end(notice, started)
        else:
            in_background(partial(self._finish, started, notice))

    def failure(self, open_session: Callable[[], Session], *, wait: bool) -> str | None:
        """Record the runs that have ended, and start the next; return the first failure.

        Args:
            open_session: Gives the session to record with.
            wait: Wait for the run that goes on, too.
        """
        while self._runs and (wait or not self._ended.empty()):
            number, failure = self._ended.get()
            self._runs = False
            with suppress(PincliError):  # the notice stays, and the next run delivers it
                open_session().attempts.delivered(number, failure)
            if failure is not None:
                return failure
            with suppress(PincliError):
                self.start(open_session())
        return None

    def _finish(self, started: subprocess.Popen[bytes], notice: Notice) -> None:
        failure: str | None = "it was given up"
        try:
            failure = hooks.finish(started, notice)
        finally:
            self._end(notice, failure)

    def _end(self, notice: Notice, failure: str | None) -> None:
        self._ended.put((notice.number, failure))
        self.wake()
