"""Verifying a caller: ask, hash, charge, settle. pincli/README.md draws it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from pincli.errors import (
    MalformedAnswer,
    MalformedPin,
    PinChangedMeanwhile,
    PincliError,
    RecordDamaged,
    StoreBusy,
    StoreTampered,
    UnknownUser,
    VerifierDamaged,
)
from pincli.models import EventKind, NewEvent, NewPin, Outcome, PinOrigin, State, User, Verdict
from pincli.operations.people import require_user
from pincli.operations.session import Session, let_write
from pincli.rules.lockout import check_of, state_of
from pincli.rules.pins import require_well_formed
from pincli.rules.times import written
from pincli.vault.answers import is_proved

_ASK_AGAIN = 20
"""How often the question may change during one answer, far more than honest use explains."""
LEFT_OPEN = timedelta(seconds=10)
"""How long an attempt may be open before others end it: its own process may take that long."""
_LEFT_OPEN_AT_MOST = 200


def admit(
    session: Session, name: str, ticket: str | None, *, account: str | None = None
) -> User | Verdict:
    """Return the user, or the verdict if there is no PIN to ask for.

    Called before the PIN is read, so that an agent doesn't ask a locked user for it.
    """
    user = require_user(session, name, account=account, ticket=ticket)
    if state_of(user) is State.ACTIVE:
        return user
    refused = session.attempts.refuse_unless_active(user, ticket=ticket)
    return refused or _read_again(session, user)


def verify(
    session: Session,
    name: str,
    pin: str,
    ticket: str | None,
    *,
    account: str | None = None,
    meanwhile: Callable[[], None] | None = None,
) -> Verdict:
    """Check a caller's answer. The verdict is on disk before this returns it.

    No lock is held during hashing, and nothing is charged before it: a host without memory or
    a key locks nobody out. The session needs Need.WRITE and Need.COMPARE.

    Args:
        session: The open store.
        name: The caller's login, in any spelling.
        pin: The answer.
        ticket: Recorded with the attempt.
        account: The user's, where several have that login.
        meanwhile: Called just before the hash. It starts work that can run during the hash.

    Raises:
        MalformedAnswer: Not six digits, and the user could be verified; nothing is charged.
        Unavailable: Not verified; `charge` says whether the attempt was charged.
    """
    user = require_user(session, name, account=account, ticket=ticket)
    try:
        require_well_formed(pin)
    except MalformedPin:
        admitted = admit(session, name, ticket, account=account)
        if isinstance(admitted, Verdict):
            return admitted
        raise MalformedAnswer from None
    if meanwhile is not None:
        meanwhile()
    for _ in range(_ASK_AGAIN):
        answer = _hashed(session, user, pin)
        answered = session.attempts.attempt(user, answer, ticket=ticket)
        if answered is not None:
            break
        user = _read_again(session, user)
    else:
        raise PinChangedMeanwhile
    if answered.verdict.outcome is Outcome.VERIFIED:
        _require_proof(session, user, answer, answered.proof)
    return answered.verdict


def add_ticket(session: Session, verdict: Verdict, ticket: str) -> None:
    """Record the ticket of an attempt that already has its verdict."""
    event = NewEvent(EventKind.TICKET_ADDED, verdict.user, attempt=verdict.attempt, ticket=ticket)
    session.attempts.record(event)


def renew(session: Session, verdict: Verdict, pin: str) -> None:
    """Hash a right PIN again, if it was hashed with an older key or cost.

    Called after the verdict is printed. A failure here is silent, since it doesn't change the
    verdict: a later right answer renews the PIN. A desk on PostgreSQL can't read checks and
    renews nothing: a login that may write checks could choose a PIN.
    """
    user = verdict.user
    if verdict.outcome is not Outcome.VERIFIED or user.question is None or user.pin_check is None:
        return
    with suppress(Exception):
        identity = session.store.identity()
        outdated = session.answers.is_outdated(user.question)
        if user.verify_key == identity.verify_key and not outdated:
            return
        key = session.verify_key(identity.verify_key)
        made = session.answers.renew(user.question, key, user.uid, user.pin_version, pin)
        sealed = user.sealed or b"", user.portal_key or ""
        set_by = user.pin_set_by or PinOrigin.GENERATED
        new = NewPin(*made, key.fingerprint, *sealed, set_by, user.pin_version)
        from pincli.store.steps import pins as steps

        if session.store.functions is not None:
            let_write(session)
        session.store.write(steps.renew, user, new)


def end_left_open(session: Session) -> None:
    """End the attempts that have been open for ten seconds, if that works at once.

    A missing key or a held lock is not an error here: other commands report it, and the command
    that calls this only reads.
    """
    with suppress(PincliError):
        before = written(datetime.now(UTC) - LEFT_OPEN)
        rows = session.store.people.open_since(before)
        if not rows:
            return
        if session.store.functions is None:
            let_write(session)
        for user in session.store.people.in_rows(rows[:_LEFT_OPEN_AT_MOST]):
            with suppress(StoreTampered):  # one damaged record doesn't stop the others
                session.attempts.finish(user)


def _hashed(session: Session, user: User, pin: str) -> bytes | None:
    """Return the answer to the user's question; None if their state has nothing to verify.

    The proof is checked here, before the charge, if it can be read: an attacker who can write
    the database but has no verify.key can't make a right answer. A desk on PostgreSQL gets the
    proof with the verdict.
    """
    if user.question is None or user.verify_key is None or state_of(user) is not State.ACTIVE:
        return None
    key = session.verify_key(user.verify_key)
    check, proof = user.pin_check, user.pin_proof
    readable = check is not None and proof is not None
    if readable and not _is_proved(session, user, check or b"", proof or b""):
        raise _damaged(session, user)
    try:
        return session.answers.answer(user.question, key, user.uid, user.pin_version, pin)
    except RecordDamaged:
        raise _damaged(session, user) from None


def _require_proof(session: Session, user: User, answer: bytes | None, proof: bytes | None) -> None:
    """Check the proof that comes with a right answer, if the record's own can't be read."""
    if user.pin_check is not None and user.pin_proof is not None:
        return
    if answer is None or proof is None or not _is_proved(session, user, check_of(answer), proof):
        raise VerifierDamaged(user.login)


def _is_proved(session: Session, user: User, check: bytes, proof: bytes) -> bool:
    key = session.verify_key(user.verify_key or "")
    return is_proved(key, user.uid, user.pin_version, user.question or "", check, proof)


def _damaged(session: Session, user: User) -> VerifierDamaged:
    """Return the error for a damaged PIN, or raise the one for a tampered record."""
    with suppress(StoreBusy):
        session.attempts.finish(user)
    return VerifierDamaged(user.login)


def _read_again(session: Session, user: User) -> User:
    for now in session.store.people.in_rows([user.id]):
        if now.uid == user.uid:
            return now
    raise UnknownUser([user.login])  # an older store was restored meanwhile
