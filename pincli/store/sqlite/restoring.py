"""Bringing a backup back: its rows, in a schema of our own, and no security undone.

The trail is the backup's. Only if it ends where the present store's does has nothing happened
since, and PINs stay; else all are withdrawn. Each user keeps the stricter of both records.
"""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from pincli.errors import BackupRefused, BackupUnavailable, Refused, Rule, StoreUnavailable
from pincli.files import give_name, sync_file, sync_folder
from pincli.models import EventKind, Fault, NewEvent, User
from pincli.results import Restored
from pincli.rules.restoring import restored
from pincli.store.contract import Restorer
from pincli.store.sql.rows import USER, marks, user_from
from pincli.store.sqlite.connection import DATABASE, connect, schema_version, utc_now
from pincli.store.sqlite.copies import (
    copy,
    copy_rows,
    copy_to_file,
    is_sound,
    leave_syncing_for_the_end,
)
from pincli.store.sqlite.engine import SqliteStore
from pincli.store.sqlite.errors import from_os, translated
from pincli.store.sqlite.leftovers import (
    ASIDE,
    held_folder,
    holding,
    leftovers,
    remove_leftovers,
    unfinished_name,
)
from pincli.store.sqlite.lockfile import LOCK_FILE, Locks, make_lock_file
from pincli.store.sqlite.remains import free_name, put_aside
from pincli.store.sqlite.transaction import SqliteTransaction, read_identity

