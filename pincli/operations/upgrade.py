"""Upgrading a store of schema 1: the part that needs keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from pincli.errors import OldStoreTampered, RecordDamaged, StoreUnavailable
from pincli.models import Fault, Identity, Origin, User
from pincli.operations.chunks import Progress, no_progress
from pincli.operations.session import Session, sealers_of
from pincli.operations.trail_schema_1 import BadEvent, OldTrail
from pincli.results import Upgraded
from pincli.store.opening import upgrade_store, users_to_upgrade
from pincli.store.questions import OldEvent
from pincli.store.sealing import Sealers
from pincli.vault.answers import from_verifier
from pincli.vault.keyring import AUDIT_KEY, VERIFY_KEY, Key, Keyring, is_fingerprint

MOST_ON_THE_WAY = 20_000
"""Users up to which any command that writes upgrades the store, while a caller waits."""


def upgrade(
    store_folder: Path,
    keys_folder: Path,
    *,
    origin: Origin,
    at_most: int | None = None,
    progress: Progress = no_progress,
    uid_of: Callable[[User], bytes | None] = lambda _user: None,
) -> Upgraded | None:
    """Upgrade a store; return None if it is up to date.

    A store with more users than `at_most` is refused. `uid_of` returns a user's uid if it is
    known, and `progress` counts users and events.

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
    """Compare the store with this host's mark, or make the mark.

    From then on an older file in its place is refused, one of version 1 too.

    Raises:
        StoreRolledBack: The store is older than the mark.
        StoreUnavailable: The mark is for another place.
    """
    session.store.write(lambda _transaction: None)


class _Vault:
    """The keys, for store/sqlite/upgrade.py."""

    def __init__(self, keys_folder: Path) -> None:
        self._keyring = Keyring(keys_folder)
        self._verify: dict[str, Key] = {}

    def begin(self, identity: Identity, path: Path) -> Sealers:
        self._path = path
        self._keyring.require(AUDIT_KEY, identity.audit_key)
        self._trail = OldTrail(self._keyring, identity.store_id)
        return sealers_of(self._keyring)

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
