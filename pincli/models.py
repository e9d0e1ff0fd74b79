"""The things pincli talks about, as values: no behaviour, no storage, no text for people.

They are NamedTuples because a caller waits while they are defined: 0.1 ms each, a frozen
dataclass 0.5. Annotations are not postponed here, as each would be compiled from its text, 2 ms
in all. A class that holds a secret has a repr without it, so no traceback or log can show it.
"""

import errno
from enum import StrEnum
from typing import NamedTuple


class UserType(StrEnum):
    """What kind of login a user is; rules/lockout.py says which kinds have a PIN."""

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
    ERASED = "erased"
    """What names a person is removed; the trail keeps their random uid."""
    ATTEMPT = "attempt"
    VERIFIED = "verified"
    INCORRECT = "incorrect"
    ABANDONED = "abandoned"
    """Before schema 2: an attempt whose process died counts as incorrect."""
    NOT_TOLD = "not_told"
    """Another process ended the attempt as verified, but the PIN has changed since."""
    VIEWED = "viewed"
    """An agent opened a card at the desk, and asked for no PIN."""
    TICKET_ADDED = "ticket_added"
    """An attempt got its ticket after the verdict."""
    REFUSED = "refused"
    LOCKED = "locked"
    LOCKED_BY_HAND = "locked_by_hand"
    UNLOCKED = "unlocked"
    CALL_BEGUN = "call_begun"
    """An agent calls the customer; an attempt begins a call without this event."""
    CALL_ENDED = "call_ended"
    PIN_GENERATED = "pin_generated"
    PIN_CHANGED = "pin_changed"
    PIN_SHOWN = "pin_shown"
    PIN_WITHDRAWN = "pin_withdrawn"
    RESET = "reset"
    KEY_ROTATED = "key_rotated"
    RESEALED = "resealed"
    RENEWED = "renewed"
    """A PIN is hashed with the present key and cost; the PIN is the same."""
    MIGRATED = "migrated"
    MARKED = "marked"
    """From here on this host keeps a mark of the trail."""
    RESTORED = "restored"
    AUDITED = "audited"
    """The whole trail was checked, and nothing was wrong."""
    ARCHIVED = "archived"
    """The oldest events are in a file, and leave the store."""
    ACKNOWLEDGED = "acknowledged"
    """An admin has dealt with a sign of an attack; older events no longer count for it."""
    NOTICE_FAILED = "notice_failed"
    """The deployment's hook failed for a lock; the next run tries again."""
    MOVED = "moved"
    """The store goes on at a server; in a folder, this event closes it."""


class NewPin(NamedTuple):
    """A PIN as vault/ prepares it, ready to be written in one transaction.

    Attributes:
        question: What to hash an answer with: settings, salt, and what it is bound to.
        check: SHA-256 of the right answer.
        proof: HMAC under verify.key over question and check.
        verify_key: Fingerprint of that key.
        sealed: The PIN, encrypted to the portal key with the fingerprint `portal_key`.
        version: The PIN version it gets; answer, proof and seal are bound to it.
    """

    question: str
    check: bytes
    proof: bytes
    verify_key: str
    sealed: bytes
    portal_key: str
    set_by: PinOrigin
    version: int

    def __repr__(self) -> str:
        return f"NewPin(version={self.version})"


class User(NamedTuple):
    """One user's record. Its fields are the columns, and their order is the digest's.

    Flat on purpose: one list of names is the record, the row, and what the trail covers. All
    times are ISO 8601, UTC.

    Attributes:
        id: The row number; 0 for a user who is not in the store yet.
        uid: 128 random bits, never reused. Keys, seals and events refer to it.
        blind: Random, so that nobody can guess an erased record from its digest; None for an
            erased user.
        login: Canonical; unique within the account.
        email: For finding people; never an identity.
        question: What to hash an answer with; None without a PIN.
        pin_check: SHA-256 of the right answer.
        pin_proof: HMAC that only somebody with verify.key can make.
        pin_version: Grows by one whenever the PIN is set or withdrawn.
        barred_question: With the next three, the PIN that a reset withdrew last; the customer
            may not choose it again.
        failed_attempts: Consecutive incorrect attempts, 0 to 6, with the open attempt.
        attempt: Event number of the open attempt: charged, but without an outcome. The next
            five belong to it.
        attempt_answer: SHA-256 of the answer given.
        call_agent: With the next two, the last call, unless it was ended.
        event: Number of the event that changed this record last.
    """

    id: int
    uid: bytes
    blind: bytes | None
    account: str
    login: str
    display_name: str
    email: str | None
    type: UserType
    active: bool
    added_at: str
    question: str | None = None
    pin_check: bytes | None = None
    pin_proof: bytes | None = None
    verify_key: str | None = None
    sealed: bytes | None = None
    portal_key: str | None = None
    pin_set_at: str | None = None
    pin_set_by: PinOrigin | None = None
    pin_version: int = 0
    barred_question: str | None = None
    barred_check: bytes | None = None
    barred_key: str | None = None
    barred_version: int | None = None
    failed_attempts: int = 0
    locked_since: str | None = None
    last_locked_at: str | None = None
    locks_total: int = 0
    attempts_total: int = 0
    last_attempt_at: str | None = None
    last_attempt_by: str | None = None
    last_verified_at: str | None = None
    last_verified_by: str | None = None
    attempt: int | None = None
    attempt_answer: bytes | None = None
    attempt_at: str | None = None
    attempt_agent: str | None = None
    attempt_command: str | None = None
    attempt_ticket: str | None = None
    call_agent: str | None = None
    call_ref: str | None = None
    call_since: str | None = None
    event: int = 0

    def __repr__(self) -> str:
        return f"User({self.account!r}, {self.login!r})"


