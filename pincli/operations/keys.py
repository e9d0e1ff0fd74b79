"""Changing keys while agents go on verifying, and listing them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum

from pincli.models import User
from pincli.operations.chunks import Progress, in_chunks, no_progress
from pincli.operations.session import Session
from pincli.results import KeyInfo
from pincli.store.rotation import Resealed
from pincli.vault.key_files import read_key
from pincli.vault.keyring import AUDIT_KEY, PORTAL_PRIVATE, PORTAL_PUBLIC, VERIFY_KEY, named_key
from pincli.vault.rotation import PORTAL_PAIR, install_keys, prepare_keys, tidy_names
from pincli.vault.seals import seal, unseal


class KeyKind(StrEnum):
    """What a key is for."""

    VERIFY = "verify"
    PORTAL = "portal"
    AUDIT = "audit"


_FILES = {
    KeyKind.VERIFY: (VERIFY_KEY,),
    KeyKind.PORTAL: PORTAL_PAIR,
    KeyKind.AUDIT: (AUDIT_KEY,),
}


def rotate(session: Session, kind: KeyKind) -> str:
    """Put a new key in the place of one; nobody's PIN changes.

    Verifiers under the old verify key stay valid, and each is renewed by the next correct
    attempt. PINs sealed to the old portal key are sealed anew by `reseal`.

    Args:
        session: Opened with Need.WRITE.
        kind: Which key.

    Returns:
        The new key's fingerprint.
    """
    with session.store.maintained():
        _tidy(session)
        keys = prepare_keys(session.keyring, _FILES[kind])
        session.store.name_key(kind.value, keys.fingerprint)
        install_keys(session.keyring, keys)
    return keys.fingerprint


def is_resealing(session: Session) -> bool:
    """Whether a rotation of the portal key was cut short: some PINs are sealed to one before."""
    return bool(session.store.sealed_otherwise(session.store.identity.portal_key, 0, 1))


def reseal(session: Session, *, progress: Progress = no_progress) -> int:
    """Seal every PIN to the present portal key that is sealed to one before it.

    Run again after an interruption, it does the rest.

    Args:
        session: Opened after the rotation, with Need.WRITE and Need.SHOW_PIN.
        progress: Told how far it is.

    Returns:
        How many PINs were sealed anew.
    """
    public = session.keyring.find(PORTAL_PUBLIC, session.store.identity.portal_key)

    def following(last: User | None, limit: int) -> Sequence[User]:
        return session.store.sealed_otherwise(public.fingerprint, last.id if last else 0, limit)

    def step(users: Sequence[User]) -> int:
        return session.store.reseal([_resealed(user) for user in users if user.pin])

    def _resealed(user: User) -> Resealed:
        stored = user.pin
        if stored is None:
            raise ValueError(user.user)
        private = session.portal_key(stored.portal_key)
        pin = unseal(private, user.user, user.pin_version, stored.sealed)
        sealed = seal(public, user.user, user.pin_version, pin)
        return Resealed(user.id, user.pin_version, sealed, public.fingerprint)

    uses = session.store.key_uses()["portal"]
    total = sum(count for name, count in uses.items() if name != public.fingerprint)
    return sum(in_chunks(following, step, total=total, progress=progress))


def list_keys(session: Session) -> list[KeyInfo]:
    """Every key on this host, and how many users' records still need it."""
    uses = session.store.key_uses()
    identity = session.store.identity
    present = {
        VERIFY_KEY: (KeyKind.VERIFY, identity.verify_key),
        PORTAL_PUBLIC: (KeyKind.PORTAL, identity.portal_key),
        PORTAL_PRIVATE: (KeyKind.PORTAL, identity.portal_key),
        AUDIT_KEY: (KeyKind.AUDIT, identity.audit_key),
    }
    found = []
    for name, (kind, expected) in present.items():
        for path in session.keyring.on_disk(name):
            if not path.exists():
                continue
            key = named_key(name, read_key(path))
            made = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            found.append(
                KeyInfo(
                    file=path.name,
                    kind=kind.value,
                    fingerprint=key.fingerprint,
                    present=key.fingerprint == expected,
                    made_at=made.strftime("%Y-%m-%dT%H:%M:%SZ"),
                    users=uses.get(kind.value, {}).get(key.fingerprint, 0),
                )
            )
    return found


def _tidy(session: Session) -> None:
    """Finish the renaming of a rotation that was killed in between."""
    identity = session.store.present_identity()
    tidy_names(
        session.keyring,
        {
            VERIFY_KEY: identity.verify_key,
            AUDIT_KEY: identity.audit_key,
            PORTAL_PUBLIC: identity.portal_key,
            PORTAL_PRIVATE: identity.portal_key,
        },
    )
