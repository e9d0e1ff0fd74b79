"""`restore` on a server: for a database that its DBA has restored, or that was tampered with.

What was lost is unknown, so every PIN is withdrawn. Only then a new epoch begins and lets all
hosts write again. A restore that is killed can be run again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pincli.models import NewEvent
from pincli.results import Restored
from pincli.rules.restoring import lost, restored, taken_in
from pincli.store.location import Server
from pincli.store.postgresql.engine import PostgresStore
from pincli.store.postgresql.transaction import PostgresTransaction
from pincli.store.upkeep import Restorer

if TYPE_CHECKING:
    from pincli.rules.replay import Course

_CHUNK = 2000


class _Done(NamedTuple):
    """The result of a chunk: its users' uids, and how many PINs and records changed."""

    uids: list[bytes]
    withdrawn: int
    changed: int


def restore(server: Server, marks: Path, restorer: Restorer) -> Restored:
    """Take in the present store, a chunk of users at a time; see contract.Upkeep.

    Hosts whose marks allow it go on writing meanwhile.

    Raises:
        BackupRefused: The trail was tampered with.
        StoreUnavailable: The store can't be written.
    """
    with closing(PostgresStore(server, marks, origin=restorer.origin)) as store:
        store.seal_with(restorer.sealers)
        with store.maintained():
            courses = dict(restorer.check(store))
            for kind, fingerprint in restorer.keys_since(store.identity()).items():
                store.write_in_restore(restorer.name_key, kind, fingerprint)
            withdrawn = changed = last = 0
            while rows := store.people.rows_after(last, _CHUNK):
                last = rows[-1]
                done = store.write_in_restore(_taken_in, rows, courses)
                for uid in done.uids:
                    courses.pop(uid, None)
                withdrawn, changed = withdrawn + done.withdrawn, changed + done.changed
            for uid, course in courses.items():
                store.write_in_restore(_put_back, uid, course)
            store.begin_epoch()
    return Restored(withdrawn=withdrawn, changed=changed + len(courses))


def _taken_in(
    transaction: PostgresTransaction, rows: Sequence[int], courses: Mapping[bytes, Course]
) -> _Done:
    """Withdraw the PINs in some rows; records that the trail doesn't confirm get stricter."""
    events: list[NewEvent] = []
    uids, withdrawn, changed = [], 0, 0
    found = transaction.found(rows)
    for user, sound in found:
        if sound:
            step = restored(user, present=None, keeps_pin=False, at=transaction.at)
        else:
            step = taken_in(user, courses.get(user.uid), at=transaction.at)
        events += step
        uids.append(user.uid)
        changed += bool(step)
        withdrawn += bool(step) and user.question is not None
    transaction.index_people([user for user, _ in found])
    transaction.save(events)
    return _Done(uids, withdrawn, changed)


def _put_back(transaction: PostgresTransaction, uid: bytes, course: Course) -> None:
    """Add a record for a user whom the trail has and the table lacks."""
    transaction.save(lost(uid, course, at=transaction.at))
