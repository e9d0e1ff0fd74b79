"""The lockout table over every small record, against a second formulation of DESIGN.md 2.4.

The formulation below knows no `User` and no step: a record is seven facts, and each event a
line of the table.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import NamedTuple

import pytest

from pincli.errors import AttemptTakenOver, NoPinPossible, Refused
from pincli.models import NewPin, PinOrigin, StoredPin, User, UserType
from pincli.rules import lockout
from pincli.rules.states import ATTEMPTS_ALLOWED, is_locked

AT = "2026-11-24T13:05:00Z"
BEFORE = "2026-11-20T08:00:00Z"
ATTEMPT = 41


class Facts(NamedTuple):
    """What of a record the table is about."""

    counter: int
    noted: bool  # an event has recorded the present lock
    open: bool  # an attempt is in flight
    pin: bool
    version: int
    active: bool
    eligible: bool


EITHER = (False, True)
EVERY = [
    Facts(counter, noted, flight, pin, 3, active, eligible)
    for counter in range(7)
    for noted, flight, pin, active in product(EITHER, EITHER, EITHER, EITHER)
    for eligible in EITHER
    if not noted or counter == 6
]

Expected = tuple[Facts, list[str]] | str
"""The facts afterwards and the events' kinds; or the refusal's word."""


def six(facts: Facts) -> bool:
    return facts.counter == 6


def free(facts: Facts) -> Facts:
    return facts._replace(counter=0, noted=False)


def noting(facts: Facts, kinds: list[str]) -> Expected:
    """A lock is noted by an event of its own, once."""
    if six(facts) and not facts.noted:
        return facts._replace(noted=True), [*kinds, "locked"]
    return facts, kinds


def charge(facts: Facts) -> Expected:
    if facts.open or six(facts):
        return "taken over"
    return facts._replace(counter=facts.counter + 1, open=True), ["attempt"]


def settle(facts: Facts, *, right: bool, same_version: bool) -> Expected:
    if not facts.open:
        return "taken over"
    closed = facts._replace(open=False)
    if not facts.active or not facts.eligible or not facts.pin:
        kind = "refused"
    else:
        kind = "verified" if right and same_version else "incorrect"
    return (free(closed), [kind]) if right else noting(closed, [kind])


def abandon(facts: Facts) -> Expected:
    return noting(facts._replace(open=False), ["abandoned"]) if facts.open else (facts, [])


def lock_by_hand(facts: Facts) -> Expected:
    return noting(facts._replace(counter=6), [])


def unlock(facts: Facts) -> Expected:
    return (free(facts), ["unlocked"]) if six(facts) else "not locked"


def reset(facts: Facts, *, unlocking: bool) -> Expected:
    released = six(facts) and unlocking
    after = free(facts) if released or not six(facts) else facts
    if facts.pin:
        after = after._replace(pin=False, version=facts.version + 1)
        last = ["pin_withdrawn"]
    else:
        last = ["reset"] if after != facts else []
    return after, (["unlocked"] if released else []) + last


def issue(facts: Facts, *, unlocking: bool) -> Expected:
    if not facts.active or not facts.eligible:
        return "no pin possible"
    released = six(facts) and unlocking
    after = free(facts) if released or not six(facts) else facts
    after = after._replace(pin=True, version=facts.version + 1)
    return after, (["unlocked"] if released else []) + ["pin_generated"]


def collect(facts: Facts) -> Expected:
    if not facts.active or not facts.eligible:
        return "no pin possible"
    return facts._replace(pin=True, version=facts.version + 1), ["pin_generated"]


def choose(facts: Facts) -> Expected:
    if not facts.active or not facts.eligible:
        return "no pin possible"
    if six(facts):
        return "locked"
    return free(facts)._replace(pin=True, version=facts.version + 1), ["pin_changed"]


Formula = Callable[[Facts], Expected]
Program = Callable[[User], lockout.Step]


def settling(*, right: bool, version: int) -> Program:
    return lambda user: lockout.settled(
        user, attempt=ATTEMPT, version=version, matched=right, agent="mia", ticket=None, at=AT
    )


def new(origin: PinOrigin) -> NewPin:
    return NewPin("$new", "vkey", b"new", "pkey", origin, 4)


GENERATED, CHOSEN = new(PinOrigin.GENERATED), new(PinOrigin.CUSTOMER)


def resetting(*, unlock: bool) -> tuple[Formula, Program]:
    return (
        lambda facts: reset(facts, unlocking=unlock),
        lambda user: lockout.withdrawn(user, unlock=unlock, reason="attack"),
    )


def issuing(*, unlock: bool) -> tuple[Formula, Program]:
    return (
        lambda facts: issue(facts, unlocking=unlock),
        lambda user: lockout.issued(user, GENERATED, unlock=unlock, reason=None, at=AT),
    )


def answering(*, right: bool, version: int) -> tuple[Formula, Program]:
    return (
        lambda facts: settle(facts, right=right, same_version=version == facts.version),
        settling(right=right, version=version),
    )


TABLE: dict[str, tuple[Formula, Program]] = {
    "charge": (
        charge,
        lambda user: lockout.charged(user, number=ATTEMPT, agent="mia", ticket="T-1", at=AT),
    ),
    "right": answering(right=True, version=3),
    "wrong": answering(right=False, version=3),
    "right-of-old": answering(right=True, version=2),
    "wrong-of-old": answering(right=False, version=2),
    "abandon": (abandon, lambda user: lockout.abandoned(user, at=AT)),
    "lock": (lock_by_hand, lambda user: lockout.locked_by_hand(user, reason="smells", at=AT)),
    "unlock": (unlock, lambda user: lockout.unlocked(user, reason="asked")),
    "reset": resetting(unlock=False),
    "reset-unlock": resetting(unlock=True),
    "issue": issuing(unlock=False),
    "issue-unlock": issuing(unlock=True),
    "first-look": (collect, lambda user: lockout.collected(user, GENERATED, at=AT)),
    "choice": (choose, lambda user: lockout.changed(user, CHOSEN, at=AT)),
}


@pytest.mark.parametrize("event", TABLE)
def test_every_event_on_every_small_record(event: str) -> None:
    """Facts, events and refusals are those of the second formulation, for each of them."""
    formula, program = TABLE[event]
    for facts in EVERY:
        assert outcome(program, record(facts)) == formula(facts), facts


@pytest.mark.parametrize("event", TABLE)
def test_nothing_brings_the_counter_above_six_or_below_none(event: str) -> None:
    """The counter of every record in every step is within its bounds, and its event's own."""
    for facts in EVERY:
        try:
            step = TABLE[event][1](record(facts))
        except (Refused, AttemptTakenOver, NoPinPossible):
            continue
        for each in step:
            assert each.user is not None
            assert 0 <= each.user.failed_attempts <= ATTEMPTS_ALLOWED
            assert each.user.locked_since is None or is_locked(each.user.failed_attempts)


