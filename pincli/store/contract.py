"""What an engine is to the rest of pincli. No SQL, no files, no drivers in here.

Two rules hold everywhere. A step gets its records from its own transaction, and `save`
refuses any other. Everything that a reader gives is read to its end, page by page: an open
read would hold up those who write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    BinaryIO,
    Concatenate,
    Literal,
    NamedTuple,
    ParamSpec,
    Protocol,
    TypeVar,
)

from pincli.models import (
    Answered,
    Event,
    EventFilter,
    EventKind,
    Head,
    Identity,
    NewEvent,
    Notice,
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
    Called,
    Check,
    Restored,
)

if TYPE_CHECKING:
    from pincli.errors import StoreUnavailable
    from pincli.rules.replay import Course
    from pincli.rules.slips import Calls, Noted
    from pincli.rules.words import Sought
    from pincli.store.location import Location
    from pincli.store.sealing import Sealers

P = ParamSpec("P")
T = TypeVar("T")

OldEvent = tuple[str | int | None, ...]
"""An event of schema 1 as its table holds it, column by column, for checking its mac."""
Step = Callable[Concatenate["Transaction", P], T]
"""What happens in one transaction. It may be run again, so it has no other effects."""


class Transaction(Protocol):
    """One open write transaction: all that a step may do to a store."""

    @property
    def at(self) -> str:
        """The time that everything in it happened, ISO 8601, UTC."""

    @property
    def origin(self) -> Origin:
        """Who acts, and by which command."""

    @property
    def head(self) -> Head:
        """The end of the trail, what this transaction has saved included."""

    @property
    def identity(self) -> Identity:
        """The keys that count now."""

    def users(self, rows: Sequence[int], tampered: list[str] | None = None) -> list[User]:
        """The records in these rows, in storage order; nobody else changes them now.

        Args:
            rows: Their numbers.
            tampered: Gets the logins of records that were changed behind the trail, which
                are left out.

        Raises:
            StoreUnavailable: A record was changed behind the trail, and `tampered` is None.
        """

    def named(self, logins: Sequence[str], tampered: list[str] | None = None) -> list[User]:
        """The records of those who exist among these logins; likewise."""

    def save(self, events: Sequence[NewEvent]) -> None:
        """Write the records that the events leave, and append the events to the trail.

        The only way to change a user. The event `erased` removes the texts of the user's events,
        and their blinds. One without any event yet is added, in the row of its
        number, or in the next one where that is 0.

        Raises:
            StaleRecord: A record was not read in this transaction, or before another change.
            AttemptOpen: A second attempt is charged in this transaction.
        """

    def next_notice(self) -> Notice | None:
        """The oldest lock that waits for the hook, if no other run is at it."""

    def settle_notice(self, number: int, *, delivered: bool) -> bool:
        """Remove a delivered notice, or note a failure; return whether it is the first one."""

    def require_event(self, number: int, link: bytes) -> None:
        """See that the trail still has an event that was committed.

        Raises:
            StoreUnavailable: It doesn't: an older store was brought back.
        """

    def ending_of(self, user: User, attempt: int) -> str:
        """The outcome of an attempt of this user that somebody else has ended.

        Raises:
            StoreUnavailable: It has none: the trail was changed.
        """

    def replaced(self) -> StoreUnavailable:
        """The error that an older store was brought back meanwhile."""

    def seal(self, head: Head) -> bool:
        """Seal an event that is in the trail already; whether neither it nor a later one had one.

        Raises:
            StoreUnavailable: There is another event at that number.
        """

    def seal_records(self, rows: Sequence[int], tampered: list[str]) -> None:
        """Seal records with the key that counts now; nothing else of them changes.

        Args:
            rows: Where they are.
            tampered: Gets the logins of records that were tampered with, which are left out.
        """

    def forget(self, last: int, *, old: bool) -> None:
        """Remove the oldest events, up to a number; the trail begins after it, sealed.

        Args:
            last: The number of the last one.
            old: Whether it is an event of schema 1.

        Raises:
            ValueError: It is the newest event.
        """

    def forget_names(self, before: str, limit: int) -> int:
        """Drop texts of events with a name that no user has, typed before a time; how many."""

    def seal_start(self) -> None:
        """Seal the start of the trail with the key that counts now.

        Raises:
            StoreUnavailable: It has a wrong seal.
        """

    def name_key(self, kind: str, fingerprint: str) -> None:
        """Say that another key of a kind (`verify`, `portal`, `audit`) counts from now on."""


class People(Protocol):
    """Questions about users that change nothing. Raise StoreUnavailable if they can't be asked."""

    def find(self, login: str, account: str | None = None) -> list[User]:
        """The users of that canonical login, one for each account that has it, or of one."""

    def named(self, logins: Sequence[str], spoilt: list[str] | None = None) -> list[User]:
        """The users of these canonical logins; `spoilt` as for `in_rows`."""

    def in_rows(self, rows: Sequence[int], spoilt: list[str] | None = None) -> list[User]:
        """The users in some rows, in storage order.

        Args:
            rows: Their numbers.
            spoilt: Gets the logins of records that can't be read, as something else wrote
                them, and which are left out; without it they are an error.
        """

    def sealed_after(self, row: int, limit: int) -> list[tuple[User, bytes | None]]:
        """The next users above a row, at most `limit`, each with the seal of the record."""

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
        """The users of an account, a state and a type, or of any, page by page.

        `spoilt` as for `in_rows`, of an account.

        By login; but by state or type without an account, those of one type come before
        those of the next.
        """

    def latest_locks(self, limit: int) -> list[User]:
        """The users in the state locked, the latest lock first."""

    def totals(self, *, account: str | None = None) -> dict[State, int]:
        """How many users are in each state, all counted at one moment."""

    def account_exists(self, account: str) -> bool:
        """Whether any user belongs to the account; an account is its users."""

    def near(self, column: Literal["login", "account"], name: str) -> list[str]:
        """Up to five existing names that begin with this one or are one slip away from it."""

    def with_prefix(
        self, column: Literal["login", "account"], prefix: str, *, limit: int
    ) -> list[str]:
        """The names that begin with a prefix, in order; of more than `limit`, the last too.

        What all of these begin with is then what all names that there are begin with: a shell
        types that much ahead, and from the first few alone it would type too much.
        """

    def called(self, rows: Sequence[int]) -> list[Called]:
        """The names of the users in some rows; unreadable rows are left out."""

    def with_words(self, sought: Sequence[Sought], limit: int) -> list[int]:
        """Rows of users who have all of these words, at most `limit`, in any order.

        They come from an index, which may be wrong: compare the records' own words.
        """

    def under_another(
        self, kind: Literal["verify", "portal"], fingerprint: str, row: int, limit: int
    ) -> list[User]:
        """The next users above a row whose PIN needs another key of a kind than this."""

    def unsealed_after(self, row: int, last: int, limit: int) -> list[int]:
        """The next rows above one, at most `limit`, of records without a seal.

        Only those that changed last by an event up to the number `last`.
        """

    def open_since(self, before: str) -> list[int]:
        """Rows of users whose attempt was left open before a time."""

    def key_uses(self) -> Mapping[str, Mapping[str, int]]:
        """How many users' verifiers and seals need which key, by kind and fingerprint."""


