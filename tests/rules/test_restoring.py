"""What a restore makes of two records: never more than either of them allows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pincli.models import EventKind, Head, Origin, PinOrigin, State, User, UserType
from pincli.rules import lockout
from pincli.rules.lockout import ATTEMPTS_ALLOWED, is_locked, state_of
from pincli.rules.replay import Course, replayed
from pincli.rules.restoring import lost, restored, taken_in
from pincli.store.changes import changes_of

AT = "2026-11-24T12:00:00Z"
UID = bytes(range(16))
CHECK, OTHER = b"c" * 32, b"o" * 32
TIMES = st.none() | st.sampled_from([f"2026-11-{day:02}T00:00:00Z" for day in range(1, 24)])
TOTALS = ("locks_total", "attempts_total")
MOMENTS = ("last_locked_at", "last_attempt_at", "last_verified_at")


@st.composite
def records(draw: st.DrawFn) -> User:
    """One that the store may hold: a lock needs six, and a sixth may be in flight."""
    failed = draw(st.integers(0, 6))
    has_pin = draw(st.booleans())
    in_flight = has_pin and failed > 0 and draw(st.booleans())
    may_have = has_pin or draw(st.booleans())
    user = User(
        1,
        UID,
        None,
        "acme",
        "alice",
        "Alice",
        None,
        UserType.CLOUD if may_have else draw(st.sampled_from(UserType)),
        active=has_pin or draw(st.booleans()),
        added_at=AT,
        pin_version=draw(st.integers(1, 5)),
        failed_attempts=failed,
        locked_since=f"2026-11-{draw(st.integers(10, 23))}"
        if failed == 6 and not in_flight
        else None,
        last_locked_at=draw(TIMES),
        last_attempt_at=draw(TIMES),
        last_attempt_by=draw(st.sampled_from(["amy", "ben"])),
        last_verified_at=draw(TIMES),
        last_verified_by=draw(st.sampled_from(["amy", "ben"])),
        locks_total=draw(st.integers(0, 3)),
        attempts_total=draw(st.integers(0, 30)),
        event=40,
    )
    if has_pin:
        user = user._replace(
            question="q",
            pin_check=CHECK,
            pin_proof=b"p",
            verify_key="vk",
            sealed=b"s",
            portal_key="pk",
            pin_set_at=AT,
            pin_set_by=PinOrigin.GENERATED,
        )
    if in_flight:
        answer = draw(st.sampled_from([CHECK, OTHER]))
        user = user._replace(
            attempt=40, attempt_answer=answer, attempt_agent="amy", attempt_command="verify"
        )
    return user


def closed(user: User) -> User:
    """The record once its open attempt is ended as its own process would."""
    return lockout.after(user, lockout.finished(user, at=AT))


def ended_as_withdrawn(user: User) -> User:
    """The record once a restore has ended its open attempt, which verifies nobody."""
    return closed(user)._replace(
        last_verified_at=user.last_verified_at, last_verified_by=user.last_verified_by
    )


@given(one=records(), two=records())
def test_the_stricter_of_two_is_no_laxer_than_either(one: User, two: User) -> None:
    """This holds for counter, lock, totals and deactivation; all else is the first record's."""
    first, second = closed(one), closed(two)
    after = lockout.stricter(first, second)
    for user in (first, second):
        assert after.failed_attempts >= user.failed_attempts
        assert after.locked_since is not None or user.locked_since is None
        assert user.active or not after.active
        assert all(getattr(after, total) >= getattr(user, total) for total in TOTALS)
        for moment in MOMENTS:
            assert (getattr(after, moment) or "") >= (getattr(user, moment) or "")
    assert lockout.stricter(first, first) == first
    facts = ("id", "uid", "account", "login", "type", "question", "pin_version", "event")
    assert all(getattr(after, fact) == getattr(first, fact) for fact in facts)


@given(backup=records(), present=st.none() | records())
def test_a_restored_record_allows_nothing_that_was_taken_away(
    backup: User, present: User | None
) -> None:
    """No PIN, no open attempt, no released lock, no forgotten miss, a version above both."""
    step = restored(backup, present=present, keeps_pin=False, at=AT)
    after = lockout.after(backup, step)
    ended = [ended_as_withdrawn(backup), *([closed(present)] if present else [])]
    both = [backup, *([present] if present else [])]
    assert (after.question, after.pin_check, after.sealed) == (None, None, None)
    assert (after.attempt, after.attempt_answer) == (None, None)
    assert state_of(after) is not State.ACTIVE
    assert after.failed_attempts == max(user.failed_attempts for user in ended)
    assert is_locked(after) is (after.locked_since is not None)
    assert after.active is all(user.active for user in both)
    had_one = any(user.question is not None for user in both)
    assert after.pin_version == max(user.pin_version for user in both) + had_one
    for total in TOTALS:
        assert getattr(after, total) >= max(getattr(user, total) for user in ended)


