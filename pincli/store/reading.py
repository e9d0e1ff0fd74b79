"""What can be read from the store: no lock is taken, no key needed.

What only some commands read is imported in its method: a caller waits for every import.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from pincli.models import Event, State, User, UserType
from pincli.store.faults import translated
from pincli.store.opening import OpenStore
from pincli.store.rows import find_user, find_users, users_in_rows
from pincli.store.transaction import Identity, read_identity

if TYPE_CHECKING:
    from pincli.results import AccountAlert, AgentAlert, HourlyFailures, UserAlert
    from pincli.store.trail import EventFilter, RawEvent, RecordMismatch


class ReadableStore(OpenStore):
    """The reading half of a store. Its methods raise StoreUnavailable when it can't be read."""

    def find(self, user: str) -> User | None:
        """The user of that canonical name, or None."""
        with translated(self.path):
            return find_user(self._connection, user)

    def find_all(self, users: Sequence[str]) -> dict[str, User]:
        """Those of the canonical names that are users', by name."""
        with translated(self.path):
            return {user.login: user for user in find_users(self._connection, users)}

    def users_in(self, rows: Sequence[int]) -> list[User]:
        """The users in some rows, in storage order."""
        with translated(self.path):
            return users_in_rows(self._connection, rows)

    def rows_after(self, row: int, limit: int) -> list[int]:
        """The next row numbers of users above one, at most `limit`."""
        from pincli.store import listing

        with translated(self.path):
            return listing.rows_after(self._connection, row, limit)

    def near_users(self, user: str) -> list[str]:
        """A few existing user names close to one that does not exist."""
        from pincli.store import people

        with translated(self.path):
            return people.near_users(self._connection, user)

    def near_accounts(self, account: str) -> list[str]:
        """A few existing account names close to one that does not exist."""
        from pincli.store import people

        with translated(self.path):
            return people.near_accounts(self._connection, account)

    def names_with_prefix(
        self, column: Literal["user", "account"], prefix: str, *, limit: int
    ) -> list[str]:
        """Names of users or of accounts for completion; see people.names_with_prefix."""
        from pincli.store import people

        with translated(self.path):
            self._connection.execute("BEGIN")
            try:
                return people.names_with_prefix(self._connection, column, prefix, limit=limit)
            finally:
                self._connection.execute("COMMIT")

    def account_exists(self, account: str) -> bool:
        """Whether any user belongs to the account."""
        from pincli.store import people

        with translated(self.path):
            return people.account_exists(self._connection, account)

    def user_pages(
        self,
        *,
        account: str | None = None,
        state: State | None = None,
        user_type: UserType | None = None,
    ) -> Iterator[list[User]]:
        """The users of an account, a state and a type, or of any, page by page."""
        from pincli.store import listing

        with translated(self.path):
            yield from listing.user_pages(
                self._connection, account=account, state=state, user_type=user_type
            )

    def latest_locks(self, limit: int) -> list[User]:
        """The locked users, the latest lock first."""
        from pincli.store import listing

        with translated(self.path):
            return listing.latest_locks(self._connection, limit)

    def totals(self, *, account: str | None = None) -> dict[State, int]:
        """How many users are in each state, all counted at one moment."""
        from pincli.store import listing

        with translated(self.path):
            self._connection.execute("BEGIN")
            try:
                return listing.totals(self._connection, account=account)
            finally:
                self._connection.execute("COMMIT")

    def latest_events(
        self, wanted: EventFilter | None = None, *, user: str | None = None, limit: int
    ) -> Iterator[list[Event]]:
        """Up to `limit` events, newest first, page by page."""
        from pincli.store import trail
        from pincli.store.trail import EventFilter

        wanted = wanted or EventFilter(user=user)
        with translated(self.path):
            yield from trail.newest_first(self._connection, wanted, limit)

    def events_after(self, seq: int, wanted: EventFilter) -> list[Event]:
        """The next events above a number, oldest first, at most a page of them."""
        from pincli.store import trail

        with translated(self.path):
            return trail.after(self._connection, seq, wanted)

    def raw_events_after(self, seq: int) -> list[RawEvent]:
        """The next event rows as they stand, for checking their macs."""
        from pincli.store import trail

        with translated(self.path):
            return trail.raw_after(self._connection, seq)

    def sealed_otherwise(self, portal_key: str, row: int, limit: int) -> list[User]:
        """The next users above a row whose PIN is sealed to another key than this."""
        from pincli.store import rotation

        with translated(self.path):
            return rotation.sealed_otherwise(self._connection, portal_key, row, limit)

    def key_uses(self) -> dict[str, dict[str, int]]:
        """How many users' verifiers and seals need which key, by kind and fingerprint."""
        from pincli.store import rotation

        with translated(self.path):
            return rotation.key_uses(self._connection)

    def present_identity(self) -> Identity:
        """The store's identity as it is now; `identity` is as it was when it was opened."""
        with translated(self.path):
            return read_identity(self._connection) or self.identity

    def trail_head(self) -> tuple[int, str]:
        """The last event's number and mac."""
        from pincli.store import trail

        with translated(self.path):
            return trail.head(self._connection)

    def count_events(self) -> int:
        """How many events the trail holds; unless somebody changed it, the last one's number."""
        with translated(self.path):
            ((count,),) = self._connection.execute("SELECT count(*) FROM events").fetchall()
            return int(count)

    def record_mismatches_after(self, row: int) -> tuple[int, list[RecordMismatch]]:
        """Compare a page of users with their last events; see trail.mismatches_after."""
        from pincli.store import trail

        with translated(self.path):
            return trail.mismatches_after(self._connection, row)

    def users_locked_again(self, since: str) -> list[UserAlert]:
        """Users locked more than once since a time."""
        from pincli.store import alarms

        with translated(self.path):
            return alarms.users_locked_again(self._connection, since)

    def users_failing_after_unlock(self, since: str) -> list[UserAlert]:
        """Users with several wrong answers soon after an unlock."""
        from pincli.store import alarms

        with translated(self.path):
            return alarms.users_failing_after_unlock(self._connection, since)

    def accounts_failing(self, since: str) -> list[AccountAlert]:
        """Accounts with several users who answered wrongly since a time."""
        from pincli.store import alarms

        with translated(self.path):
            return alarms.accounts_failing(self._connection, since)

    def agents_failing(self, since: str) -> list[AgentAlert]:
        """Agents with whom many users failed, or who asked for unknown ones."""
        from pincli.store import alarms

        with translated(self.path):
            return alarms.agents_failing(self._connection, since)

    def failures_by_hour(self, since: str) -> list[HourlyFailures]:
        """Wrong answers since a time by account and hour."""
        from pincli.store import alarms

        with translated(self.path):
            return alarms.failures_by_hour(self._connection, since)
