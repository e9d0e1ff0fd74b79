"""The store's side of a shift: requests in, responses out; a failure is a response too."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from pincli.commands.desk.lock_hook import LockHook
from pincli.commands.desk.state import (
    AddTicket,
    Announce,
    Call,
    Card,
    Check,
    Failure,
    Find,
    Listing,
    Open,
    Remark,
    Request,
    Response,
    TicketAdded,
)
from pincli.commands.invocation import Invocation
from pincli.commands.output import hook_failed
from pincli.errors import PincliError
from pincli.models import User, Verdict
from pincli.operations.call import begin
from pincli.operations.find import find_caller, note_nobody, note_viewed
from pincli.operations.session import Need, Session
from pincli.operations.verify import add_ticket, admit, end_left_open, renew, verify
from pincli.rules.texts import clean_ticket
from pincli.store.opening import ConnectionCache
from pincli.vault.answers import Answers
from pincli.views.answer import Problem
from pincli.views.problems import describe, for_caller

_UNAVAILABLE = "unavailable"


class Backend:
    """What a shift asks of the store.

    Each call opens a session when the caller is named, as a `verify` does. So keys, roles and
    files are checked, a rotation or a restore is noticed, and a store that fails one call may
    serve the next. The connection to a server stays open until something goes wrong.

    Attributes:
        tickets: What tickets look like at this site, if it says.
        hook: The deployment's, for locks.
    """

    def __init__(self, invocation: Invocation, answers: Answers) -> None:
        """Open the first session.

        Raises:
            Refused: The command is not among the caller's roles.
            Unavailable: The configuration, the store or a key can't be used.
        """
        self._invocation = invocation
        self._answers = answers
        self._stack = ExitStack()
        self._cache = ConnectionCache()
        self._session: Session | None = None
        self._renew_pin: Callable[[], None] | None = None
        self._reopen()
        self.tickets = invocation.config.tickets
        self.hook = LockHook(invocation.on_lock)

    def close(self) -> None:
        """Close the store, and the connection to its server."""
        self._close_session()
        self._cache.close()

    def warm_up(self) -> None:
        """Do what the first answer would otherwise wait for; runs while the agent types."""
        session = self._session
        self._answers.warm_up()
        if session is not None:
            session.prepare_to_attempt()

    def respond(self, request: Request) -> Response:
        """Do what was asked."""
        try:
            return self._respond(request)
        except PincliError as error:
            problem = self._problem(error)
            if error.code != _UNAVAILABLE and not isinstance(request, Check):
                return problem
            self.close()
            return Failure(problem)

    def note_viewed(self, user: User) -> str:
        """Record that a card was viewed without a PIN; return what went wrong, if anything."""
        try:
            note_viewed(self._current(), user)
        except PincliError as error:
            return f"the view was not recorded: {self._problem(error).message}"
        return ""

    def after_showing(self) -> None:
        """Start the hook for a lock, and renew the PIN that was just verified if it is due."""
        if self._session is not None:
            self.hook.start(self._session)
        renew_pin, self._renew_pin = self._renew_pin, None
        if renew_pin is not None:
            renew_pin()

    def warning(self, *, wait: bool = False) -> str | None:
        """Return how the hook failed since the last look, if it did.

        Args:
            wait: Wait for a run that goes on.
        """
        failure = self.hook.failure(lambda: self._session or self._reopen(), wait=wait)
        return None if failure is None else hook_failed(failure)

    def masked_ticket(self) -> bool:
        """Return whether digits of a ticket were masked since the last look."""
        masked, self._invocation.ticket_masked = self._invocation.ticket_masked, False
        return masked

    def _respond(self, request: Request) -> Response:
        match request:
            case Find():
                return self._find(request)
            case Open():
                return self._card(self._reopen(), request.user, request.ticket)
            case Check(user, pin, ticket):
                return self._check(user, pin, self._invocation.ticket(ticket, pin))
            case Announce(user, ticket):
                kept = self._invocation.ticket(ticket)
                begin(self._current(), user.login, kept, account=user.account)
                return Remark.ANNOUNCED
            case AddTicket(verdict, ticket):
                added = self._invocation.ticket(clean_ticket(ticket)) or ""
                add_ticket(self._current(), verdict, added)
                return TicketAdded(added)

    def _find(self, request: Find) -> Response:
        """The card of the one person who can be meant, or a list."""
        session = self._current() if request.narrows else self._reopen()
        pattern = None if self.tickets is None else self.tickets.pattern
        line, found = find_caller(session, request.line, pattern=pattern)
        ticket = None if line.ticket is None else clean_ticket(line.ticket)
        if not request.narrows:
            if found.certain:
                return self._card(session, found.people[0], ticket)
            if not found.people:
                note_nobody(session)
        return Listing(ticket, found)

    def _card(self, session: Session, user: User, ticket: str | None) -> Response:
        end_left_open(session)
        kept = self._invocation.ticket(ticket)
        admitted = admit(session, user.login, kept, account=user.account)
        if isinstance(admitted, Verdict):
            return _call(admitted, kept)
        self._invocation.ticket_masked = False  # it is recorded with the answer
        return Card(admitted, ticket)

    def _check(self, user: User, pin: str, ticket: str | None) -> Response:
        session = self._current()
        verdict = verify(session, user.login, pin, ticket, account=user.account)
        self._renew_pin = partial(renew, session, verdict, pin)
        return _call(verdict, ticket)

    def _current(self) -> Session:
        """The session; a new one if a key was rotated since it was opened.

        Where the database's functions count, only the key that a record names is needed, and
        that is looked for when it is.
        """
        session = self._session
        if session is None:
            return self._reopen()
        if session.store.functions is None and session.store.identity() != session.identity:
            return self._reopen()
        return session

    def _reopen(self) -> Session:
        self._close_session()
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
        self._invocation.keep_notices(session)
        return session

    def _close_session(self) -> None:
        self._session = None
        self._stack.close()

    def _problem(self, error: PincliError) -> Problem:
        return for_caller(describe(error), self._invocation.may_run)


def _call(verdict: Verdict, ticket: str | None) -> Call:
    return Call(time.strftime("%H:%M"), verdict, ticket)
