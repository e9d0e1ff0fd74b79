"""Bringing a backup back: its rows, in a schema of our own, and no security undone.

The trail is the backup's. Only if it ends where the present store's does has nothing happened
since, and PINs stay; else all are withdrawn. Each user keeps the stricter of both records.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

from pincli.errors import Refused, Rule, StoreUnavailable
from pincli.models import EventKind, User
from pincli.results import Restored
from pincli.rules.restoring import restored
from pincli.store.connection import DATABASE, connect
from pincli.store.copies import copy, copy_to_file, leave_syncing_for_the_end, sync_file
from pincli.store.faults import from_os, translated
from pincli.store.handed_files import give_name
from pincli.store.leftovers import ASIDE, holding, leftovers
from pincli.store.remains import free_name, sync_folder
from pincli.store.rotation import name_key
from pincli.store.rows import USER_COLUMNS, read_users, user_from
from pincli.store.transaction import NewEvent, Origin, Signer, Transaction, read_identity

_CHUNK = 2000
_HEAD = "SELECT seq, mac FROM {}.events ORDER BY seq DESC LIMIT 1"
_SET_ASIDE = "; set aside: {}:{}"
_STILL_HERE = """
SELECT 1 FROM events WHERE seq = ?1 AND mac = ?2 AND NOT EXISTS
    (SELECT 1 FROM events WHERE kind = 'restored' AND substr(reason, -length(?3)) = ?3)
"""
# Every change of a PIN or a counter is an event that says what they became.
_LAST_SAID = """
SELECT u.id, e.pin_version, e.attempts_used FROM users u LEFT JOIN events e ON e.seq =
    (SELECT max(seq) FROM events WHERE user = u.user AND pin_version IS NOT NULL)
WHERE u.id BETWEEN ? AND ?
"""
_GONE = """
SELECT count(*) FROM present.users p
WHERE NOT EXISTS (SELECT 1 FROM main.users u WHERE u.user = p.user)
"""
_WRITE = """
UPDATE users SET active = ?, pin_version = ?, failed_attempts = ?, open_attempt = NULL,
    locked_since = ?, last_locked_at = ?, last_attempt_at = ?, last_attempt_by = ?,
    last_verified_at = ?, last_verified_by = ?, locks_total = ?, attempts_total = ?
WHERE id = ?
"""
_WITHDRAW = """
UPDATE users SET verifier = NULL, verify_key = NULL, sealed = NULL, portal_key = NULL,
    pin_set_at = NULL, pin_set_by = NULL WHERE id = ?
