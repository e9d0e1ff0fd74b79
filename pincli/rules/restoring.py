"""How a restore changes a record: nothing that came after the backup is undone."""

from __future__ import annotations

from pincli.models import EventKind, NewEvent, User, UserType
from pincli.rules import lockout
from pincli.rules.lockout import ATTEMPTS_ALLOWED
from pincli.rules.names import erased_login
from pincli.rules.replay import Course

_LARGEST = 2**53


def restored(user: User, *, present: User | None, keeps_pin: bool, at: str) -> lockout.Step:
    """The step from a backup's record to the one after the restore.

    Args:
        user: The sound record in the backup.
        present: The record in the present store; None if it has none.
        keeps_pin: Whether nothing has happened since the backup.
        at: ISO 8601, UTC.
    """
    if keeps_pin:
        return ()
    now_there = (
        None if present is None else lockout.after(present, lockout.finished(present, at=at))
    )

    def change(now: User) -> lockout.Step:
        after = now if now_there is None else lockout.stricter(now, now_there)
        after = _without_pin(after, (now, now_there or now))
        after = lockout.with_lock_noted(after, at=at)
        step = () if after == now else (NewEvent(EventKind.RESTORED, after),)
        erased = now_there is not None and now_there.login == erased_login(user.uid)
        return (*step, *lockout.erased(after)) if erased else step

    step, _ = lockout.ended_first(user, change, withdraws=True, at=at)
    return step


def taken_in(user: User, course: Course | None, *, at: str) -> lockout.Step:
    """The step from a record that was changed behind the trail to one that can be used again.

    Its PIN is withdrawn, and it keeps the stricter of its own counter and the trail's. Its PIN
    version does not go back, so that no old PIN fits a later one. A user without a course in
    the trail is deactivated, with the strictest counter.

    Args:
        user: The record as it was found.
        course: The user's course by the trail.
        at: ISO 8601, UTC.
    """
    closed = _bounded(lockout.without_attempt(user))
    first: lockout.Step = ()
    if course is None:
        closed = closed._replace(active=False)
        closed = lockout.with_counter_of_at_least(closed, ATTEMPTS_ALLOWED)
    else:
        if course.attempt is not None:
            miss = lockout.with_counter(closed, course.counter)
            first = (
                NewEvent(EventKind.INCORRECT, miss, attempt=course.attempt, outcome="incorrect"),
            )
        closed = lockout.with_counter_of_at_least(closed, course.counter)
    after = lockout.with_lock_noted(_without_pin(closed, (closed,)), at=at)
    if course is not None:
        after = after._replace(pin_version=max(after.pin_version, course.version))
    return (*first, NewEvent(EventKind.RESTORED, after))


def lost(uid: bytes, course: Course, *, at: str) -> lockout.Step:
    """The step that adds a user whom the trail knows and the table lacks, by their course."""
    name = f"lost-{uid.hex()}"
    user = User(0, uid, None, name, name, "", None, UserType.CLOUD, False, at)
    return taken_in(user, course, at=at)


def _bounded(user: User) -> User:
    """The record with numbers that can still grow: somebody may have made them up."""
    names = ("pin_version", "locks_total", "attempts_total")
    return user._replace(**{name: min(getattr(user, name), _LARGEST) for name in names})


def _without_pin(user: User, records: tuple[User, ...]) -> User:
    """The record without a PIN, with a version above those of all these records."""
    version = max(record.pin_version for record in records)
    if user.question is not None:
        user = lockout.without_pin(user)
    had_one = any(record.question is not None for record in records)
    return user._replace(pin_version=version + had_one)
