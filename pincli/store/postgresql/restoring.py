"""Taking in a database that its DBA has brought back, or that was changed behind the trail.

Nobody knows what the hosts have seen that is lost, so every PIN is withdrawn. Only then a new
epoch begins, which lets all hosts write again: a restore that is killed is run again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pincli.models import NewEvent
from pincli.results import Restored
from pincli.rules.restoring import lost, restored, taken_in
from pincli.store.contract import Restorer
from pincli.store.location import Server
from pincli.store.postgresql.engine import PostgresStore
from pincli.store.postgresql.transaction import PostgresTransaction

if TYPE_CHECKING:
    from pincli.rules.replay import Course

_CHUNK = 2000


class _Done(NamedTuple):
    """What was made of a chunk.

    Attributes:
        uids: Whose records it had.
        withdrawn: How many PINs were withdrawn.
        changed: How many records were changed.
    """

    uids: list[bytes]
    withdrawn: int
    changed: int


def restore(server: Server, marks: Path, restorer: Restorer) -> Restored:
    """Take in the present store; see contract.Upkeep.

    Others go on meanwhile, as far as their marks let them: each record is taken as it is by
    then, a chunk of them at a time.

    Raises:
        BackupRefused: The trail was changed, and can't vouch for anything.
        StoreUnavailable: The store can't be written.
    """
    with closing(PostgresStore(server, marks, origin=restorer.origin)) as store:
        store.seal_by(restorer.sealers)
        with store.maintained():
            courses = dict(restorer.check(store))
            for kind, fingerprint in restorer.keys_since(store.identity()).items():
                store.take_in(restorer.name_key, kind, fingerprint)
            withdrawn = changed = last = 0
            while rows := store.people.rows_after(last, _CHUNK):
                last = rows[-1]
                done = store.take_in(_taken_in, rows, courses)
                for uid in done.uids:
                    courses.pop(uid, None)
                withdrawn, changed = withdrawn + done.withdrawn, changed + done.changed
            for uid, course in courses.items():
                store.take_in(_put_back, uid, course)
            store.begin_epoch()
    return Restored(withdrawn=withdrawn, changed=changed + len(courses))


def _taken_in(
    transaction: PostgresTransaction, rows: Sequence[int], courses: Mapping[bytes, Course]
) -> _Done:
    """Withdraw the PINs in some rows; what the trail does not vouch for gets stricter."""
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
    """Put a row in the place of a user whom the trail knows and the table does not."""
    transaction.save(lost(uid, course, at=transaction.at))
