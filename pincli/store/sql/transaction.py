"""The part of a write transaction that both engines share: reading and writing rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from pincli.errors import AttemptOpen, StoreUnavailable
from pincli.models import EventKind, Head, Identity, NewEvent, Origin, Start, Texts, User
from pincli.rules.canonical import first_link, record_digests
from pincli.store.changes import Changes, changes_of, differing
from pincli.store.sealing import Sealers
from pincli.store.sql.notices import add_notices, next_notice, settle_notice
from pincli.store.sql.rows import (
    LAST_SEALED,
    NAME_COLUMNS,
    START,
    TRAIL_COLUMNS,
    USER,
    USER_COLUMNS,
    Row,
    SpoiltRow,
    login_in,
    placeholders,
    row_of,
    user_from,
)

if TYPE_CHECKING:
    from pincli.results import Notice

_IDENTITY_COLUMNS = {"verify": "verify_key", "portal": "portal_key", "audit": "audit_key"}
_ERASE_TEXTS = "DELETE FROM texts WHERE number IN (SELECT number FROM trail WHERE uid = ?)"
_SEALED_COLUMNS = (*USER_COLUMNS, "seal")
_called = attrgetter(*NAME_COLUMNS)
# One index look-up for each user finds the newest event.
_CHECKED = (
    f"SELECT {USER}, seal, (SELECT max(number) FROM trail "
    "WHERE trail.uid = people.uid AND record IS NOT NULL) FROM people"
)
_ARCHIVING = (
    "DELETE FROM trail WHERE number > ? AND number <= ?",
    "DELETE FROM texts WHERE number > ? AND number <= ?",
    "DELETE FROM notices WHERE number > ? AND number <= ?",
)


class SqlTransaction(ABC):
    """An open write transaction; an engine adds how to read and write rows.

    Attributes:
        at: The time of all its events, ISO 8601, UTC.
        origin: Who acts, and by which command.
        identity: The store's id and present keys.
        database_login: The writer's database login; None on SQLite.
        all_seal: Whether every writer has audit.key, so that a record without a seal is
            tampered.
    """

    all_seal = True

    def __init__(
        self,
        *,
        identity: Identity,
        sealers: Sealers,
        origin: Origin,
        at: str,
        database_login: str | None = None,
    ) -> None:
        self.at = at
        self.origin = origin
        self.identity = identity
        self.database_login = database_login
        self._archived = -1
        self._head: Head | None = None
        self._sealers = sealers
        self._sealer = sealers.of(identity.audit_key)
        self._read: dict[bytes, User] = {}
        self._seals: dict[bytes, bytes | None] = {}
        self._charges = 0

    @abstractmethod
    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """Return all rows of a query."""

    @abstractmethod
    def run(self, statement: str, parameters: Sequence[Any]) -> None:
        """Run a statement that returns no rows."""

    @abstractmethod
    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Add rows, one or thousands."""

    @abstractmethod
    def update(self, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Write these columns of users; each row ends with the user's row number."""

    @abstractmethod
    def index(self, rows: Sequence[tuple[int, str]]) -> None:
        """Write users' search words: the row number, and the words joined by blanks."""

    @abstractmethod
    def lock(self, rows: Sequence[int]) -> None:
        """Lock these users until this transaction ends."""

    @abstractmethod
    def read_head(self) -> Head:
        """Lock the end of the trail until this transaction ends, and return it."""

    @abstractmethod
    def tampered(self, what: str) -> StoreUnavailable:
        """Return the error that something was changed behind the trail."""

    @abstractmethod
    def replaced(self) -> StoreUnavailable:
        """Return the error that an older store was restored meanwhile."""

    @property
    def head(self) -> Head:
        """The end of the trail, including what this transaction has saved.

        On PostgreSQL this locks it: lock users before, never after.
        """
        if self._head is None:
            self._head = self.read_head()
        return self._head

    def users(self, rows: Sequence[int], tampered: list[str] | None = None) -> list[User]:
        """Lock and return the records in these rows, in storage order.

        Each record's seal must be right, and it must name the newest event that changed it. So
        neither an edited record nor an old one that was put back is used.
        """
        if not rows:
            return []
        self.lock(rows)
        found = self.rows(f"{_CHECKED} WHERE id IN ({placeholders(rows)}) ORDER BY id", rows)
        unsealed = [newest for *_, seal, newest in found if seal is None and newest is not None]
        in_trail = self._digests_at(unsealed)
        read = [_readable(row) for row in found]
        digests = iter(record_digests([user for user in read if user is not None]))
        users = []
        for user, row in zip(read, found, strict=True):
            seal, newest = row[-2:]
            if user is None or not self._is_sound(user, next(digests), seal, newest, in_trail):
                login = login_in(row)
                if tampered is None:
                    raise self.tampered(f"the record of {login} was changed behind the trail")
                tampered.append(login)
                continue
            self._read[user.uid] = user
            self._seals[user.uid] = seal
            users.append(user)
        return users

    def found(self, rows: Sequence[int]) -> list[tuple[User, bool]]:
        """Return the records in these rows, and whether each is sound, for a restore."""
        sound = {user.uid for user in self.users(rows, [])}
        found = self.rows(
            f"SELECT {USER}, seal FROM people WHERE id IN ({placeholders(rows)}) ORDER BY id", rows
        )
        records = []
        for row in found:
            user = user_from(row)
            self._read[user.uid], self._seals[user.uid] = user, row[-1]
            records.append((user, user.uid in sound))
        return records

    def named(self, logins: Sequence[str], tampered: list[str] | None = None) -> list[User]:
        """Lock and return the records with these canonical logins, checked as in `users`."""
        wanted = set(logins)
        users = self.users(self._rows_of(logins), tampered)
        others = [user for user in users if user.login not in wanted]
        if others:
            # Renamed before the lock, unless the index still finds them: then it is forged.
            found = set(self._rows_of(logins))
            for user in others:
                if user.id in found:
                    raise self.tampered(f"a search for others found {user.login}")
        return [user for user in users if user.login in wanted]

    def save(self, events: Sequence[NewEvent]) -> None:
        """Write the records that the events leave, and append the events to the trail."""
        if not events:
            return
        self._charges += sum(event.kind is EventKind.ATTEMPT for event in events)
        if self._charges > 1:
            raise AttemptOpen("two charges in one transaction")
        adding = any(event.user is not None and event.user.id == 0 for event in events)
        head = self.head
        changes = changes_of(
            events,
            self._read,
            head,
            next_row=self._next_row() if adding else 0,
            at=self.at,
            origin=self.origin,
            database_login=self.database_login,
        )
        self._write_records(changes)
        self._append(changes)
        for event in changes.events:
            if event.kind == EventKind.ERASED:
                self.run(_ERASE_TEXTS, (event.uid,))
        add_notices(self, changes.locks)

    def index_people(self, users: Sequence[User]) -> None:
        """Write these users' search words; `save` does so when names change."""
        if users:
            from pincli.rules.words import words_of

            self.index([(user.id, " ".join(words_of(*_called(user)))) for user in users])

    def next_notice(self) -> Notice | None:
        """Return the oldest waiting notice, unless another process is delivering one."""
        return next_notice(self)

    def settle_notice(self, number: int, *, delivered: bool) -> bool:
        """Remove a delivered notice, or note a failure; return whether it is the first one."""
        return settle_notice(self, number, delivered=delivered)

    def require_event(self, number: int, link: bytes) -> None:
        """Fail if the trail has lost a committed event."""
        if self.rows("SELECT link FROM trail WHERE number = ?", (number,)) != [(link,)]:
            raise self.replaced()

    def ending_of(self, user: User, attempt: int) -> str:
        """Return the outcome of an attempt that another process has ended."""
        found = self.rows(
            "SELECT outcome FROM trail WHERE uid = ? AND number > ? AND attempt = ? "
            "ORDER BY number LIMIT 1",
            (user.uid, attempt, attempt),
        )
        if not found or found[0][0] is None:
            raise self.tampered(f"attempt {attempt} has no outcome")
        return str(found[0][0])

    def seal(self, head: Head) -> bool:
        """Seal an event, unless it or a later one has a seal. Return whether it was sealed.

        The head is locked, so that no key rotation makes this seal wrong.
        """
        if head.number > self.head.number:
            raise self.replaced()
        self.require_event(*head)
        last = self.rows(LAST_SEALED)
        if last and last[0][0] >= head.number:
            return False
        seal = self._sealer.seal_trail(self.identity.store_id, *head)
        self.run("UPDATE trail SET seal = ? WHERE number = ?", (seal, head.number))
        return True

    def seal_records(self, rows: Sequence[int], tampered: list[str]) -> None:
        """Seal records with the present key; nothing else about them changes."""
        store_id, seal = self.identity.store_id, self._sealer.seal_record
        users = self.users(rows, tampered)
        digests = zip(users, record_digests(users), strict=True)
        self.update(("seal",), [(seal(store_id, digest), user.id) for user, digest in digests])

    def name_key(self, kind: str, fingerprint: str) -> None:
        """Make another key the present one of its kind."""
        self.run(f"UPDATE store SET {_IDENTITY_COLUMNS[kind]} = ?", (fingerprint,))

    def forget(self, last: int, *, old: bool) -> None:
        """Remove the oldest events, and seal the new start of the trail.

        Args:
            last: The number of the last event to remove.
            old: Whether it is an event of schema 1.
        """
        store_id = self.identity.store_id
        ((start,),) = self.rows("SELECT start_number FROM store")
        if old:
            ((mac, highest),) = self.rows(
                "SELECT mac, (SELECT max(seq) FROM old_events) FROM old_events WHERE seq = ?",
                (last,),
            )
            link = bytes.fromhex(mac)
            if last == highest:
                link = first_link(store_id, b"%d" % last, mac.encode())
            self.run("DELETE FROM old_events WHERE seq <= ?", (last,))
        else:
            ((link,),) = self.rows("SELECT link FROM trail WHERE number = ?", (last,))
            for statement in _ARCHIVING:
                self.run(statement, (start, last))
        if last >= self.head.number:
            raise ValueError(last)
        seal = self._sealer.seal_trail(store_id, last, link)
        self.run(
            "UPDATE store SET start_number = ?, start_link = ?, start_seal = ?", (last, link, seal)
        )

    def forget_names(self, before: str, limit: int) -> int:
        """Remove texts with unknown names typed before a time. Return how many."""
        found = self.rows(
            "SELECT x.number FROM texts x JOIN trail t ON t.number = x.number "
            "WHERE x.name IS NOT NULL AND t.at < ? ORDER BY x.number LIMIT ?",
            (before, limit),
        )
        numbers = [number for (number,) in found]
        if numbers:
            self.run(f"DELETE FROM texts WHERE number IN ({placeholders(numbers)})", numbers)
        return len(numbers)

    def seal_start(self) -> None:
        """Seal the start of the trail with the present key."""
        (start,) = map(Start._make, self.rows(START))
        if not self._was_archived(start.number):
            raise self.tampered("the start of the trail has a wrong seal")
        seal = self._sealer.seal_trail(self.identity.store_id, start.number, start.link)
        self.run("UPDATE store SET start_seal = ?", (seal,))

    def _rows_of(self, logins: Sequence[str]) -> list[int]:
        """Return the row numbers that the index has for these logins."""
        if not logins:
            return []
        found = self.rows(f"SELECT id FROM people WHERE login IN ({placeholders(logins)})", logins)
        return [row for (row,) in found]

    def _was_archived(self, number: int) -> bool:
        """Whether an event is before the sealed start of the trail.

        Asked after the event is found missing: others may have archived it since this transaction
        began.
        """
        if number > self._archived:
            (start,) = map(Start._make, self.rows(START))
            sealed = (self.identity.store_id, start.number, start.link)
            if self._sealers.accept(start.seal, lambda by: by.seal_trail(*sealed)):
                self._archived = start.number
        return number <= self._archived

    def _digests_at(self, numbers: Sequence[int]) -> dict[int, bytes]:
        """Return the record digests in some events, by number."""
        if not numbers:
            return {}
        query = f"SELECT number, record FROM trail WHERE number IN ({placeholders(numbers)})"
        return dict(self.rows(query, numbers))

    def _is_sound(
        self,
        user: User,
        digest: bytes,
        seal: bytes | None,
        newest: int | None,
        in_trail: Mapping[int, bytes],
    ) -> bool:
        """Whether a record with a digest is as its newest event left it."""
        if newest != user.event and not (newest is None and self._was_archived(user.event)):
            return False
        if seal is None and not self.all_seal:
            return in_trail.get(user.event) == digest
        store_id = self.identity.store_id
        return self._sealers.accept(seal, lambda by: by.seal_record(store_id, digest))

    def _write_records(self, changes: Changes) -> None:
        added, pairs, renamed = [], [], []
        store_id = self.identity.store_id
        for user in changes.records:
            seal = self._sealer.seal_record(store_id, changes.digests[user.uid])
            row = [*row_of(user), seal]
            before = None if user.uid in changes.added else self._read[user.uid]
            if before is None:
                added.append(row)
            else:
                pairs.append((user.id, [*before, self._seals[user.uid]], row))
            if before is None or _called(before) != _called(user):
                renamed.append(user)
            self._read[user.uid] = user
            self._seals[user.uid] = seal
        if added:
            self.insert("people", _SEALED_COLUMNS, added)
        for columns, values in differing(_SEALED_COLUMNS, pairs):
            self.update(columns, values)
        self.index_people(renamed)

    def _append(self, changes: Changes) -> None:
        *before, last = changes.events
        seal = self._sealer.seal_trail(self.identity.store_id, last.number, last.link)
        rows = [*before, last._replace(seal=seal)]
        self.insert("trail", TRAIL_COLUMNS, rows)
        if changes.texts:
            self.insert("texts", Texts._fields, changes.texts)
        self._head = Head(last.number, last.link)

    def _next_row(self) -> int:
        ((highest,),) = self.rows("SELECT max(id) FROM people")
        return (highest or 0) + 1


def _readable(row: Row) -> User | None:
    with suppress(SpoiltRow):
        return user_from(row)
    return None
