"""What a restore makes of a record: nothing that came after the backup is undone."""

from __future__ import annotations

from pincli.models import User
from pincli.rules.states import TYPES_WITH_PINS, is_locked


def stricter(backup: User, present: User) -> User:
    """The backup's record with the stricter of both counters, locks, totals and deactivations."""
    attempted = _later(backup, present, "last_attempt_at")
    verified = _later(backup, present, "last_verified_at")
    return backup._replace(
        active=backup.active and present.active,
        pin_version=max(backup.pin_version, present.pin_version),
        failed_attempts=max(backup.failed_attempts, present.failed_attempts),
        locked_since=present.locked_since or backup.locked_since,
        last_locked_at=_later(backup, present, "last_locked_at").last_locked_at,
        last_attempt_at=attempted.last_attempt_at,
        last_attempt_by=attempted.last_attempt_by,
        last_verified_at=verified.last_verified_at,
        last_verified_by=verified.last_verified_by,
        locks_total=max(backup.locks_total, present.locks_total),
        attempts_total=max(backup.attempts_total, present.attempts_total),
    )


def restored(backup: User, present: User | None, *, keeps_pin: bool, at: str) -> User:
    """The record after a restore; no attempt is open in it.

    Attempts that were open, in either record, have ended as misses: a sixth one locks.

    Args:
        backup: The record in the backup.
        present: The record in the present store; None if there is none.
        keeps_pin: Whether nothing has happened since the backup that could have withdrawn the
            PIN. It goes all the same if the present record's is another one.
        at: The time of the restore.
    """
    after = backup if present is None else stricter(backup, present)
    keeps_pin = keeps_pin and after.pin_version == backup.pin_version
    if not (keeps_pin and backup.type in TYPES_WITH_PINS):
        had_pin = backup.pin is not None or (present is not None and present.pin is not None)
        # Above both versions: no PIN of either ever verifies again.
        after = after._replace(pin=None, pin_version=after.pin_version + had_pin)
    if is_locked(after.failed_attempts) and after.locked_since is None:
        after = after._replace(
            locked_since=at, last_locked_at=at, locks_total=after.locks_total + 1
        )
    return after._replace(open_attempt=None)


def _later(backup: User, present: User, field: str) -> User:
    """Whichever record has the later time in a field."""
    first, second = getattr(backup, field) or "", getattr(present, field) or ""
    return present if second >= first else backup