"""


class Restorer(NamedTuple):
    """Who restores, and what the events say.

    Attributes:
        find_signer: Gives who signs with the key of a fingerprint.
        origin: Who acts, and by which command.
        at: The time, ISO 8601, UTC.
        reason: What the restore's own event says of the backup.
        keys: By kind, the keys that count from now on, where the backup names others.
    """

    find_signer: Callable[[str], Signer]
    origin: Origin
    at: str
    reason: str
    keys: Mapping[str, str]

    def transaction(self, connection: sqlite3.Connection) -> Transaction:
        """What records events in a database, with the key that it names now."""
        identity = read_identity(connection)
        if identity is None:
            raise RuntimeError("a backup without an identity was taken for a checked one")
        signer = self.find_signer(identity.audit_key)
        return Transaction(connection, identity, signer, self.origin, self.at)


def replace(
    present: sqlite3.Connection, path: Path, candidate: Path, restorer: Restorer
) -> Restored:
    """Write a candidate over the present store, page by page.

    Over it, not in its place by a rename: open desks go on with what they have open. The
    caller holds the writer lock.

    Args:
        present: The store's connection.
        path: The store's database; the replaced one is kept beside it.
        candidate: The backup's rows, checked.
        restorer: Who restores.

    Raises:
        Refused: The backup is of another store.
        StoreUnavailable: It can't be done; the present store is as it was.
    """
    with closing(connect(candidate)) as connection:
        with translated(candidate):
            leave_syncing_for_the_end(connection)
            connection.execute("ATTACH ? AS present", (f"{path.absolute().as_uri()}?mode=ro",))
            if not _same_store(connection):
                raise Refused(Rule.ANOTHER_STORE, str(path))
            result = _settle(connection, restorer, has_present=True)
            connection.execute("DETACH present")
        _finish_asides(present, path)
        aside = free_name(path, "before-restore")
        on_the_way = aside.with_name(aside.name + ASIDE)
        copy_to_file(present, on_the_way)
        with holding(on_the_way):
            try:
                with translated(path):
                    copy(connection, present)
            except BaseException:
                on_the_way.unlink(missing_ok=True)  # nothing was replaced
                raise
            aside = _keep(on_the_way)
    return result._replace(aside=str(aside))


def place(candidate: Path, folder: Path, restorer: Restorer, aside: Path | None) -> Restored:
    """Make a candidate the store of a folder that has none; every PIN in it is withdrawn.

    Args:
        candidate: The backup's rows, checked, on the folder's file system.
        folder: The store's folder; the caller holds its writer lock.
        restorer: Who restores.
        aside: Where what lay there was put.

    Raises:
        Refused: There is a store now.
        StoreUnavailable: It can't be written.
    """
    with closing(connect(candidate)) as connection, translated(candidate):
        leave_syncing_for_the_end(connection)
        result = _settle(connection, restorer, has_present=False)
    try:
        sync_file(candidate)
        give_name(candidate, folder / DATABASE)
    except FileExistsError:
        raise Refused(Rule.STORE_EXISTS, str(folder / DATABASE)) from None
    except OSError as error:
        raise from_os(error, folder / DATABASE) from None
    sync_folder(folder)
    return result._replace(aside=None if aside is None else str(aside))


def _finish_asides(present: sqlite3.Connection, path: Path) -> None:
    """Keep what killed restores set aside, unless nothing was replaced: then it is all here."""
    for on_the_way in leftovers(path.parent, ASIDE):
        with suppress(StoreUnavailable), translated(on_the_way):
            with closing(connect(on_the_way, read_only=True)) as connection:
                head = connection.execute(_HEAD.format("main")).fetchone() or (0, "")
            if present.execute(_STILL_HERE, (*head, _SET_ASIDE.format(*head))).fetchall():
                on_the_way.unlink(missing_ok=True)
                continue
        _keep(on_the_way)


def _keep(on_the_way: Path) -> Path:
    """Give what was set aside its name; where it lies."""
    aside = on_the_way.with_name(on_the_way.name.removesuffix(ASIDE))
    try:
        give_name(on_the_way, aside)
    except OSError:
        return on_the_way
    with suppress(StoreUnavailable):
        sync_folder(aside.parent)
    return aside


def _same_store(connection: sqlite3.Connection) -> bool:
    """Whether backup and present store are the same store at two times."""
    rows = connection.execute(
        "SELECT count(*) FROM main.store s JOIN present.store p ON p.store_id = s.store_id"
    ).fetchall()
    return rows == [(1,)]


def _settle(connection: sqlite3.Connection, restorer: Restorer, *, has_present: bool) -> Restored:
    """Make the records those of after the restore, with an event for each that changes."""
    connection.execute("BEGIN")
    ours = connection.execute(_HEAD.format("main")).fetchall()
    theirs = connection.execute(_HEAD.format("present")).fetchall() if has_present else []
    reason = restorer.reason
    if theirs:
        reason += _SET_ASIDE.format(*theirs[0])
    restorer.transaction(connection).record(EventKind.RESTORED, reason=reason)
    for kind, fingerprint in restorer.keys.items():
        name_key(restorer.transaction(connection), kind, fingerprint)
    transaction = restorer.transaction(connection)
    withdrawn = changed = 0
    for users in _pages(connection):
        present = _present(connection, users) if has_present else {}
        said = _last_said(connection, users)
        steps = [
            _step(user, present.get(user.login), said[user.id], same=ours == theirs, at=restorer.at)
            for user in users
        ]
        _write(connection, [step.after for step in steps if step.after != step.backup])
        transaction.record_all(event for step in steps for event in step.events())
        withdrawn += sum(step.withdraws for step in steps)
        changed += sum(step.is_news for step in steps)
    gone = connection.execute(_GONE).fetchall()[0][0] if has_present else 0
    connection.execute("COMMIT")
    return Restored(withdrawn=withdrawn, changed=changed, gone_users=gone)


class _Step(NamedTuple):
    """What becomes of one user.

    Attributes:
        backup: The record in the backup.
        present: The record in the present store, if there is one.
        said: Version and counter by the user's last event in the backup.
        after: The record after the restore.
    """

    backup: User
    present: User | None
    said: tuple[int | None, int | None]
    after: User

    @property
    def withdraws(self) -> bool:
        """Whether a PIN of either record is gone."""
        records = (self.backup, self.present) if self.present else (self.backup,)
        return self.after.pin is None and any(record.pin is not None for record in records)

    @property
    def is_news(self) -> bool:
        """Whether the record is not as the user's last event says."""
        return self.said != (self.after.pin_version, self.after.failed_attempts)

    def events(self) -> Iterator[NewEvent]:
        """What the trail is to say of it."""
        backup, present, after = self.backup, self.present, self.after
        if backup.open_attempt is not None:
            yield NewEvent(EventKind.ABANDONED, after, attempt=backup.open_attempt)
        if backup.active and not after.active:
            yield NewEvent(EventKind.DEACTIVATED, after)
        if self.is_news:
            yield NewEvent(EventKind.RESTORED, after, outcome="record")
        if after.locks_total > max(backup.locks_total, present.locks_total if present else 0):
            yield NewEvent(EventKind.LOCKED, after)


