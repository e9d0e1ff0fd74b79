"""The lockout table over every small record, against a second formulation of DESIGN.md 2.4 and 2.5.

The formulation below knows no `User` and no step: a record is eight facts, and each event a
line of the table. Then every record that events can reach is walked, in any order of events.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import product
from typing import NamedTuple

import pytest

from pincli.errors import AttemptOpen, NoPinPossible, Refused
from pincli.models import NewPin, Origin, PinOrigin, State, User, UserType
from pincli.rules import lockout
from pincli.rules.lockout import ATTEMPTS_ALLOWED, TYPES_WITH_PINS, is_locked, state_from, state_of
from pincli.rules.people import edited, switched

AT = "2026-11-24T13:05:00Z"
BEFORE = "2026-11-20T08:00:00Z"
ATTEMPT = 41
BY = Origin("mia", "verify")
RIGHT, WRONG = b"right", b"wrong"
EITHER = (False, True)


class Facts(NamedTuple):
    """What of a record the table is about.

    Attributes:
        flight: The answer of the attempt that is open: `right`, `wrong`, or empty.
    """

    counter: int
    flight: str
    pin: bool
    version: int
    active: bool
    eligible: bool

    @property
    def six(self) -> bool:
        """Locked: a sixth answer in flight is not a lock yet."""
        return self.counter == 6 and not self.flight

    @property
    def state(self) -> str:
        if not self.active:
            return "inactive"
        if not self.eligible:
            return "ineligible"
        if self.six:
            return "locked"
        return "active" if self.pin else "uncollected"


# A PIN needs an active user of a type with PINs. An attempt is open only in a record as it was
# charged: with a PIN, and counted.
EVERY = [
    Facts(counter, flight, pin, 3, active, eligible)
    for counter in range(7)
    for flight in ("", "right", "wrong")
    for pin, active, eligible in product(EITHER, EITHER, EITHER)
    if (not pin or (active and eligible)) and (not flight or (counter and pin))
]

Expected = tuple[Facts, list[str]]


class No(Exception):
    """The table refuses an event, with this word."""


def charge(facts: Facts, answer: str) -> Expected:
    if facts.flight or facts.state != "active":
        raise No("bug")
    return facts._replace(counter=facts.counter + 1, flight=answer), ["attempt"]


def settle(facts: Facts) -> Expected:
    closed = facts._replace(flight="")
    if not facts.flight:
        return facts, []
    if facts.flight == "right":
        return closed._replace(counter=0), ["verified"]
    return closed, ["incorrect", *(["locked"] if closed.six else [])]


def lock(facts: Facts) -> Expected:
    return (facts, []) if facts.six else (facts._replace(counter=6), ["locked_by_hand"])


def unlock(facts: Facts) -> Expected:
    if not facts.six:
        raise No("not_locked")
    return facts._replace(counter=0), ["unlocked"]


def bare(facts: Facts) -> Facts:
    return facts._replace(pin=False, version=facts.version + 1)


def reset(facts: Facts, *, unlocking: bool = False, issuing: bool = False) -> Expected:
    if issuing and not (facts.active and facts.eligible):
        raise No(facts.state)
    released = facts.six and unlocking
    kept = facts.six and not unlocking
    after = facts if kept else facts._replace(counter=0)
    kinds = ["unlocked"] if released else []
    if issuing:
        after = after._replace(pin=True, version=facts.version + 1)
        return after, [*kinds, "pin_generated"]
    if facts.pin:
        return bare(after), [*kinds, "pin_withdrawn"]
    return after, [*kinds, *(["reset"] if after != facts else [])]


def look(facts: Facts) -> Expected:
    if not (facts.active and facts.eligible):
        raise No(facts.state)
    return facts._replace(pin=True, version=facts.version + 1), ["pin_generated"]


def choose(facts: Facts) -> Expected:
    if not (facts.active and facts.eligible):
        raise No(facts.state)
    if facts.six:
        raise No("locked")
    return facts._replace(pin=True, counter=0, version=facts.version + 1), ["pin_changed"]


def switch(facts: Facts, *, on: bool) -> Expected:
    if facts.active == on:
        return facts, []
    after, kinds = facts._replace(active=on), ["activated" if on else "deactivated"]
    return (bare(after), [*kinds, "pin_withdrawn"]) if after.pin and not on else (after, kinds)


def retype(facts: Facts, *, eligible: bool) -> Expected:
    after = facts._replace(eligible=eligible)
    kinds = ["user_updated"] if after != facts else []
    return (
        (bare(after), [*kinds, "pin_withdrawn"]) if after.pin and not eligible else (after, kinds)
    )


def erase(facts: Facts) -> Expected:
    if facts.active:
        raise No("still_active")
    return facts, ["erased"]


Formula = Callable[[Facts], Expected]


class Line(NamedTuple):
    """An event of the table: by the formulation, by the program, and what it does to the PIN."""

    formula: Formula
    program: lockout.Change
    withdraws: bool


GENERATED = NewPin("q2", b"", b"p", "vkey", b"s", "pkey", PinOrigin.GENERATED, 4)
CHOSEN = GENERATED._replace(set_by=PinOrigin.CUSTOMER)


TABLE = {
    "lock": Line(lock, partial(lockout.locked_by_hand, reason="smells", at=AT), True),
    "unlock": Line(unlock, partial(lockout.unlocked, reason="asked"), False),
    **{
        f"reset{'-unlock' * unlocking}": Line(
            partial(reset, unlocking=unlocking),
            partial(lockout.withdrawn, unlock=unlocking, reason="attack"),
            True,
        )
        for unlocking in EITHER
    },
    **{
        f"issue{'-unlock' * unlocking}": Line(
            partial(reset, unlocking=unlocking, issuing=True),
            partial(lockout.issued, pin=GENERATED, unlock=unlocking, reason=None, at=AT),
            True,
        )
        for unlocking in EITHER
    },
    "first-look": Line(look, partial(lockout.collected, pin=GENERATED, at=AT), False),
    "choice": Line(choose, partial(lockout.changed, pin=CHOSEN, at=AT), True),
    "deactivate": Line(
        partial(switch, on=False), partial(switched, active=False, reason=None), True
    ),
    "activate": Line(partial(switch, on=True), partial(switched, active=True, reason=None), False),
    "erase": Line(erase, lockout.erased, True),
    "ineligible": Line(
        partial(retype, eligible=False), partial(edited, type=UserType.DATAPIPE), True
    ),
    "eligible": Line(partial(retype, eligible=True), partial(edited, type=UserType.CLOUD), False),
}


def taken(facts: Facts, line: Line) -> tuple[Facts, list[str], str]:
    """A change by the formulation: the open attempt ends first. Gives the refusal's word too."""
    first, ending = settle(facts)
    try:
        after, kinds = line.formula(first)
    except No as refusal:
        return first, ending, str(refusal)
    if facts.flight == "right" and line.withdraws:
        ending = ["refused"]
    return after, [*ending, *kinds], ""


