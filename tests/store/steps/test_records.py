"""Steps about a user who was read before never change another user."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import pytest

from pincli.errors import Refused, Rule, StoreUnavailable
from pincli.models import Fault, NewPin, PinOrigin, User
from pincli.operations import pins
from pincli.store.contract import Store
from pincli.store.steps import attempts, people
from pincli.store.steps import pins as steps
from tests.store.attempting import last_number, with_counter
from tests.support.desk import Desk

Taken = Callable[[Store, User, NewPin], Any]
STEPS: dict[str, Taken] = {
    "collect": lambda s, u, new: s.write(steps.collect, u, new),
    "change": lambda s, u, new: s.write(steps.change, u, new),
    "renew": lambda s, u, new: s.write(steps.renew, u, new),
    "issue": lambda s, u, new: s.write(steps.issue, [(u, new)], unlock=True, reason="r"),
    "withdraw": lambda s, u, _: s.write(
        steps.withdraw, [u.id], unlock=True, reason="r", uids={u.id: u.uid}
    ),
    "deactivate": lambda s, u, _: s.write(
        people.set_active, [u.id], active=False, reason="r", uids={u.id: u.uid}
    ),
    "lock": lambda s, u, _: s.write(steps.lock, u, reason="r"),
    "unlock": lambda s, u, _: s.write(steps.unlock, u, reason="r"),
    "refuse": lambda s, u, _: s.write(steps.refuse, u, Refused(Rule.LOCKED, u.login)),
    "refuse unless locked": lambda s, u, _: s.write(steps.refuse_unless_locked, u),
    "note shown": lambda s, u, _: s.write(steps.note_shown, u),
    "refuse unless active": lambda s, u, _: s.write(attempts.refuse_unless_active, u, ticket=None),
    "finish": lambda s, u, _: s.write(attempts.finish, u),
}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_another_user_in_the_row_is_left_alone(desk: Desk, step: Taken) -> None:
    """If an older store was restored in between, the step is refused."""
    alice = with_counter(desk, 2)
    number = last_number(desk)
    with desk.session() as session:
        new = pins.prepare(session, alice, "234811", PinOrigin.GENERATED)
        stranger = alice._replace(uid=secrets.token_bytes(16))
        with pytest.raises(StoreUnavailable) as raised:
            step(session.store, stranger, new)
        assert raised.value.fault is Fault.REPLACED
        assert last_number(desk) == number
        step(session.store, alice, new)


def test_an_answer_for_another_user_in_the_row_is_not_charged(desk: Desk) -> None:
    """If an older store was restored in between, the question is asked again."""
    alice = with_counter(desk, 2)
    number = last_number(desk)
    with desk.session() as session:
        stranger = alice._replace(uid=secrets.token_bytes(16))
        for answer in (bytes(32), None):
            charged = session.store.write(attempts.charge, stranger, answer, ticket=None)
            assert charged is None
        assert last_number(desk) == number