class Change(NamedTuple):
    """A user's record before and after a step."""

    before: User
    after: User


class Origin(NamedTuple):
    """Who acts, and by which command; recorded with every event."""

    agent: str
    command: str


class NewEvent(NamedTuple):
    """An event about to be recorded.

    Attributes:
        user: The record after it; None if it is about no user.
        name: What was typed, masked, if no user has that name.
        attempt: The event number of the attempt that this one ends, or gives a ticket to.
        outcome: The word for how it ended.
        reason: Free text, masked, like `ticket`.
        note: What the program itself adds; no free text.
        origin: Who acted, if that is not who writes: another process ends an open attempt.
    """

    kind: EventKind
    user: User | None = None
    name: str | None = None
    attempt: int | None = None
    outcome: str | None = None
    reason: str | None = None
    ticket: str | None = None
    note: str | None = None
    origin: Origin | None = None


class TrailEvent(NamedTuple):
    """One row of the trail. Its fields are the columns; all but the last two make the link.

    Attributes:
        number: From 1, without gaps.
        at: ISO 8601, UTC, by the store's clock.
        agent: OS login of who ran the command; under sudo, of who invoked sudo.
        database_login: The writer's login at the database; None on SQLite.
        kind: A word of EventKind.
        attempt: The number of the attempt that this outcome ends.
        outcome: The word for an outcome or a refusal.
        ended_by: The agent whose command ended the attempt, if it is another.
        counter: The user's counter after it.
        texts: SHA-256 over a blind and the free texts, which can be erased.
        record: Digest of the user's record after it, if it changed the record.
        note: What the program itself adds; no free text.
        link: SHA-256 over the previous link and this event.
        seal: HMAC under audit.key over number and link, with a transaction's last event.
    """

    number: int
    at: str
    agent: str
    database_login: str | None
    command: str
    kind: str
    uid: bytes | None
    account: str | None
    attempt: int | None
    outcome: str | None
    ended_by: str | None
    counter: int | None
    pin_version: int | None
    texts: bytes | None
    record: bytes | None
    note: str | None
    link: bytes
    seal: bytes | None


class Texts(NamedTuple):
    """The free texts of an event, kept beside it: they can be erased, their digest stays.

    Attributes:
        number: The event's.
        blind: Random, so that nobody can guess a text from the digest.
        name: What was typed, masked, if no user has that name.
    """

    number: int
    blind: bytes
    reason: str | None
    ticket: str | None
    name: str | None


class Head(NamedTuple):
    """The last event's number and link; a copy kept elsewhere shows whether events were cut off."""

    number: int
    link: bytes

    def __str__(self) -> str:
        return f"{self.number}:{self.link.hex()}"


class Start(NamedTuple):
    """Where the trail begins: the event before its first one, sealed."""

    number: int
    link: bytes
    seal: bytes


class Identity(NamedTuple):
    """What the store says of itself: its id, and the fingerprints of its keys."""

    store_id: str
    verify_key: str
    audit_key: str
    portal_key: str


class Verdict(NamedTuple):
    """The answer to one call of verify, built only after it is durable.

    Attributes:
        user: The record after it.
        state: The state after it: a sixth miss is `incorrect` in the state `locked`.
        attempt: The event number of the attempt; None if nothing was compared.
    """

    outcome: Outcome
    user: User
    state: State
    attempt: int | None = None


class Answered(NamedTuple):
    """The verdict on an answer, once it is durable.

    Attributes:
        proof: The PIN's proof, with a yes that was not checked before the charge. The caller
            compares it with the answer, so a server without verify.key can't say yes.
    """

    verdict: Verdict
    proof: bytes | None = None


class Fault(StrEnum):
    """What is wrong with the store or the keys."""

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
    NO_DRIVER = "psycopg is not installed"
    IO = "input/output error"
    LINK = "a link"
    EXPOSED = "readable by others"
    MALFORMED = "malformed"
    MISMATCH = "not the store's key"
    ELSEWHERE = "not on this host"
    TAMPERED = "tampered with"
    ROLLED_BACK = "rolled back"
    MOVED = "at another place"
    CLOSED = "moved to a server"
    OLD_SCHEMA = "of an older pincli"
    UNREACHABLE = "unreachable"
    LOST = "the connection was lost"
    TOO_MANY = "too many connections"
    DENIED = "access denied"
    NO_DATABASE = "no such database"
    NO_SCHEMA = "no store in the database"
    NO_TABLES = "no tables in the database"
    IN_DOUBT = "a commit in doubt"

    @classmethod
    def of(cls, error: OSError) -> "Fault":
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
