"""What may be asked of a store: about users, the trail, and signs of an attack.

Each answer is read to its end, page by page: an open read would hold up writers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, Protocol

from pincli.models import EventKind, Head, Start, State, Texts, TrailEvent, User, UserType
from pincli.results import Candidate, Event, EventFilter

if TYPE_CHECKING:
    from pincli.rules.slips import Calls, Known, SignEvent
    from pincli.rules.words import Sought

OldEvent = tuple[str | int | None, ...]
"""The columns of an event of schema 1, for checking its mac."""


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
        """The next records above a row, at most `limit`, each with its seal, for checking.

        They are as the database has them: a type is a word, and anything may be missing.
        """

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
