"""The things pincli talks about, as values: no behaviour, no storage, no text for people.

NamedTuples, here and elsewhere: a frozen dataclass takes 0.5 ms to define, each of these 0.1,
and a caller waits for all of them. Those that hold a secret have a repr that doesn't, so
that no traceback or log can show it.
"""

from __future__ import annotations

import errno
from enum import StrEnum
from typing import NamedTuple


class UserType(StrEnum):
    """What kind of login a user is; rules/states.py says which kinds have a PIN."""

    CLOUD = "cloud"
    DEDICATED = "dedicated"
    FEDERATED = "federated"
    CLOUD_OFFICE = "cloud-office"
    DATAPIPE = "datapipe"


class State(StrEnum):
    """A user's state, derived from the record and never stored."""

    INACTIVE = "inactive"
    INELIGIBLE = "ineligible"
    LOCKED = "locked"
    UNCOLLECTED = "uncollected"
    ACTIVE = "active"


class Outcome(StrEnum):
    """How one call of verify ended."""

    VERIFIED = "verified"
    INCORRECT = "incorrect"
    LOCKED = "locked"
    UNCOLLECTED = "uncollected"
    INACTIVE = "inactive"
    INELIGIBLE = "ineligible"


class PinOrigin(StrEnum):
    """Who chose the present PIN."""

    GENERATED = "generated"
    CUSTOMER = "customer"


class EventKind(StrEnum):
    """What an audit event records."""

    INITIALISED = "initialised"
    USER_ADDED = "user_added"
    USER_UPDATED = "user_updated"
    IMPORTED = "imported"
    DEACTIVATED = "deactivated"
    ACTIVATED = "activated"
    ATTEMPT = "attempt"
    VERIFIED = "verified"
    INCORRECT = "incorrect"
    ABANDONED = "abandoned"
    REFUSED = "refused"
    LOCKED = "locked"
    UNLOCKED = "unlocked"
    PIN_GENERATED = "pin_generated"
    PIN_CHANGED = "pin_changed"
    PIN_SHOWN = "pin_shown"
    PIN_WITHDRAWN = "pin_withdrawn"
    RESET = "reset"
    KEY_ROTATED = "key_rotated"
    RESEALED = "resealed"
    RESTORED = "restored"


class StoredPin(NamedTuple):
    """What the store holds of a PIN.

    Attributes:
        verifier: The argon2id string.
        verify_key: Fingerprint of the key that the verifier was made with.
        sealed: The PIN, encrypted to the portal.
        portal_key: Fingerprint of the portal key that it is sealed to.
        set_at: ISO 8601, UTC.
        set_by: Who chose it.
    """

    verifier: str
    verify_key: str
    sealed: bytes
    portal_key: str
    set_at: str
    set_by: PinOrigin

    def __repr__(self) -> str:
        return f"StoredPin(set_at={self.set_at!r}, set_by={self.set_by!r})"


class NewPin(NamedTuple):
    """A PIN as vault/ prepares it, ready to be written in one transaction.

    Attributes:
        version: The version that this PIN is to be; both verifier and seal are bound to it.
    """

    verifier: str
    verify_key: str
    sealed: bytes
    portal_key: str
    set_by: PinOrigin
    version: int

    def __repr__(self) -> str:
        return f"NewPin(version={self.version})"


class User(NamedTuple):
    """One user's record as read from the store. All times are ISO 8601, UTC.

    Attributes:
        id: The row number, which is also the byte of the user's lock.
        login: Canonical; unique in the store.
        display_name: May be empty.
        pin_version: Grows by one whenever the PIN is set or withdrawn.
        failed_attempts: Consecutive incorrect attempts, 0 to 6.
        open_attempt: Event number of the attempt that is charged and not yet settled.
        locked_since: When the present lock was recorded.
    """

    id: int
    login: str
    account: str
    display_name: str
    type: UserType
    active: bool
    added_at: str
    pin: StoredPin | None
    pin_version: int
    failed_attempts: int
    open_attempt: int | None
    locked_since: str | None
    last_locked_at: str | None
    last_attempt_at: str | None
    last_attempt_by: str | None
    last_verified_at: str | None
    last_verified_by: str | None
    locks_total: int
    attempts_total: int


