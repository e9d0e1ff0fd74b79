"""What a restore makes of two records: never more than either of them allows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pincli.models import PinOrigin, State, StoredPin, User, UserType
from pincli.rules.restoring import restored, stricter
from pincli.rules.states import state_of

AT = "2026-11-24T12:00:00Z"
PIN = StoredPin("v", "k", b"s", "p", AT, PinOrigin.GENERATED)
TIMES = st.none() | st.sampled_from([f"2026-11-{day:02}T00:00:00Z" for day in range(1, 24)])


@st.composite
def records(draw: st.DrawFn) -> User:
    """One that the store may hold: a lock needs six, and a sixth may be in flight."""
    failed = draw(st.integers(0, 6))
    attempt = draw(st.none() | st.just(7)) if failed else None
    locked = failed == 6 and attempt is None
    return User(
        id=1,
        login="alice",
        account="acme",
        display_name="Alice",
        type=draw(st.sampled_from(UserType)),
        active=draw(st.booleans()),
        added_at=AT,
        pin=draw(st.none() | st.just(PIN)),
        pin_version=draw(st.integers(1, 5)),
        failed_attempts=failed,
        open_attempt=attempt,
        locked_since="2026-11-23T00:00:00Z" if locked else None,
        last_locked_at=draw(TIMES),
        last_attempt_at=draw(TIMES),
        last_attempt_by=draw(st.sampled_from(["amy", "ben"])),
        last_verified_at=draw(TIMES),
        last_verified_by=draw(st.sampled_from(["amy", "ben"])),
        locks_total=draw(st.integers(0, 3)),
        attempts_total=draw(st.integers(0, 30)),
    )


@given(backup=records(), present=records())
def test_the_stricter_of_two_is_no_laxer_than_either(backup: User, present: User) -> None:
    """Counter, lock, totals, deactivation and version; and who the user is, the backup says."""
    after = stricter(backup, present)
    for record in (backup, present):
        assert after.failed_attempts >= record.failed_attempts
        assert after.locked_since is not None or record.locked_since is None
        assert after.locks_total >= record.locks_total
        assert after.attempts_total >= record.attempts_total
        assert after.pin_version >= record.pin_version
        assert record.active or not after.active
        for time in ("last_locked_at", "last_attempt_at", "last_verified_at"):
            assert (getattr(after, time) or "") >= (getattr(record, time) or "")
    assert stricter(backup, backup) == backup
    facts = ("id", "login", "account", "display_name", "type", "pin")
    assert all(getattr(after, fact) == getattr(backup, fact) for fact in facts)


@given(backup=records(), present=st.none() | records(), keeps_pin=st.booleans())
def test_a_restored_record_allows_nothing_that_was_taken_away(
    backup: User, present: User | None, keeps_pin: bool
) -> None:
    """No PIN of another version, no open attempt, no lock released, no sixth miss forgotten."""
    after = restored(backup, present, keeps_pin=keeps_pin, at=AT)
    both = [backup] if present is None else [backup, present]
    versions = [record.pin_version for record in both]
    assert after.open_attempt is None
    assert (after.failed_attempts == 6) == (after.locked_since is not None)
    assert after.failed_attempts == max(record.failed_attempts for record in both)
    if after.pin is not None:
        assert keeps_pin
        assert after.pin == backup.pin
        assert {after.pin_version} == set(versions)
        assert state_of(after) is not State.INELIGIBLE
    else:
        held = [record.pin_version for record in both if record.pin is not None]
        assert after.pin_version >= max(versions)
        assert not held or after.pin_version > max(versions)
    locked = any(record.locked_since is not None for record in both)
    newly = after.failed_attempts == 6 and not locked
    assert after.locks_total == max(record.locks_total for record in both) + newly


@given(record=records())
def test_where_nothing_happened_nothing_changes(record: User) -> None:
    """The same record twice, with no attempt in flight and a PIN that it may have."""
    record = record._replace(open_attempt=None, failed_attempts=record.failed_attempts % 6)
    record = record._replace(type=UserType.CLOUD, locked_since=None)
    assert restored(record, record, keeps_pin=True, at=AT) == record
