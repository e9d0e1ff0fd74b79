"""The loop without a terminal: the order in which things happen."""

from __future__ import annotations

from typing import cast

from pincli.commands.desk.keys import Key, KeyEvent, Text
from pincli.commands.desk.loop import Loop
from pincli.commands.desk.screens import FullScreen
from pincli.commands.desk.state import Answer, Check, LookUp
from pincli.commands.desk.terminal import Happening
from pincli.commands.desk.work import Work
from pincli.views.desk import Tally
from tests.commands.desk.playing import PLAIN, VERIFIED
from tests.support.terminal import plain
from tests.views.records import alice


class Script:
    """A terminal at which these keys are pressed, one read after the other, and then Ctrl-D."""

    size = (80, 24)

    def __init__(self, *reads: list[KeyEvent | Happening]) -> None:
        self._reads: list[list[KeyEvent | Happening]] = [*reads, [Key.END_SHIFT]]
        self.shown: list[str] = []
        self.forgotten = 0

    def write(self, text: str) -> None:
        """Keep it."""
        self.shown.append(plain(text.encode()))

    def wait(self, seconds: float | None) -> list[KeyEvent | Happening]:
        """The next read."""
        return self._reads.pop(0)

    def forget_typed(self) -> None:
        """Count it."""
        self.forgotten += 1

    def suspend(self) -> None:
        """Nothing stops here."""


class Answers:
    """A store in which Alice is always verified."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def look_up(self, effect: LookUp) -> tuple[str | None, Answer]:
        """Alice, whoever is named."""
        self.asked.append(f"look up {effect.name}")
        return None, alice()

    def check(self, effect: Check) -> Answer:
        """Verified."""
        self.asked.append("check")
        return VERIFIED

    def tell_of_locks(self) -> None:
        """Note the order."""
        self.asked.append("tell")

    def renew_pin(self) -> None:
        """Note the order."""
        self.asked.append("renew")

    def warning(self) -> None:
        """Nothing goes wrong."""


def run(script: Script, answers: Answers, idle_seconds: float = 1000) -> Tally:
    """A whole shift."""
    loop = Loop(script, FullScreen(PLAIN), cast(Work, answers), idle_seconds=idle_seconds)
    return loop.run()


def test_what_came_with_enter_does_not_take_the_verdict_away() -> None:
    """Esc, digits and Ctrl-D in the very read that had the Enter are dropped, as later ones are."""
    meanwhile: list[KeyEvent | Happening] = [
        Key.CANCEL,
        Text("7"),
        Key.END_SHIFT,
        Happening.RESIZED,
    ]
    script = Script([Text("alice"), Key.ENTER], [Text("444159"), Key.ENTER, *meanwhile], [])
    answers = Answers()
    assert run(script, answers) == Tally(verified=1)
    assert script.forgotten == 1
    assert answers.asked == ["look up alice", "tell", "check", "tell", "renew"]
    assert "VERIFIED" in [shown for shown in script.shown if shown][-1]


def test_a_key_after_the_idle_time_finds_nobody() -> None:
    """A laptop slept with the question on its screen: the digit that wakes it is no answer."""
    script, answers = Script([Text("alice"), Key.ENTER], [Text("4")], [Key.ENTER]), Answers()
    run(script, answers, idle_seconds=0)
    assert "check" not in answers.asked
    assert any("user   *" in shown for shown in script.shown)
    assert not any("\u25cf" in shown for shown in script.shown)