class Change(NamedTuple):
    """A user's record before and after a step, both of the transaction that took it."""

    before: User
    after: User


class Event(NamedTuple):
    """One row of the audit trail.

    Attributes:
        seq: The row's number; the trail has no gaps.
        agent: OS login of who ran the command; under sudo, of who invoked sudo.
        command: Which pincli command it was.
        attempt: For an outcome, the seq of the attempt that it ends.
        outcome: For an outcome or a refusal, the word for it.
        attempts_used: The user's counter after this event.
        mac: HMAC over the previous mac and this row, hexadecimal.
    """

    seq: int
    at: str
    agent: str
    command: str
    kind: EventKind
    user: str | None
    account: str | None
    attempt: int | None
    outcome: str | None
    attempts_used: int | None
    pin_version: int | None
    reason: str | None
    ticket: str | None
    mac: str


class NewEvent(NamedTuple):
    """An event about to be recorded.

    Attributes:
        kind: What it records.
        user: The record as it is after what happened; None where it is about no user.
        name: For a name that no user has: what was typed, masked.
        attempt: The event number of the attempt that this one ends.
        outcome: The word for how it ended.
        reason: Why, as the person said, masked.
        ticket: The ticket it belongs to, masked.
    """

    kind: EventKind
    user: User | None = None
    name: str | None = None
    attempt: int | None = None
    outcome: str | None = None
    reason: str | None = None
    ticket: str | None = None


class EventFilter(NamedTuple):
    """Which events are wanted; None is any.

    Attributes:
        since: Not before this time, ISO 8601, UTC.
    """

    user: str | None = None
    account: str | None = None
    agent: str | None = None
    kind: EventKind | None = None
    since: str | None = None


class Origin(NamedTuple):
    """Who acts, and by which command; recorded with every event."""

    agent: str
    command: str


class Identity(NamedTuple):
    """What the store says of itself: its id, and the fingerprints of its keys."""

    store_id: str
    verify_key: str
    audit_key: str
    portal_key: str


class Verdict(NamedTuple):
    """The answer to one call of verify, built only after it is durable.

    Attributes:
        outcome: What became of the call.
        user: The record after it.
        state: The user's state after it: a sixth miss is `incorrect` in the state `locked`.
    """

    outcome: Outcome
    user: User
    state: State


class ShownPin(NamedTuple):
    """A PIN on its way to its owner.

    Attributes:
        first: Whether this look generated it.
    """

    user: User
    pin: str
    first: bool

    def __repr__(self) -> str:
        return f"ShownPin({self.user.login!r})"


class ResetUser(NamedTuple):
    """What a reset made of one user.

    Attributes:
        pin: The PIN that was issued, if one was.
    """

    change: Change
    pin: str | None = None

    def __repr__(self) -> str:
        return f"ResetUser({self.change!r})"


class Fault(StrEnum):
    """What is the matter with the store or the keys."""

    MISSING = "missing"
    NO_LOCK_FILE = "its lock file is missing"
    NOT_MADE = "can't be made"
    FORBIDDEN = "forbidden"
    REPLACED = "replaced"
    NOT_A_STORE = "not a store"
    DAMAGED = "damaged"
    NEWER = "newer"
    READ_ONLY = "read-only"
    FULL = "full"
    NO_INODES = "no inodes left"
    BUSY = "busy"
    OLD_SQLITE = "old SQLite"
    IO = "input/output error"
    LINK = "a link"
    EXPOSED = "readable by others"
    MALFORMED = "malformed"
    MISMATCH = "not the store's key"

    @classmethod
    def of(cls, error: OSError) -> Fault:
        """What the system's error means."""
        faults = {
            errno.ENOENT: cls.MISSING,
            errno.ENOTDIR: cls.MISSING,
            errno.ELOOP: cls.LINK,
            errno.EACCES: cls.FORBIDDEN,
            errno.EPERM: cls.FORBIDDEN,
            errno.EROFS: cls.READ_ONLY,
            errno.ENOSPC: cls.FULL,
            errno.EDQUOT: cls.FULL,
            errno.EFBIG: cls.FULL,
        }
        return faults.get(error.errno or 0, cls.IO)