_OF_ITS_OWN = (Fault.MISSING, Fault.NOT_A_STORE, Fault.DAMAGED, Fault.NEWER)
"""Faults of a copy that it has from the backup itself."""
_CHUNK = 2000
_HEAD = "SELECT seq, mac FROM {}.events ORDER BY seq DESC LIMIT 1"
_SET_ASIDE = "; set aside: {}:{}"
_STILL_HERE = """
SELECT 1 FROM events WHERE seq = ? AND mac = ? AND NOT EXISTS
    (SELECT 1 FROM events WHERE kind = 'restored' AND reason LIKE '%' || ?)
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


class Checked(NamedTuple):
    """A backup that can be trusted, as a store of our own.

    Attributes:
        folder: Where its rows are.
        reason: What the restore's event says of it.
        keys: By kind, the keys that count from now on, where it names others.
    """

    folder: Path
    reason: str
    keys: Mapping[str, str]

    @property
    def database(self) -> Path:
        """Its database."""
        return self.folder / DATABASE


def restore(backup: Path, folder: Path, restorer: Restorer) -> Restored:
    """Bring a backup back; see contract.Upkeep.

    Everything about the backup is checked, in a store of our own made of its rows, before the
    present one is touched.
    """
    with _candidate(backup, folder) as candidate:
        checked = _check(candidate, backup, restorer)
        while True:
            if _is_usable(folder / DATABASE):
                return _replace(folder, checked, restorer)
            done = _place(folder, checked, restorer)
            if done is not None:
                return done


@contextmanager
def _candidate(backup: Path, store_folder: Path) -> Iterator[Path]:
    """A folder with the rows of a backup in a store of our own, gone afterwards.

    Within the store's own folder, for that store may get its name there.
    """
    _require_file(backup)
    made = not store_folder.exists()
    folder = unfinished_name(store_folder / DATABASE)
    with ExitStack() as stack:
        try:
            store_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            remove_leftovers(store_folder)
            stack.enter_context(held_folder(folder))
        except OSError as error:
            if store_folder.is_dir():
                raise from_os(error, folder) from None
            raise StoreUnavailable(Fault.NOT_MADE, store_folder, error.strerror or "") from None
        try:
            _take_rows(backup, folder / DATABASE)
            make_lock_file(folder)
            yield folder
        finally:
            stack.close()
            if made:
                with suppress(OSError):
                    store_folder.rmdir()  # only if it is empty


def _take_rows(backup: Path, candidate: Path) -> None:
    """Check a backup's pages and its schema's version, and copy its rows."""
    try:
        with closing(connect(backup, read_only=True)) as connection:
            schema_version(connection, backup)
            if not is_sound(connection, backup):
                raise BackupRefused("its pages are damaged")
        copy_rows(backup, candidate)
    except StoreUnavailable as error:
        # The candidate is new: what is wrong with rows in it, they have from the backup.
        of_backup = error.path == backup or error.fault in _OF_ITS_OWN
        raise (_about(backup, error) if of_backup else error) from None


def _require_file(backup: Path) -> None:
    """Raise unless there is a plain file of that name: a pipe could be waited for for ever."""
    try:
        facts = backup.stat()
    except OSError as error:
        raise _about(backup, from_os(error, backup)) from None
    if not stat.S_ISREG(facts.st_mode):
        raise BackupUnavailable(Fault.NOT_A_STORE, backup)


def _about(backup: Path, error: StoreUnavailable) -> BackupUnavailable:
    return BackupUnavailable(error.fault, backup, error.detail)


def _check(candidate: Path, backup: Path, restorer: Restorer) -> Checked:
    try:
        with closing(SqliteStore(candidate, origin=restorer.origin)) as store:
            reason = restorer.check(store)
            return Checked(candidate, reason, restorer.keys_since(store.identity()))
    except StoreUnavailable as error:
        if error.fault in _OF_ITS_OWN:
            raise _about(backup, error) from None
        raise


def _is_usable(database: Path) -> bool:
    """Whether there is a store that can be read: what came after the backup is in it.

    Raises:
        StoreUnavailable: It can't be told: it is held, may not be opened, or is newer.
    """
    try:
        with closing(connect(database)) as connection:
            schema_version(connection, database)
            return is_sound(connection, database)
    except StoreUnavailable as error:
        if error.fault in (Fault.MISSING, Fault.NOT_A_STORE, Fault.DAMAGED):
            return False
        raise


def _replace(folder: Path, checked: Checked, restorer: Restorer) -> Restored:
    """Write a candidate over the present store, page by page.

    Over it, not in its place by a rename: open desks go on with what they have open.
    """
    path = folder / DATABASE
    with (
        closing(Locks(folder / LOCK_FILE)) as locks,
        locks.maintenance(),
        locks.writer(),
        closing(connect(path)) as present,
        closing(connect(checked.database)) as connection,
        translated(checked.database),
    ):
        leave_syncing_for_the_end(connection)
        connection.execute("ATTACH ? AS present", (f"{path.absolute().as_uri()}?mode=ro",))
        if not _same_store(connection):
            raise Refused(Rule.ANOTHER_STORE, str(path))
        result = _settle(connection, checked, restorer, has_present=True)
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


def _place(folder: Path, checked: Checked, restorer: Restorer) -> Restored | None:
    """Make a candidate the store of a folder that has none, or none that can be read.

    Every PIN in it is withdrawn. What can't be read is moved aside.

    Returns:
        What was done; None if somebody else had restored it by the time it was our turn.
    """
    make_lock_file(folder)
    with closing(Locks(folder / LOCK_FILE)) as locks, locks.maintenance(), locks.writer():
        if _is_usable(folder / DATABASE):
            return None
        with closing(connect(checked.database)) as connection, translated(checked.database):
            leave_syncing_for_the_end(connection)
            result = _settle(connection, checked, restorer, has_present=False)
        aside = put_aside(folder / DATABASE)
        try:
            sync_file(checked.database)
            give_name(checked.database, folder / DATABASE)
            sync_folder(folder)
        except FileExistsError:
            raise Refused(Rule.STORE_EXISTS, str(folder / DATABASE)) from None
        except OSError as error:
            raise from_os(error, folder / DATABASE) from None
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
    with suppress(OSError):
        sync_folder(aside.parent)
    return aside


def _same_store(connection: sqlite3.Connection) -> bool:
    """Whether backup and present store are the same store at two times."""
    rows = connection.execute(
        "SELECT count(*) FROM main.store s JOIN present.store p ON p.store_id = s.store_id"
    ).fetchall()
    return rows == [(1,)]


def _settle(
    connection: sqlite3.Connection, checked: Checked, restorer: Restorer, *, has_present: bool
) -> Restored:
    """Make the records those of after the restore, with an event for each that changes."""
    connection.execute("BEGIN")
    ours = connection.execute(_HEAD.format("main")).fetchall()
    theirs = connection.execute(_HEAD.format("present")).fetchall() if has_present else []
    reason = checked.reason
    if theirs:
        reason += _SET_ASIDE.format(*theirs[0])
    at = utc_now()
    transaction = _transaction(connection, restorer, at)
    transaction.save([NewEvent(EventKind.RESTORED, reason=reason)])
    for kind, fingerprint in checked.keys.items():
        restorer.name_key(transaction, kind, fingerprint)
        transaction = _transaction(connection, restorer, at)
    withdrawn = changed = last = 0
    while rows := _rows_after(connection, last):
        last = rows[-1]
        users = transaction.users(rows)
        present = _present(connection, users) if has_present else {}
        said = _last_said(connection, users)
        steps = [
            _step(user, present.get(user.login), said[user.id], same=ours == theirs, at=at)
            for user in users
        ]
        transaction.save([event for step in steps for event in step.events()])
        withdrawn += sum(step.withdraws for step in steps)
        changed += sum(step.is_news for step in steps)
    gone = connection.execute(_GONE).fetchall()[0][0] if has_present else 0
    connection.execute("COMMIT")
    return Restored(withdrawn=withdrawn, changed=changed, gone_users=gone)


def _transaction(connection: sqlite3.Connection, restorer: Restorer, at: str) -> SqliteTransaction:
    """What records events in a candidate, with the keys that it names now."""
    identity = read_identity(connection)
    if identity is None:
        raise RuntimeError("a backup without an identity was taken for a checked one")
    signer = restorer.find_signer(identity.audit_key)
    return SqliteTransaction(
        connection, identity=identity, signer=signer, origin=restorer.origin, at=at
    )


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
        if self.is_news or after != backup:
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


def _rows_after(connection: sqlite3.Connection, row: int) -> list[int]:
    query = "SELECT id FROM users WHERE id > ? ORDER BY id LIMIT ?"
    return [found for (found,) in connection.execute(query, (row, _CHUNK)).fetchall()]


def _last_said(
    connection: sqlite3.Connection, users: Sequence[User]
) -> dict[int, tuple[int | None, int | None]]:
    """Version and counter by each user's last event, by row."""
    rows = connection.execute(_LAST_SAID, (users[0].id, users[-1].id)).fetchall()
    return {row: (version, used) for row, version, used in rows}


def _present(connection: sqlite3.Connection, users: Sequence[User]) -> dict[str, User]:
    """The present store's records of users, by login."""
    logins = [user.login for user in users]
    rows = connection.execute(
        f"SELECT {USER} FROM present.users WHERE user IN ({marks(logins)})", logins
    ).fetchall()
    return {user.login: user for user in map(user_from, rows)}
