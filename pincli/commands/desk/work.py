"""What the shift asks of the store, and what it answers; whatever fails is an answer too."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from queue import SimpleQueue

from pincli.commands.desk.state import (
    AddTicket,
    Announce,
    Answer,
    Card,
    Check,
    Find,
    Listing,
    Open,
    Refusal,
    Remark,
)
from pincli.commands.interrupts import in_background
from pincli.commands.invocation import Invocation
from pincli.commands.output import hook_failed
from pincli.errors import PincliError
from pincli.models import Notice, User, Verdict
from pincli.operations import hooks
from pincli.operations.call import begin
from pincli.operations.find import find_caller, note_nobody, note_viewed
from pincli.operations.left_open import end_left_open
from pincli.operations.session import Need, Session
from pincli.operations.verify import add_ticket, admit, renew, verify
from pincli.rules.names import clean_ticket
from pincli.store.opening import ConnectionCache
from pincli.vault.answers import Answers
from pincli.views.blocks import Problem
from pincli.views.problems import describe, for_caller

_NO_ANSWER = "unavailable"


class Work:
    """The store's side of the shift.

    Each call has a session of its own, opened when the caller is named: keys, roles and
    files are checked as by a `verify`, a rotation or a restore meanwhile is noticed, and what
    can't be used now may be again by the next call. The connection to a server stays, as long
    as nothing goes wrong.
    """

    wake: Callable[[], None] = staticmethod(lambda: None)
    """Called from another thread when there is a warning to show."""

    def __init__(self, invocation: Invocation, answers: Answers) -> None:
        """Open the first session.

        Args:
            invocation: The command's.
            answers: Warmed up, or about to be.

        Raises:
            Refused: The command is not among the caller's roles.
            Unavailable: The configuration, the store or a key can't be used.
        """
        self._invocation = invocation
        self._answers = answers
        self._stack = ExitStack()
        self._cache = ConnectionCache()
        self._session: Session | None = None
        self._renew_pin: Callable[[], None] = _nothing
        self._hook_runs = False
        self._hooks_ended: SimpleQueue[tuple[int, str | None]] = SimpleQueue()
        self._renew()
        tickets = invocation.config.tickets
        self.ticket_pattern = None if tickets is None else tickets.pattern

    def close(self) -> None:
        """Close the store, and the connection to its server."""
        self._leave()
        self._cache.close()

    def find(self, effect: Find) -> Answer:
        """Whom a line means: the card of the one person who can be meant, or a list."""
        try:
            session = self._current() if effect.narrows else self._renew()
            line, found = find_caller(session, effect.line, pattern=self.ticket_pattern)
            ticket = None if line.ticket is None else clean_ticket(line.ticket)
            if found.certain and not effect.narrows:
                return self._card(session, Open(found.people[0], ticket))
            if not found.people and not effect.narrows:
                note_nobody(session)
            return Listing(ticket, found)
        except PincliError as error:
            return self._failed(error)

    def open(self, effect: Open) -> Answer:
        """The card of somebody who was chosen."""
        try:
            return self._card(self._renew(), effect)
        except PincliError as error:
            return self._failed(error)

    def check(self, effect: Check) -> Answer:
        """The verdict on a caller's answer."""
        try:
            session = self._current()
            verdict = verify(
                session,
                effect.user.login,
                effect.pin,
                self._invocation.ticket(effect.ticket, effect.pin),
                account=effect.user.account,
            )
            self._renew_pin = partial(renew, session, verdict, effect.pin)
            return verdict
        except PincliError as error:
            self.close()
            return Refusal(self._problem(error))

    def renew_pin(self) -> None:
        """Renew the PIN that was just verified, if it was hashed with an older key or cost."""
        renewing, self._renew_pin = self._renew_pin, _nothing
        renewing()

    def tell_of_locks(self) -> None:
        """Start the deployment's hook for the next lock that waits; nobody waits for it."""
        command = self._invocation.on_lock
        if self._session is None or self._hook_runs or not command:
            return
        notice: Notice | None = None
        with suppress(PincliError):
            if self._session.store.notices():
                notice = self._session.attempts.next_notice()
        if notice is None:
            return
        # Started here: what a thread starts would not take signals, as itself doesn't.
        started = hooks.start(command)
        self._hook_runs = True
        if isinstance(started, str):
            self._hooks_ended.put((notice.number, started))
            self.wake()
        else:
            in_background(partial(self._finish_hook, started, notice))

    def warning(self, *, wait: bool = False) -> str | None:
        """What went wrong with a hook that has ended, if any did.

        Args:
            wait: Whether to wait for one that still runs.
        """
        while self._hook_runs and (wait or not self._hooks_ended.empty()):
            number, failure = self._hooks_ended.get()
            self._hook_runs = False
            with suppress(PincliError):  # then it waits, and the next run tells of it
                (self._session or self._renew()).attempts.delivered(number, failure)
            if failure is not None:
                return hook_failed(failure)
            self.tell_of_locks()
        return None

    def _current(self) -> Session:
        """The session, unless a key was rotated since it was opened: then a new one.

        Where the database's functions count, no key is needed but the one that a record names,
        which is looked for then.
        """
        session = self._session
        if session is None:
            return self._renew()
        if session.store.functions is None and session.store.identity() != session.identity:
            return self._renew()
        return session

    def _renew(self) -> Session:
        self._leave()
        may_be_stale = not self._cache.is_empty
        try:
            self._session = self._opened()
        except PincliError:
            if not may_be_stale:
                raise
            self._cache.close()
            self._session = self._opened()
        return self._session

    def _opened(self) -> Session:
        needs = (Need.ATTEMPT, Need.COMPARE)
        session = self._stack.enter_context(
            self._invocation.opened(*needs, answers=self._answers, cache=self._cache)
        )
        self._invocation.want_notices(session)
        return session

    def announce(self, effect: Announce) -> Answer:
        """Have the portal show the customer that this agent is calling."""
        try:
            ticket, user = self._invocation.ticket(effect.ticket), effect.user
            begin(self._current(), user.login, ticket, account=user.account)
        except PincliError as error:
            return self._failed(error)
        return Remark.CALLED

    def add_ticket(self, effect: AddTicket) -> Answer:
        """Give an attempt that has its verdict a ticket."""
        try:
            ticket = self._invocation.ticket(clean_ticket(effect.ticket)) or ""
            add_ticket(self._current(), effect.verdict, ticket)
        except PincliError as error:
            return self._failed(error)
        return Remark.TICKET_ADDED

    def note_viewed(self, user: User) -> str:
        """Record that a card was viewed without asking for a PIN; what went wrong, if anything."""
        try:
            note_viewed(self._current(), user)
        except PincliError as error:
            return f"the view was not recorded: {self._problem(error).message}"
        return ""

    def _card(self, session: Session, effect: Open) -> Card | Verdict:
        end_left_open(session)
        login, ticket = effect.user.login, self._invocation.ticket(effect.ticket)
        admitted = admit(session, login, ticket, account=effect.user.account)
        return admitted if isinstance(admitted, Verdict) else Card(admitted, effect.ticket)

    def _leave(self) -> None:
        self._session = None
        self._stack.close()

    def _problem(self, error: PincliError) -> Problem:
        return for_caller(describe(error), self._invocation.may_run)

    def _failed(self, error: PincliError) -> Answer:
        problem = self._problem(error)
        if error.code != _NO_ANSWER:
            return problem
        self.close()
        return Refusal(problem)

    def _finish_hook(self, started: subprocess.Popen[bytes], notice: Notice) -> None:
        failure: str | None = "it was given up"
        try:
            failure = hooks.finish(started, notice)
        finally:
            self._hooks_ended.put((notice.number, failure))
            self.wake()


def _nothing() -> None:
    pass
