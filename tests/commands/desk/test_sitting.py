"""A shift without a terminal: the order in which things happen, and the clock."""

from __future__ import annotations

from typing import cast

from pincli.commands.desk.shift import cancelled, entered, typed
from pincli.commands.desk.sitting import Sitting
from pincli.commands.desk.state import Answer, Card, Check, Find
from pincli.commands.desk.work import Work
from pincli.models import User
from tests.commands.desk.playing import VERIFIED, after
from tests.views.records import alice


class Answers:
    """A store in which Alice is always verified."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def find(self, effect: Find) -> Answer:
        """Alice, whoever is meant."""
        return Card(alice(), None)

    def check(self, effect: Check) -> Answer:
        """Verified."""
        self.asked.append("check")
        return VERIFIED

    def note_viewed(self, user: User) -> str:
        """Note whom."""
        self.asked.append(f"viewed {user.login}")
        return ""

    def tell_of_locks(self) -> None:
        """Note the order."""
        self.asked.append("tell")

    def renew_pin(self) -> None:
        """Note the order."""
        self.asked.append("renew")


def at_the_question(answers: Answers, idle_seconds: float = 1000) -> Sitting:
    """A shift in which Alice's PIN is asked for."""
    sitting = Sitting(cast(Work, answers), idle_seconds=idle_seconds)
    sitting.take(entered(after(sitting.shift, "alice")))
    sitting.shown()
    return sitting


def test_what_follows_a_verdict_waits_until_it_is_shown() -> None:
    """Hooks and a renewal come after it, once."""
    answers = Answers()
    sitting = at_the_question(answers)
    answers.asked.clear()
    sitting.take(entered(typed(sitting.shift, "444159")))
    assert (sitting.shift.said, answers.asked) == (VERIFIED, ["check"])
    sitting.shown()
    sitting.shown()
    assert answers.asked == ["check", "tell", "renew"]


def test_a_key_after_the_idle_time_finds_nobody() -> None:
    """A laptop slept with the question on its screen: the digit that wakes it is no answer."""
    answers = Answers()
    sitting = at_the_question(answers, idle_seconds=0)
    assert sitting.shift.caller is not None
    sitting.key_pressed()
    assert sitting.shift.caller is None
    assert answers.asked[-1] == "viewed alice"


def test_who_was_only_looked_at_is_on_record_once() -> None:
    """However the card is left; not where an answer was compared."""
    answers = Answers()
    sitting = at_the_question(answers)
    sitting.shift = cancelled(sitting.shift)
    sitting.close()
    assert answers.asked.count("viewed alice") == 1
    sitting = at_the_question(answers)
    sitting.take(entered(typed(sitting.shift, "444159")))
    sitting.close()
    assert answers.asked.count("viewed alice") == 1
