"""Replaying a trail: every step of the lockout table replays, and what is edited shows."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest

from pincli.errors import AttemptOpen
from pincli.models import EventKind, Head, Origin, TrailEvent, User
from pincli.rules import lockout
from pincli.rules.lockout import ATTEMPTS_ALLOWED
from pincli.rules.replay import Course, replayed
from pincli.store.changes import changes_of
from tests.rules.test_lockout import AT, ATTEMPT, EVERY, TABLE, Facts, charged, record

BEGINNINGS = (EventKind.USER_ADDED, EventKind.MIGRATED)


def steps() -> Iterator[tuple[str, User, lockout.Step]]:
    """Every step of every small record, with the record before it."""
    for facts in EVERY:
        user = record(facts)
        yield "end", user, lockout.finished(user, at=AT)
        for name, line in TABLE.items():
            step, _ = lockout.ended_first(user, line.program, withdraws=line.withdraws, at=AT)
            yield name, user, step
        for answer in ("right", "wrong"):
            try:
                yield f"charge-{answer}", user, charged(user, answer)
            except AttemptOpen:
                continue


STEPS = [(name, user, step) for name, user, step in steps() if step]


def begun(user: User) -> Course:
    """The course that leads to a record."""
    return Course(user.failed_attempts, user.attempt, ATTEMPT - 1, b"before")


def events_of(user: User, step: lockout.Step) -> list[TrailEvent]:
    """The events of a step as the trail has them."""
    head = Head(ATTEMPT - 1 if user.attempt is None else ATTEMPT, bytes(32))
    return changes_of(
        step, {user.uid: user}, head, next_row=0, at=AT, origin=Origin("mia", "verify")
    ).events


def replay(events: list[TrailEvent], course: Course | None) -> Course | str:
    """The course after these events; or what is wrong with the first bad one."""
    for event in events:
        result = replayed(event, course)
        if isinstance(result, str):
            return result
        course = result
    assert course is not None
    return course


def test_every_step_of_every_small_record_replays() -> None:
    """It ends at the record's counter, open attempt and event."""
    assert len(STEPS) > 300
    for name, user, step in STEPS:
        events = events_of(user, step)
        course = replay(events, begun(user))
        after = lockout.after(user, step)
        changed = [event for event in events if event.record is not None]
        assert isinstance(course, Course), (name, user.failed_attempts, course)
        assert (course.counter, course.attempt) == (after.failed_attempts, after.attempt)
        if changed:
            assert (course.changed, course.record) == (changed[-1].number, changed[-1].record)


def test_a_counter_put_back_between_two_events_shows() -> None:
    """It shows at the next event, unless that clears, withdraws or sets the counter."""
    unseen: set[str] = set()
    for name, user, step in STEPS:
        for counter in set(range(ATTEMPTS_ALLOWED + 1)) - {user.failed_attempts}:
            course = replay(events_of(user, step), begun(user)._replace(counter=counter))
            if not isinstance(course, str):
                unseen.add(name)
    assert not any("charge" in name for name in unseen)
    assert unseen <= {*TABLE, "end"}


def test_an_edited_counter_shows() -> None:
    """In every event of every step, except that a reset may have found the counter at 0."""
    for name, user, step in STEPS:
        events = events_of(user, step)
        for place, event in enumerate(events):
            before = begun(user).counter if place == 0 else events[place - 1].counter
            for counter in {*range(-1, ATTEMPTS_ALLOWED + 2), None} - {event.counter}:
                edited = [*events[:place], event._replace(counter=counter), *events[place + 1 :]]
                if isinstance(replay(edited, begun(user)), str):
                    continue
                assert event.kind in ("pin_withdrawn", "pin_generated"), (name, event, counter)
                assert counter in (0, before), (name, event, counter)


