"""What one command line asks for, by whom and where; what it opens stays open till it is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pincli.commands.registry import Entry, entries_below, entry_of, name_in
from pincli.config import Config, read_config, under_sudo
from pincli.errors import PincliError, Refused, Rule
from pincli.models import EventKind
from pincli.rules.roles import Role, may_run

if TYPE_CHECKING:
    from pincli.models import User
    from pincli.operations.session import Need, Session
    from pincli.store.transaction import Origin
    from pincli.vault.verifiers import Verifiers

_Entered = TypeVar("_Entered")


class Invocation:
    """One command line, as far as it is understood.

    Attributes:
        front: The front door as a command: what help, man page and completions are read from,
            and what the demo calls.
        command: The command's name as in the help, such as `pin show`; empty for none.
        as_json: Whether the answer is to be one JSON object.
        store: What --store says.
        keys: What --keys says.
        until_told: What is closed once the answer is written.
    """

    def __init__(
        self, front: Any, command: str, *, as_json: bool, config: Config | None = None
    ) -> None:
        """Before anything is parsed.

        Args:
            front: The front door as a command.
            command: Its name as far as it is known.
            as_json: Whether the arguments ask for JSON.
            config: In place of what options, environment and deployment say.
        """
        self.front = front
        self.command = command
        self.as_json = as_json
        self.store: Path | None = None
        self.keys: Path | None = None
        self.until_told = ExitStack()
        self._entry: Entry | None = None
        self._about_one_user = False
        self._config = config
        self._sessions: list[Session] = []

    def begin(self, entry: Entry, *, as_json: bool, about_one_user: bool) -> None:
        """All is parsed, and the command is going to be run."""
        self._entry, self._about_one_user = entry, about_one_user
        self.command, self.as_json = entry.name, as_json

    @property
    def config(self) -> Config:
        """The configuration, for whoever may run the command: no way to the store leads past it.

        Raises:
            Refused: The command is not among the caller's roles; this is recorded.
            Unavailable: The configuration can't be used; or the store, to record a refusal.
        """
        config = self._read_config()
        if self._entry is None:
            raise RuntimeError("nothing is configured before a command is known")
        if self._is_allowed(config, self._entry, about_one_user=self._about_one_user):
            return config
        from pincli.operations.session import Need

        with self._session(config, frozenset({Need.WRITE})) as session:
            session.store.record(EventKind.REFUSED, outcome=Rule.ROLE.name.lower())
        raise Refused(Rule.ROLE, self.command)

    @property
    def origin(self) -> Origin:
        """Who acts, and by which command."""
        return self._origin(self.config)

    @property
    def on_lock(self) -> tuple[str, ...]:
        """The program to run after a lock; empty for none."""
        return self._read_config().on_lock

    @contextmanager
    def opened(self, *needs: Need, verifiers: Verifiers | None = None) -> Iterator[Session]:
        """A session for the command, with what it needs checked before it does anything.

        The locks that are recorded in it are whoever opens it to tell of.

        Raises:
            Refused: The command is not among the caller's roles.
            Unavailable: The configuration, the store or a key can't be used.
        """
        with self._session(self.config, frozenset(needs), verifiers) as session:
            yield session

    def open(self, *needs: Need, verifiers: Verifiers | None = None) -> Session:
        """The same, open until the answer is written; then its locks are told of."""
        session = self.keep(self.opened(*needs, verifiers=verifiers))
        self._sessions.append(session)
        return session

    def keep(self, context: AbstractContextManager[_Entered]) -> _Entered:
        """Enter a context that is left once the answer is written, or the command failed."""
        return self.until_told.enter_context(context)

    def locks_recorded(self) -> list[User]:
        """The users who were locked in the sessions that were open for the answer."""
        return [user for session in self._sessions for user in session.store.locks_recorded]

    def may_run(self, line: str = "") -> bool:
        """Whether the caller's roles allow a command line.

        Args:
            line: Such as `pincli status alice`; empty for this very one. Help is for everybody.
        """
        config = self._known_config()
        if not line and self._entry is not None:
            return self._is_allowed(config, self._entry, about_one_user=self._about_one_user)
        words = line.split()[1:]
        name = name_in(words)
        rest = words[len(name.split()) :]
        if not name or "--help" in rest:
            return True
        found = entry_of(name)
        about_one_user = bool(rest) and not rest[0].startswith("-")
        return any(
            self._is_allowed(config, entry, about_one_user=about_one_user)
            for entry in ([found] if found else entries_below(name))
        )

    def _read_config(self) -> Config:
        if self._config is None:
            self._config = read_config(self.store, self.keys)
        return self._config

    def _known_config(self) -> Config | None:
        """The configuration for a hint; None if it can't be read, which is told already."""
        try:
            return self._read_config()
        except PincliError:
            return None

    @staticmethod
    def _is_allowed(config: Config | None, entry: Entry, *, about_one_user: bool) -> bool:
        roles: frozenset[Role] | None = frozenset() if under_sudo() else None
        if config is not None:
            roles = config.roles
        return roles is None or may_run(roles, entry.allowed, about_one_user=about_one_user)

    def _origin(self, config: Config) -> Origin:
        from pincli.store.transaction import Origin

        return Origin(config.agent, self.command)

    def _session(
        self, config: Config, needs: frozenset[Need], verifiers: Verifiers | None = None
    ) -> AbstractContextManager[Session]:
        from pincli.operations.session import open_session

        return open_session(
            config.store,
            config.keys,
            origin=self._origin(config),
            needs=needs,
            verifiers=verifiers,
        )
