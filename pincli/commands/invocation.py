"""One command line: what it asks for, who asks, and where the store is.

What it opens stays open until its answer is written.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pincli.commands.registry import Entry, entries_below, entry_of, name_in
from pincli.config import Config, read_config, under_sudo
from pincli.errors import ClockUnusable, PincliError, Refused, Rule
from pincli.models import Origin, User
from pincli.rules.roles import Allowed, Role, acts_for_a_customer, may_run
from pincli.views.sanitiser import in_account

if TYPE_CHECKING:
    from pincli.operations.session import Need, Session
    from pincli.store.location import Location
    from pincli.store.opening import ConnectionCache
    from pincli.vault.answers import Answers

_Entered = TypeVar("_Entered")
_SEE_PEOPLE = frozenset({Role.AGENT, Role.ADMIN})


class Invocation:
    """One command line, as far as it has been parsed.

    Attributes:
        program: The root command: help, man page and completions read it, the demo calls it.
        command: The command's name as in the help, such as `pin show`; may be empty.
        as_json: Whether the answer is one JSON object.
        store: What --store says.
        keys: What --keys says.
        ticket_masked: Whether a part of the ticket was masked.
        account: The account given with a user; may be empty.
        closing: What is closed once the answer is written.
        notices_wait: Whether locks may wait for the hook.
    """

    def __init__(
        self, program: Any, command: str, *, as_json: bool, config: Config | None = None
    ) -> None:
        """Begin, before anything is parsed; `config` replaces options and environment."""
        self.program = program
        self.command = command
        self.as_json = as_json
        self.store: Location | None = None
        self.keys: Path | None = None
        self.ticket_masked = False
        self.account = ""
        self.closing = ExitStack()
        self._allowed: Allowed | None = Allowed(frozenset())
        self._about_one_user = False
        self._config = config
        self._is_given = config is not None
        self.notices_wait = False
        self._sessions: list[Session] = []

    def begin(
        self, entry: Entry, *, as_json: bool, about_one_user: bool, account: str = ""
    ) -> None:
        """Everything is parsed, and the command is about to run."""
        self.account = account
        self.command, self._allowed = entry.name, entry.allowed
        self.as_json, self._about_one_user = as_json, about_one_user

    @property
    def config(self) -> Config:
        """The configuration, if the caller may run the command.

        Every way to the store leads through this check.

        Raises:
            Refused: The caller's roles don't allow the command; this is recorded.
            Unavailable: The configuration can't be used, or the store to record a refusal in.
        """
        config = self._read_config()
        roles = self._roles(config, self._allowed)
        if _is_allowed(roles, self._allowed, about_one_user=self._about_one_user):
            return config
        rule = Rule.ROLE if roles == config.roles else Rule.CALLER_UNKNOWN
        from pincli.operations.people import note_refusal
        from pincli.operations.session import Need

        with self._session(config, Need.ATTEMPT) as session:
            note_refusal(session, rule)
        raise Refused(rule, self.command)

    @property
    def origin(self) -> Origin:
        """The caller and the command, as events name them."""
        return Origin(self.config.agent, self.command)

    def ticket(self, typed: str | None, answer: str | None = None) -> str | None:
        """The part of a ticket that may be recorded; digits of the caller's answer are masked."""
        if typed is None:
            return None
        from pincli.rules.texts import recorded_ticket

        kept = recorded_ticket(typed, answer, self.config.tickets)
        self.ticket_masked = kept != typed
        return kept

    @property
    def on_lock(self) -> tuple[str, ...]:
        """The program to run after a lock; may be empty."""
        return self._read_config().on_lock

    def opened(
        self,
        *needs: Need,
        answers: Answers | None = None,
        even_closed: bool = False,
        cache: ConnectionCache | None = None,
    ) -> AbstractContextManager[Session]:
        """A session for the command, whose needs are checked before it does anything.

        The caller runs the hook for the locks that are recorded in it. Raises Unavailable if
        the store or a key can't be used, and what `config` raises.
        """
        return self._session(
            self.config, *needs, answers=answers, even_closed=even_closed, cache=cache
        )

    def open(
        self, *needs: Need, answers: Answers | None = None, even_closed: bool = False
    ) -> Session:
        """The same, open until the answer is written; then the hook runs for its locks."""
        session = self.enter(self.opened(*needs, answers=answers, even_closed=even_closed))
        self._sessions.append(session)
        if session.writable and self.on_lock:
            self.keep_notices(session)
            self.closing.callback(self._look_for_notices, session)
        return session

    def enter(self, context: AbstractContextManager[_Entered]) -> _Entered:
        """Enter a context that ends when the answer is written or the command fails."""
        return self.closing.enter_context(context)

    def keep_notices(self, session: Session) -> None:
        """If there is a hook, have the store keep a notice of every lock from now on."""
        if self.on_lock and session.store.notices() is None:
            session.attempts.next_notice()

    def _look_for_notices(self, session: Session) -> None:
        """Note whether locks wait for the hook, which runs last."""
        with suppress(PincliError):
            self.notices_wait |= bool(session.store.notices())

    def shares_login(self, user: User) -> bool:
        """Whether a user of another account has the same login, as far as can be seen."""
        with suppress(PincliError):
            return any(len(each.store.people.find(user.login)) > 1 for each in self._sessions)
        return False

    def with_account(self, line: str) -> str:
        """A suggested command line, with the account that this one named for its user."""
        name, rest = _parted(line)
        about_a_user = bool(rest) and not rest[0].startswith("-") and name != "help"
        if not (self.account and about_a_user) or "--account" in rest:
            return line
        return in_account(line, self.account)

    def may_run(self, line: str) -> bool:
        """Whether the caller's roles allow a command line, such as `pincli status alice`.

        Everybody may read help.
        """
        name, rest = _parted(line)
        if not name or "--help" in rest:
            return True
        about_one_user = bool(rest) and not rest[0].startswith("-")
        return any(
            _is_allowed(self._known_roles(entry), entry.allowed, about_one_user=about_one_user)
            for entry in (entry_of(name), *entries_below(name))
            if entry is not None
        )

    def _known_roles(self, entry: Entry) -> frozenset[Role] | None:
        try:
            return self._roles(self._read_config(), entry.allowed)
        except PincliError:  # the command itself reports it
            return frozenset() if under_sudo() else None

    def _roles(self, config: Config, allowed: Allowed | None) -> frozenset[Role] | None:
        """The caller's roles; without sudo, only where a command acts for a customer."""
        if config.roles is not None or self._is_given or not acts_for_a_customer(allowed):
            return config.roles
        return config.roles_without_sudo()

    def _read_config(self) -> Config:
        try:
            time.time()
        except OverflowError:
            raise ClockUnusable from None
        if self._config is None:
            self._config = read_config(self.store, self.keys)
            if self._config.say:
                from pincli.views.verdict import speak

                speak(self._config.say)
        return self._config

    def _session(
        self, config: Config, *needs: Need, **options: Any
    ) -> AbstractContextManager[Session]:
        from pincli.operations.session import open_session

        return open_session(
            config.store,
            config.keys,
            marks=config.marks,
            origin=Origin(config.agent, self.command),
            needs=frozenset(needs),
            shows_people=config.roles is None or bool(config.roles & _SEE_PEOPLE),
            **options,
        )


def _parted(line: str) -> tuple[str, list[str]]:
    """The command in a command line, and the words after it."""
    words = line.split()[1:]
    name = name_in(words)
    return name, words[len(name.split()) :]


def _is_allowed(
    roles: frozenset[Role] | None, allowed: Allowed | None, *, about_one_user: bool
) -> bool:
    return roles is None or may_run(roles, allowed, about_one_user=about_one_user)