class Trail(Protocol):
    """Questions about events that change nothing."""

    def newest_first(self, wanted: EventFilter, *, limit: int) -> Iterator[list[Event]]:
        """Up to `limit` events, the newest first, page by page."""

    def after(self, seq: int, wanted: EventFilter) -> list[Event]:
        """The next events above a number, oldest first, at most a page of them."""

    def count(self, wanted: EventFilter, *, up_to: int) -> int:
        """How many events there are up to a number."""

    def last_audit(self) -> str | None:
        """When the whole trail was last checked and found right, ISO 8601, UTC."""

    def notices_waiting(self) -> int:
        """How many locks wait for the hook."""

    def began(self) -> str:
        """When the store was made, ISO 8601, UTC."""

    def dated_after(self, at: str) -> int:
        """How many events are dated after a time."""

    def raw_after(self, number: int) -> list[TrailEvent]:
        """The next events as the trail holds them, by row number, for checking them."""

    def texts_of(self, first: int, last: int) -> dict[int, Texts]:
        """The free texts of the events from one number to another, by number."""

    def old_events_of(self, login: str) -> tuple[int, str | None]:
        """How many events of schema 1 hold a login, and when the last of them was."""

    def old_after(self, seq: int) -> list[OldEvent]:
        """The next events of schema 1 as their table holds them; empty where there are none."""

    def head(self) -> Head:
        """The last event's number and link."""

    def last_sealed(self) -> Start:
        """The newest event that has a seal; where none has, what `start` gives."""

    def start(self) -> Start:
        """Where the trail begins, sealed: after nothing, schema 1, or what was archived."""

    def epoch(self) -> int:
        """How many restores have begun a new history of the store, on a server."""


