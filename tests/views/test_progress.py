"""The progress bar: on a terminal, after a second, and always removed."""

from __future__ import annotations

import io
import sys

import pytest
from rich.progress import Progress

from pincli.views.progress import progress_bar

HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"


class Terminal(io.StringIO):
    """A stderr that is a terminal."""

    def isatty(self) -> bool:
        """It is."""
        return True


def terminal_for(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal in place of stderr; not a fixture, as pytest swaps stderr after those."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return stream


class Clock:
    """Time that passes only where a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        """The present time."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock for the bar alone."""
    clock = Clock()
    monkeypatch.setattr("pincli.views.progress.time", clock)
    return clock


def test_quick_work_shows_no_bar(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    """The last step shows none either."""
    terminal = terminal_for(monkeypatch)
    with progress_bar("resetting") as progress:
        progress(1, 3)
        clock.now += 0.9
        progress(2, 3)
        clock.now += 5
        progress(3, 3)
    assert terminal.getvalue() == ""


def test_the_bar_appears_after_a_second(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    """It shows what is done and how far, and gives the cursor back."""
    terminal = terminal_for(monkeypatch)
    with progress_bar("resetting") as progress:
        clock.now += 1.1
        progress(2000, 20_000)
        progress(4000, 20_000)
    text = terminal.getvalue()
    assert "resetting" in text
    assert "20000" in text
    assert text.index(HIDE_CURSOR) < text.rindex(SHOW_CURSOR)


def test_without_a_terminal_there_is_no_bar(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    """Neither a log file nor a closed stderr gets a bar."""
    for stream in (io.StringIO(), None):
        monkeypatch.setattr(sys, "stderr", stream)
        with progress_bar("resetting") as progress:
            clock.now += 60
            progress(1, 3)
        assert stream is None or stream.getvalue() == ""


def test_an_error_removes_the_bar(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    """Before the error is shown."""
    terminal = terminal_for(monkeypatch)

    def work() -> None:
        with progress_bar("resetting") as progress:
            clock.now += 60
            progress(1, 3)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert terminal.getvalue().index(HIDE_CURSOR) < terminal.getvalue().rindex(SHOW_CURSOR)


def test_an_interrupt_while_it_starts_removes_the_bar(
    monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    """Ctrl-C during the start must not leave a terminal without a cursor."""
    terminal = terminal_for(monkeypatch)
    start = Progress.start
    started: list[Progress] = []

    def interrupted(self: Progress) -> None:
        start(self)
        started.append(self)
        raise KeyboardInterrupt

    monkeypatch.setattr(Progress, "start", interrupted)

    def work() -> None:
        with progress_bar("resetting") as progress:
            clock.now += 60
            progress(1, 3)

    try:
        with pytest.raises(KeyboardInterrupt):
            work()
        text = terminal.getvalue()
        assert SHOW_CURSOR in text
        assert text.index(HIDE_CURSOR) < text.rindex(SHOW_CURSOR)
    finally:
        for progress in started:
            progress.stop()
