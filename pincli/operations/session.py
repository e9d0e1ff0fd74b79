"""An open store with the keys that a command needs, all checked before anything is done.

Annotations are not postponed here, as in models.py.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pincli.errors import KeysUnavailable, StoreTampered, StoreUnavailable
from pincli.models import Fault, Identity, Origin
from pincli.store.location import Location, Server
from pincli.store.opening import ConnectionCache, open_store
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


class Need(Enum):
    """What a command needs beside the database."""

    WRITE = auto()
    """audit.key: writers must sign."""
    ATTEMPT = auto()
    """The same where attempts are steps; nothing where the database's functions count them."""
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
        identity: The store's, as it was opened; a key may be rotated since.
        left_out: Gets the logins of records that bulk work left out, as they were changed
            behind the trail.
        shows_people: Whether the caller may see who there is: names near to one, candidates.
        writable: Whether it was opened with Need.WRITE or Need.ATTEMPT, so that refusals can
            be recorded.
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
        """What agents do to the store."""
        if self.store.functions is not None:
            return self.store.functions
        from pincli.store.attempting import StepAttempts

        return StepAttempts(self.store)

    def prepare_to_attempt(self) -> None:
        """Do the imports for charging and settling, in a thread while something else waits."""
        self.store.prepare_to_write()
        _ = self.attempts

    def verify_key(self, fingerprint: str) -> Key:
        """The key that a record names.

        Another process may have rotated it since this one started, so an unknown one is
        looked for once more on disk.

        Raises:
            KeysUnavailable: It isn't there.
        """
        if fingerprint not in self.keyring.verify_keys:
            self.keyring.load_verify(fingerprint)
        return self.keyring.verify_keys[fingerprint]

    def portal_key(self, fingerprint: str) -> Key:
        """The private key that a PIN is sealed to; after a rotation, maybe the one before.

        Raises:
            KeysUnavailable: It isn't there.
        """
        return self.keyring.find(PORTAL_PRIVATE, fingerprint)

    def require_none_left_out(self) -> None:
        """At the end of bulk work: name the records that could not be touched.

        Raises:
            StoreTampered: There are some; everybody else is done.
        """
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
        """Load again the keys that setting PINs takes: another process rotated one.

        Raises:
            KeysUnavailable: One isn't there.
        """
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
    """Open the store, and check every key that is needed against the store's record.

    A wrong or missing key is found here, before any attempt is charged: a misconfigured
    desk must not lock customers out.

    Args:
        location: Where the store is.
        keys_folder: Where the keys are.
        marks: The folder of this host's mark, if it is not that of the keys.
        origin: Who acts, and by which command.
        needs: What the command is going to do.
        answers: For tests, at a lower cost.
        even_closed: Open a store that was moved to a server too.
        cache: Keeps the connection to a server from one session to the next.
        shows_people: Whether the caller may see who there is.

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
            _seal_with(store, keyring)
        yield Session(store, keyring, answers or Answers(), identity, writes, [], shows_people)
    finally:
        store.close()


def _require(keyring: Keyring, name: str, expected: str, location: Location) -> None:
    try:
        keyring.require(name, expected)
    except KeysUnavailable as error:
        if error.fault is Fault.MISSING and isinstance(location, Server):
            raise KeysUnavailable(Fault.ELSEWHERE, error.path) from None  # as it should be there
        raise


def let_write(session: Session) -> None:
    """Let a session write after all, although its command did not need to.

    Raises:
        KeysUnavailable: audit.key isn't here, or another.
    """
    session.keyring.require(AUDIT_KEY, session.identity.audit_key)
    _seal_with(session.store, session.keyring)


def _seal_with(store: "Store", keyring: Keyring) -> None:
    store.seal_with(
        AuditSealer(keyring.audit),
        lambda fingerprint: AuditSealer(keyring.find(AUDIT_KEY, fingerprint)),
        lambda: map(AuditSealer, keyring.valid(AUDIT_KEY)),
    )


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
    """The store, brought up to date first if it is a folder's, of an older pincli."""
    try:
        return open_store(location, marks, origin=origin, even_closed=even_closed, cache=cache)
    except StoreUnavailable as error:
        # A server's schema is its owner's to change, by `store upgrade`.
        on_the_way = upgrade and error.fault is Fault.OLD_SCHEMA
        if isinstance(location, Server) or not on_the_way:
            raise
    from pincli.operations import upgrade as operation

    done = operation.upgrade(
        location, keys_folder, origin=origin, at_most=operation.MOST_ON_THE_WAY
    )
    store = open_store(location, marks, origin=origin)
    store.locks_recorded += done.locked if done else []
    return store