class Signs(Protocol):
    """What signs of an attack are made of, from a time up to now."""

    def noted(self, kind: EventKind, since: str, now: str, *, outcome: str = "") -> list[Noted]:
        """The events of a kind, and of an outcome if one is given, in the order of the trail."""

    def known_after(self, number: int) -> Iterator[Noted]:
        """The events above a number that are about a user, in order, a stretch at a time."""

    def calls(self, since: str, until: str) -> Calls:
        """The right answers from a time to just before another, by account and by agent."""

    def people(self, uids: Sequence[bytes]) -> dict[bytes, tuple[str, str, int]]:
        """Login, account and PIN version of users as they are now, by uid."""

    def tickets(self, numbers: Sequence[int]) -> list[str]:
        """The tickets of some events, each once."""

    def reasons(self, numbers: Sequence[int]) -> dict[int, str]:
        """The reasons that were given for some events, by number."""


class Attempts(Protocol):
    """What agents do to a store.

    Steps like any other on SQLite. On PostgreSQL functions of the database do it, as a desk's
    login may write no table.
    """

    def attempt(self, asked: User, answer: bytes | None, *, ticket: str | None) -> Answered | None:
        """Charge an answer and settle it, in two durable transactions.

        Args:
            asked: The record that the answer was hashed for.
            answer: The hashed answer; None where the record asked for none.
            ticket: The ticket for the events.

        Returns:
            What became of it; None, uncharged, where the question is no longer the one that
            was asked: ask again.

        Raises:
            StoreUnavailable: Not verified; `charge` says what became of the attempt.
        """

    def refuse_unless_active(self, user: User, *, ticket: str | None) -> Verdict | None:
        """Record and return the refusal if this user's state allows no attempt; else None."""

    def finish(self, user: User) -> None:
        """End an attempt of this user that was left open, if nobody else is writing now."""

    def lock(self, user: User, *, reason: str) -> tuple[User, bool]:
        """Lock a user by hand, in whatever state.

        A right answer in flight is refused: nobody is told *verified* with it.

        Returns:
            The record afterwards, and whether this locked it: somebody else may have before.
        """

    def begin_call(self, user: User, *, ref: str | None) -> User:
        """Let the portal show that this agent is calling a user; the record afterwards."""

    def end_call(self, user: User, *, anybodys: bool) -> tuple[User, bool]:
        """End the call with a user.

        Args:
            user: The user.
            anybodys: Whether another agent's call may be ended.

        Returns:
            The record afterwards, and whether there was a call.

        Raises:
            Refused: It is another agent's; this is recorded.
        """

    def record(self, *events: NewEvent) -> None:
        """Record what changes no user: a refused command, an unknown name, a view, a ticket."""

    def next_notice(self) -> Notice | None:
        """The oldest lock that waits for the hook, if no other run is at it.

        The first call finds nothing: from then on, locks wait in the store. The run that gets
        one runs the hook within a minute, and reports the result by `delivered`.
        """

    def delivered(self, number: int, failure: str | None) -> None:
        """Note that the hook took a lock; or what went wrong, the first time as an event."""


