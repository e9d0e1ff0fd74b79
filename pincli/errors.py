"""What can go wrong, as facts. views/problems.py turns them into sentences and exit codes.

Every error carries a `code`, a word that scripts rely on and that never changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING, ClassVar

from pincli.models import Fault, State

if TYPE_CHECKING:
    from pincli.store.location import Location


class PincliError(Exception):
    """Anything pincli foresees. The attributes say what happened, and never hold the PIN."""

    code: ClassVar[str] = "unavailable"


class UsageProblem(PincliError):
    """The command was used wrongly, or there is nobody to ask.

    Attributes:
        message: One sentence without a full stop.
        hint: What to do instead.
    """

    code = "usage"

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class MalformedName(PincliError):
    """A user, account or display name, reason or ticket breaks its rule.

    Attributes:
        what: Which of them, as people call it: `user name`, `account name`, …
        rule: Why it breaks the rule: `it can't hold blanks`.
    """

    code = "usage"

    def __init__(self, what: str, rule: str) -> None:
        super().__init__(what, rule)
        self.what = what
        self.rule = rule


class MalformedPin(PincliError):
    """What was given for a PIN is not six digits. Nothing of it is kept."""

    code = "malformed_pin"


class MalformedAnswer(MalformedPin):
    """A caller's answer is not six digits: a typing slip, never charged."""


class UnknownUser(PincliError):
    """No user has that name.

    Attributes:
        names: The unknown ones, canonical, not masked.
        near: Existing names that one slip of the finger leads to.
    """

    code = "unknown_user"

    def __init__(self, names: Sequence[str], near: Sequence[str] = ()) -> None:
        super().__init__(*names)
        self.names = tuple(names)
        self.near = tuple(near)


class AmbiguousUser(PincliError):
    """Several accounts have a user of that login: `accounts`, for those who may see people."""

    code = "ambiguous_user"

    def __init__(self, login: str, accounts: Sequence[str]) -> None:
        super().__init__(login)
        self.login = login
        self.accounts = tuple(accounts)


class UnknownAccount(PincliError):
    """No user belongs to that account."""

    code = "unknown_account"

    def __init__(self, account: str, near: Sequence[str] = ()) -> None:
        super().__init__(account)
        self.account = account
        self.near = tuple(near)


class NoPinPossible(PincliError):
    """The user is inactive, or of a type without PINs."""

    code = "ineligible"

    def __init__(self, user: str, state: State) -> None:
        super().__init__(user, state)
        self.user = user
        self.state = state


class Rule(Enum):
    """Why something was refused (exit 7)."""

    NO_SIGN = "no sign has this id"
    OWN_SIGN = "the sign is about the caller"
    NOT_LOCKED = "the user is not locked"
    LOCKED = "the user is locked"
    REPEATED_DIGITS = "too many equal digits in a row"
    DIGIT_SEQUENCE = "too many digits in sequence"
    SAME_PIN = "it is the present PIN"
    WITHDRAWN_PIN = "it is the PIN that was withdrawn last"
    OWN_DIGITS = "the digits are part of the user's own names"
    CALL_OF_ANOTHER = "another agent is calling"
    USER_EXISTS = "the user exists"
    ERASED = "the user is erased"
    STILL_ACTIVE = "the user is active"
    STORE_EXISTS = "there is a store"
    DATABASE_IN_USE = "there are rows in the database"
    KEYS_EXIST = "there are keys"
    KEYS_BESIDE_STORE = "the keys would be with the database"
    DECLINED = "not confirmed"
    WOULD_MOVE = "the user would move to another account"
    ANOTHER_STORE = "the backup is of another store"
    ROLE = "not among the caller's roles"
    CALLER_UNKNOWN = "nobody knows who calls"
    CONFIGURED_ELSEWHERE = "the deployment names store and keys"
    FILE_EXISTS = "the file exists"
    FILE_CUT_SHORT = "the file is of a run that was cut short"
    FILE_WITHOUT_PINS = "the file is of a run that has written no PIN"
    FOLDER_OF_OTHERS = "others own the folder or may write to it"
    FILE_NAMES_NOBODY = "the file names nobody of the account"
    TOO_MANY_MISSING = "too many of the account are missing"
    TOO_YOUNG = "events of the last thirty days stay in the store"
    ATTEMPT_OPEN = "an attempt from before that time is open"
    FILE_AMONG_SECRETS = "the file would be with the store or the keys"


class Refused(PincliError):
    """A `rule`, or the person who was asked, says no to something about a `subject`.

    Attributes:
        account: The user's, where that is not clear.
    """

    code = "refused"

    def __init__(self, rule: Rule, subject: str = "", account: str = "") -> None:
        super().__init__(rule.value)
        self.rule = rule
        self.subject = subject
        self.account = account