def _step(
    backup: User, present: User | None, said: tuple[int | None, int | None], *, same: bool, at: str
) -> _Step:
    # A record behind the trail was written by somebody else: its PIN is not to be trusted.
    as_said = said == (backup.pin_version, backup.failed_attempts)
    after = restored(backup, present, keeps_pin=same and as_said, at=at)
    return _Step(backup, present, said, after)


def _pages(connection: sqlite3.Connection) -> Iterator[list[User]]:
    last = 0
    while page := read_users(connection, "WHERE id > ? ORDER BY id LIMIT ?", (last, _CHUNK)):
        yield page
        last = page[-1].id


def _last_said(
    connection: sqlite3.Connection, users: Sequence[User]
) -> dict[int, tuple[int | None, int | None]]:
    """Version and counter by each user's last event, by row."""
    rows = connection.execute(_LAST_SAID, (users[0].id, users[-1].id)).fetchall()
    return {row: (version, used) for row, version, used in rows}


def _present(connection: sqlite3.Connection, users: Sequence[User]) -> dict[str, User]:
    """The present store's records of users, by name."""
    marks = ", ".join("?" * len(users))
    rows = connection.execute(
        f"SELECT {USER_COLUMNS} FROM present.users WHERE user IN ({marks})",
        [user.login for user in users],
    ).fetchall()
    return {user.login: user for user in map(user_from, rows)}


def _write(connection: sqlite3.Connection, users: Sequence[User]) -> None:
    connection.executemany(
        _WRITE,
        [
            (
                int(user.active), user.pin_version, user.failed_attempts, user.locked_since,
                user.last_locked_at, user.last_attempt_at, user.last_attempt_by,
                user.last_verified_at, user.last_verified_by, user.locks_total,
                user.attempts_total, user.id,
            )
            for user in users
        ],
    )  # fmt: skip
    connection.executemany(_WITHDRAW, [(user.id,) for user in users if user.pin is None])
