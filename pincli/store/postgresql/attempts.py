"""What agents do, by the database's own functions: a desk's login may do nothing else.

Charge and settle are two transactions in one flight. A charge that is sent again, after its
answer was lost, carries the same nonce and is the same attempt.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from uuid import UUID, uuid4

from pincli.errors import Refused, Rule, StoreTampered, StoreUnavailable
from pincli.models import Answered, EventKind, Fault, Head, NewEvent, Outcome, State, User, Verdict
from pincli.results import Notice
from pincli.store.mark import NOWHERE
from pincli.store.postgresql.client import MOST_TRIES, Client, gave_up, require_committed
from pincli.store.postgresql.connection import LONGEST_WAIT, Cursor
from pincli.store.postgresql.errors import Retry, UserGone, translated
from pincli.store.postgresql.transaction import BEGIN
from pincli.store.sql.rows import user_from

# The warning that a commit was cancelled must arrive, whatever the login's own setting is.
_WARNINGS = "set_config('client_min_messages', 'warning', true)"
_HEAD = "head_number, head_link, head_epoch"
_MOVED = b"SELECT 1 FROM pincli.trail WHERE number >= %s AND kind = %s LIMIT 1"
_COMMIT = b"COMMIT"


def _call_of(function: str, columns: str, arguments: int) -> bytes:
    marks = ", ".join(["%s"] * arguments)
    return f"SELECT {columns}, {_WARNINGS} FROM pincli.{function}({marks})".encode()


_CHARGE = _call_of("charge", "attempt, outcome", 11)
_SETTLE = _call_of("settle", f"outcome, state, pin_proof, locked, {_HEAD}", 4)
# Of these, the first column is the answer, and the second whether a lock was recorded.
_RECORD = _call_of("record", f"outcome, locked, {_HEAD}", 11)
_FINISH = _call_of("finish", f"NULL, locked, {_HEAD}", 6)
_LOCK = _call_of("lock", f"changed, locked, {_HEAD}", 7)
_CALL = _call_of("call", f"outcome, locked, {_HEAD}", 9)
_NEXT_NOTICE = _call_of("next_notice", f"notice, false, {_HEAD}", 2)
_DELIVERED = _call_of("delivered", f"NULL, false, {_HEAD}", 7)
_CALL_OF_ANOTHER = Rule.CALL_OF_ANOTHER.name.lower()
_REFUSED = EventKind.REFUSED.value
_EXTRA_FOR_LOCKS = 1.0
"""Seconds added to the server's own limit for a lock, so that its refusal is heard."""
_COMING_BACK = (Fault.UNREACHABLE, Fault.READ_ONLY, Fault.TOO_MANY)
"""The faults of a server that is starting, or of a standby that takes over."""
_BETWEEN_CONNECTIONS = 0.2
"""Seconds between two tries to connect to a server that is coming back."""