def run(facts: Facts, line: Line) -> tuple[Facts, list[str], str]:
    """The same by the program."""
    user = record(facts)
    step, refusal = lockout.ended_first(user, line.program, withdraws=line.withdraws, at=AT)
    word = ""
    if isinstance(refusal, NoPinPossible):
        word = refusal.state.value
    elif isinstance(refusal, Refused):
        word = refusal.rule.name.lower()
    return facts_of(lockout.after(user, step)), [each.kind.value for each in step], word


@pytest.mark.parametrize("event", TABLE)
def test_every_change_of_every_small_record(event: str) -> None:
    """Facts, events and refusals are those of the second formulation."""
    for facts in EVERY:
        assert run(facts, TABLE[event]) == taken(facts, TABLE[event]), facts


def test_every_end_of_an_attempt() -> None:
    """A right answer verifies and clears the counter; a wrong one stays counted, and six locks."""
    for facts in EVERY:
        user = record(facts)
        step = lockout.finished(user, at=AT)
        found = facts_of(lockout.after(user, step)), [each.kind.value for each in step]
        assert found == settle(facts), facts


def test_every_charge() -> None:
    """A charge adds one and opens an attempt; if it is not allowed, it raises a bug."""
    for facts, answer in product(EVERY, ("right", "wrong")):
        user = record(facts)
        try:
            expected: Expected | None = charge(facts, answer)
        except No:
            expected = None
        if expected is None:
            with pytest.raises(AttemptOpen):
                charged(user, answer)
        else:
            (event,) = charged(user, answer)
            assert event.user is not None
            assert (facts_of(event.user), [event.kind.value]) == expected