class Store(Protocol):
    """An open store.

    Attributes:
        all_seal: Whether every writer has audit.key, so that what has no seal is somebody
            else's work.
    """

    @property
    def path(self) -> Location:
        """What its errors are about."""

    all_seal: bool

    def notices(self) -> bool | None:
        """Whether locks wait for a hook; None if no host has ever had one."""

    @property
    def functions(self) -> Attempts | None:
        """The database's own functions for what agents do; None where steps do it."""

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
        """The same, if nobody else is writing now.

        Raises:
            StoreBusy: Somebody is.
        """

    def uninterrupted(self) -> AbstractContextManager[None]:
        """From the first write inside to the end, what would stop or end the process waits.

        Who still waits for their turn to write can leave at once.
        """

    def at_one_moment(self) -> AbstractContextManager[None]:
        """What is asked inside is answered as of one moment; writers wait meanwhile."""

    def require_seen(self) -> bool:
        """Compare the store with this host's mark, as every write does; whether there is one.

        Raises:
            StoreRolledBack: The store is older than the mark, or its trail is another.
            StoreUnavailable: It is at another place than the mark's.
        """

    def soundness(self) -> AbstractContextManager[Callable[[], bool]]:
        """Begin to look whether the database finds itself intact; nobody is held up meanwhile.

        What is done inside goes on beside it. Gives what waits for the answer.

        Raises:
            StoreUnavailable: It can't be looked at, as there is no room for a copy.
        """

    def maintained(self) -> AbstractContextManager[None]:
        """Keep other key rotations and restores out."""

    def prepare_to_write(self) -> None:
        """Do the imports for writing, in a thread while something else waits."""

    def prepare_for_bulk(self) -> None:
        """Get ready for transactions of thousands of users."""

    def close(self) -> None:
        """Let go of everything."""


class Restorer(NamedTuple):
    """What restoring asks of those who have the keys.

    Attributes:
        upgrade: Upgrades a store of schema 1 in a folder. Users get the uid that is known for
            them, or else a new one; raises StoreTampered.
        check: Checks keys, links and seals of a store's trail. Gives how far each user's story
            is told in it, by uid; raises BackupRefused.
        sealers: Who seals.
        keys_since: The keys that count from now on, by kind, where the backup names others.
        name_key: The step that says that a key counts from now on.
        origin: Who acts, and by which command.
    """

    upgrade: Callable[[Path, Callable[[User], bytes | None]], object]
    check: Callable[[Store], Mapping[bytes, Course]]
    sealers: Sealers
    keys_since: Callable[[Identity], Mapping[str, str]]
    name_key: Callable[[Transaction, str, str], None]
    origin: Origin


class Upkeep(Protocol):
    """What is done to a store as a whole, also where none can be opened."""

    def exists(self) -> bool:
        """Whether there is a store, or anything in its place."""

    def create(self, identity: Identity, *, sealers: Sealers, origin: Origin) -> None:
        """Make a new store: all of it, or nothing.

        Raises:
            Refused: There is one already; it is left as it is.
            StoreUnavailable: It can't be made.
        """

    def health(self) -> Iterator[Check]:
        """What doctor says of it; a failed check does not end the others."""

    def back_up(self, path: Path) -> None:
        """Copy the store into a new file, and read the copy back.

        Raises:
            Refused: There is something at that path.
            StoreUnavailable: It can't be written, or is not what was written.
        """

    def stream(self, stream: BinaryIO) -> None:
        """Write a copy of the store to a stream, once the copy was read back.

        Raises:
            StoreUnavailable: The store can't be copied.
        """

    def restore(self, backup: Path | BinaryIO | None, restorer: Restorer) -> Restored:
        """Bring a backup back without undoing security that came after it.

        Without one, take in the present store as it is: one that was moved or rolled back,
        or has records or a schema that were changed behind the trail.

        Raises:
            BackupRefused: The backup is damaged or was tampered with.
            BackupUnavailable: It can't be read, or is not a backup.
            Refused: It is of another store.
            StoreUnavailable: The store can't be written, or can't be looked at now.
        """
