"""What the rest of pincli asks of an engine: steps, attempts, a store. No SQL, files or drivers.

A step gets its records from its own transaction, and `save` refuses others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Protocol, TypeVar

from pincli.models import Answered, Head, Identity, NewEvent, Origin, User, Verdict
from pincli.results import Notice
from pincli.store.questions import People, Signs, Trail

if TYPE_CHECKING:
    from pincli.errors import StoreUnavailable
    from pincli.store.location import Location
    from pincli.store.sealing import Sealers

P = ParamSpec("P")
T = TypeVar("T")

Step = Callable[Concatenate["Transaction", P], T]
"""What happens in one transaction. It may be run again, so it must have no other effects."""


class Transaction(Protocol):
    """An open write transaction: everything that a step may do to a store."""

    @property
    def at(self) -> str:
        """The time of everything in it, ISO 8601, UTC."""

    @property
    def origin(self) -> Origin:
        """Who acts, and by which command."""

    @property
    def head(self) -> Head:
        """The end of the trail, including what this transaction has saved."""

    @property
    def identity(self) -> Identity:
        """The keys that count now."""

    def users(self, rows: Sequence[int], tampered: list[str] | None = None) -> list[User]:
        """The records in these rows, in storage order; nobody else changes them now.

        Args:
            rows: Their numbers.
            tampered: Gets the logins of records that were changed behind the trail; these are
                left out. If it is None, they are an error.

        Raises:
            StoreTampered: A record was changed behind the trail.
        """

    def named(self, logins: Sequence[str], tampered: list[str] | None = None) -> list[User]:
        """The records with these logins, as `users` gives them; a missing one is left out."""

    def save(self, events: Sequence[NewEvent]) -> None:
        """Write the records in the events, and append the events to the trail.

        The only way to change a user. The event `erased` also removes the texts and blinds of the
        user's events. A user without events is added, in the row of its number, or in the next
        one if that is 0.

        Raises:
            StaleRecord: A record was not read in this transaction, or before another change.
            AttemptOpen: It is the second charge in this transaction.
        """

    def next_notice(self) -> Notice | None:
        """The oldest lock that waits for the hook, unless another run is delivering."""

    def settle_notice(self, number: int, *, delivered: bool) -> bool:
        """Remove a delivered notice, or note a failure; return whether it is the first one."""

    def require_event(self, number: int, link: bytes) -> None:
        """Require that the trail still has a committed event.

        Raises:
            StoreUnavailable: It is gone: an older store was brought back.
        """

    def ending_of(self, user: User, attempt: int) -> str:
        """The outcome of an attempt of this user that another process has ended.

        Raises:
            StoreUnavailable: It has none: the trail was changed.
        """

    def replaced(self) -> StoreUnavailable:
        """The error for an older store that was brought back meanwhile."""

    def seal(self, head: Head) -> bool:
        """Seal an event of the trail; return whether neither it nor a later one had a seal.

        Raises:
            StoreUnavailable: Another event has that number.
        """

    def seal_records(self, rows: Sequence[int], tampered: list[str]) -> None:
        """Seal the records in these rows with the key that counts now; change nothing else.

        `tampered` gets the logins of records that were changed behind the trail; these are left
        out.
        """

    def forget(self, last: int, *, old: bool) -> None:
        """Remove the oldest events up to `last`; the trail begins after it, sealed.

        `old` says whether that is an event of schema 1.

        Raises:
            ValueError: It is the newest event.
        """

    def forget_names(self, before: str, limit: int) -> int:
        """Remove texts with unknown names, typed before a time; return how many."""

    def seal_start(self) -> None:
        """Seal the start of the trail with the key that counts now.

        Raises:
            StoreUnavailable: It has a wrong seal.
        """

    def name_key(self, kind: str, fingerprint: str) -> None:
        """Name the key of a kind (`verify`, `portal`, `audit`) that counts from now on."""


class Attempts(Protocol):
    """What agents do to a store.

    By steps on SQLite. By functions of the database on PostgreSQL, as a desk's login may write no
    table.
    """

    def attempt(self, asked: User, answer: bytes | None, *, ticket: str | None) -> Answered | None:
        """Charge an answer and settle it, in two durable transactions.

        Args:
            asked: The record that the answer was hashed for.
            answer: The hashed answer; None if the record has no question.
            ticket: The ticket for the events.

        Returns:
            The verdict; None, uncharged, if the question has changed: ask again.

        Raises:
            StoreUnavailable: Not verified; `charge` says what became of the attempt.
        """

    def refuse_unless_active(self, user: User, *, ticket: str | None) -> Verdict | None:
        """Record and return the refusal, if this user's state allows no attempt."""

    def finish(self, user: User) -> None:
        """End an attempt of this user that was left open, if nobody else is writing now."""

    def lock(self, user: User, *, reason: str) -> tuple[User, bool]:
        """Lock a user by hand, in any state. A right answer in flight is refused.

        Returns:
            The new record, and whether it was not locked before.
        """

    def begin_call(self, user: User, *, ref: str | None) -> User:
        """Let the portal show that this agent is calling a user; return the new record."""

    def end_call(self, user: User, *, any_agents: bool) -> tuple[User, bool]:
        """End the call with a user; return the new record, and whether there was a call.

        Raises:
            Refused: It is another agent's, and `any_agents` is false; this is recorded.
        """

    def record(self, *events: NewEvent) -> None:
        """Record events that change no user: a refusal, an unknown name, a view, a ticket."""

    def next_notice(self) -> Notice | None:
        """The oldest lock that waits for the hook, if no other run is at it.

        The first call finds nothing, and from then on locks wait in the store. The run that gets
        one must run the hook within a minute, and report the result by `delivered`.
        """

    def delivered(self, number: int, failure: str | None) -> None:
        """Note that the hook took a lock, or how it failed, the first time as an event."""


