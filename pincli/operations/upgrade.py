"""Bringing a store of schema 1 up to date: what has to be done with keys, and how much at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from pincli.errors import OldStoreTampered, RecordDamaged, StoreUnavailable
from pincli.models import Fault, Identity, Origin, User
from pincli.operations.chunks import Progress, no_progress
from pincli.operations.session import Session
from pincli.operations.trail_schema_1 import BadEvent, OldTrail
from pincli.results import Upgraded
from pincli.store.contract import OldEvent
from pincli.store.opening import upgrade_store, users_to_upgrade
from pincli.store.sealing import Sealers
from pincli.vault.answers import from_verifier
from pincli.vault.audit_seals import AuditSealer
from pincli.vault.keyring import AUDIT_KEY, VERIFY_KEY, Key, Keyring, is_fingerprint

MOST_ON_THE_WAY = 20_000
"""Users whom any command that writes takes over on its way: a caller waits for it."""


def upgrade(
    store_folder: Path,
    keys_folder: Path,
    *,
    origin: Origin,
    at_most: int | None = None,
    progress: Progress = no_progress,
    uid_of: Callable[[User], bytes | None] = lambda _user: None,
) -> Upgraded | None:
    """Bring a store up to date; None if it is.

    Args:
        store_folder: Where it is.
        keys_folder: Where the keys are.
        origin: Who does it, and by which command.
        at_most: Leave a store with more users as it is.
        progress: Told how far it is, in users and events.
        uid_of: The uid that is known for a user; new ones are drawn for the others.

    Raises:
        OldStoreTampered: It isn't as version 1 left it.
        StoreUnavailable: It can't be upgraded, or has too many users.
        KeysUnavailable: A key that it needs isn't here.
    """
    users = users_to_upgrade(store_folder)
    if users is None:
        return None
    if at_most is not None and users > at_most:
        raise StoreUnavailable(Fault.OLD_SCHEMA, store_folder, f"it has {users:,} users")
    return upgrade_store(
        store_folder, _Vault(keys_folder), origin=origin, progress=progress, uid_of=uid_of
    )


def mark_as_seen(session: Session) -> None:
    """Compare the store with this host's mark, and make one if there is none.

    From then on an old file that is put back, also one of version 1, is refused.

    Args:
        session: Opened with Need.WRITE.

    Raises:
        StoreRolledBack: It is not the one that this host has seen.
        StoreUnavailable: It is at another place.
    """
    session.store.write(lambda _transaction: None)


class _Vault:
    """What store/sqlite/upgrade.py has done with keys."""

    def __init__(self, keys_folder: Path) -> None:
        self._keyring = Keyring(keys_folder)
        self._verify: dict[str, Key] = {}

    def begin(self, identity: Identity, path: Path) -> Sealers:
        self._path = path
        self._keyring.require(AUDIT_KEY, identity.audit_key)
        self._trail = OldTrail(self._keyring, identity.store_id)
        sealer = AuditSealer(self._keyring.audit)
        return Sealers(sealer, lambda _: sealer, lambda: [sealer])

    def load_verify(self, fingerprints: Sequence[str]) -> None:
        for named in filter(is_fingerprint, fingerprints):
            self._verify[named] = self._keyring.of(VERIFY_KEY, named)

    def follow(self, events: Sequence[OldEvent]) -> tuple[int, str]:
        try:
            self._trail.follow(events)
        except BadEvent as bad:
            raise OldStoreTampered(self._path, str(bad)) from None
        return self._trail.number, self._trail.mac

    def converted(self, verifier: str, user: User) -> tuple[str, bytes, bytes]:
        key = self._verify.get(user.verify_key or "")
        if key is None:
            raise RecordDamaged
        return from_verifier(verifier, key, user.login, user.uid, user.pin_version)
