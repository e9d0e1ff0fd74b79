"""An open store with the keys that a command needs, all checked before the command starts.

Annotations are not postponed here, as in models.py.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from pincli.errors import KeysUnavailable, StoreTampered, StoreUnavailable
from pincli.models import Fault, Identity, Origin
from pincli.rules.lockout import Refusal
from pincli.store.location import Location, Server
from pincli.store.opening import ConnectionCache, open_store
from pincli.store.sealing import Sealers
from pincli.vault.answers import Answers
from pincli.vault.audit_seals import AuditSealer
from pincli.vault.keyring import (
    AUDIT_KEY,
    PORTAL_PRIVATE,
    PORTAL_PUBLIC,
    VERIFY_KEY,
    Key,
    Keyring,
)

if TYPE_CHECKING:
    from pincli.store.contract import Attempts, Store

_NAMED_AT_MOST = 20
_Result = TypeVar("_Result")


class Need(Enum):
    """What a command needs besides the database."""

    WRITE = auto()
    """audit.key, to seal events."""
    ATTEMPT = auto()
    """The same, but nothing if the database's own functions count attempts."""
    COMPARE = auto()
    """verify.key."""
    SET_PIN = auto()
    """verify.key and portal.pub."""
    SHOW_PIN = auto()
    """portal.key."""
    CHECK = auto()
    """audit.key, to check the trail with."""


class Session(NamedTuple):
    """What every operation works with.

    Attributes:
        identity: The store's, when it was opened; keys may have been rotated since.
        writable: Whether refusals can be recorded: opened with Need.WRITE or Need.ATTEMPT.
        left_out: Collects the logins of records that bulk work skips because they were changed
            behind the trail.
        shows_people: Whether the caller may see other names: similar ones, candidates.
    """

    store: "Store"
    keyring: Keyring
    answers: Answers
    identity: Identity
    writable: bool
    left_out: list[str]
    shows_people: bool = True

    @property
    def attempts(self) -> "Attempts":
        """The steps that agents may take."""
        if self.store.functions is not None:
            return self.store.functions
        from pincli.store.attempting import StepAttempts

        return StepAttempts(self.store)

    def prepare_to_attempt(self) -> None:
        """Import what charging and settling need, in a thread during a wait."""
        self.store.prepare_to_write()
        _ = self.attempts

    def verify_key(self, fingerprint: str) -> Key:
        """Return the key that a record names, from disk if another process made it."""
        if fingerprint not in self.keyring.verify_keys:
            self.keyring.load_verify(fingerprint)
        return self.keyring.verify_keys[fingerprint]

    def portal_key(self, fingerprint: str) -> Key:
        """Return the private key that a PIN is sealed to; after a rotation, maybe an old one."""
        return self.keyring.find(PORTAL_PRIVATE, fingerprint)

    def require_none_left_out(self) -> None:
        """Raise StoreTampered for the records that bulk work skipped; all others are done."""
        if self.left_out:
            left_out = [*dict.fromkeys(self.left_out)]
            names = ", ".join(left_out[:_NAMED_AT_MOST])
            more = len(left_out) - _NAMED_AT_MOST
            others = f" and {more} more" if more > 0 else ""
            raise StoreTampered(
                self.store.path,
                f"left out, as their records were changed behind the trail: {names}{others}",
            )

    def renew_keys(self) -> None:
        """Load the keys for setting PINs again, since another process rotated one."""
        identity = self.store.identity()
        self.keyring.require(AUDIT_KEY, identity.audit_key)
        self.keyring.require(VERIFY_KEY, identity.verify_key)
        self.keyring.require(PORTAL_PUBLIC, identity.portal_key)


@contextmanager
def open_session(
    location: Location,
    keys_folder: Path,
    *,
    marks: Path | None = None,
    origin: Origin,
    needs: frozenset[Need] = frozenset(),
    answers: Answers | None = None,
    even_closed: bool = False,
    cache: ConnectionCache | None = None,
    shows_people: bool = True,
) -> Iterator[Session]:
    """Open the store, and compare every key that is needed with the store's record.

    A wrong or missing key is found here, before any attempt is charged: a misconfigured
    desk must not lock customers out.

    This host's mark is in the folder `marks`, or else with the keys. `even_closed` opens a store
    that was moved to a server, too. `answers` have a lower hash cost in tests.

    Raises:
        StoreUnavailable: The database can't be used.
        KeysUnavailable: A key can't.
    """
    marks = marks or keys_folder
    writes = bool(needs & {Need.WRITE, Need.ATTEMPT})
    store = _opened(
        location, keys_folder, marks, origin, upgrade=writes, even_closed=even_closed, cache=cache
    )
    try:
        if Need.ATTEMPT in needs and store.functions is None:
            needs |= {Need.WRITE}
        keyring = Keyring(keys_folder)
        identity = store.identity()
        for name, expected, whose in (
            (AUDIT_KEY, identity.audit_key, {Need.WRITE, Need.CHECK}),
            (VERIFY_KEY, identity.verify_key, {Need.COMPARE, Need.SET_PIN}),
            (PORTAL_PUBLIC, identity.portal_key, {Need.SET_PIN}),
            (PORTAL_PRIVATE, identity.portal_key, {Need.SHOW_PIN}),
        ):
            if needs & whose:
                _require(keyring, name, expected, location)
        if Need.WRITE in needs:
            store.seal_with(sealers_of(keyring))
        yield Session(store, keyring, answers or Answers(), identity, writes, [], shows_people)
    finally:
        store.close()


def _require(keyring: Keyring, name: str, expected: str, location: Location) -> None:
    try:
        keyring.require(name, expected)
    except KeysUnavailable as error:
        if error.fault is Fault.MISSING and isinstance(location, Server):
            raise KeysUnavailable(Fault.ELSEWHERE, error.path) from None
        raise


def let_write(session: Session) -> None:
    """Let a session write that was opened without Need.WRITE, if audit.key is here."""
    session.keyring.require(AUDIT_KEY, session.identity.audit_key)
    session.store.seal_with(sealers_of(session.keyring))


def sealers_of(keyring: Keyring) -> Sealers:
    """What seals with the audit keys on this host."""
    return Sealers(
        AuditSealer(keyring.audit),
        lambda fingerprint: AuditSealer(keyring.find(AUDIT_KEY, fingerprint)),
        lambda: map(AuditSealer, keyring.valid(AUDIT_KEY)),
    )


def unless_refused(result: _Result | Refusal) -> _Result:
    """Return the result of a step, or raise the refusal that the step recorded."""
    if isinstance(result, Refusal):
        raise result
    return result


def _opened(
    location: Location,
    keys_folder: Path,
    marks: Path,
    origin: Origin,
    *,
    upgrade: bool,
    even_closed: bool,
    cache: ConnectionCache | None,
) -> "Store":
    """Open the store; in a folder, upgrade a store of schema 1 first."""
    try:
        return open_store(location, marks, origin=origin, even_closed=even_closed, cache=cache)
    except StoreUnavailable as error:
        # On a server only the schema's owner upgrades, by `store upgrade`.
        on_the_way = upgrade and error.fault is Fault.OLD_SCHEMA
        if isinstance(location, Server) or not on_the_way:
            raise
    from pincli.operations import upgrade as operation

    operation.upgrade(location, keys_folder, origin=origin, at_most=operation.MOST_ON_THE_WAY)
    return open_store(location, marks, origin=origin)