def test_in_any_order_of_events_at_most_six_are_charged() -> None:
    """Every reachable record has at most six charges between two clears, and a lock holds."""
    seen: set[tuple[Facts, int]] = set()
    todo = [(Facts(0, "", True, 1, True, True), 0)]
    while todo:
        facts, charges = todo.pop()
        key = facts._replace(version=1), charges
        if key in seen:
            continue
        seen.add(key)
        assert 0 <= facts.counter <= 6
        assert charges <= 6
        assert charges <= facts.counter
        assert not (facts.flight and facts.state != "active")
        following: list[Facts] = [settle(facts)[0]]
        for answer in ("right", "wrong"):
            try:
                following.append(charge(settle(facts)[0], answer)[0])
            except No:
                assert settle(facts)[0].state != "active"
        for name, line in TABLE.items():
            after = taken(facts, line)[0]
            following.append(after)
            if facts.six and "unlock" not in name:
                assert after.six, name
        for after in following:
            charged_now = bool(after.flight)
            cleared = after.counter == 0 or (charged_now and settle(facts)[0].counter == 0)
            todo.append((after, (0 if cleared else charges) + charged_now))
    assert len(seen) > 50


@pytest.mark.parametrize("event", [name for name, line in TABLE.items() if line.withdraws])
def test_nobody_is_verified_by_a_pin_that_the_same_step_withdraws(event: str) -> None:
    """A right answer in flight is refused, unless the change itself is refused."""
    for facts in EVERY:
        _, kinds, refusal = run(facts, TABLE[event])
        assert refusal or "verified" not in kinds, facts


def test_every_step_keeps_the_counter_within_its_bounds() -> None:
    """Every record in every step keeps the bounds of the table's CHECKs."""
    for facts, line in product(EVERY, TABLE.values()):
        step, _ = lockout.ended_first(record(facts), line.program, withdraws=line.withdraws, at=AT)
        for each in step:
            assert each.user is not None
            assert 0 <= each.user.failed_attempts <= ATTEMPTS_ALLOWED
        left = lockout.after(record(facts), step)
        assert (left.locked_since is not None) == is_locked(left)
        assert (left.attempt, left.attempt_answer, left.attempt_ticket) == (None, None, None)


def test_totals_count_each_lock_once() -> None:
    """The totals that no unlock erases grow with the events of a lock."""
    for facts, line in product(EVERY, TABLE.values()):
        user = record(facts)
        step, _ = lockout.ended_first(user, line.program, withdraws=line.withdraws, at=AT)
        kinds = [each.kind.value for each in step]
        locks = kinds.count("locked") + kinds.count("locked_by_hand")
        after = lockout.after(user, step)
        assert after.locks_total - user.locks_total == locks
        assert after.attempts_total == user.attempts_total
        assert (after.last_locked_at == AT) == bool(locks)


def test_an_outcome_carries_the_attempts_own_agent_and_ticket() -> None:
    """The outcome has the attempt's agent and ticket, even if another process ends it."""
    (event,) = charged(record(Facts(0, "", True, 3, True, True)), "right")
    assert event.user is not None
    assert (event.user.attempts_total, event.ticket) == (10, "T-1")
    assert (event.user.last_attempt_at, event.user.last_attempt_by) == (AT, "mia")
    (verified,) = lockout.finished(event.user, at=AT)
    assert verified.user is not None
    assert (verified.user.last_verified_at, verified.user.last_verified_by) == (AT, "mia")
    assert (verified.attempt, verified.outcome) == (ATTEMPT, "verified")
    assert (verified.origin, verified.ticket) == (BY, "T-1")


def test_a_withdrawn_pin_is_barred_until_the_customer_chooses() -> None:
    """Every withdrawal bars the PIN, and only the customer's choice ends the bar."""
    user = record(Facts(0, "", True, 3, True, True))
    gone = lockout.after(user, lockout.withdrawn(user, unlock=False, reason=None))
    assert (gone.barred_question, gone.barred_check, gone.barred_key, gone.barred_version) == (
        *(user.question, user.pin_check, user.verify_key),
        3,
    )
    looked = lockout.after(gone, lockout.collected(gone, GENERATED, at=AT))
    assert looked.barred_question == user.question
    chosen = lockout.after(looked, lockout.changed(looked, CHOSEN, at=AT))
    assert (chosen.barred_question, chosen.barred_version) == (None, None)


