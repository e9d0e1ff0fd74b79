"""What a restore makes of a record: nothing that came after the backup is undone."""

from __future__ import annotations

from pincli.models import StoredPin, User
from pincli.rules import lockout
from pincli.rules.states import TYPES_WITH_PINS


def stricter(backup: User, present: User) -> User:
    """The backup's record with the stricter of both counters, locks, totals and deactivations."""
    attempted = _later(backup, present, "last_attempt_at")
    verified = _later(backup, present, "last_verified_at")
    return lockout.stricter(backup, present)._replace(
        active=backup.active and present.active,
        pin_version=max(backup.pin_version, present.pin_version),
        last_locked_at=_later(backup, present, "last_locked_at").last_locked_at,
        last_attempt_at=attempted.last_attempt_at,
        last_attempt_by=attempted.last_attempt_by,
        last_verified_at=verified.last_verified_at,
        last_verified_by=verified.last_verified_by,
    )


def restored(backup: User, present: User | None, *, keeps_pin: bool, at: str) -> User:
    """The record after a restore; no attempt is open in it.

    Attempts that were open, in either record, have ended as misses: a sixth one locks.

    Args:
        backup: The record in the backup.
        present: The record in the present store; None if there is none.
        keeps_pin: Whether nothing has happened since the backup that could have withdrawn the
            PIN. It goes all the same where the two records are not of one PIN.
        at: The time of the restore.
    """
    after = backup if present is None else stricter(backup, present)
    if present is not None and _pin_of(present) != _pin_of(backup):
        keeps_pin = False
    if not (keeps_pin and backup.type in TYPES_WITH_PINS):
        had_pin = backup.pin is not None or (present is not None and present.pin is not None)
        # Above both versions: no PIN of either ever verifies again.
        after = after._replace(pin=None, pin_version=after.pin_version + had_pin)
    after = lockout.after(after, lockout.lock_on_sixth(after, at))
    return after._replace(open_attempt=None)


def _pin_of(user: User) -> tuple[StoredPin | None, int]:
    return user.pin, user.pin_version


def _later(backup: User, present: User, field: str) -> User:
    """Whichever record has the later time in a field."""
    first, second = getattr(backup, field) or "", getattr(present, field) or ""
    return present if second >= first else backup
