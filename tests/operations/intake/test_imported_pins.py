"""The optional column `pin`: PINs from another system, for users who have none yet."""

from __future__ import annotations

import pytest

from pincli.models import EventKind, PinOrigin, State
from pincli.operations import people, pins
from pincli.operations.verify import verify
from pincli.rules.states import state_of
from tests.operations.intake.files import FORMATS, as_csv, person, taken
from tests.support.desk import Desk
from tests.support.driving import guess_wrong, withdraw
from tests.support.trail import play

PIN, OTHER = "234811", "987321"


def outcome(desk: Desk, user: str, pin: str) -> str:
    """What a caller with that PIN is answered."""
    with desk.session() as session:
        return verify(session, user, pin, None).outcome.value


@pytest.mark.parametrize("kind", FORMATS)
def test_a_pin_of_the_file_is_the_users_pin(desk: Desk, kind: str) -> None:
    """For users who are new and for users who had none; verifier and seal agree."""
    desk.add("bob")
    result = taken(desk, FORMATS[kind]([person("alice", pin=PIN), person("bob", pin=OTHER)]))
    assert result.done is not None
    assert result.done.pins == 2
    assert outcome(desk, "alice", PIN) == outcome(desk, "bob", OTHER) == "verified"
    with desk.session() as session:
        assert pins.show(session, "alice").pin == PIN
    stored = desk.user("alice").pin
    assert stored is not None
    assert stored.set_by is PinOrigin.CUSTOMER
    play(desk.events())


def test_a_pin_that_is_there_stays(desk: Desk) -> None:
    """The file's is ignored, and nothing about the user changes."""
    pin = desk.collected("alice")
    before, trail = desk.user("alice"), desk.events("alice")
    result = taken(desk, as_csv([person("alice", name="Alice", pin=PIN)]))
    assert result.done is not None
    assert (result.done.pins, result.done.unchanged) == (0, 1)
    assert (desk.user("alice"), desk.events("alice")) == (before, trail)
    assert outcome(desk, "alice", pin) == "verified"


def test_twice_gives_no_second_pin(desk: Desk) -> None:
    """The second import leaves verifier and version as they are."""
    content = as_csv([person("alice", pin=PIN)])
    taken(desk, content)
    before = desk.user("alice")
    result = taken(desk, content)
    assert result.done is not None
    assert result.done.pins == 0
    assert desk.user("alice") == before


@pytest.mark.parametrize("misses", [3, 6])
def test_counters_and_locks_stay(desk: Desk, misses: int) -> None:
    """Who has misses, however they came by them, has them still; a lock stays a lock."""
    desk.collected("alice")
    guess_wrong(desk, "alice", misses)
    desk.sql(
        "UPDATE users SET verifier = NULL, verify_key = NULL, sealed = NULL, portal_key = NULL, "
        "pin_set_at = NULL, pin_set_by = NULL, pin_version = 0"
    )
    before = desk.user("alice")
    taken(desk, as_csv([person("alice", name="Alice", pin=PIN)]))
    after = desk.user("alice")
    assert after.pin is not None
    assert after == before._replace(pin=after.pin, pin_version=1)
    assert outcome(desk, "alice", PIN) == ("locked" if misses == 6 else "verified")


@pytest.mark.parametrize("how", ["inactive", "ineligible"])
def test_a_pin_for_someone_who_is_off_already_is_a_bad_row(desk: Desk, how: str) -> None:
    """A user whom the store knows as inactive can't have a PIN if the file leaves it at that."""
    desk.add("alice")
    with desk.session() as session:
        people.set_active(session, "alice", active=False, reason=None)
    kind = "datapipe" if how == "ineligible" else "cloud"
    row = person("alice", name="Alice", type=kind, pin=PIN)
    result = taken(desk, as_csv([row]))
    assert result.columns == ["pin"]
    assert desk.user("alice").pin is None


def test_a_user_whom_the_row_activates_gets_the_pin(desk: Desk) -> None:
    """The row counts as a whole."""
    desk.add("alice")
    with desk.session() as session:
        people.set_active(session, "alice", active=False, reason=None)
    taken(desk, as_csv([person("alice", active="yes", pin=PIN)]))
    assert outcome(desk, "alice", PIN) == "verified"


def test_more_pins_than_one_transaction_takes_are_all_written(desk: Desk) -> None:
    """Several groups of them; each user gets their own."""
    rows = [person(f"u{n:03}", pin=f"{902_000 + n}") for n in range(0, 300, 2) if n % 100 > 40]
    result = taken(desk, as_csv(rows))
    assert result.done is not None
    assert result.done.pins == len(rows) > 64
    with desk.session() as session:
        for row in rows:
            assert pins.show(session, str(row["user"])).pin == row["pin"]


def test_no_event_holds_a_pin(desk: Desk) -> None:
    """Nor does the trail say more than that a PIN was set."""
    taken(desk, as_csv([person("alice", pin=PIN)]))
    events = desk.events()
    assert PIN not in repr(events)
    assert [event.kind for event in desk.events("alice")] == [
        EventKind.USER_ADDED,
        EventKind.PIN_CHANGED,
    ]


def test_a_withdrawn_pin_does_not_come_back_with_the_next_import(desk: Desk) -> None:
    """A PIN that was reset because others know it is not set again by the nightly file."""
    content = as_csv([person("alice", pin=PIN)])
    taken(desk, content)
    withdraw(desk, "alice")
    taken(desk, content)
    assert state_of(desk.user("alice")) is State.UNCOLLECTED
    assert outcome(desk, "alice", PIN) == "uncollected"
