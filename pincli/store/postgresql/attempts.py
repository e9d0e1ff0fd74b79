"""What agents do, by the database's own functions: a desk's login may do nothing else.

Charge and settle are two transactions in one flight. Whoever asks for a charge twice, as the
answer was lost, gives the same nonce, and it is one attempt.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from uuid import UUID, uuid4

from pincli.errors import Refused, Rule, StoreTampered, StoreUnavailable
from pincli.models import (
    Answered,
    EventKind,
    Fault,
    Head,
    NewEvent,
    Notice,
    Outcome,
    State,
    User,
    Verdict,
)
from pincli.store.mark import NOWHERE
from pincli.store.postgresql.connection import LONGEST_WAIT, Cursor
from pincli.store.postgresql.errors import TakeAgain, UserGone, translated
from pincli.store.postgresql.host import TRIES, Host, gave_up, require_committed
from pincli.store.postgresql.transaction import BEGIN
from pincli.store.sql.rows import user_from

# A cancelled commit must be heard of, whatever the login's own setting is.
_HEARING = b"set_config('client_min_messages', 'warning', true)"
_HEAD = b"head_number, head_link, head_epoch"
_CHARGE = (
    b"SELECT attempt, outcome, %b FROM pincli.charge("
    b"%%s, %%s, %%s, %%s, %%s, %%s, %%s, %%s, %%s, %%s, %%s)" % _HEARING
)
_SETTLE = (
    b"SELECT outcome, state, pin_proof, locked, %b, %b FROM pincli.settle(%%s, %%s, %%s, %%s)"
    % (_HEAD, _HEARING)
)
_MOVED = b"SELECT 1 FROM pincli.trail WHERE number >= %s AND kind = %s LIMIT 1"
_RECORD = (
    b"SELECT outcome, locked, %b, %b FROM pincli.record("
    b"%%s, %%s, %%s, %%s, %%s, %%s, %%s, %%s, %%s, %%s, %%s)" % (_HEAD, _HEARING)
)
_FINISH = b"SELECT NULL, locked, %b, %b FROM pincli.finish(%%s, %%s, %%s, %%s, %%s, %%s)" % (
    _HEAD,
    _HEARING,
)
_LOCK = b"SELECT changed, locked, %b, %b FROM pincli.lock(%%s, %%s, %%s, %%s, %%s, %%s, %%s)" % (
    _HEAD,
    _HEARING,
)
_CALL = (
    b"SELECT outcome, locked, %b, %b FROM pincli.call("
    b"%%s, %%s, %%s, %%s, %%s, %%s, %%s, %%s, %%s)" % (_HEAD, _HEARING)
)
_NEXT_NOTICE = b"SELECT notice, false, %b, %b FROM pincli.next_notice(%%s, %%s)" % (
    _HEAD,
    _HEARING,
)
_DELIVERED = (
    b"SELECT NULL, false, %b, %b FROM pincli.delivered(%%s, %%s, %%s, %%s, %%s, %%s, %%s)"
    % (_HEAD, _HEARING)
)
_COMMIT = b"COMMIT"
_CALL_OF_ANOTHER = Rule.CALL_OF_ANOTHER.name.lower()
_REFUSED = EventKind.REFUSED.value
_WHILE_LOCKED = 1.0
"""Seconds that the server has beyond its own limit for a lock, to say that nothing is done."""
_COMING_BACK = (Fault.UNREACHABLE, Fault.READ_ONLY, Fault.TOO_MANY)
"""What is the matter with a server that is starting again, or with a standby that takes over."""
_UNTIL_IT_IS_BACK = 0.2
"""Seconds between two tries to connect then."""


class FunctionAttempts:
    """contract.Attempts by the functions of functions.sql."""

    def __init__(
        self, host: Host, store_id: str, user_columns: str, locked: Callable[[User], None]
    ) -> None:
        """Call the functions of a store.

        Args:
            host: Has the connection and the mark.
            store_id: For the mark.
            user_columns: What this login may read of a user, with NULL for the rest.
            locked: Told of each user whose lock was recorded, once it is durable.
        """
        self._host = host
        self._store_id = store_id
        self._user = f"SELECT {user_columns} FROM pincli.people WHERE uid = %s".encode()
        self._locked = locked

    def attempt(self, asked: User, answer: bytes | None, *, ticket: str | None) -> Answered | None:
        """Charge an answer and settle it, in two durable transactions.

        After a lost connection the same nonce is sent once more, as soon as there is another:
        charged or not by then, it is one attempt.
        """
        nonce = uuid4()
        deadline = time.monotonic() + LONGEST_WAIT
        known, undone, lost = "not charged", 0, False
        with self._uninterrupted():
            while True:
                patience = max(deadline - time.monotonic(), 0) + _WHILE_LOCKED
                try:
                    return self._flown(asked, answer, nonce, ticket, known, patience)
                except UserGone:
                    return None  # an older store was brought back
                except TakeAgain as error:
                    known, undone = error.charge, undone + 1
                    if undone == TRIES:
                        failed = gave_up(error, self._host.server)
                        failed.charge = known
                        raise failed from None
                except StoreUnavailable as error:
                    known = error.charge
                    may_pass = error.fault in (_COMING_BACK if lost else (Fault.LOST,))
                    if not may_pass or time.monotonic() > deadline:
                        raise
                    if lost:
                        time.sleep(_UNTIL_IT_IS_BACK)
                    lost = True

    def refuse_unless_active(self, user: User, *, ticket: str | None) -> Verdict | None:
        """Record and return the refusal if this user's state allows no attempt; else None."""
        refusing = (user.uid, None, _REFUSED, None, None, ticket, *self._host.origin, *self._seen())
        try:
            words, now = self._called(_RECORD, [refusing], user.uid)
        except UserGone:
            return None
        if now is None or words[0] is None:
            return None
        return Verdict(Outcome(words[0]), now, State(words[0]))

    def finish(self, user: User) -> None:
        """End an attempt of this user that was left open, if nobody else is writing now."""
        finishing = (user.uid, *self._host.origin, *self._seen())
        with suppress(UserGone):
            self._called(_FINISH, [finishing], user.uid)

    def lock(self, user: User, *, reason: str) -> tuple[User, bool]:
        """Lock a user by hand, in whatever state."""
        locking = (user.uid, reason, *self._host.origin, *self._seen())
        changed, now = self._called_about(user, _LOCK, locking)
        return now, bool(changed)

    def begin_call(self, user: User, *, ref: str | None) -> User:
        """Let the portal show that this agent is calling a user; the record afterwards."""
        calling = (user.uid, ref, False, False, *self._host.origin, *self._seen())
        return self._called_about(user, _CALL, calling)[1]

    def end_call(self, user: User, *, anybodys: bool) -> tuple[User, bool]:
        """End the call with a user; the record afterwards, and whether there was a call."""
        ending = (user.uid, None, True, anybodys, *self._host.origin, *self._seen())
        outcome, now = self._called_about(user, _CALL, ending)
        if outcome == _CALL_OF_ANOTHER:
            raise Refused(Rule.CALL_OF_ANOTHER, user.login)
        return now, outcome is not None

    def record(self, *events: NewEvent) -> None:
        """Record what changes no user."""
        after = (*self._host.origin, *self._seen())
        calls = [
            (e.user and e.user.uid, e.name, e.kind.value, e.attempt, e.outcome, e.ticket, *after)
            for e in events
        ]
        try:
            self._called(_RECORD, calls)
        except UserGone:
            raise StoreUnavailable(Fault.REPLACED, self._host.server) from None

    def next_notice(self) -> Notice | None:
        """The oldest lock that waits for the hook, if no other run is at it."""
        (found,), _ = self._called(_NEXT_NOTICE, [self._host.origin])
        if found is None:
            return None
        number, at, kind, agent, login, account, name, locks = found
        return Notice(int(number), at, kind, agent, login, account, name, int(locks))

    def delivered(self, number: int, failure: str | None) -> None:
        """Note that the hook took a lock, or what went wrong."""
        self._called(_DELIVERED, [(number, failure, *self._host.origin, *self._seen())])

    def _flown(
        self,
        asked: User,
        answer: bytes | None,
        nonce: UUID,
        ticket: str | None,
        known: str,
        patience: float,
    ) -> Answered | None:
        """Send charge and settle once; errors say what became of the charge.

        Args:
            asked: As for `attempt`; the next two likewise.
            answer: The hashed answer.
            nonce: The attempt's own.
            ticket: The ticket for the events.
            known: What is known of the charge from flights before.
            patience: Seconds for the charge; for the settle there is as much as ever.
        """
        origin = self._host.origin
        question = (asked.uid, asked.pin_version, asked.question, answer, nonce)
        charging = charged = None
        try:
            charge = (*question, *origin, ticket, *self._seen())
            with self._host.conversation(patience) as connection:
                connection.in_doubt = ""
                connection.execute(BEGIN)
                charging = connection.execute(_CHARGE, charge)
                charged = connection.execute(_COMMIT)
                # Its answer comes at once, not with that of the next transaction.
                connection.pgconn.send_flush_request()
                connection.renews = True
                connection.execute(BEGIN)
                settling = connection.execute(_SETTLE, (nonce, asked.uid, *origin))
                record = connection.execute(self._user, (asked.uid,))
                settled = connection.execute(_COMMIT)
            for commit in (charged, settled):
                require_committed(connection, commit, self._host.server)
            return self._answered(charging, settling, record)
        except (StoreUnavailable, TakeAgain) as error:
            if charging is not None and charged is not None:
                known = _fate(charging, charged, error, known)
            error.charge = known
            raise

    def _answered(self, charging: Cursor, settling: Cursor, record: Cursor) -> Answered | None:
        """What the functions have said, once it is durable.

        Raises:
            UserGone: The record can't be read again.
            StoreTampered: An attempt of this login's own has no outcome.
        """
        attempt, refusal, _ = _only_row(charging)
        word, state, proof, locked, number, link, epoch, _ = _only_row(settling)
        self._host.saw(Head(number, link), epoch)
        user = self._record_in(record)
        if locked:
            self._locked(user)
        if attempt is None:
            if refusal is None:
                return None
            return Answered(Verdict(Outcome(refusal), user, State(refusal)))
        if word is None:
            raise StoreTampered(self._host.server, f"attempt {attempt} is not this login's own")
        return Answered(Verdict(Outcome(word), user, State(state), attempt), proof)

    def _called(
        self,
        function: bytes,
        calls: Sequence[Sequence[Any]],
        uid: bytes | None = None,
    ) -> tuple[list[Any], User | None]:
        """Call a function, in one transaction; each answer, and the record of a user after it."""

        def transaction() -> tuple[list[Cursor], Cursor]:
            with self._host.conversation(LONGEST_WAIT + _WHILE_LOCKED) as connection:
                connection.in_doubt = ""
                connection.execute(BEGIN)
                calling = [connection.execute(function, values) for values in calls]
                record = connection.execute(self._user, (uid,))
                commit = connection.execute(_COMMIT)
            require_committed(connection, commit, self._host.server)
            return calling, record

        with self._uninterrupted():
            calling, record = self._host.patiently(transaction)
        words = []
        for cursor in calling:
            word, locked, number, link, epoch, _ = _only_row(cursor)
            words.append(word)
        self._host.saw(Head(number, link), epoch)
        user = self._record_in(record) if uid is not None else None
        if locked and user is not None:
            self._locked(user)
        return words, user

    def _called_about(self, user: User, function: bytes, values: Sequence[Any]) -> tuple[Any, User]:
        """Call a function about a user who is there; its answer, and the record after it."""
        try:
            (word,), now = self._called(function, [values], user.uid)
        except UserGone:
            raise StoreUnavailable(Fault.REPLACED, self._host.server) from None
        return word, now or user

    def _record_in(self, cursor: Cursor) -> User:
        with translated(self._host.server):
            found = cursor.fetchall()
            if not found:
                raise UserGone
            return user_from(found[0])

    def _seen(self) -> tuple[int, bytes, int] | tuple[None, None, None]:
        """This host's mark, as the functions want it.

        Raises:
            StoreUnavailable: It is of a store in a folder, which was not moved here since.
        """
        seen = self._host.seen(self._store_id)
        if seen is None:
            return None, None, None
        if seen.place != NOWHERE and not self._was_moved(seen.number):
            raise StoreUnavailable(Fault.MOVED, self._host.server)
        return seen.number, seen.link, seen.epoch

    def _was_moved(self, number: int) -> bool:
        """Whether a store in a folder was moved here by this event or a later one."""
        with self._host.conversation() as connection:
            found = connection.execute(_MOVED, (number, EventKind.MOVED.value))
        return bool(found.fetchall())

    @contextmanager
    def _uninterrupted(self) -> Iterator[None]:
        with self._host.signals.during():
            self._host.signals.put_off()
            yield


def _fate(charging: Cursor, charged: Cursor, error: Exception, known: str) -> str:
    """What became of a charge whose flight did not end well."""
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