def test_an_outcome_of_another_attempt_or_of_none_shows() -> None:
    """An outcome ends the open attempt, and every outcome has its charge."""
    ends = 0
    for name, user, step in STEPS:
        events = events_of(user, step)
        if events[0].attempt is None:
            continue
        ends += 1
        for attempt in (None, ATTEMPT - 1, ATTEMPT + 1):
            edited = [events[0]._replace(attempt=attempt), *events[1:]]
            assert isinstance(replay(edited, begun(user)), str), (name, attempt)
        assert isinstance(replay(events, begun(user)._replace(attempt=None)), str), name
    assert ends > 50


def test_what_is_taken_out_between_charge_and_outcome_shows() -> None:
    """If a charge or an outcome is missing, the user's next event does not fit."""
    for facts in EVERY:
        if not facts.flight:
            continue
        user = record(facts)
        for name, line in TABLE.items():
            step, _ = lockout.ended_first(user, line.program, withdraws=line.withdraws, at=AT)
            without_end = events_of(user, step)[1:]
            if without_end and without_end[0].kind != "locked":
                assert isinstance(replay(without_end, begun(user)), str), (name, facts)


# A right answer that was refused leaves the same counter: their links tell them apart.
ALIKE = ({"verified", "refused"},)


def test_an_edited_kind_shows_where_it_makes_a_difference_to_the_counter() -> None:
    """No event can be turned into one that charges, ends, clears or locks by hand."""
    telling = {"attempt", "verified", "incorrect", "locked_by_hand", "unlocked"}
    for name, user, step in STEPS:
        events = events_of(user, step)
        for place, event in enumerate(events):
            for kind in {kind.value for kind in EventKind} - {event.kind}:
                edited = [*events[:place], event._replace(kind=kind), *events[place + 1 :]]
                course = replay(edited, begun(user))
                after = lockout.after(user, step)
                if isinstance(course, str) or course.attempt != after.attempt:
                    continue
                if {event.kind, kind} in ALIKE:
                    continue
                assert kind not in telling, (name, event.kind, kind)


@pytest.mark.parametrize("kind", [kind for kind in EventKind if kind is not EventKind.RESTORED])
def test_a_course_begins_once(kind: EventKind) -> None:
    """With the user's addition or migration, and these come only there."""
    (_, user, _), *_ = STEPS
    event = events_of(user, lockout.locked_by_hand(user, reason="", at=AT))[0]
    result = replayed(event._replace(kind=kind.value, counter=0), None)
    assert isinstance(result, Course) is (kind in BEGINNINGS)
    if kind in BEGINNINGS:
        assert isinstance(replayed(event._replace(kind=kind.value), Course()), str)


def test_a_restore_may_begin_a_course_and_never_lowers_a_counter() -> None:
    """It may be the first event of a user, and keeps the stricter counter."""
    (_, user, _), *_ = STEPS
    event = events_of(user, lockout.locked_by_hand(user, reason="", at=AT))[0]
    restored = event._replace(kind=EventKind.RESTORED.value)
    assert isinstance(replayed(restored._replace(counter=4), None), Course)
    for before, after in product(range(7), range(7)):
        result = replayed(restored._replace(counter=after), Course(before))
        assert isinstance(result, Course) is (after >= before)


def test_an_unknown_kind_or_a_missing_counter_shows() -> None:
    """An unknown kind of event, and a user's event without a counter."""
    (_, user, step), *_ = STEPS
    event = events_of(user, step)[0]
    assert isinstance(replayed(event._replace(kind="forgiven"), begun(user)), str)
    assert isinstance(replayed(event._replace(counter=None), begun(user)), str)


def test_a_record_that_changes_while_an_attempt_is_open_shows() -> None:
    """Every change ends the attempt first; only refusals and views leave it open."""
    open_, bare = (record(Facts(2, flight, True, 3, True, True)) for flight in ("right", ""))
    for name, line in TABLE.items():
        step, refusal = lockout.ended_first(bare, line.program, withdraws=True, at=AT)
        if refusal is None and step:
            events = events_of(bare, step)
            result = replay(events, begun(open_))
            assert isinstance(result, str), name
