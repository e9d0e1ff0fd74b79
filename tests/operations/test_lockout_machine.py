"""Anything that can happen to a PIN, in any order, on a real store, against a small model.

Two users, so that bulk work has several to reset. After every step both records are compared
with their models, read by plain SQL, and the trail is checked for the promise itself: at most
six attempts between two events that set the counter to 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from pincli.errors import MalformedPin, NoPinPossible, Refused, Rule
from pincli.models import PinOrigin, User
from pincli.operations import people, pins
from pincli.operations.locks import unlock
from pincli.operations.session import Session
from pincli.operations.trail_check import check_trail
from pincli.operations.verify import verify
from pincli.rules.lockout import state_of
from pincli.store.steps import attempts
from pincli.store.steps import pins as pin_steps
from tests.operations.lockout_model import SIX, Model
from tests.operations.lockout_stores import Open, Place, in_a_folder, on_a_server
from tests.operations.resetting import reset_named
from tests.support.postgresql import Server
from tests.support.replay import replay
from tests.support.served import ServedDesk, make_schema, served_desk
from tests.support.turns import EVERYTHING

NAMES = ("alice", "bob")
NEW_PIN = "987321"
ALLOWED_PINS = ("444159", "234811", "333197")
WRONG = ("121212", "789012", "000000", "123456")
MALFORMED = ("", "44415", "4441590", "44415a", "\uff14\uff14\uff14\uff11\uff15\uff19", "444159\n")
FORBIDDEN = {"000000": Rule.REPEATED_DIGITS, "987654": Rule.DIGIT_SEQUENCE}

STEPS = 35
PLAYS = 80 if EVERYTHING else 15
PLAYS_ON_A_SERVER = 30 if EVERYTHING else 3


names = st.sampled_from(NAMES)
wrong_answers = st.sampled_from(WRONG)


class Lockout(RuleBasedStateMachine):
    """A store, and a model for each user."""

    def __init__(self, new_place: Callable[[], AbstractContextManager[Place]]) -> None:
        super().__init__()
        self.exit = ExitStack()
        self.place = self.exit.enter_context(new_place())
        self.desk = self.place.desk
        self.models = {name: Model() for name in NAMES}
        self.seen = 0
        self.charges: Counter[bytes] = Counter()
        self.open: dict[bytes, int] = {}
        self.shift = ExitStack()
        self.session = self.shift.enter_context(self.desk.session())

    @initialize()
    def add_users(self) -> None:
        for name in NAMES:
            self.desk.add(name)

    def teardown(self) -> None:
        """At the end check trail and records, also independently."""
        try:
            report = check_trail(self.session, None)
            assert report.finding is None, report
            self.place.require_sound()
            assert replay(self.desk.sql) == []
        finally:
            self.shift.close()
            self.exit.close()

    def new_session(self) -> None:
        """Drop the session like a process that ends, and open another."""
        self.shift.close()
        self.session = self.shift.enter_context(self.desk.session())

    def user(self, name: str) -> User:
        (user,) = self.session.store.people.find(name)
        return user

    def require_verdict(self, name: str, answer: str, session: Session, expected: str) -> None:
        """Verify, and compare the verdict with the model."""
        verdict = verify(session, name, answer, None)
        assert verdict.outcome.value == expected
        assert verdict.state.value == self.models[name].state
        assert verdict.user.failed_attempts == self.user(name).failed_attempts

    # What callers do.

    @precondition(lambda self: any(model.pin for model in self.models.values()))
    @rule(name=names)
    def answer_right(self, name: str) -> None:
        """The caller knows the PIN, if there is one."""
        answer = self.models[name].pin or ALLOWED_PINS[0]
        self.require_verdict(name, answer, self.session, self.models[name].verify(answer))

    @rule(name=names, answer=wrong_answers, times=st.integers(1, 6))
    def answer_wrong(self, name: str, answer: str, times: int) -> None:
        for _ in range(times):
            self.require_verdict(name, answer, self.session, self.models[name].verify(answer))

    @rule(name=names, data=st.data())
    def answer_with_a_retired_pin(self, name: str, data: st.DataObject) -> None:
        """The caller knows a PIN that was the right one once."""
        retired = sorted(self.models[name].retired - {self.models[name].pin})
        answer = data.draw(st.sampled_from(retired or list(WRONG)))
        self.require_verdict(name, answer, self.session, self.models[name].verify(answer))

    @rule(name=names, answer=st.sampled_from(MALFORMED))
    def answer_malformed(self, name: str, answer: str) -> None:
        model = self.models[name]
        if model.state == "active":
            with pytest.raises(MalformedPin):
                verify(self.session, name, answer, None)
        else:
            self.require_verdict(name, answer, self.session, model.state)

    # What can happen in the middle.

    def use_all_but_one_attempt(self, name: str) -> None:
        for _ in range(SIX - 1 - self.models[name].counter):
            self.require_verdict(name, WRONG[0], self.session, self.models[name].verify(WRONG[0]))

    def charged(self, name: str, *, right: bool) -> Open | None:
        """Charge an attempt without settling it, if the state allows one."""
        model = self.models[name]
        answer = (model.pin if right else None) or WRONG[0]
        charged = self.place.charge(self.session, self.user(name), answer)
        # An attempt that is ended first may lock, or leave nothing to ask for.
        assert (charged is not None) is model.charge(answer)
        return charged

    @rule(name=names, brink=st.booleans(), right=st.booleans(), times=st.integers(1, 3))
    def die_between_charge_and_settle(
        self, name: str, brink: bool, right: bool, times: int
    ) -> None:
        """Processes end between charge and settle, and others end their attempts."""
        if brink:
            self.use_all_but_one_attempt(name)
        for _ in range(times):
            self.charged(name, right=right)
        self.new_session()

    @rule(name=names)
    def end_what_is_open(self, name: str) -> None:
        """A look ends an open attempt."""
        self.session.store.write(attempts.finish, self.user(name))
        self.models[name].end()

    @rule(name=names, brink=st.booleans(), right=st.booleans(), data=st.data())
    def something_between_charge_and_settle(
        self, name: str, brink: bool, right: bool, data: st.DataObject
    ) -> None:
        """Anything happens during an open attempt; its owner gets the right verdict."""
        if brink:
            self.use_all_but_one_attempt(name)
        charged = self.charged(name, right=right)
        if charged is None:
            return
        self.any_event(name, data)
        model = self.models[name]
        if model.open:
            model.end()
            outcome = model.ended
        else:
            outcome = model.told_to_owner(charged.version)
        assert self.place.settle(self.session, charged) == (outcome, model.state)

    def any_event(self, name: str, data: st.DataObject) -> None:
        """Another event about this user."""
        match data.draw(
            st.sampled_from(["reset", "one", "all", "unlock", "choose", "show", "switch", "look"])
        ):
            case "reset":
                self.reset_by_row(name, data.draw(st.booleans()), data.draw(st.booleans()))
            case "one":
                self.reset_one(name, data.draw(st.booleans()), data.draw(st.booleans()))
            case "all":
                self.reset_all(data.draw(st.booleans()), data.draw(st.booleans()))
            case "unlock":
                self.unlock(name)
            case "choose":
                self.change_pin(name, data.draw(st.sampled_from(ALLOWED_PINS)))
            case "show":
                self.show_pin(name)
            case "switch":
                self.switch(name, data.draw(st.booleans()))
            case _:
                pass

    def reset_by_row(self, name: str, unlocking: bool, issuing: bool) -> None:
        """A reset as bulk work writes it."""
        model, user, write = self.models[name], self.user(name), self.session.store.write
        if issuing and model.active:
            new = pins.prepare(self.session, user, NEW_PIN, PinOrigin.GENERATED)
            write(pin_steps.issue, [(user, new)], unlock=unlocking, reason=None)
            model.change(lambda: model.reset(unlock=unlocking, pin=NEW_PIN), withdraws=True)
        else:
            write(pin_steps.withdraw, [user.id], unlock=unlocking, reason=None)
            model.change(lambda: model.reset(unlock=unlocking), withdraws=True)

    # What admins and customers do.

    @rule(name=names)
    def unlock(self, name: str) -> None:
        """The customer unlocks; refused below six."""
        model = self.models[name]
        model.end()
        if model.locked:
            model.unlock()
            assert unlock(self.session, name, "in the portal").failed_attempts == 0
        else:
            with pytest.raises(Refused) as refusal:
                unlock(self.session, name, "please")
            assert refusal.value.rule is Rule.NOT_LOCKED

    @rule(name=names, unlocking=st.booleans(), issuing=st.booleans())
    def reset_one(self, name: str, unlocking: bool, issuing: bool) -> None:
        model = self.models[name]
        (result,) = reset_named(self.session, name, unlock=unlocking, issue=issuing)
        assert (result.pin is not None) is (issuing and model.active)
        model.change(lambda: model.reset(unlock=unlocking, pin=result.pin), withdraws=True)

    @rule(unlocking=st.booleans(), issuing=st.booleans())
    def reset_all(self, unlocking: bool, issuing: bool) -> None:
        """An admin resets everybody: withdrawn first, and then issued."""
        for result in reset_named(self.session, *NAMES, unlock=unlocking, issue=issuing):
            model = self.models[result.change.after.login]
            first = unlocking and result.pin is None
            model.change(partial(model.reset, unlock=first), withdraws=True)
            if result.pin:
                model.reset(unlock=unlocking, pin=result.pin)

    @rule(name=names, pin=st.sampled_from([*ALLOWED_PINS, *FORBIDDEN]))
    def change_pin(self, name: str, pin: str) -> None:
        """The customer chooses a PIN: a fine one, a forbidden one, or the present one."""
        model = self.models[name]
        if model.state == "inactive":
            with pytest.raises(NoPinPossible):
                pins.change(self.session, name, pin)
            return
        known = {model.barred or "": Rule.WITHDRAWN_PIN, **FORBIDDEN}
        known[model.pin or ""] = Rule.SAME_PIN
        rule = known.get(pin)
        # What is known before the record is written leaves an open attempt to others.
        if model.state == "locked":
            rule = Rule.LOCKED
        elif rule is None and model.open:
            model.end()
            rule = Rule.LOCKED if model.locked else None
            if rule is None:
                model.ended = "incorrect"
        if rule is None:
            pins.change(self.session, name, pin)
            model.choose(pin)
        else:
            with pytest.raises(Refused) as refusal:
                pins.change(self.session, name, pin)
            assert refusal.value.rule is rule

    @rule(name=names)
    def show_pin(self, name: str) -> None:
        """The customer looks at the PIN; the first look makes it, locked or not."""
        model = self.models[name]
        if model.state == "inactive":
            with pytest.raises(NoPinPossible):
                pins.show(self.session, name)
            return
        model.end()
        shown = pins.show(self.session, name)
        assert shown.first is (model.pin is None)
        if model.pin is None:
            model.replace_pin(shown.pin)
        assert shown.pin == model.pin

    @rule(name=names, active=st.booleans())
    def switch(self, name: str, active: bool) -> None:
        model = self.models[name]
        people.set_active(self.session, name, active=active, reason=None)
        if active != model.active:
            model.change(lambda: model.switch(active=active), withdraws=not active)

    @rule()
    def begin_another_session(self) -> None:
        """Another process takes over: nothing is only in memory."""
        self.new_session()

    # What must hold after every step.

    @invariant()
    def records_are_as_the_models_say(self) -> None:
        """Counter, state, open attempt, lock and totals on disk are the models'."""
        rows = self.place.rows(
            "SELECT login, failed_attempts, question IS NOT NULL, active, attempt IS NOT NULL, "
            "locked_since IS NOT NULL, attempts_total, locks_total, pin_version FROM people"
        )
        for name, counter, has_pin, active, is_open, locked, *totals in rows:
            model = self.models[name]
            assert 0 <= counter <= SIX
            assert counter == model.counter
            assert bool(has_pin) is (model.pin is not None)
            assert bool(active) is model.active
            assert bool(is_open) is bool(model.open)
            assert bool(locked) is model.locked
            assert totals == [model.attempts, model.locks, model.version]
            assert state_of(self.user(name)).value == model.state

    @invariant()
    def nobody_gets_a_seventh_attempt(self) -> None:
        """At most six charges between two resets of the counter; each outcome has its charge."""
        events = self.place.rows(
            "SELECT number, uid, kind, counter, attempt FROM trail WHERE number > ? "
            "ORDER BY number",
            self.seen,
        )
        for number, user, kind, counter, attempt in events:
            assert number == self.seen + 1
            self.seen = number
            if kind == "attempt":
                assert user not in self.open
                self.open[user] = number
                self.charges[user] += 1
                assert self.charges[user] <= SIX
                assert counter == self.charges[user]
            elif attempt is not None and kind != "not_told":
                assert self.open.pop(user) == attempt
            if counter == 0:
                self.charges[user] = 0


def _play(new_place: Callable[[], AbstractContextManager[Place]], plays: int) -> None:
    settled = settings(max_examples=plays, stateful_step_count=STEPS, deadline=None)
    new: Any = partial(Lockout, new_place)  # hypothesis only calls it
    run_state_machine_as_test(new, settings=settled)


def test_any_order_of_events_in_a_folder() -> None:
    """Charge and settle are steps."""
    _play(in_a_folder, PLAYS)


@pytest.fixture
def empty(server: Server, tmp_path: Path) -> Iterator[ServedDesk]:
    desk = served_desk(server.database(make_schema), tmp_path)
    yield desk
    desk.database_there.drop()


def test_any_order_of_events_on_a_server(empty: ServedDesk) -> None:
    """Charge and settle are functions of the database."""
    _play(partial(on_a_server, empty), PLAYS_ON_A_SERVER)
