"""Any order of anything that can happen to a PIN, on a real store, against a small model.

Two users, so that bulk work has several to reset. After every step both records are compared
with their models, read by plain SQL, and the trail is checked for the promise itself: at most
six attempts between two events that set the counter to 0.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections import Counter
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pincli.errors import MalformedPin, NoPinPossible, Refused, Rule
from pincli.models import PinOrigin, User
from pincli.operations import people, pins
from pincli.operations.session import Session
from pincli.operations.unlock import unlock
from pincli.operations.verify import verify
from pincli.rules.states import state_of
from pincli.store.steps import pins as pin_steps
from pincli.store.steps.attempts import Charged
from tests.operations.lockout_model import SIX, Model
from tests.operations.resetting import reset_named
from tests.operations.watching import WatchingVerifiers
from tests.store.attempting import charge
from tests.store.chain import computed_macs, stored_macs
from tests.support.desk import new_desk

NAMES = ("alice", "bob")
NEW_PIN = "987321"
ALLOWED_PINS = ("444159", "234811", "333197")
WRONG = ("121212", "789012", "000000", "123456")
MALFORMED = ("", "44415", "4441590", "44415a", "\uff14\uff14\uff14\uff11\uff15\uff19", "444159\n")
FORBIDDEN = {"000000": Rule.REPEATED_DIGITS, "987654": Rule.DIGIT_SEQUENCE}

# Thousands of commits: what a disk makes of them is for the scenarios to find out.
IN_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108

names = st.sampled_from(NAMES)
wrong_answers = st.sampled_from(WRONG)


class Lockout(RuleBasedStateMachine):
    """A store and one model a user."""

    def __init__(self) -> None:
        super().__init__()
        self.exit = ExitStack()
        folder = self.exit.enter_context(
            tempfile.TemporaryDirectory(prefix="pincli-", dir=IN_MEMORY)
        )
        self.desk = new_desk(Path(folder))
        self.models = {name: Model() for name in NAMES}
        self.reader = sqlite3.connect(self.desk.database, isolation_level=None)
        self.exit.callback(self.reader.close)
        self.seen = 0
        self.charges: Counter[str] = Counter()
        self.shift = ExitStack()
        self.session = self.shift.enter_context(self.desk.session())

    @initialize()
    def add_users(self) -> None:
        """Everything begins with users who have no PIN."""
        for name in NAMES:
            self.desk.add(name)

    def teardown(self) -> None:
        """At the end the whole chain must still fit."""
        self.shift.close()
        macs = stored_macs(self.desk)
        fitting = computed_macs(self.desk)
        self.exit.close()
        assert macs == fitting

    def new_session(self) -> None:
        """Drop the session as a process that ends does, and begin another."""
        self.shift.close()
        self.session = self.shift.enter_context(self.desk.session())

    def user(self, name: str) -> User:
        """The record as it is."""
        user = self.session.store.people.find(name)
        assert user is not None
        return user

    def require_verdict(self, name: str, answer: str, session: Session, expected: str) -> None:
        """Verify, and compare the verdict with the model, which has gone through the same."""
        verdict = verify(session, name, answer, None)
        assert verdict.outcome.value == expected
        assert verdict.state.value == self.models[name].state
        assert verdict.user == self.user(name)

    # What callers do.

    @precondition(lambda self: any(model.pin for model in self.models.values()))
    @rule(name=names)
    def answer_right(self, name: str) -> None:
        """The caller knows the PIN, if there is one."""
        answer = self.models[name].pin or ALLOWED_PINS[0]
        self.require_verdict(name, answer, self.session, self.models[name].verify(answer))

    @rule(name=names, answer=wrong_answers, times=st.integers(1, 6))
    def answer_wrong(self, name: str, answer: str, times: int) -> None:
        """The caller guesses, once or several times."""
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
        """The agent slips while typing."""
        model = self.models[name]
        model.take_lock()
        if model.state == "active":
            with pytest.raises(MalformedPin):
                verify(self.session, name, answer, None)
        else:
            self.require_verdict(name, answer, self.session, model.state)

    # What can happen in the middle.

    def go_to_the_brink(self, name: str) -> None:
        """Answer wrong until one attempt is left, where the next one decides."""
        for _ in range(SIX - 1 - self.models[name].counter):
            self.require_verdict(name, WRONG[0], self.session, self.models[name].verify(WRONG[0]))

    @rule(name=names, brink=st.booleans(), interrupted=st.booleans())
    def die_between_charge_and_settle(self, name: str, brink: bool, interrupted: bool) -> None:
        """The process ends between charge and settle, one way or another."""
        if brink:
            self.go_to_the_brink(name)
        model = self.models[name]
        with suppress(KeyboardInterrupt), self.session.holding(self.user(name)) as held:
            charged = charge(self.session, held)
            assert isinstance(charged, Charged) is model.charge()
            model.open = isinstance(charged, Charged)
            if interrupted:
                raise KeyboardInterrupt
        self.new_session()

    @rule(
        name=names,
        brink=st.booleans(),
        right=st.booleans(),
        unlocking=st.booleans(),
        issuing=st.booleans(),
    )
    def reset_between_charge_and_settle(
        self, name: str, brink: bool, right: bool, unlocking: bool, issuing: bool
    ) -> None:
        """A bulk reset comes while an answer is being compared."""
        if brink:
            self.go_to_the_brink(name)
        model = self.models[name]
        answer = (model.pin if right else None) or WRONG[0]
        matches = answer == model.pin

        def reset() -> None:
            write = self.session.store.write
            for user in map(self.user, NAMES):
                other = self.models[user.login]
                if issuing and other.active:
                    new = pins.prepare(self.session, user, NEW_PIN, PinOrigin.GENERATED)
                    write(pin_steps.issue, [(user.id, new)], unlock=unlocking, reason=None)
                    other.withdraw(unlock=unlocking)
                    other.replace_pin(NEW_PIN)
                else:
                    write(pin_steps.withdraw, [user.id], unlock=unlocking, reason=None)
                    other.withdraw(unlock=unlocking)

        verifiers = WatchingVerifiers(reset)
        charged = model.charge()
        verdict = verify(self.session._replace(verifiers=verifiers), name, answer, None)
        assert verifiers.compared == int(charged)
        if not charged:
            assert verdict.outcome.value == model.state
            return
        if matches:
            model.clear()
        model.note_lock()
        assert verdict.outcome.value == ("incorrect" if issuing else "uncollected")
        assert verdict.state.value == model.state

    # What admins and customers do.

    @rule(name=names)
    def unlock(self, name: str) -> None:
        """The customer unlocks; refused below six."""
        model = self.models[name]
        model.take_lock()
        if model.counter == SIX:
            model.clear()
            assert unlock(self.session, name, "in the portal").failed_attempts == 0
        else:
            with pytest.raises(Refused) as refusal:
                unlock(self.session, name, "please")
            assert refusal.value.rule is Rule.NOT_LOCKED

    @rule(name=names, unlocking=st.booleans(), issuing=st.booleans())
    def reset_one(self, name: str, unlocking: bool, issuing: bool) -> None:
        """An admin resets one user."""
        model = self.models[name]
        model.take_lock()
        (result,) = reset_named(self.session, name, unlock=unlocking, issue=issuing)
        assert (result.pin is not None) is (issuing and model.active)
        model.withdraw(unlock=unlocking)
        model.replace_pin(result.pin)

    @rule(unlocking=st.booleans(), issuing=st.booleans())
    def reset_all(self, unlocking: bool, issuing: bool) -> None:
        """An admin resets everybody, without anybody's lock."""
        if issuing:
            for model in self.models.values():
                model.take_lock()
            self.hold_all()
        results = reset_named(self.session, *NAMES, unlock=unlocking, issue=issuing)
        for result in results:
            model = self.models[result.change.after.login]
            model.withdraw(unlock=unlocking)
            model.replace_pin(result.pin)

    def hold_all(self) -> None:
        """Take each user's lock once: issuing to several does or does not, as it likes."""
        for name in NAMES:
            with self.session.holding(self.user(name)):
                pass

    @rule(name=names, pin=st.sampled_from([*ALLOWED_PINS, *FORBIDDEN]))
    def change_pin(self, name: str, pin: str) -> None:
        """The customer chooses a PIN: a fine one, a forbidden one, or the present one."""
        model = self.models[name]
        model.take_lock()
        if model.state == "inactive":
            with pytest.raises(NoPinPossible):
                pins.change(self.session, name, pin)
            return
        rule = FORBIDDEN.get(pin, Rule.SAME_PIN if pin == model.pin else None)
        if model.state == "locked":
            rule = Rule.LOCKED
        if rule is None:
            pins.change(self.session, name, pin)
            model.clear()
            model.replace_pin(pin)
        else:
            with pytest.raises(Refused) as refusal:
                pins.change(self.session, name, pin)
            assert refusal.value.rule is rule

    @rule(name=names)
    def show_pin(self, name: str) -> None:
        """The customer looks at the PIN; the first look makes it, locked or not."""
        model = self.models[name]
        model.take_lock()
        if model.state == "inactive":
            with pytest.raises(NoPinPossible):
                pins.show(self.session, name)
            return
        shown = pins.show(self.session, name)
        assert shown.first is (model.pin is None)
        if model.pin is None:
            model.replace_pin(shown.pin)
        assert shown.pin == model.pin

    @rule(name=names, active=st.booleans())
    def switch(self, name: str, active: bool) -> None:
        """An admin deactivates or activates; counter and PIN stay."""
        model = self.models[name]
        model.take_lock()
        model.active = active
        people.set_active(self.session, name, active=active, reason=None)

    @rule()
    def begin_another_session(self) -> None:
        """Another process takes over: nothing lives in memory only."""
        self.new_session()

    # What must hold after every step.

    @invariant()
    def records_are_as_the_models_say(self) -> None:
        """Counter, state, open attempt, lock and totals on disk are the models'."""
        rows = self.reader.execute(
            "SELECT user, failed_attempts, verifier IS NOT NULL, active, open_attempt IS NOT NULL, "
            "locked_since IS NOT NULL, attempts_total, locks_total FROM people"
        ).fetchall()
        for name, counter, has_pin, active, is_open, noted, attempts, locks in rows:
            model = self.models[name]
            assert 0 <= counter <= SIX
            assert counter == model.counter
            assert bool(has_pin) is (model.pin is not None)
            assert bool(active) is model.active
            assert bool(is_open) is model.open
            assert bool(noted) is model.lock_noted
            assert (attempts, locks) == (model.attempts, model.locks)
            assert state_of(self.user(name)).value == model.state

    @invariant()
    def nobody_gets_a_seventh_attempt(self) -> None:
        """At most six `attempt` events between two events that set the counter to 0."""
        events = self.reader.execute(
            "SELECT seq, user, kind, attempts_used FROM events WHERE seq > ? ORDER BY seq",
            (self.seen,),
        ).fetchall()
        for seq, user, kind, used in events:
            assert seq == self.seen + 1
            self.seen = seq
            if kind == "attempt":
                self.charges[user] += 1
                assert self.charges[user] <= SIX
                assert used == self.charges[user]
            elif used == 0:
                self.charges[user] = 0


Lockout.TestCase.settings = settings(max_examples=80, stateful_step_count=35, deadline=None)
TestLockout = Lockout.TestCase