def test_only_a_release_lowers_a_counter_of_six() -> None:
    """Of all events only an unlock, and a right answer in flight, bring six to less."""
    lowering = {
        event
        for event, (formula, _) in TABLE.items()
        for facts in EVERY
        if six(facts) and isinstance(after := formula(facts), tuple) and not six(after[0])
    }
    assert lowering == {
        "unlock",
        "reset-unlock",
        "issue-unlock",
        "right",
        "right-of-old",
    }


def test_totals_count_each_attempt_and_each_lock_once() -> None:
    """The totals that no unlock erases go up by the events that say so."""
    for facts, (_, program) in product(EVERY, TABLE.values()):
        user = record(facts)
        try:
            step = program(user)
        except (Refused, AttemptTakenOver, NoPinPossible):
            continue
        kinds = [each.kind.value for each in step]
        after = lockout.after(user, step)
        assert after.attempts_total - user.attempts_total == kinds.count("attempt")
        assert after.locks_total - user.locks_total == kinds.count("locked")
        assert (after.last_locked_at == AT) == ("locked" in kinds)


def test_an_attempt_notes_who_took_it_and_its_ticket() -> None:
    """Charge and settle leave when and by whom, for the agent who looks next."""
    user = record(Facts(0, False, False, True, 3, True, True))
    (charged,) = TABLE["charge"][1](user)
    assert charged.user is not None
    assert (charged.user.last_attempt_at, charged.user.last_attempt_by) == (AT, "mia")
    assert charged.ticket == "T-1"
    (verified,) = settling(right=True, version=3)(charged.user)
    assert verified.user is not None
    assert (verified.user.last_verified_at, verified.user.last_verified_by) == (AT, "mia")
    assert (verified.attempt, verified.outcome) == (ATTEMPT, "verified")


def test_six_attempts_are_allowed() -> None:
    """The number is six; nothing else in the program or its texts may say another."""
    assert ATTEMPTS_ALLOWED == 6
    assert [lockout.attempts_left(counter) for counter in range(8)] == [6, 5, 4, 3, 2, 1, 0, 0]
    assert [is_locked(counter) for counter in range(8)] == [False] * 6 + [True] * 2


def record(facts: Facts) -> User:
    """A record with these facts."""
    pin = StoredPin("$old", "vkey", b"old", "pkey", BEFORE, PinOrigin.GENERATED)
    return User(
        id=1,
        login="alice",
        account="acme",
        display_name="Alice",
        type=UserType.CLOUD if facts.eligible else UserType.DATAPIPE,
        active=facts.active,
        added_at=BEFORE,
        pin=pin if facts.pin else None,
        pin_version=facts.version,
        failed_attempts=facts.counter,
        open_attempt=ATTEMPT if facts.open else None,
        locked_since=BEFORE if facts.noted else None,
        last_locked_at=BEFORE if facts.noted else None,
        last_attempt_at=None,
        last_attempt_by=None,
        last_verified_at=None,
        last_verified_by=None,
        locks_total=2,
        attempts_total=9,
    )


def outcome(program: Program, user: User) -> Expected:
    """What the program makes of a record, in the words of the formulation."""
    try:
        step = program(user)
    except AttemptTakenOver:
        return "taken over"
    except NoPinPossible:
        return "no pin possible"
    except Refused as refusal:
        return "not locked" if refusal.rule.name == "NOT_LOCKED" else "locked"
    after = lockout.after(user, step)
    facts = Facts(
        after.failed_attempts,
        after.locked_since is not None,
        after.open_attempt is not None,
        after.pin is not None,
        after.pin_version,
        after.active,
        after.type is UserType.CLOUD,
    )
    return facts, [each.kind.value for each in step]
