"""Rotating keys while agents go on verifying, and listing them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Literal

from pincli.errors import KeyChanged, KeysUnavailable
from pincli.models import Fault, User
from pincli.operations.chunks import Progress, in_chunks, no_progress
from pincli.operations.selection import select
from pincli.operations.session import Session
from pincli.results import KeyInfo
from pincli.store.steps import keys as steps
from pincli.store.steps import pins as pin_steps
from pincli.vault.answers import bound_to
from pincli.vault.key_files import read_key
from pincli.vault.keyring import (
    AUDIT_KEY,
    COMPROMISED,
    PORTAL_PRIVATE,
    PORTAL_PUBLIC,
    VERIFY_KEY,
    Key,
    named_in,
    named_key,
    rotated_name,
)
from pincli.vault.rotation import PORTAL_PAIR, install_keys, prepare_keys, set_aside, tidy_names
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

_KINDS = {name: kind for kind, names in _FILES.items() for name in names}
_LOOKS = 5


def rotate(session: Session, kind: KeyKind, *, compromised: bool = False) -> str:
    """Replace a key, without changing any PIN; return the new key's fingerprint.

    PINs under the old verify key stay valid, and their next right answer renews them. `reseal`
    seals PINs to the new portal key. If others may have the old key, `withdraw_compromised` or
    `distrust` must follow; old verify keys are then never loaded again. The session needs
    Need.WRITE.
    """
    with session.store.maintained():
        _tidy(session)
        keys = prepare_keys(session.keyring, _FILES[kind])
        session.store.write(steps.name_key, kind.value, keys.fingerprint)
        install_keys(session.keyring, keys)
        if compromised and kind is KeyKind.VERIFY:
            # Set aside first: such keys show the next run that this one was cut short.
            set_aside(session.keyring, VERIFY_KEY)
    return keys.fingerprint


def is_withdrawing(session: Session) -> bool:
    """Whether a rotation was cut short: some PINs still need a compromised verify key."""
    uses = session.store.people.key_uses()["verify"]
    return any(key.fingerprint in uses for key in session.keyring.compromised(VERIFY_KEY))


def withdraw_compromised(session: Session, *, progress: Progress = no_progress) -> int:
    """Withdraw every PIN under an old verify key; return how many.

    After an interruption, another run does the rest. The session needs Need.WRITE.

    Raises:
        StoreTampered: Some records were changed behind the trail; all others are done.
    """
    session.store.prepare_for_bulk()

    def step(users: Sequence[User]) -> int:
        changes = session.store.write(
            pin_steps.withdraw,
            [user.id for user in users],
            unlock=False,
            reason="the verify key was compromised",
            uids={user.id: user.uid for user in users},
            tampered=session.left_out,
        )
        return len(changes)

    present = session.store.identity().verify_key
    withdrawn = sum(_under_another(session, "verify", present, step, progress))
    session.require_none_left_out()
    return withdrawn


def _under_another(
    session: Session,
    kind: Literal["verify", "portal"],
    present: str,
    step: Callable[[Sequence[User]], int],
    progress: Progress,
) -> Iterator[int]:
    """Take a step for chunks of users whose PIN is under another key than the present one."""
    people = session.store.people

    def following(last: User | None, limit: int) -> Sequence[User]:
        return people.under_another(kind, present, last.id if last else 0, limit)

    uses = people.key_uses()[kind]
    total = sum(count for name, count in uses.items() if name != present)
    return in_chunks(following, step, total=total, progress=progress)


def distrust(session: Session, *, progress: Progress = no_progress) -> None:
    """After a rotation, seal all records with the new audit key, then set aside the old ones.

    After an interruption, another run does the rest. The session needs Need.WRITE.

    Raises:
        StoreTampered: Some records were changed behind the trail; all others are done.
    """
    session.store.prepare_for_bulk()

    def step(rows: Sequence[int]) -> None:
        session.store.write(steps.seal_records, rows, session.left_out)

    with select(session, everybody=True) as users:
        for _ in in_chunks(users.following, step, total=len(users), progress=progress):
            pass
    with session.store.maintained():
        _tidy(session)
        session.store.write(steps.note_compromised, KeyKind.AUDIT.value)
        set_aside(session.keyring, AUDIT_KEY)
    session.require_none_left_out()


def is_resealing(session: Session) -> bool:
    """Whether a rotation was cut short: some PINs are still sealed to an old portal key."""
    present = session.store.identity().portal_key
    return bool(session.store.people.under_another("portal", present, 0, 1))


def reseal(session: Session, *, progress: Progress = no_progress) -> int:
    """Seal to the present portal key every PIN that is sealed to an old one; return how many.

    After an interruption, another run does the rest. If the key is rotated meanwhile, it goes on
    with the new one. The session needs Need.WRITE and Need.SHOW_PIN.

    Raises:
        KeysUnavailable: A key that a PIN is sealed to isn't here.
    """
    done = 0
    while True:
        fingerprint = session.store.identity().portal_key
        public = session.keyring.find(PORTAL_PUBLIC, fingerprint)
        try:
            for sealed in _reseal_to(session, public, progress):
                done += sealed
        except KeyChanged:
            continue
        session.require_none_left_out()
        return done


def _reseal_to(session: Session, public: Key, progress: Progress) -> Iterator[int]:
    def step(users: Sequence[User]) -> int:
        resealed = [_resealed(user) for user in users if user.sealed]
        return session.store.write(steps.reseal, resealed, session.left_out)

    def _resealed(user: User) -> steps.Resealed:
        if user.sealed is None or user.portal_key is None:
            raise ValueError(user.login)
        private = session.portal_key(user.portal_key)
        bound = bound_to(user.question, user.uid)
        pin = unseal(private, bound, user.pin_version, user.sealed)
        sealed = seal(public, bound, user.pin_version, pin)
        return steps.Resealed(user.id, user.pin_version, sealed, public.fingerprint)

    return _under_another(session, "portal", public.fingerprint, step, progress)


def list_keys(session: Session) -> list[KeyInfo]:
    """List the keys on this host, the compromised ones last, with how many users need each.

    Raises:
        KeysUnavailable: A key that is in use can't be read.
    """
    for _ in range(_LOOKS):
        before = _key_files(session)
        identity, uses = session.store.identity(), session.store.people.key_uses()
        found = []
        for name, path in before:
            kind = _KINDS[name]
            present: str = getattr(identity, f"{kind}_key")
            with suppress(FileNotFoundError):
                found.append(_key_info(name, path, present, uses.get(kind.value, {})))
        if _key_files(session) == before:
            break  # else a rotation renamed files meanwhile
    return found


def _key_files(session: Session) -> list[tuple[str, Path]]:
    """The key files, each with the usual name of its kind."""
    return [
        (name, path)
        for name in _KINDS
        for path in session.keyring.on_disk(name)
        if os.path.lexists(path)
    ] + [
        (name, path)
        for name in (VERIFY_KEY, AUDIT_KEY)
        for path in sorted(session.keyring.folder.glob(rotated_name(name, "*")[:-4] + COMPROMISED))
    ]


def _key_info(name: str, path: Path, present: str, uses: Mapping[str, int]) -> KeyInfo:
    """Describe a key file; only one that nothing uses may be unreadable."""
    made = datetime.fromtimestamp(path.lstat().st_mtime, UTC)
    usable = True
    try:
        fingerprint = named_key(name, read_key(path)).fingerprint
    except KeysUnavailable as error:
        if error.fault is Fault.MISSING:
            raise FileNotFoundError(path) from None
        # A killed rotation may leave an empty or half-written file, which does no harm.
        fingerprint, usable = named_in(name, path), False
        if error.fault is not Fault.MALFORMED or fingerprint in ("", present, *uses):
            raise
    return KeyInfo(
        file=path.name,
        kind=_KINDS[name].value,
        fingerprint=fingerprint,
        present=fingerprint == present,
        made_at=made.strftime("%Y-%m-%dT%H:%M:%SZ"),
        age_days=max(0, (datetime.now(UTC) - made).days),
        compromised=path.suffix == COMPROMISED,
        users=uses.get(fingerprint, 0),
        usable=usable,
    )


def _tidy(session: Session) -> None:
    """Finish the renaming that a killed rotation began."""
    identity = session.store.identity()
    tidy_names(
        session.keyring,
        {
            VERIFY_KEY: identity.verify_key,
            AUDIT_KEY: identity.audit_key,
            PORTAL_PUBLIC: identity.portal_key,
            PORTAL_PRIVATE: identity.portal_key,
        },
    )