class Store(Protocol):
    """An open store.

    Attributes:
        all_seal: Whether every writer has the audit key, so that pincli wrote nothing unsealed.
    """

    @property
    def path(self) -> Location:
        """Its location, as its errors name it."""

    all_seal: bool

    def notices(self) -> bool | None:
        """Whether locks wait for a hook; None if no host has ever had one."""

    @property
    def functions(self) -> Attempts | None:
        """The database's own functions for agents; None if steps do it."""

    @property
    def people(self) -> People:
        """Questions about users."""

    @property
    def trail(self) -> Trail:
        """Questions about events."""

    @property
    def signs(self) -> Signs:
        """Questions about attacks."""

    def identity(self) -> Identity:
        """The store's id and the keys that count now."""

    def seal_with(self, sealers: Sealers) -> None:
        """Give the store what seals its trail; without it, it is for reading."""

    def write(self, step: Step[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Take a step in one transaction, durable when this returns.

        Raises:
            StoreUnavailable: Nothing is written.
            KeyChanged: The audit key was rotated, and the new one isn't here.
        """

    def write_at_once(self, step: Step[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The same, without waiting.

        Raises:
            StoreBusy: Another process is writing.
        """

    def uninterrupted(self) -> AbstractContextManager[None]:
        """Defer signals that would stop or end the process, from the first write to the end.

        A process that still waits for its turn to write can be ended at once.
        """

    def at_one_moment(self) -> AbstractContextManager[None]:
        """Answer all questions inside as of one moment; on SQLite writers wait meanwhile."""

    def require_seen(self) -> bool:
        """Compare the store with this host's mark, as every write does; return whether it has one.

        Raises:
            StoreRolledBack: The store is older than the mark, or its trail is another.
            StoreUnavailable: It is at another place than the mark's.
        """

    def soundness(self) -> AbstractContextManager[Callable[[], bool]]:
        """Start checking the database's integrity while others and the code inside go on.

        Gives a function that waits for the answer.

        Raises:
            StoreUnavailable: There is no room for a copy.
        """

    def maintained(self) -> AbstractContextManager[None]:
        """Keep other key rotations and restores out."""

    def prepare_to_write(self) -> None:
        """Import what writing needs, in a thread while something else waits."""

    def prepare_for_bulk(self) -> None:
        """Get ready for transactions of thousands of users."""

    def close(self) -> None:
        """Close everything."""