class Unavailable(PincliError):
    """Store or keys can't be used; nothing is disclosed and nobody is verified.

    Attributes:
        path: The file, the folder or the server it is about.
        detail: What the system said, for the log; never a secret.
    """

    charge: str = ""
    """What became of the attempt at hand: `not charged`, `charged`, `may be charged`, or empty."""
    unsure: bool = False
    """Whether a commit may or may not be on disk."""

    def __init__(self, fault: Fault, path: Location, detail: str = "") -> None:
        super().__init__(fault.value, str(path), detail)
        self.fault = fault
        self.path = path
        self.detail = detail

    @property
    def summary(self) -> str:
        """The fault, with the detail behind it."""
        return f"{self.fault.value} ({self.detail})" if self.detail else self.fault.value


class StoreUnavailable(Unavailable):
    """The database or its lock file can't be used."""


class StoreTampered(StoreUnavailable):
    """Something was changed behind pincli's back: `detail` says what. Nothing is charged."""

    code = "tampered"

    def __init__(self, path: Location, detail: str) -> None:
        super().__init__(Fault.TAMPERED, path, detail)


class OldStoreTampered(StoreTampered):
    """A store of an older schema isn't as its trail says. It is left as it is, not upgraded."""


class StoreRolledBack(StoreUnavailable):
    """The store is older than what this host has seen of it, or its trail is another."""

    code = "rolled_back"

    def __init__(self, path: Location, detail: str) -> None:
        super().__init__(Fault.ROLLED_BACK, path, detail)


class StoreBusy(StoreUnavailable):
    """Another process held a lock for too long: `holder`, if it is known which."""

    def __init__(self, path: Location, holder: int | None, detail: str = "") -> None:
        super().__init__(Fault.BUSY, path, f"process {holder}" if holder else detail)
        self.holder = holder


class MoveUnfinished(StoreUnavailable):
    """The store in the folder is closed, and nobody knows whether the server's is open."""


class BackupUnavailable(StoreUnavailable):
    """The file that is to be restored can't be used; nothing was restored."""


class KeysUnavailable(Unavailable):
    """A key is missing, wrong, malformed or not safely kept."""


class ConfigUnavailable(Unavailable):
    """Under sudo, the deployment's file can't be used."""


class DetailedError(PincliError):
    """An error that the system or a check says more about, in `detail`."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class BackupRefused(DetailedError):
    """A backup is damaged, or was tampered with; nothing was restored."""


class AttemptOpen(Exception):
    """An attempt was to be charged where one is open, or none is allowed. A bug; not charged."""


class StaleRecord(Exception):
    """A record that the transaction did not read was to be written. A bug; nothing is written."""


class PinChangedMeanwhile(PincliError):
    """The PIN's version is no longer the one that was prepared for. Tried again, not shown."""


class VerifyKeyUnknown(PincliError):
    """A verifier needs the key `fingerprint`, which is not loaded here. Nothing is charged."""

    def __init__(self, fingerprint: str) -> None:
        super().__init__(fingerprint)
        self.fingerprint = fingerprint


class KeyChanged(PincliError):
    """A key was rotated since this process loaded it."""


class StoredPinDamaged(PincliError):
    """What the store holds of the PIN of a `user` is damaged, or was tampered with."""

    def __init__(self, user: str) -> None:
        super().__init__(user)
        self.user = user


class VerifierDamaged(StoredPinDamaged):
    """A question, check and proof do not belong together."""


class SealDamaged(StoredPinDamaged):
    """A sealed PIN does not open, or what it holds is not the user's PIN."""


class RecordDamaged(PincliError):
    """A record holds something of a PIN that pincli never wrote. The caller knows whose."""


class ClockUnusable(PincliError):
    """The host's clock says a time that Python can't count. Nothing is charged."""


class OutOfMemory(PincliError):
    """There is not enough memory to compute a hash. No fault of the record; nothing is charged."""


class HashUnavailable(DetailedError):
    """A hash can't be computed on this host. Nothing is charged."""


class OutputUnavailable(PincliError):
    """The answer could not be written to standard output."""

    def __init__(self, *, closed_by_reader: bool) -> None:
        super().__init__(closed_by_reader)
        self.closed_by_reader = closed_by_reader


class Interrupted(PincliError):
    """Ctrl-C, or Ctrl-D at a prompt.

    Attributes:
        done: For bulk work, how many users are done.
        total: Out of how many; 0 for anything else.
        kept: The unfinished file that holds new PINs, if there is one.
    """

    code = "interrupted"

    def __init__(self, done: int = 0, total: int = 0, kept: str = "") -> None:
        super().__init__(done, total, kept)
        self.done = done
        self.total = total
        self.kept = kept


class FileUnreadable(DetailedError):
    """A file that was named can't be read or written."""

    code = "usage"


class FileFailed(FileUnreadable):
    """The system failed at a file that it had opened."""

    code = "unavailable"


class FileUnwritable(FileUnreadable):
    """A file has no room, or its folder is gone; `kept` names it if it may hold valid PINs."""

    code = "unavailable"

    def __init__(self, detail: str, *, kept: str = "") -> None:
        super().__init__(detail)
        self.kept = kept
