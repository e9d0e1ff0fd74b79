"""The database's functions do what store/steps/ and rules/lockout.py do, over every small state.

Each case has its own user. The records, events and results of the functions are compared with
those of the steps in memory.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import pytest

from pincli.errors import Refused
from pincli.models import (
    EventKind,
    Head,
    NewEvent,
    NewPin,
    Origin,
    PinOrigin,
    TrailEvent,
    User,
    UserType,
    Verdict,
)
from pincli.operations.verify import LEFT_OPEN
from pincli.rules import lockout
from pincli.rules.canonical import link_of, texts_digest
from pincli.rules.people import edited, switched
from pincli.rules.times import written
from pincli.store.postgresql.functions import LEFT_OPEN_SECONDS
from pincli.store.steps import attempts, calls, pins
from tests.store.postgresql import twin
from tests.store.postgresql.twin import (
    AT,
    BY,
    FIRST,
    QUESTION,
    RIGHT,
    TICKET,
    WITHOUT_PIN,
    WRONG,
    Call,
    Memory,
    Twin,
    call_all,
    user_of,
)
from tests.support.postgresql import Server
from tests.support.turns import todays

AN_HOUR_AGO = written(datetime.now(UTC) - timedelta(hours=1))
JUST_NOW = written(datetime.now(UTC))
NOW_OR_SOON = written(datetime.now(UTC) + timedelta(hours=1))


@pytest.fixture
def store(server: Server) -> Iterator[Twin]:
    """Make a store without users."""
    store = Twin(server.database(twin.make_store))
    yield store
    store.close()


def records() -> Iterator[dict[str, Any]]:
    """Yield every valid record: active x type x PIN x counter x open attempt, right or wrong."""
    pins: tuple[dict[str, Any], ...] = ({}, WITHOUT_PIN)
    flights = (None, RIGHT, WRONG)
    for active, kind, pin, counter, answer in itertools.product(
        (True, False), UserType, pins, range(7), flights
    ):
        if answer is not None and (counter == 0 or pin):
            continue
        fields = {"active": active, "type": kind, "failed_attempts": counter, **pin}
        fields |= {"locks_total": 2, "attempts_total": 9, "last_attempt_by": "eve"}
        if counter == 6 and answer is None:
            fields["locked_since"] = fields["last_locked_at"] = AT
        if answer is not None:
            fields |= in_flight(answer)
        yield fields


def in_flight(answer: bytes, *, at: str = AN_HOUR_AGO, number: int = 10**9) -> dict[str, Any]:
    """Return the columns of an attempt that another agent has left open."""
    return {
        "attempt": number,
        "attempt_answer": lockout.check_of(answer),
        "attempt_at": at,
        "attempt_agent": "eve",
        "attempt_command": "desk",
        "attempt_ticket": TICKET,
    }


class Compared:
    """Compares calls, in order, with the steps in memory."""

    def __init__(self, store: Twin, head: Head) -> None:
        self._trail = store.events()
        self._texts = store.texts()
        self._head = head

    def taken(self, memory: Memory, step: Callable[[Memory], Any], reply: Any) -> tuple[Any, bool]:
        """Run the step for a call; the events must be the same.

        Returns:
            The step's result, and whether it recorded a lock.
        """
        head = Head(reply.head_number, reply.head_link)
        events = self._trail[self._head.number : head.number]
        memory.head = self._head
        memory.at = events[0].at if events else AT
        before = len(memory.events)
        returned = step(memory)
        expected = memory.events[before:]
        assert [plain(event) for event in events] == [plain(event) for event in expected]
        assert {event.at for event in events} <= {memory.at}
        for event, wanted in zip(events, expected, strict=True):
            assert (event.texts is None) == (wanted.texts is None)
        self._head = head
        return returned, any(event.kind == EventKind.LOCKED for event in events)

    def finish(self) -> None:
        """Require every link and digest of texts to be what Python computes."""
        previous = FIRST.link
        for event in self._trail:
            previous = link_of(previous, event)
            assert event.link == previous
            if event.texts is not None:
                assert event.texts == texts_digest(self._texts[event.number])
        assert self._head == Head(self._trail[-1].number, previous)


def plain(event: TrailEvent) -> TrailEvent:
    """Return an event without its random parts."""
    return event._replace(texts=None, link=b"")


class Case(NamedTuple):
    """A record, the record that was asked, the answer and the nonce."""

    user: User
    asked: User
    answer: bytes | None
    nonce: UUID


ASKS: Sequence[tuple[bytes | None, dict[str, Any]]] = (
    (RIGHT, {}),
    (WRONG, {}),
    (None, {}),
    (RIGHT, {"pin_version": 2}),
    (RIGHT, {"question": f"{QUESTION}2"}),
)


def test_charge_and_settle_in_every_state(store: Twin) -> None:
    """Record, events and outcome are those of the steps, for every record and answer."""
    small = list(itertools.product(records(), ASKS))
    users = store.put(user_of(row, **fields) for row, (fields, _) in enumerate(small, 1))
    cases = [
        Case(user, user._replace(**stale) if user.question else user, answer, uuid4())
        for user, (_, (answer, stale)) in zip(users, small, strict=True)
    ]
    assert len(cases) == 1300
    head = store.head()
    replies = call_all(store.desk, itertools.chain.from_iterable(map(one_flight, cases)))
    compared = Compared(store, head)
    after = store.users(users)
    for case, now, charge, settle in zip(cases, after, replies[::2], replies[1::2], strict=True):
        memory = Memory(case.user, head)
        charging = partial(attempts.charge, asked=case.asked, answer=case.answer, ticket=TICKET)
        charged, _ = compared.taken(memory, charging, charge)
        if isinstance(charged, attempts.Charged):
            assert (charge.attempt, charge.outcome) == (charged.number, None)
            settling = partial(attempts.settle, charged=charged)
            verdict, locked = compared.taken(memory, settling, settle)
            require_verdict(verdict, locked, settle)
        else:
            word = charged.outcome.value if charged else None
            assert (charge.attempt, charge.outcome, settle.outcome) == (None, word, None)
        assert now == memory.user
    compared.finish()


def one_flight(case: Case) -> tuple[Call, Call]:
    charging = twin.charge(case.asked, case.answer, case.nonce)
    return charging, twin.settle(case.user, case.nonce)


def require_verdict(verdict: Verdict, locked: bool, reply: Any) -> None:
    """Require this verdict from settle; check and proof come only with a yes."""
    assert (reply.outcome, reply.state) == (verdict.outcome.value, verdict.state.value)
    assert reply.locked == locked
    yes = verdict.outcome == "verified"
    proof = (verdict.user.pin_check, verdict.user.pin_proof) if yes else (None, None)
    assert (reply.pin_check, reply.pin_proof) == proof


def test_a_refusal_in_every_state(store: Twin) -> None:
    """`record` ends the open attempt, and records a refusal where the state is not `active`."""
    users = store.put(user_of(row, **fields) for row, fields in enumerate(records(), 1))
    head = store.head()
    replies = call_all(store.desk, map(twin.record, users))
    compared = Compared(store, head)
    refusing = partial(attempts.refuse_unless_active, ticket=TICKET)
    for user, now, refusal in zip(users, store.users(users), replies, strict=True):
        memory = Memory(user, head)
        verdict, locked = compared.taken(memory, partial(refusing, asked=user), refusal)
        expected = (verdict.outcome.value, verdict.state.value) if verdict else (None, "active")
        assert (refusal.outcome, refusal.state) == expected
        assert refusal.locked == locked
        assert now == memory.user
    compared.finish()


def test_an_attempt_that_was_left_open_in_every_state(store: Twin) -> None:
    """`finish` ends an attempt that has been open for ten seconds, with its own outcome."""
    assert timedelta(seconds=LEFT_OPEN_SECONDS) == LEFT_OPEN
    users = store.put(user_of(row, **fields) for row, fields in enumerate(records(), 1))
    young = store.put([user_of(1000, failed_attempts=1, **in_flight(RIGHT, at=NOW_OR_SOON))])
    head = store.head()
    replies = call_all(store.desk, map(twin.finish, users + young))
    compared = Compared(store, head)
    after = store.users(users + young)
    for user, now, finished in zip(users, after, replies, strict=False):
        memory = Memory(user, head)
        _, locked = compared.taken(memory, partial(attempts.finish, asked=user), finished)
        assert finished.locked == locked
        assert now == memory.user
    assert after[-1] == young[0]
    compared.finish()


def test_a_lock_by_hand_in_every_state(store: Twin) -> None:
    """`lock` ends the open attempt without a *verified*, and locks the user."""
    users = store.put(user_of(row, **fields) for row, fields in enumerate(records(), 1))
    head = store.head()
    replies = call_all(store.desk, map(twin.lock, users))
    compared = Compared(store, head)
    for user, now, reply in zip(users, store.users(users), replies, strict=True):
        memory = Memory(user, head)
        locking = partial(pins.lock, asked=user, reason="odd")
        (_, changed), _ = compared.taken(memory, locking, reply)
        grown = memory.user.locks_total > user.locks_total
        assert (reply.changed, reply.locked) == (changed, grown)
        assert now == memory.user
        assert now.failed_attempts == 6
    compared.finish()
    assert {texts.reason for texts in store.texts().values() if not texts.ticket} == {"odd"}


CALLS: tuple[dict[str, Any], ...] = (
    {},
    {"call_agent": "mia", "call_ref": TICKET, "call_since": JUST_NOW},
    {"call_agent": "eva", "call_ref": None, "call_since": JUST_NOW},
    {"call_agent": "mia", "call_ref": TICKET, "call_since": AN_HOUR_AGO},
    {"call_agent": "eva", "call_ref": TICKET, "call_since": NOW_OR_SOON},
)


def test_a_call_in_every_state(store: Twin) -> None:
    """`call` ends the open attempt, and begins, ends or refuses to end a call."""
    orders = ((False, False), (True, False), (True, True))
    small = todays([*itertools.product(records(), CALLS, orders)])
    users = store.put(user_of(row, **case[0], **case[1]) for row, case in enumerate(small, 1))
    head = store.head()
    replies = call_all(
        store.desk,
        [
            twin.calling(user, ends=ends, any_agents=any_agents)
            for user, (_, _, (ends, any_agents)) in zip(users, small, strict=True)
        ],
    )
    compared = Compared(store, head)
    for user, case, now, reply in zip(users, small, store.users(users), replies, strict=True):
        ends, any_agents = case[2]
        memory = Memory(user, head)
        step = (
            partial(calls.end, any_agents=any_agents) if ends else partial(calls.begin, ref=TICKET)
        )
        result, locked = compared.taken(memory, partial(step, asked=user), reply)
        word: str | None = "call_begun"
        if ends:
            is_refused = isinstance(result, Refused)
            word = "call_of_another" if is_refused else "call_ended" if result[1] else None
        assert (reply.outcome, reply.locked) == (word, locked)
        assert now == memory.user
    compared.finish()


def test_refusals_about_no_user(store: Twin) -> None:
    """`record` takes unknown names and refused commands."""
    names = ["bob'; DROP", "", "%s ? \\ \" '", "жук 🔑", "x" * 500]
    refusals = [
        NewEvent(EventKind.REFUSED, name=name, outcome="unknown_user", ticket=TICKET)
        for name in names
    ]
    refusals.append(NewEvent(EventKind.REFUSED, outcome="role"))
    head = store.head()
    replies = call_all(
        store.desk,
        [
            twin.record(None, name=event.name, outcome=event.outcome, ticket=event.ticket)
            for event in refusals
        ],
    )
    compared = Compared(store, head)
    for event, reply in zip(refusals, replies, strict=True):
        memory = Memory(user_of(1), head)
        compared.taken(memory, partial(Memory.save, events=[event]), reply)
        assert (reply.outcome, reply.state, reply.locked) == (event.outcome, None, None)
    compared.finish()
    texts = [(row.name, row.ticket) for row in store.texts().values()]
    assert texts == [(name, TICKET) for name in names]


def test_the_same_bytes_for_awkward_texts(store: Twin) -> None:
    """The functions and Python digest awkward texts alike."""
    awkward = ("", " ", "'", '"', "\\", "\\x00", "%s", "?", "$1", "{}", "NULL", "ß", "🔑🧑‍🦽", "é",
               "a\nb\tc\r", "\x7f\x01", "ab" * 70, "к" * 200, "\ufeff", "\U0010ffff")  # fmt: skip
    users = [
        user_of(row, display_name=text, email=text, question=text or "q", verify_key=text)
        for row, text in enumerate(awkward, 1)
    ]
    users.append(user_of(99, pin_version=2**62, attempts_total=2**62, blind=b"", pin_proof=b""))
    users = store.put(users)
    origins = [Origin(text, text) for text in awkward] + [Origin("mia", "verify")]
    nonces = [uuid4() for _ in users]
    calls = [
        twin.charge(user, nonce=nonce, by=by, ticket=by.agent)
        for user, nonce, by in zip(users, nonces, origins, strict=True)
    ]
    head = store.head()
    replies = call_all(store.desk, calls)
    compared = Compared(store, head)
    for user, now, by, reply in zip(users, store.users(users), origins, replies, strict=True):
        memory = Memory(user, head, origin=by)
        charging = partial(attempts.charge, asked=user, answer=WRONG, ticket=by.agent)
        compared.taken(memory, charging, reply)
        assert now == memory.user
        assert now.event == reply.attempt
    compared.finish()


# Another process ends the attempt between charge and settle.


def edit(user: User, **fields: Any) -> lockout.Step:
    kept = {"account": user.account, "display_name": user.display_name, "email": user.email}
    return edited(user, **{**kept, **fields})


def new_pin(user: User) -> NewPin:
    return NewPin("q2", b"c2", b"p2", "v", b"s2", "p", PinOrigin.CUSTOMER, user.pin_version + 1)


CHANGES: dict[str, tuple[bool, lockout.Change]] = {
    "ended by another process": (False, lambda _: ()),
    "locked by hand": (True, lambda user: lockout.locked_by_hand(user, reason="odd", at=AT)),
    "withdrawn": (True, lambda user: lockout.withdrawn(user, unlock=False, reason=None)),
    "reset and unlocked": (True, lambda user: lockout.withdrawn(user, unlock=True, reason="r")),
    "issued": (
        True,
        lambda user: lockout.issued(user, new_pin(user), unlock=True, reason=None, at=AT),
    ),
    "changed": (True, lambda user: lockout.changed(user, new_pin(user), at=AT)),
    "deactivated": (True, lambda user: switched(user, active=False, reason=None)),
    "made ineligible": (True, lambda user: edit(user, type=UserType.DATAPIPE)),
    "renamed": (False, lambda user: edit(user, display_name="Bo")),
    "unlocked": (False, lambda user: lockout.unlocked(user, reason="r")),
}
FURTHER: dict[str, lockout.Change] = {
    "": lambda _: (),
    "then locked by hand": lambda user: lockout.locked_by_hand(user, reason="odd", at=AT),
    "then withdrawn": lambda user: lockout.withdrawn(user, unlock=True, reason=None),
    "then changed": lambda user: lockout.changed(user, new_pin(user), at=AT),
    "then deactivated": lambda user: switched(user, active=False, reason=None),
}


def test_an_attempt_that_somebody_else_has_ended(store: Twin) -> None:
    """After every change by another process, settle returns what the steps return."""
    small = list(itertools.product((0, 2, 5), (RIGHT, WRONG), CHANGES.values(), FURTHER.values()))
    users = store.put(user_of(row, failed_attempts=case[0]) for row, case in enumerate(small, 1))
    nonces = [uuid4() for _ in users]
    head = store.head()
    charging = [
        twin.charge(user, case[1], nonce)
        for user, case, nonce in zip(users, small, nonces, strict=True)
    ]
    replies = call_all(store.desk, charging)
    compared = Compared(store, head)
    memories, pending = [], []
    for user, case, charge in zip(users, small, replies, strict=True):
        memory = Memory(user, head)
        step = partial(attempts.charge, asked=user, answer=case[1], ticket=TICKET)
        charged, _ = compared.taken(memory, step, charge)
        memories.append(memory)
        pending.append(charged)
    for memory, (_, _, (withdraws, change), further) in zip(memories, small, strict=True):
        memory.at, memory.head, memory.origin = AT, store.head(), Origin("ada", "reset")
        ended, _ = lockout.ended_first(memory.user, change, withdraws=withdraws, at=AT)
        memory.save(ended)
        memory.save(lockout.ended_first(memory.user, further, withdraws=True, at=AT)[0])
        store.write(memory.saved[-2:])
        memory.origin = BY
    head = store.head()
    settling = [twin.settle(user, nonce) for user, nonce in zip(users, nonces, strict=True)]
    replies = call_all(store.desk, settling)
    compared = Compared(store, head)
    words = set()
    for memory, charged, now, settle in zip(
        memories, pending, store.users(users), replies, strict=True
    ):
        ending = partial(attempts.settle, charged=charged)
        verdict, locked = compared.taken(memory, ending, settle)
        require_verdict(verdict, locked, settle)
        assert now == memory.user
        words.add(settle.outcome)
    assert words == {"verified", "incorrect", "locked", "uncollected", "inactive", "ineligible"}
    compared.finish()


def test_a_nonce_is_forgotten_after_a_day(store: Twin) -> None:
    """Then the same user's next charge removes it, and no other nonce."""
    alice, bob = store.put([user_of(1), user_of(2)])

    def charged(user: User, hours_later: int = 0) -> UUID:
        age = f"UPDATE pincli.nonces SET at = at - interval '{hours_later} hours'"
        store.admin.execute(age.encode())
        nonce = uuid4()
        call_all(store.desk, [twin.charge(user, nonce=nonce), twin.settle(user, nonce)])
        return nonce

    def kept() -> set[UUID]:
        return {nonce for (nonce,) in store.admin.execute("SELECT nonce FROM pincli.nonces")}

    oldest, of_bob = charged(alice), charged(bob)
    next_day = charged(alice, 23)
    assert kept() == {oldest, of_bob, next_day}
    assert kept() - {oldest} | {charged(alice, 2)} == kept()
