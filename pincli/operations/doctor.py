"""Looking whether everything is as it should be, and saying what to do where it isn't."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pincli.errors import KeysUnavailable, StoreUnavailable, Unavailable
from pincli.models import Fault
from pincli.operations.session import utc_now
from pincli.results import Check
from pincli.rules.times import moment_of
from pincli.store.connection import DATABASE, connect, schema_version, too_old_sqlite
from pincli.store.copies import is_sound
from pincli.store.faults import has_no_inodes, translated
from pincli.store.locks import LOCK_FILE, Locks
from pincli.store.reading import ReadableStore
from pincli.store.transaction import Identity, Origin
from pincli.vault.keyring import AUDIT_KEY, PORTAL_PRIVATE, PORTAL_PUBLIC, VERIFY_KEY, Keyring

_OPEN_TO_OTHERS = 0o077
_LEAST_FREE = 100 * 1024 * 1024
_CLOCK_SLACK = timedelta(minutes=5)
_RESTORE = "restore a backup: pincli restore FILE"
_OTHER_THAN_DAMAGE = {
    Fault.NEWER: "upgrade pincli on this host; the store is not to blame",
    Fault.BUSY: "another program held it for too long; try again in a moment",
    Fault.FORBIDDEN: "run pincli as the user who owns it",
    Fault.READ_ONLY: "check the permissions, and whether the file system is mounted read-only",
    Fault.OLD_SQLITE: "3.37 or later is needed",
}
_TAMPERED = "`pincli audit verify` tells where the trail was changed"


def examine(store: Path, keys: Path, *, origin: Origin) -> Iterator[Check]:
    """Every check, one after the other; a failed one does not end the others."""
    yield _sqlite()
    yield _private("store folder", store)
    yield _private("keys folder", keys)
    yield _apart(store, keys)
    yield _space(store)
    yield _told("lock file", lambda: Locks(store / LOCK_FILE).close(), "restore it: touch it 0600")
    yield _integrity(store / DATABASE)
    try:
        with closing(ReadableStore(store, origin=origin, clock=utc_now, read_only=True)) as opened:
            yield Check("schema", None, "")
            yield _last_event(opened)
            identity = opened.identity
    except Unavailable as error:
        detail = f" ({error.detail})" if error.detail else ""
        finding = f"the store can't be used: {error.fault.value}{detail}"
        yield Check("schema", finding, _TAMPERED if error.fault is Fault.DAMAGED else "see above")
        return
    yield from _keys(keys, identity)


def _sqlite() -> Check:
    too_old = too_old_sqlite()
    finding = None if too_old is None else f"{too_old} is too old"
    return Check("SQLite", finding, "3.37 or later is needed")


def _private(what: str, folder: Path) -> Check:
    """Whether only its owner can enter a folder and read what lies in it."""
    try:
        facts = folder.stat()
        exposed = [
            path.name
            for path in folder.iterdir()
            if stat.S_IMODE(path.lstat().st_mode) & _OPEN_TO_OTHERS
        ]
    except OSError as error:
        return Check(what, f"{folder}: {error.strerror}", "check --store and --keys")
    if stat.S_IMODE(facts.st_mode) & _OPEN_TO_OTHERS:
        return Check(what, f"others can enter {folder}", f"chmod 700 {folder}")
    if exposed:
        names = ", ".join(sorted(exposed)[:5])
        return Check(what, f"others may read {names}", f"chmod 600 in {folder}")
    return Check(what, None, "")


def _apart(store: Path, keys: Path) -> Check:
    first, second = store.resolve(), keys.resolve()
    if first == second or first in second.parents or second in first.parents:
        return Check("keys apart", "the keys lie with the database", "move them elsewhere")
    return Check("keys apart", None, "")


def _space(store: Path) -> Check:
    try:
        free = shutil.disk_usage(store).free
        needed = max(_LEAST_FREE, (store / DATABASE).stat().st_size)
    except OSError as error:
        return Check("free space", error.strerror, "check --store")
    if has_no_inodes(store):
        return Check("free space", "no inodes left", "remove some files: writes fail without")
    if free < needed:
        return Check("free space", f"{free // 2**20} MiB left", "free some: writes fail without")
    return Check("free space", None, "")


def _integrity(database: Path) -> Check:
    try:
        _roll_back(database)
        with closing(connect(database, read_only=True)) as connection:
            schema_version(connection, database)
            if is_sound(connection, database):
                return Check("integrity", None, "")
    except StoreUnavailable as error:
        detail = f" ({error.detail})" if error.detail else ""
        hint = _OTHER_THAN_DAMAGE.get(error.fault, _RESTORE)
        return Check("integrity", f"{error.fault.value}{detail}", hint)
    return Check("integrity", "SQLite finds damage", _RESTORE)


def _roll_back(database: Path) -> None:
    """Undo what a killed writer left half done, as any other command would.

    Its journal is no illness, but nothing can be read by who may not write until then.
    """
    if database.with_name(f"{database.name}-journal").exists():
        with closing(connect(database)) as connection, translated(database):
            connection.execute("SELECT count(*) FROM sqlite_master").fetchall()


def _last_event(store: ReadableStore) -> Check:
    """Whether the clock stands before the last event: it jumped back, or had jumped ahead."""
    for page in store.latest_events(limit=1):
        seq, at = page[0].seq, page[0].at
        moment = moment_of(at)
        if moment is None or seq > store.count_events():
            return Check("clock", f"the last event, {seq} of {at}, was put there", _TAMPERED)
        try:
            latest = datetime.now(UTC) + _CLOCK_SLACK
        except (OverflowError, ValueError):
            return Check("clock", "it stands at the end of the year 9999", "set the clock right")
        if moment > latest:
            return Check("clock", f"the last event is of {at}", "set the clock right")
    return Check("clock", None, "")


def _keys(folder: Path, identity: Identity) -> Iterator[Check]:
    keyring = Keyring(folder)
    for name, expected in (
        (VERIFY_KEY, identity.verify_key),
        (AUDIT_KEY, identity.audit_key),
        (PORTAL_PUBLIC, identity.portal_key),
        (PORTAL_PRIVATE, identity.portal_key),
    ):
        if name == PORTAL_PRIVATE and not (folder / name).exists():
            yield Check(f"{name} absent: PINs can't be shown here", None, "")
            continue
        yield _told(name, lambda n=name, e=expected: keyring.require(n, e), "see keys list")  # type: ignore[misc]


def _told(what: str, attempt: Callable[[], object], hint: str) -> Check:
    try:
        attempt()
    except (StoreUnavailable, KeysUnavailable) as error:
        detail = f" ({error.detail})" if error.detail else ""
        return Check(what, f"{error.path}: {error.fault.value}{detail}", hint)
    return Check(what, None, "")


def deployment_checks(path: Path, store: Path) -> Iterator[Check]:
    """What is unsafe about a shared deployment, where there is one."""
    from pincli.deployment import read_deployment

    if not os.path.lexists(path):
        return
    try:
        deployment = read_deployment(path)
    except Unavailable as error:
        detail = f" ({error.detail})" if error.detail else ""
        yield Check("configuration", f"{path}: {error.fault.value}{detail}", "see the README")
        return
    yield Check("configuration", None, "")
    yield _agents_outside(store, [n for names in deployment.members.values() for n in names])


def _agents_outside(store: Path, members: list[str]) -> Check:
    """Whether a role's group is the store's own group: its members could read the files."""
    import grp

    try:
        group = grp.getgrgid(store.stat().st_gid).gr_name
    except (KeyError, OSError):
        return Check("agents outside", None, "")
    if f"%{group}" in members:
        return Check("agents outside", f"%{group} is the store's own group", "chgrp the store")
    return Check("agents outside", None, "")