@given(user=records(), present=st.none() | records())
def test_where_nothing_has_happened_since_nothing_changes(user: User, present: User | None) -> None:
    """If backup, mark and present store have one head, everything stays, also an open attempt."""
    assert restored(user, present=present, keeps_pin=True, at=AT) == ()


@given(backup=records())
def test_a_right_answer_in_the_backup_is_not_told(backup: User) -> None:
    """The backup's open attempt ends as if the PIN were withdrawn, which the same step does."""
    step = restored(backup, present=None, keeps_pin=False, at=AT)
    kinds = [event.kind for event in step]
    assert EventKind.VERIFIED not in kinds
    if backup.attempt is not None:
        right = backup.attempt_answer == backup.pin_check
        assert kinds[0] is (EventKind.REFUSED if right else EventKind.INCORRECT)
        assert lockout.after(backup, step).last_verified_at == backup.last_verified_at


def courses(user: User) -> Course:
    """How far the trail tells of a record that fits it."""
    return Course(user.failed_attempts, user.attempt, 40, b"record", user.pin_version)


@given(backup=records(), present=st.none() | records())
def test_what_a_restore_does_to_a_record_replays(backup: User, present: User | None) -> None:
    """`audit verify` accepts its events."""
    step = restored(backup, present=present, keeps_pin=False, at=AT)
    require_replayed(backup, step, courses(backup))


def require_replayed(user: User, step: lockout.Step, course: Course) -> None:
    """Fail unless a step's events go on from a course, and end at its record."""
    read = {user.uid: user}
    result: Course | str = course
    events = changes_of(step, read, Head(40, bytes(32)), next_row=1, at=AT, origin=Origin("a", "r"))
    for event in events.events:
        assert isinstance(result, Course)
        result = replayed(event, result)
    assert isinstance(result, Course), result
    after = lockout.after(user, step)
    assert (result.counter, result.attempt) == (after.failed_attempts, after.attempt)


@given(found=records(), trail=records())
def test_a_tampered_record_is_taken_in_with_the_stricter_counter(found: User, trail: User) -> None:
    """Its PIN goes, an attempt that is open by the trail is a miss, and the events replay."""
    course = courses(trail)
    step = taken_in(found, course, at=AT)
    after = lockout.after(found, step)
    assert after.failed_attempts == max(found.failed_attempts, course.counter)
    assert (after.question, after.attempt, after.attempt_answer) == (None, None, None)
    assert after.active is found.active
    assert is_locked(after) is (after.locked_since is not None)
    had_one = found.question is not None
    assert after.pin_version == max(found.pin_version + had_one, trail.pin_version)
    kinds = [event.kind for event in step]
    assert kinds == [EventKind.INCORRECT] * (trail.attempt is not None) + [EventKind.RESTORED]
    require_replayed(found, step, course)


@given(found=records())
def test_somebody_whom_the_trail_does_not_know_is_switched_off(found: User) -> None:
    """They have no PIN and the strictest counter, and are listed as inactive."""
    after = lockout.after(found, taken_in(found, None, at=AT))
    assert state_of(after) is State.INACTIVE
    assert (after.question, after.attempt) == (None, None)
    assert after.failed_attempts == ATTEMPTS_ALLOWED


@given(trail=records())
def test_somebody_whom_the_table_does_not_know_has_a_place_again(trail: User) -> None:
    """They are inactive, named by their uid, without a PIN, with the counter of the trail."""
    course = courses(trail)
    step = lost(UID, course, at=AT)
    user = step[-1].user
    assert user is not None
    assert (user.uid, user.login) == (UID, f"lost-{UID.hex()}")
    assert state_of(user) is State.INACTIVE
    assert user.failed_attempts == course.counter
    assert is_locked(user) is (user.locked_since is not None)
    assert step[0].kind is (EventKind.RESTORED if trail.attempt is None else EventKind.INCORRECT)