def test_erasing_leaves_nothing_that_names_a_person() -> None:
    """Login, name, e-mail, blind, call and every PIN are gone; counter and totals stay."""
    user = record(Facts(6, "", False, 3, False, True))._replace(
        email="a@x", barred_question="q", barred_check=b"c", call_agent="mia", call_ref="T-1"
    )
    gone = lockout.after(user, lockout.erased(user))
    assert gone == record(Facts(6, "", False, 3, False, True))._replace(
        login=f"erased-{user.uid.hex()}", display_name="", email=None, blind=None
    )
    assert lockout.erased(gone) == ()
    for change in (partial(switched, active=True, reason=None), partial(edited, login="alice")):
        with pytest.raises(Refused):
            change(gone)


def test_six_attempts_are_allowed() -> None:
    """The number is six, everywhere in the program and its texts."""
    assert ATTEMPTS_ALLOWED == 6
    assert [lockout.attempts_left(counter) for counter in range(8)] == [6, 5, 4, 3, 2, 1, 0, 0]


WITHOUT_PINS = ("cloud-office", "datapipe")


def test_three_types_have_pins() -> None:
    """Only users of type cloud, dedicated and federated have one."""
    assert {kind.value for kind in TYPES_WITH_PINS} == {"cloud", "dedicated", "federated"}
    assert {kind.value for kind in UserType} - {kind.value for kind in TYPES_WITH_PINS} == set(
        WITHOUT_PINS
    )


@pytest.mark.parametrize(
    ("active", "kind", "locked", "has_pin"),
    list(product((True, False), UserType, (True, False), (True, False))),
)
def test_every_combination_has_the_state_of_the_table(
    active: bool, kind: UserType, locked: bool, has_pin: bool
) -> None:
    """The first matching row of DESIGN.md's table is the state."""
    table = [
        ("inactive", not active),
        ("ineligible", kind.value in WITHOUT_PINS),
        ("locked", locked),
        ("uncollected", not has_pin),
        ("active", True),
    ]
    expected = next(word for word, matches in table if matches)
    got = state_from(active=active, user_type=kind, locked=locked, has_pin=has_pin)
    assert got is State(expected)


@pytest.mark.parametrize("counter", range(7))
@pytest.mark.parametrize("attempt", [None, 7])
def test_locked_is_six_and_no_attempt_in_flight(counter: int, attempt: int | None) -> None:
    """A sixth answer in flight is not a lock yet: it may be the right one."""
    user = User(1, b"", b"", "acme", "alice", "", None, UserType.CLOUD, True, "t")
    user = user._replace(failed_attempts=counter, attempt=attempt)
    assert is_locked(user) is (counter == 6 and attempt is None)


def charged(user: User, answer: str) -> lockout.Step:
    """A charge with a right or a wrong answer."""
    check = lockout.check_of(RIGHT if answer == "right" else WRONG)
    return lockout.charged(user, check, number=ATTEMPT, by=BY, ticket="T-1", at=AT)


def record(facts: Facts) -> User:
    """A record with these facts."""
    user = User(
        id=1,
        uid=b"u" * 16,
        blind=b"b" * 16,
        account="acme",
        login="alice",
        display_name="Alice",
        email=None,
        type=UserType.CLOUD if facts.eligible else UserType.DATAPIPE,
        active=facts.active,
        added_at=BEFORE,
        pin_version=facts.version,
        failed_attempts=facts.counter,
        locked_since=BEFORE if facts.six else None,
        last_locked_at=BEFORE if facts.six else None,
        locks_total=2,
        attempts_total=9,
    )
    if facts.pin:
        user = user._replace(
            question="q1",
            pin_check=lockout.check_of(RIGHT),
            pin_proof=b"p",
            verify_key="vkey",
            sealed=b"s",
            portal_key="pkey",
            pin_set_at=BEFORE,
            pin_set_by=PinOrigin.GENERATED,
        )
    if facts.flight:
        user = user._replace(
            attempt=ATTEMPT,
            attempt_answer=lockout.check_of(RIGHT if facts.flight == "right" else WRONG),
            attempt_at=BEFORE,
            attempt_agent="mia",
            attempt_command="verify",
            attempt_ticket="T-1",
        )
    return user


def facts_of(user: User) -> Facts:
    """The facts of a record."""
    flight = ""
    if user.attempt is not None:
        flight = "right" if user.attempt_answer == user.pin_check else "wrong"
    facts = Facts(
        user.failed_attempts,
        flight,
        user.question is not None,
        user.pin_version,
        user.active,
        user.type is UserType.CLOUD,
    )
    assert state_of(user).value == facts.state
    return facts
