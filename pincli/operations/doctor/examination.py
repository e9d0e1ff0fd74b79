"""Check store, keys and clock, and say what to do about each finding."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pincli.errors import KeysUnavailable, StoreUnavailable, Unavailable
from pincli.files import private
from pincli.models import Fault, Identity, Origin
from pincli.results import Check
from pincli.rules.times import moment_of, written
from pincli.store.contract import Store
from pincli.store.location import Location, Server
from pincli.store.opening import open_store, upkeep_of
from pincli.vault.keyring import AUDIT_KEY, PORTAL_PRIVATE, PORTAL_PUBLIC, VERIFY_KEY, Keyring

_CLOCK_SLACK = timedelta(minutes=5)
_AUDIT_DAYS = 30
_KEY_DAYS = 365
_DAY = 24 * 60 * 60
_TAMPERED = "`pincli audit verify` shows where the trail was changed"
_SCHEMA_HINTS = {
    Fault.DAMAGED: _TAMPERED,
    Fault.OLD_SCHEMA: "`pincli store upgrade` brings it up to date",
    Fault.CLOSED: "name that one instead; its old folder is kept until somebody removes it",
    Fault.NO_DRIVER: "pip install 'pincli[postgresql]'",
}
WITHOUT_KEY = {
    VERIFY_KEY: "PINs can't be checked or set here",
    AUDIT_KEY: "this host can't seal what it writes",
    PORTAL_PUBLIC: "PINs can't be set here",
    PORTAL_PRIVATE: "PINs can't be shown here",
}
"""What a host can't do without a key. With a store in a folder, only the last may be absent."""


def examine(
    location: Location, keys: Path, *, marks: Path | None = None, origin: Origin
) -> Iterator[Check]:
    """Every check; a failed one does not end the others.

    Args:
        location: Where the store is.
        keys: The folder of the keys.
        marks: The folder of this host's mark, if it is not that of the keys.
        origin: Who asks.
    """
    marks = marks or keys
    with suppress(StoreUnavailable):  # the schema's check reports it
        yield from upkeep_of(location, marks).health()
    yield private("keys folder", keys)
    if marks != keys:
        yield private("mark's folder", marks)
    if not isinstance(location, Server):
        yield _apart("keys apart", "the keys are kept", "move them elsewhere", location, keys)
        if marks != keys:
            yield _apart("mark apart", "the mark is kept", "move it elsewhere", location, marks)
    try:
        with closing(open_store(location, marks, origin=origin, read_only=True)) as opened:
            yield Check("schema", None, "")
            yield _clock(opened)
            yield _mark(opened, marks)
            yield _last_audit(opened)
            yield _notices(opened)
            identity = opened.identity()
    except Unavailable as error:
        finding = f"the store can't be used: {error.summary}"
        yield Check("schema", finding, _SCHEMA_HINTS.get(error.fault, "see the checks above"))
        return
    lacking = (PORTAL_PRIVATE,) if isinstance(location, Path) else tuple(WITHOUT_KEY)
    yield from _keys(keys, identity, lacking)


def _apart(what: str, kept: str, hint: str, store: Path, other: Path) -> Check:
    """Whether a copy of the database's folder would include that one."""
    first, second = store.resolve(), other.resolve()
    if first == second or first in second.parents or second in first.parents:
        return Check(what, f"{kept} with the database", hint)
    return Check(what, None, "")


def _clock(store: Store) -> Check:
    """Whether events are dated in the future: the clock jumped back, or was ahead."""
    try:
        latest = datetime.now(UTC) + _CLOCK_SLACK
    except (OverflowError, ValueError):
        return Check("clock", "it says the end of the year 9999", "set the clock right")
    later = store.trail.dated_after(written(latest))
    if later:
        many, those = ("1 event is", "it") if later == 1 else (f"{later} events are", "them")
        finding = f"{many} dated in the future; until then, no alert counts {those}"
        return Check("clock", finding, "set the clock right")
    return Check("clock", None, "")


def _last_audit(store: Store) -> Check:
    """When the whole trail was last checked: some tampering shows nowhere else."""
    at = store.trail.last_audit()
    checked = moment_of(at or store.trail.began())
    days = _AUDIT_DAYS if checked is None else (datetime.now(UTC) - checked).days
    if days < _AUDIT_DAYS:
        return Check(f"audit, {at}" if at else "audit not due yet", None, "")
    finding = f"the trail was last checked {days} days ago" if at else "the trail was never checked"
    return Check("audit", finding, "run `pincli audit verify`, also from cron")


def _notices(store: Store) -> Check:
    """Whether locks wait for the hook."""
    waiting = store.trail.notices_waiting()
    if not waiting:
        return Check("notices", None, "")
    many = "1 lock waits" if waiting == 1 else f"{waiting} locks wait"
    hint = (
        "the next run tries again; `pincli audit list --kind notice_failed` shows what went wrong"
    )
    return Check("notices", f"{many} for the on_lock hook", hint)


def _mark(store: Store, folder: Path) -> Check:
    """Whether this host would notice that an older store was put back."""
    try:
        if store.require_seen():
            return Check("mark", None, "")
    except StoreUnavailable as error:
        return Check("mark", error.summary, "`pincli restore` takes the store in")
    hint = f"the next change makes one; if not, check that {folder} can be written to"
    return Check("mark", "this host keeps no mark of the store yet", hint)


def _keys(folder: Path, identity: Identity, may_lack: Collection[str]) -> Iterator[Check]:
    keyring = Keyring(folder)
    yield _ages(keyring)
    for name, expected in (
        (VERIFY_KEY, identity.verify_key),
        (AUDIT_KEY, identity.audit_key),
        (PORTAL_PUBLIC, identity.portal_key),
        (PORTAL_PRIVATE, identity.portal_key),
    ):
        if name in may_lack and not (folder / name).exists():
            yield Check(f"{name} absent: {WITHOUT_KEY[name]}", None, "")
            continue
        try:
            keyring.require(name, expected)
        except KeysUnavailable as error:
            yield Check(name, f"{error.path}: {error.summary}", "`pincli keys list` shows the keys")
        else:
            yield Check(name, None, "")


def _ages(keyring: Keyring) -> Check:
    """Whether a key is so old that copies of it may have got lost."""
    old = []
    for name in (VERIFY_KEY, AUDIT_KEY, PORTAL_PUBLIC):
        with suppress(OSError):
            made = (keyring.folder / name).stat().st_mtime
            days = int((time.time() - made) // _DAY)
            if days > _KEY_DAYS:
                old.append(f"{name} is {days} days old")
    hint = "pincli keys rotate, with --verify, --audit or --portal"
    return Check("keys' age", ", ".join(old) or None, hint if old else "")
