"""The customer's own actions: see the PIN, and choose another."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from functools import partial
from typing import NamedTuple, NoReturn, TypeVar

from pincli.errors import (
    KeyChanged,
    KeysUnavailable,
    NoPinPossible,
    PinChangedMeanwhile,
    RecordDamaged,
    Refused,
    Rule,
    SealDamaged,
    StoreUnavailable,
)
from pincli.models import Fault, NewPin, PinOrigin, State, User
from pincli.operations.people import require_user
from pincli.operations.session import Session, unless_refused
from pincli.results import ShownPin
from pincli.rules.lockout import Refusal, check_of, state_of
from pincli.rules.pins import broken_rule, generate, require_allowed, require_well_formed
from pincli.store.steps import pins as steps
from pincli.vault.answers import bound_to
from pincli.vault.seals import seal, unseal

_NEVER_A_PIN = (State.INACTIVE, State.INELIGIBLE)
_TRIES = 5

T = TypeVar("T")


class Sealed(NamedTuple):
    """A sealed PIN, and the fingerprint of the key that it is sealed to."""

    sealed: bytes
    portal_key: str

    def __repr__(self) -> str:
        return f"Sealed({self.portal_key!r})"


def show(session: Session, name: str, *, account: str | None = None) -> ShownPin:
    """Return the user's PIN, generated at the first look so that nobody knows it earlier.

    A locked customer sees it too, to know it after unlocking. The session needs Need.WRITE,
    Need.SET_PIN and Need.SHOW_PIN.

    Raises:
        NoPinPossible: The user is inactive or of a type without PINs.
        SealDamaged: The sealed PIN doesn't open, or is not the one that verifies.
        StoreUnavailable: This host's database login can't read sealed PINs.
    """
    user = require_user(session, name, account=account)
    return at_present_version(session, user, partial(_look, session))


def require_changeable(session: Session, name: str, *, account: str | None = None) -> User:
    """Return the user if they can choose a PIN; called before they type one.

    Raises:
        NoPinPossible: The user is inactive or of a type without PINs.
        Refused: The user is locked and has to unlock first.
    """
    user = require_user(session, name, account=account)
    _require_pin_possible(session, user)
    _require_unlocked(session, user)
    return user


def change(session: Session, name: str, pin: str, *, account: str | None = None) -> User:
    """Set the PIN that the customer chose, and the counter to 0.

    The session needs Need.WRITE and Need.SET_PIN.

    Raises:
        NoPinPossible: The user is inactive or of a type without PINs.
        MalformedPin: It is not six digits.
        Refused: The user is locked, a PIN rule forbids it, or it is the present PIN or the one
            that was withdrawn last.
    """
    user = require_user(session, name, account=account)
    return at_present_version(session, user, partial(_choose, session, pin=pin))


def check(pin: str) -> None:
    """Check a PIN against the PIN rules; needs no store."""
    require_well_formed(pin)
    require_allowed(pin)


def prepare(
    session: Session,
    user: User,
    pin: str,
    set_by: PinOrigin,
    *,
    sealing: Callable[[], Sealed] | None = None,
) -> NewPin:
    """Hash and seal a PIN for the user's next PIN version; the session needs Need.SET_PIN.

    `sealing` returns the result of `seal_for`, if another thread seals.
    """
    version = user.pin_version + 1
    key = session.keyring.verify
    made = session.answers.make(key, user.uid, version, pin)
    sealed = sealing() if sealing is not None else seal_for(session, user, pin)
    return NewPin(*made, key.fingerprint, *sealed, set_by, version)


def seal_for(session: Session, user: User, pin: str) -> Sealed:
    """Seal a PIN for the user's next PIN version."""
    # Read the key once: another thread may renew it, and a seal that names another key can't be
    # opened.
    key = session.keyring.portal_public
    bound = bound_to(None, user.uid)
    return Sealed(seal(key, bound, user.pin_version + 1, pin), key.fingerprint)


def _require_pin_possible(session: Session, user: User) -> None:
    state = state_of(user)
    if state in _NEVER_A_PIN:
        _refuse(session, user, NoPinPossible(user.login, state))


def _require_unlocked(session: Session, user: User) -> None:
    if state_of(user) is State.LOCKED:
        _refuse(session, user, Refused(Rule.LOCKED, user.login))


def at_present_version(session: Session, user: User, step: Callable[[User], T]) -> T:
    """Take a step that is bound to a user's PIN version; try again if the version changes.

    Bulk work and key rotations don't wait for this user, so PIN and keys may change meanwhile.

    Raises:
        PinChangedMeanwhile: It changed every time, which honest use doesn't explain.
        KeysUnavailable: A key was rotated, and the new one isn't here.
    """
    for _ in range(_TRIES):
        try:
            return step(user)
        except PinChangedMeanwhile:
            user = require_user(session, user.login, account=user.account)
        except KeyChanged:
            session.renew_keys()
    raise PinChangedMeanwhile


def _look(session: Session, user: User) -> ShownPin:
    _require_pin_possible(session, user)
    return _first_look(session, user) if user.question is None else _later_look(session, user)


def _choose(session: Session, user: User, *, pin: str) -> User:
    _require_pin_possible(session, user)
    require_well_formed(pin)
    _require_unlocked(session, user)
    rule = broken_rule(pin, user)
    if rule is None and user.question is not None and _is_present_pin(session, user, pin):
        rule = Rule.SAME_PIN
    if rule is None and _is_barred(session, user, pin):
        rule = Rule.WITHDRAWN_PIN
    if rule is not None:
        _refuse(session, user, Refused(rule, user.login))
    new = prepare(session, user, pin, PinOrigin.CUSTOMER)
    return unless_refused(session.store.write(steps.change, user, new))


def _first_look(session: Session, user: User) -> ShownPin:
    pin = generate(user)
    made = prepare(session, user, pin, PinOrigin.GENERATED)
    written = unless_refused(session.store.write(steps.collect, user, made))
    return ShownPin(written, pin, first=True)


def _later_look(session: Session, user: User) -> ShownPin:
    if user.sealed is None:
        raise StoreUnavailable(Fault.FORBIDDEN, session.store.path)
    private = session.portal_key(user.portal_key or "")
    bound = bound_to(user.question, user.uid)
    try:
        pin = unseal(private, bound, user.pin_version, user.sealed)
    except RecordDamaged:
        raise SealDamaged(user.login) from None
    # A sealed PIN that an attacker put there must not be shown: it would never verify.
    if not _is_present_pin(session, user, pin):
        raise SealDamaged(user.login)
    session.store.write(steps.note_shown, user)
    return ShownPin(user, pin, first=False)


def _is_present_pin(session: Session, user: User, pin: str) -> bool:
    key = session.verify_key(user.verify_key or "")
    answer = session.answers.answer(user.question or "", key, user.uid, user.pin_version, pin)
    return hmac.compare_digest(check_of(answer), user.pin_check or b"")


def _is_barred(session: Session, user: User, pin: str) -> bool:
    """Whether it is the last withdrawn PIN, which others may know; without its key, it is not."""
    if user.barred_question is None or user.barred_version is None:
        return False
    try:
        key = session.verify_key(user.barred_key or "")
    except KeysUnavailable as error:
        if error.fault is Fault.MISMATCH:
            return False
        raise
    answer = session.answers.answer(user.barred_question, key, user.uid, user.barred_version, pin)
    return hmac.compare_digest(check_of(answer), user.barred_check or b"")


def _refuse(session: Session, user: User, refusal: Refusal) -> NoReturn:
    session.store.write(steps.refuse, user, refusal)
    raise refusal
