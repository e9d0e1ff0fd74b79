"""Ctrl-C: once, while a command works; never into an answer that is on its way."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Iterator

import pytest

from pincli.commands import interrupts
from pincli.views import json_output


def press_ctrl_c() -> None:
    """As a terminal does it."""
    os.kill(os.getpid(), signal.SIGINT)


class Pressed(io.StringIO):
    """A stdout at which somebody presses Ctrl-C with every write."""

    def write(self, text: str) -> int:
        press_ctrl_c()
        return super().write(text)


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Ctrl-C is pytest's again afterwards, and was given back by the code itself."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    left = signal.signal(signal.SIGINT, before)
    assert left is signal.default_int_handler


def test_the_first_interrupts_and_the_second_is_nothing() -> None:
    """While the first is being told, another must not end in a traceback."""
    with interrupts.taken():
        with pytest.raises(KeyboardInterrupt):
            press_ctrl_c()
        press_ctrl_c()


def test_whoever_ignores_it_goes_on_ignoring_it() -> None:
    """As nohup does: no handler of ours takes its place."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with interrupts.taken():
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        interrupts.ignore_from_here()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_a_hook_can_be_given_up_although_the_answer_stands() -> None:
    """Let in for a while, then nothing again."""
    with interrupts.taken():
        interrupts.ignore_from_here()
        with interrupts.let_in(), pytest.raises(KeyboardInterrupt):
            press_ctrl_c()
        press_ctrl_c()


@pytest.mark.parametrize("rows", [["a", "b"], iter(["a", "b"])], ids=["at once", "by pages"])
def test_an_object_is_whole_whenever_it_is_pressed(rows: object) -> None:
    """Exactly one object: from its first character on nothing parts it."""
    out = Pressed()
    with interrupts.taken():
        json_output.write({"users": rows}, out, whole=interrupts.ignore_from_here)
    assert out.getvalue() == '{"users": ["a", "b"]}\n'


def test_a_long_one_can_be_given_up_while_it_is_put_together() -> None:
    """A list of a million has nobody wait for it; nothing of it is written then."""

    def rows() -> Iterator[str]:
        yield "a"
        press_ctrl_c()
        yield "b"

    out = io.StringIO()
    with interrupts.taken(), pytest.raises(KeyboardInterrupt):
        json_output.write({"users": rows()}, out, whole=interrupts.ignore_from_here)
    assert out.getvalue() == ""
