"""A shift without a terminal: the order in which things happen, and the clock."""

from __future__ import annotations

from typing import cast

import pytest

from pincli.commands.desk.backend import Backend
from pincli.commands.desk.controller import Controller
from pincli.commands.desk.state import Call, Card, Find, Request, Response
from pincli.commands.desk.transitions import cancel, enter, type_pin
from pincli.models import User
from tests.commands.desk.playing import VERIFIED, after
from tests.views.records import alice


class AliceOnly:
    """A backend for which Alice is always verified; notes what it is asked."""

    tickets = None

    def __init__(self) -> None:
        self.asked: list[str] = []

    def respond(self, request: Request) -> Response:
        """Alice's card, or her verdict."""
        if isinstance(request, Find):
            return Card(alice(), None)
        self.asked.append("check")
        return Call("10:00", VERIFIED, None)

    def note_viewed(self, user: User) -> str:
        """Note who was viewed."""
        self.asked.append(f"viewed {user.login}")
        return ""

    def after_showing(self) -> None:
        """Note when what can wait is done."""
        self.asked.append("after showing")

    def masked_ticket(self) -> bool:
        """There was no ticket."""
        return False


def at_the_question(backend: AliceOnly, idle_seconds: float = 1000) -> Controller:
    """A shift in which Alice's PIN is asked for."""
    controller = Controller(cast(Backend, backend), idle_seconds=idle_seconds)
    controller.apply(enter(after(controller.shift, "alice")))
    controller.after_showing()
    backend.asked.clear()
    return controller


def test_what_can_wait_is_done_once_after_the_verdict_is_shown() -> None:
    """The hook and a renewal don't delay the verdict."""
    backend = AliceOnly()
    controller = at_the_question(backend)
    controller.apply(enter(type_pin(controller.shift, "444159")))
    assert (controller.shift.message, backend.asked) == (VERIFIED, ["check"])
    controller.after_showing()
    controller.after_showing()
    assert backend.asked == ["check", "after showing"]


def test_a_key_after_the_idle_time_finds_nobody() -> None:
    """A digit that wakes a laptop from its sleep is no answer."""
    backend = AliceOnly()
    controller = at_the_question(backend, idle_seconds=0)
    assert controller.shift.caller is not None
    controller.key_pressed()
    assert controller.shift.caller is None
    assert backend.asked == ["viewed alice"]


@pytest.mark.parametrize(
    ("answer", "asked"), [("", ["viewed alice"]), ("444159", ["check"])], ids=["left", "compared"]
)
def test_a_card_that_is_only_viewed_is_on_record_once(answer: str, asked: list[str]) -> None:
    """But not if an answer was compared."""
    backend = AliceOnly()
    controller = at_the_question(backend)
    controller.apply(enter(type_pin(controller.shift, answer)))
    controller.shift = cancel(controller.shift)
    controller.close()
    assert backend.asked == asked
