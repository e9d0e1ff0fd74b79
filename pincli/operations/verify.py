"""Verifying a caller: ask, hash, charge, settle (DESIGN.md 2.5)."""

from __future__ import annotations

from contextlib import suppress

from pincli.errors import (
    MalformedAnswer,
    MalformedPin,
    PinChangedMeanwhile,
    RecordDamaged,
    StoreBusy,
    UnknownUser,
    VerifierDamaged,
)
from pincli.models import EventKind, NewEvent, NewPin, Outcome, PinOrigin, State, User, Verdict
from pincli.operations.people import require_user
from pincli.operations.session import Session, let_write
from pincli.rules.pins import require_well_formed
from pincli.rules.states import state_of
from pincli.vault.answers import check_of, is_proved

_ASK_AGAIN = 20
"""How often the question may change under one answer, which no honest use explains."""


def admit(
    session: Session, name: str, ticket: str | None, *, account: str | None = None
) -> User | Verdict:
    """Who the caller says they are, or the verdict if there is nothing to ask them for.

    Asked before the PIN is, so that an agent doesn't take a PIN down for a locked user.

    Raises:
        UnknownUser: There is no such user.
    """
    user = require_user(session, name, account=account, ticket=ticket)
    if state_of(user) is State.ACTIVE:
        return user
    refused = session.attempts.refuse_unless_active(user, ticket=ticket)
    return refused or _read_again(session, user)


def verify(
    session: Session, name: str, pin: str, ticket: str | None, *, account: str | None = None
) -> Verdict:
    """Check one answer of a caller. The verdict is on disk before this returns it.

    Nothing is held while the answer is hashed, and nothing is charged before it is: a host
    without memory or a key locks nobody out.

    Args:
        session: Opened with Need.WRITE and Need.COMPARE.
        name: The user, in whatever spelling.
        pin: The answer, read completely.
        ticket: The ticket for the events, cleaned.
        account: The user's, where several have one of that login.

    Raises:
        UnknownUser: There is no such user.
        MalformedAnswer: Not six digits, and the user could be verified; nothing is charged.
        Unavailable: Not verified; `charge` says what became of the attempt.
    """
    user = require_user(session, name, account=account, ticket=ticket)
    try:
        require_well_formed(pin)
    except MalformedPin:
        admitted = admit(session, name, ticket, account=account)
        if isinstance(admitted, Verdict):
            return admitted
        raise MalformedAnswer from None
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
    """Record the ticket of an attempt that has its verdict already.

    Args:
        session: Opened with Need.ATTEMPT.
        verdict: What `verify` returned, of an answer that was compared.
        ticket: The ticket, cleaned.
    """
    event = NewEvent(EventKind.TICKET_ADDED, verdict.user, attempt=verdict.attempt, ticket=ticket)
    session.attempts.record(event)


def renew(session: Session, verdict: Verdict, pin: str) -> None:
    """Hash a PIN that was right with the present key and cost, if it was with older ones.

    Called once the verdict was told. Whatever fails here fails in silence, as it changes
    nothing about the verdict: a later right answer renews the PIN. A desk on PostgreSQL, which
    reads no check, renews nothing: who may write checks could choose a PIN.

    Args:
        session: The one of `verify`.
        verdict: What that returned.
        pin: The answer that was given.
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
        new = NewPin(
            question=made.question,
            check=made.check,
            proof=made.proof,
            verify_key=key.fingerprint,
            sealed=user.sealed or b"",
            portal_key=user.portal_key or "",
            set_by=user.pin_set_by or PinOrigin.GENERATED,
            version=user.pin_version,
        )
        from pincli.store.steps import pins as steps

        if session.store.functions is not None:
            let_write(session)
        session.store.write(steps.renew, user, new)


def _hashed(session: Session, user: User, pin: str) -> bytes | None:
    """The answer to the user's question; None where their state asks for none.

    The proof is checked here, before the charge, where it may be read: somebody who can write
    the database, but has no verify.key, can't make a yes. A desk on PostgreSQL gets it with
    the yes.
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
    """See that a yes that came without the record's check and proof has its proof.

    Raises:
        VerifierDamaged: It hasn't: the writer of the check had no verify.key.
    """
    if user.pin_check is not None and user.pin_proof is not None:
        return
    if answer is None or proof is None or not _is_proved(session, user, check_of(answer), proof):
        raise VerifierDamaged(user.login)


def _is_proved(session: Session, user: User, check: bytes, proof: bytes) -> bool:
    key = session.verify_key(user.verify_key or "")
    return is_proved(key, user.uid, user.pin_version, user.question or "", check, proof)


def _damaged(session: Session, user: User) -> VerifierDamaged:
    """What is wrong with a PIN that is not as it was made.

    Raises:
        StoreTampered: The record was edited; a reset can't mend it.
    """
    with suppress(StoreBusy):
        session.attempts.finish(user)
    return VerifierDamaged(user.login)


def _read_again(session: Session, user: User) -> User:
    for now in session.store.people.in_rows([user.id]):
        if now.uid == user.uid:
            return now
    raise UnknownUser([user.login])  # an older store was brought back meanwhile
