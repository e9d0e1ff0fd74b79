"""Verifying a caller: charge, compare, settle."""

from __future__ import annotations

from pincli.errors import KeysUnavailable, MalformedAnswer, MalformedPin, VerifyKeyUnknown
from pincli.models import State, User, Verdict
from pincli.operations.people import require_user
from pincli.operations.session import Session
from pincli.rules.pins import require_well_formed
from pincli.rules.states import state_of
from pincli.store.steps import attempts
from pincli.store.steps.attempts import Charged, RenewedVerifier


def admit(session: Session, name: str, ticket: str | None) -> User | Verdict:
    """Who the caller says they are, or the verdict if there is nothing to ask them for.

    Asked before the PIN is, so that an agent doesn't take a PIN down for a locked user.

    Raises:
        UnknownUser: There is no such user.
    """
    user = require_user(session, name, ticket=ticket)
    with session.holding(user) as held:
        if state_of(held) is State.ACTIVE:
            return held
        return session.store.write(attempts.refuse_unless_active, held.id, ticket) or held


def verify(session: Session, name: str, pin: str, ticket: str | None) -> Verdict:
    """Check one answer of a caller. The verdict is on disk before this returns it.

    Args:
        session: Opened with Need.WRITE and Need.COMPARE.
        name: The user, in whatever spelling.
        pin: The answer, read completely: nobody waits with the user's lock held.
        ticket: The ticket for the events, cleaned.

    Raises:
        UnknownUser: There is no such user.
        MalformedAnswer: Not six digits, and the user could be verified; nothing is charged.
        StoreUnavailable: The verdict could not be made durable: not verified, and the
            attempt stays charged if it was.
    """
    user = require_user(session, name, ticket=ticket)
    try:
        require_well_formed(pin)
    except MalformedPin:
        refusal = admit(session, name, ticket)
        if isinstance(refusal, Verdict):
            return refusal
        raise MalformedAnswer from None
    with session.holding(user) as held:
        charged = _charge(session, held, ticket)
        if isinstance(charged, Verdict):
            return charged
        matched = _compare(session, charged, pin)
        return session.store.write(
            attempts.settle,
            charged,
            matched=matched,
            renewed=_renewed(session, charged, pin) if matched else None,
            ticket=ticket,
        )


def _charge(session: Session, user: User, ticket: str | None) -> Charged | Verdict:
    """Charge; if the verifier's key is one not loaded yet, load it first and charge once."""
    write, keyring = session.store.write, session.keyring
    try:
        return write(attempts.charge, user.id, verify_keys=keyring.verify_keys, ticket=ticket)
    except VerifyKeyUnknown as error:
        session.verify_key(error.fingerprint)
        return write(attempts.charge, user.id, verify_keys=keyring.verify_keys, ticket=ticket)


def _compare(session: Session, charged: Charged, pin: str) -> bool:
    stored, user = charged.pin, charged.user
    key = session.verify_key(stored.verify_key)
    return session.verifiers.matches(stored.verifier, key, user.login, user.pin_version, pin)


def _renewed(session: Session, charged: Charged, pin: str) -> RenewedVerifier | None:
    """A verifier with the present key and cost, if the one that matched is older."""
    up_to_date = charged.pin.verify_key == charged.current_key
    if up_to_date and not session.verifiers.is_outdated(charged.pin.verifier):
        return None
    try:
        current = session.verify_key(charged.current_key)
    except KeysUnavailable:
        return None  # the answer was right all the same; a later attempt renews it
    user = charged.user
    verifier = session.verifiers.make(current, user.login, user.pin_version, pin)
    return RenewedVerifier(verifier, current.fingerprint)