class FunctionAttempts:
    """contract.Attempts by the functions of functions.sql."""

    def __init__(self, client: Client, store_id: str, user_columns: str) -> None:
        """Call the functions of a store; `user_columns` has NULL for unreadable columns."""
        self._client = client
        self._store_id = store_id
        self._user = f"SELECT {user_columns} FROM pincli.people WHERE uid = %s".encode()

    def attempt(self, asked: User, answer: bytes | None, *, ticket: str | None) -> Answered | None:
        """Charge an answer and settle it, in two durable transactions.

        After a lost connection the same nonce is sent once more, over the next connection.
        Charged before or not, it is one attempt.
        """
        nonce = uuid4()
        deadline = time.monotonic() + LONGEST_WAIT
        known, undone, lost = "not charged", 0, False
        with self._uninterrupted():
            while True:
                patience = max(deadline - time.monotonic(), 0) + _EXTRA_FOR_LOCKS
                try:
                    return self._charge_and_settle(asked, answer, nonce, ticket, known, patience)
                except UserGone:
                    return None  # an older store was restored
                except Retry as error:
                    known, undone = error.charge, undone + 1
                    if undone == MOST_TRIES:
                        failed = gave_up(error, self._client.server)
                        failed.charge = known
                        raise failed from None
                except StoreUnavailable as error:
                    known = error.charge
                    may_pass = error.fault in (_COMING_BACK if lost else (Fault.LOST,))
                    if not may_pass or time.monotonic() > deadline:
                        raise
                    if lost:
                        time.sleep(_BETWEEN_CONNECTIONS)
                    lost = True

    def refuse_unless_active(self, user: User, *, ticket: str | None) -> Verdict | None:
        """Record and return the refusal if this user's state allows no attempt; else None."""
        refusing = (user.uid, None, _REFUSED, None, None, ticket, *self._caller())
        try:
            (outcome, *_), now = self._call(_RECORD, [refusing], user.uid)
        except UserGone:
            return None
        if now is None or outcome is None:
            return None
        return Verdict(Outcome(outcome), now, State(outcome))

    def finish(self, user: User) -> None:
        """End an attempt of this user that was left open, if nobody else is writing now."""
        with suppress(UserGone):
            self._call(_FINISH, [(user.uid, *self._caller())], user.uid)

    def lock(self, user: User, *, reason: str) -> tuple[User, bool]:
        """Lock a user by hand. Return the record afterwards, and whether this call locked it."""
        changed, now = self._call_about(user, _LOCK, reason)
        return now, bool(changed)

    def begin_call(self, user: User, *, ref: str | None) -> User:
        """Let the portal show that this agent is calling. Return the record afterwards."""
        return self._call_about(user, _CALL, ref, False, False)[1]

    def end_call(self, user: User, *, any_agents: bool) -> tuple[User, bool]:
        """End the call. Return the record afterwards, and whether there was a call."""
        outcome, now = self._call_about(user, _CALL, None, True, any_agents)
        if outcome == _CALL_OF_ANOTHER:
            raise Refused(Rule.CALL_OF_ANOTHER, user.login)
        return now, outcome is not None

    def record(self, *events: NewEvent) -> None:
        """Record events that change no user."""
        caller = self._caller()
        calls = [
            (e.user and e.user.uid, e.name, e.kind.value, e.attempt, e.outcome, e.ticket, *caller)
            for e in events
        ]
        try:
            self._call(_RECORD, calls)
        except UserGone:
            raise StoreUnavailable(Fault.REPLACED, self._client.server) from None

    def next_notice(self) -> Notice | None:
        """Return the oldest waiting notice, unless another process is delivering one."""
        (found,), _ = self._call(_NEXT_NOTICE, [self._client.origin])
        if found is None:
            return None
        number, at, kind, agent, login, account, name, locks = found
        return Notice(int(number), at, kind, agent, login, account, name, int(locks))

    def delivered(self, number: int, failure: str | None) -> None:
        """Remove a delivered notice, or note the failure."""
        self._call(_DELIVERED, [(number, failure, *self._caller())])

    def _charge_and_settle(
        self,
        asked: User,
        answer: bytes | None,
        nonce: UUID,
        ticket: str | None,
        known: str,
        patience: float,
    ) -> Answered | None:
        """Send charge and settle once. Errors say what became of the charge.

        `known` is what earlier flights have shown of it. `patience` is for the charge; the settle
        has the usual time.
        """
        origin = self._client.origin
        question = (asked.uid, asked.pin_version, asked.question, answer, nonce)
        charging = charged = None
        try:
            charge = (*question, *origin, ticket, *self._mark())
            with self._client.connection(patience) as connection:
                connection.in_doubt = ""
                connection.execute(BEGIN)
                charging = connection.execute(_CHARGE, charge)
                charged = connection.execute(_COMMIT)
                # So that the charge is answered at once, not together with the settle.
                connection.pgconn.send_flush_request()
                connection.renews = True
                connection.execute(BEGIN)
                settling = connection.execute(_SETTLE, (nonce, asked.uid, *origin))
                record = connection.execute(self._user, (asked.uid,))
                settled = connection.execute(_COMMIT)
            for commit in (charged, settled):
                require_committed(connection, commit, self._client.server)
            return self._read_answers(charging, settling, record)
        except (StoreUnavailable, Retry) as error:
            if charging is not None and charged is not None:
                known = _fate(charging, charged, error, known)
            error.charge = known
            raise

    def _read_answers(self, charging: Cursor, settling: Cursor, record: Cursor) -> Answered | None:
        """Read the functions' answers, once they are durable.

        Raises:
            UserGone: The record can't be read again.
            StoreTampered: This login's own attempt has no outcome.
        """
        attempt, refusal, _ = _only_row(charging)
        word, state, proof, _locked, number, link, epoch, _ = _only_row(settling)
        self._client.advance_mark(Head(number, link), epoch)
        user = self._read_record(record)
        if attempt is None:
            if refusal is None:
                return None
            return Answered(Verdict(Outcome(refusal), user, State(refusal)))
        if word is None:
            raise StoreTampered(self._client.server, f"attempt {attempt} is not this login's own")
        return Answered(Verdict(Outcome(word), user, State(state), attempt), proof)

    def _call(
        self,
        function: bytes,
        calls: Sequence[Sequence[Any]],
        uid: bytes | None = None,
    ) -> tuple[list[Any], User | None]:
        """Call a function, in one transaction. Return its answers, and the record of a user."""

        def transaction() -> tuple[list[Cursor], Cursor]:
            with self._client.connection(LONGEST_WAIT + _EXTRA_FOR_LOCKS) as connection:
                connection.in_doubt = ""
                connection.execute(BEGIN)
                calling = [connection.execute(function, values) for values in calls]
                record = connection.execute(self._user, (uid,))
                commit = connection.execute(_COMMIT)
            require_committed(connection, commit, self._client.server)
            return calling, record

        with self._uninterrupted():
            calling, record = self._client.with_retries(transaction)
        words = []
        for cursor in calling:
            word, _locked, number, link, epoch, _ = _only_row(cursor)
            words.append(word)
        self._client.advance_mark(Head(number, link), epoch)
        user = self._read_record(record) if uid is not None else None
        return words, user

    def _call_about(self, user: User, function: bytes, *arguments: Any) -> tuple[Any, User]:
        """Call a function about a user. Return its answer, and the record after it."""
        values = (user.uid, *arguments, *self._caller())
        try:
            (word,), now = self._call(function, [values], user.uid)
        except UserGone:
            raise StoreUnavailable(Fault.REPLACED, self._client.server) from None
        return word, now or user

    def _read_record(self, cursor: Cursor) -> User:
        with translated(self._client.server):
            found = cursor.fetchall()
            if not found:
                raise UserGone
            return user_from(found[0])

    def _caller(self) -> tuple[Any, ...]:
        """The last arguments of the functions: agent, command and mark."""
        return (*self._client.origin, *self._mark())

    def _mark(self) -> tuple[int, bytes, int] | tuple[None, None, None]:
        """This host's mark, as the functions take it.

        Raises:
            StoreUnavailable: The mark is a folder's store's, and that was not moved here.
        """
        seen = self._client.read_or_make_mark(self._store_id)
        if seen is None:
            return None, None, None
        if seen.place != NOWHERE and not self._was_moved(seen.number):
            raise StoreUnavailable(Fault.MOVED, self._client.server)
        return seen.number, seen.link, seen.epoch

    def _was_moved(self, number: int) -> bool:
        """Whether a store in a folder was moved here by this event or a later one."""
        with self._client.connection() as connection:
            found = connection.execute(_MOVED, (number, EventKind.MOVED.value))
        return bool(found.fetchall())

    @contextmanager
    def _uninterrupted(self) -> Iterator[None]:
        with self._client.signals.in_transaction():
            self._client.signals.defer()
            yield


def _fate(charging: Cursor, charged: Cursor, error: Exception, known: str) -> str:
    """What became of a charge whose flight failed."""
    if charged.statusmessage == "COMMIT":
        in_doubt = isinstance(error, StoreUnavailable) and error.fault is Fault.IN_DOUBT
        has_charged = _only_row(charging)[0] is not None
        return ("may be charged" if in_doubt else "charged") if has_charged else known
    lost = isinstance(error, StoreUnavailable) and error.fault is Fault.LOST
    return "may be charged" if lost else known


def _only_row(cursor: Cursor) -> tuple[Any, ...]:
    (row,) = cursor.fetchall()
    cursor.scroll(0, mode="absolute")
    return row
