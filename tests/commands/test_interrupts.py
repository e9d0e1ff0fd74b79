"""Ctrl-C: once while a command works, never in the middle of an answer."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Iterator

import pytest

from pincli.commands import interrupts
from pincli.views import json_output


def press_ctrl_c() -> None:
    """Send SIGINT, as a terminal does."""
    os.kill(os.getpid(), signal.SIGINT)


class Pressed(io.StringIO):
    """A stdout with a Ctrl-C at every write."""

    def write(self, text: str) -> int:
        press_ctrl_c()
        return super().write(text)


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """The code under test gives Ctrl-C back, and pytest has it afterwards."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    left = signal.signal(signal.SIGINT, before)
    assert left is signal.default_int_handler


def test_the_second_ctrl_c_is_ignored() -> None:
    """The first Ctrl-C interrupts; a second one is ignored."""
    with interrupts.handle_ctrl_c():
        with pytest.raises(KeyboardInterrupt):
            press_ctrl_c()
        press_ctrl_c()


def test_an_ignored_sigint_stays_ignored() -> None:
    """If the parent ignores SIGINT, as nohup does, it stays ignored."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with interrupts.handle_ctrl_c():
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        interrupts.ignore_ctrl_c()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_a_hook_can_be_interrupted_after_the_answer() -> None:
    """A hook can be interrupted after the answer; then Ctrl-C is ignored again."""
    with interrupts.handle_ctrl_c():
        interrupts.ignore_ctrl_c()
        with interrupts.allow_ctrl_c(), pytest.raises(KeyboardInterrupt):
            press_ctrl_c()
        press_ctrl_c()


@pytest.mark.parametrize("rows", [["a", "b"], iter(["a", "b"])], ids=["at once", "by pages"])
def test_ctrl_c_leaves_one_whole_object(rows: object) -> None:
    """A Ctrl-C during the output leaves exactly one whole object."""
    out = Pressed()
    with interrupts.handle_ctrl_c():
        json_output.write({"users": rows}, out, whole=interrupts.ignore_ctrl_c)
    assert out.getvalue() == '{"users": ["a", "b"]}\n'


def test_ctrl_c_while_a_long_answer_is_prepared() -> None:
    """A Ctrl-C while a long list is prepared interrupts, and nothing is written."""

    def rows() -> Iterator[str]:
        yield "a"
        press_ctrl_c()
        yield "b"

    out = io.StringIO()
    with interrupts.handle_ctrl_c(), pytest.raises(KeyboardInterrupt):
        json_output.write({"users": rows()}, out, whole=interrupts.ignore_ctrl_c)
    assert out.getvalue() == ""
