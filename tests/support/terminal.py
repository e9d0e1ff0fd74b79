"""pincli in a pseudo-terminal of a given size, and what it shows."""

from __future__ import annotations

import io
import re
import signal
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType

import pexpect

from tests.support.desk import PROGRAM, Desk

_ESCAPE = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07]*\x07|[@-Z\\-_])")
_SECONDS = 60


class Terminal:
    """One process in a terminal of its own.

    Attributes:
        child: The pexpect side of it.
    """

    def __init__(
        self, command: Sequence[str], env: dict[str, str], rows: int = 24, columns: int = 80
    ) -> None:
        self._raw = io.BytesIO()
        self.child: pexpect.spawn[bytes] = pexpect.spawn(
            command[0], list(command[1:]), env=env, dimensions=(rows, columns), timeout=_SECONDS
        )
        self.child.delaybeforesend = None
        self.child.ptyproc.delayafterclose = 0  # type: ignore[attr-defined]
        self.child.logfile_read = self._raw

    @property
    def raw(self) -> bytes:
        """Every byte that reached the terminal."""
        return self._raw.getvalue()

    @property
    def text(self) -> str:
        """The bytes as text, without escape sequences and carriage returns."""
        return plain(self.raw)

    @property
    def words(self) -> str:
        """The text as one line, to find what was wrapped."""
        return " ".join(self.text.split())

    @property
    def echoes(self) -> bool:
        """Whether what is typed is shown."""
        return bool(self.child.getecho())

    def wait_for(self, text: str) -> str:
        """Wait until a text appears; return all that came up to it."""
        self.child.expect_exact(text.encode())
        before, after = self.child.before, self.child.after
        assert isinstance(before, bytes)
        assert isinstance(after, bytes)
        return plain(before + after)

    def type(self, text: str) -> None:
        """Send keys; Enter is a carriage return."""
        self.child.send(text.encode())

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process itself."""
        self.child.kill(number)

    def end(self) -> int:
        """Wait for the end; return the exit code, or the negative number of the signal."""
        self.child.expect(pexpect.EOF)
        self.child.wait()
        if self.child.signalstatus is not None:
            return -self.child.signalstatus
        assert self.child.exitstatus is not None
        return self.child.exitstatus


@contextmanager
def terminal(
    desk: Desk,
    *arguments: str,
    rows: int = 24,
    columns: int = 80,
    env: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Terminal]:
    """Pincli with these arguments in a terminal; it is ended in any case."""
    with any_terminal((*PROGRAM, *arguments), desk.environment(**env), rows, columns) as opened:
        yield opened


@contextmanager
def any_terminal(
    command: Sequence[str], env: dict[str, str], rows: int = 24, columns: int = 80
) -> Iterator[Terminal]:
    """Any program in a terminal, such as a shell that runs pincli."""
    opened = Terminal(command, env, rows, columns)
    try:
        yield opened
    finally:
        opened.child.close(force=True)


def plain(raw: bytes) -> str:
    """Terminal output as text, without escape sequences and carriage returns."""
    return _ESCAPE.sub("", raw.decode()).replace("\r", "")


def cells(text: str) -> int:
    """The columns of a line: a wide character takes two, a combining one (Korean too) none."""
    return sum(
        0
        if unicodedata.category(c) in ("Cf", "Mn", "Me") or "\u1160" <= c <= "\u11ff"
        else 2
        if unicodedata.east_asian_width(c) in "WF"
        else 1
        for c in text
    )
