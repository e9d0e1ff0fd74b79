"""What the rest of pincli asks of an engine. No SQL, files or drivers in here.

Two rules hold everywhere. A step gets its records from its own transaction, and `save` refuses
others. Everything is read to its end, page by page: an open read would hold up writers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import (
    TYPE_CHECKING,
    Concatenate,
    Literal,
    ParamSpec,
    Protocol,
    TypeVar,
)

from pincli.models import (
    Answered,
    EventKind,
    Head,
    Identity,
    NewEvent,
    Origin,
    Start,
    State,
    Texts,
    TrailEvent,
    User,
    UserType,
    Verdict,
)
from pincli.results import (
    Candidate,
    Event,
    EventFilter,
    Notice,
)

if TYPE_CHECKING:
    from pincli.errors import StoreUnavailable
    from pincli.rules.slips import Calls, Known, SignEvent
    from pincli.rules.words import Sought
    from pincli.store.location import Location
    from pincli.store.sealing import Sealers

P = ParamSpec("P")
T = TypeVar("T")

OldEvent = tuple[str | int | None, ...]
"""The columns of an event of schema 1, for checking its mac."""
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
        """The records of those of these logins that exist; likewise."""

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


class People(Protocol):
    """Questions about users. Each raises StoreUnavailable if it can't be asked."""

    def find(self, login: str, account: str | None = None) -> list[User]:
        """The users of that canonical login, one for each account that has it, or of one."""

    def named(self, logins: Sequence[str], spoilt: list[str] | None = None) -> list[User]:
        """The users of these canonical logins; `spoilt` as for `in_rows`."""

    def in_rows(self, rows: Sequence[int], spoilt: list[str] | None = None) -> list[User]:
        """The users in some rows, in storage order.

        Args:
            rows: Their numbers.
            spoilt: Gets the logins of records that pincli did not write and can't read; these
                are left out. If it is None, they are an error.
        """

    def sealed_after(self, row: int, limit: int) -> list[tuple[User, bytes | None]]:
        """The next users above a row, at most `limit`, each with the record's seal."""

    def rows_after(self, row: int, limit: int) -> list[int]:
        """The next row numbers of users above one, at most `limit`."""

    def pages(
        self,
        *,
        account: str | None = None,
        state: State | None = None,
        user_type: UserType | None = None,
        spoilt: list[str] | None = None,
    ) -> Iterator[list[User]]:
        """The users of an account, a state and a type, or of any, page by page, by login.

        With a state or type but no account, they come type by type. `spoilt` is as for `in_rows`.
        """

    def latest_locks(self, limit: int) -> list[User]:
        """The users in the state locked, the latest lock first."""

    def totals(self, *, account: str | None = None) -> dict[State, int]:
        """How many users are in each state, all counted at one moment."""

    def account_exists(self, account: str) -> bool:
        """Whether any user belongs to the account."""

    def near(self, column: Literal["login", "account"], name: str) -> list[str]:
        """Up to five existing names that begin with this one or are one typo away from it."""

    def with_prefix(
        self, column: Literal["login", "account"], prefix: str, *, limit: int
    ) -> list[str]:
        """The first names with a prefix, at most `limit`, and the last one.

        A shell completes the common beginning of these; it is that of all names with the prefix
        only if the last one is among them.
        """

    def candidates(self, rows: Sequence[int]) -> list[Candidate]:
        """The names of the users in some rows, without unreadable rows."""

    def with_words(self, sought: Sequence[Sought], limit: int) -> list[int]:
        """Rows of users who have all of these words, at most `limit`, in any order.

        They come from an index, which may be wrong: compare the words of the records.
        """

    def under_another(
        self, kind: Literal["verify", "portal"], fingerprint: str, row: int, limit: int
    ) -> list[User]:
        """The next users above a row whose PIN needs another key of a kind than this one."""

    def unsealed_after(self, row: int, last: int, limit: int) -> list[int]:
        """The next rows above one, at most `limit`, of records without a seal.

        Only records whose last change was an event up to the number `last`.
        """

    def open_up_to(self, number: int) -> bool:
        """Whether the event of an open attempt is among those up to a number."""

    def open_since(self, before: str) -> list[int]:
        """Rows of users with an attempt that has been open since before a time."""

    def key_uses(self) -> Mapping[str, Mapping[str, int]]:
        """How many users need each key, by kind and fingerprint."""


class Trail(Protocol):
    """Questions about events."""

    def newest_first(self, wanted: EventFilter, *, limit: int) -> Iterator[list[Event]]:
        """Up to `limit` events, newest first, page by page."""

    def after(self, seq: int, wanted: EventFilter) -> list[Event]:
        """The next events above a number, oldest first, at most one page."""

    def count(self, wanted: EventFilter, *, up_to: int) -> int:
        """How many events there are up to a number."""

    def last_audit(self) -> str | None:
        """When a check of the whole trail last found no fault, ISO 8601, UTC."""

    def notices_waiting(self) -> int:
        """How many locks wait for the hook."""

    def began(self) -> str:
        """When the store was made, ISO 8601, UTC."""

    def dated_after(self, at: str) -> int:
        """How many events are dated after a time."""

    def first_dated(self, since: str, until: str) -> tuple[int, str] | None:
        """Number and time of the first event dated within a span, by number: clocks may jump."""

    def last_dated_before(self, at: str, below: int | None) -> int:
        """The number of the last event before a time, below a number if given; 0 if none is."""

    def is_dated_before(self, at: str, *, above: int) -> bool:
        """Whether an event above a number is dated before a time."""

    def raw_after(self, number: int) -> list[TrailEvent]:
        """The next events as they are stored, by row number, for checking them."""

    def texts_of(self, first: int, last: int) -> dict[int, Texts]:
        """The free texts of the events from `first` to `last`, by number."""

    def old_events_of(self, login: str) -> tuple[int, str | None]:
        """How many events of schema 1 name a login, and the time of the last one."""

    def old_after(self, seq: int) -> list[OldEvent]:
        """The next events of schema 1 as they are stored."""

    def head(self) -> Head:
        """The last event's number and link."""

    def last_sealed(self) -> Start:
        """The newest event with a seal; if none has one, the start."""

    def start(self) -> Start:
        """The sealed start of the trail: after nothing, schema 1, or the archived events."""

    def epoch(self) -> int:
        """How many restores a store on a server has had."""


class Signs(Protocol):
    """The events that signs of an attack are made of."""

    def noted(self, kind: EventKind, since: str, now: str, *, outcome: str = "") -> list[SignEvent]:
        """The events of a kind, and of an outcome if given, in the order of the trail."""

    def known_after(self, number: int) -> Iterator[Sequence[Known]]:
        """The events above a number that are about a user, in order, by pages."""

    def calls(self, since: str, until: str) -> Calls:
        """The right answers since a time and before another, by account and by agent."""

    def people(self, uids: Sequence[bytes]) -> dict[bytes, tuple[str, str, int]]:
        """The present login, account and PIN version of users, by uid."""

    def tickets(self, numbers: Sequence[int]) -> list[str]:
        """The tickets of some events, each once."""

    def reasons(self, numbers: Sequence[int]) -> dict[int, str]:
        """The reasons of some events, by number."""


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
