"""A terminal emulator: what it shows, what scrolled away, and every byte it was sent."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

_PATIENCE = 60.0
_PROMPT = "READY>"


class Tmux:
    """A shell in a tmux server of its own.

    Attributes:
        stream: The file with every byte that the terminal was sent.
    """

    def __init__(self, env: Mapping[str, str], stream: Path, columns: int, rows: int) -> None:
        self._server = f"pincli-{uuid.uuid4().hex[:12]}"
        # tmux gives its panes a TERM of its own.
        shell = f"env TERM={env.get('TERM', 'xterm')} PS1='{_PROMPT} ' ENV= bash --norc --noprofile"
        self._env = dict(env)
        self.stream = stream
        stream.touch()  # cat may be slow to make it
        size = ("-x", str(columns), "-y", str(rows))
        self._run("new-session", "-d", *size, f"{shell} --noediting -i")
        self._run("pipe-pane", "-O", f"cat >{shlex.quote(str(stream))}")
        self.wait_for(f"^{_PROMPT}")

    def close(self) -> None:
        """End the server, and all that runs in it."""
        self._run("kill-server")

    @property
    def screen(self) -> str:
        """The screen, without blanks at the ends of lines."""
        lines = self._run("capture-pane", "-p").splitlines()
        return "\n".join(line.rstrip() for line in lines)

    @property
    def words(self) -> str:
        """The screen as one line, to find text that was wrapped."""
        return " ".join(self.screen.split())

    @property
    def everything(self) -> str:
        """The screen and the scroll-back."""
        return self._run("capture-pane", "-p", "-S", "-")

    @property
    def sent(self) -> bytes:
        """Every byte that the terminal was sent."""
        return self.stream.read_bytes()

    @property
    def tty(self) -> str:
        """The terminal's device."""
        return self._run("display-message", "-p", "#{pane_tty}").strip()

    @property
    def alternate(self) -> bool:
        """Whether the alternate screen is on."""
        return self._run("display-message", "-p", "#{alternate_on}").strip() == "1"

    def processes(self, word: str) -> str:
        """The lines of `ps` for this terminal's processes with a word in their command line."""
        listed = subprocess.run(
            ["ps", "-o", "pid=,args=", "-t", self.tty.removeprefix("/dev/")],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        return "\n".join(line for line in listed.splitlines() if word in line)

    def wait_for(self, pattern: str) -> str:
        """Wait until the screen has a pattern; return the screen."""
        return self._wait(pattern, there=True)

    def wait_without(self, pattern: str) -> str:
        """Wait until the screen has a pattern no more; return the screen."""
        return self._wait(pattern, there=False)

    def type(self, text: str) -> None:
        """Type text as it is."""
        self._run("send-keys", "-l", text)

    def press(self, *keys: str) -> None:
        """Press keys by tmux's names: Enter, Tab, Escape, C-c."""
        self._run("send-keys", *keys)

    def paste(self, text: str) -> None:
        """Paste text, bracketed if the program asked for that."""
        self._run("set-buffer", text)
        self._run("paste-buffer", "-p", "-r")

    def resize(self, columns: int, rows: int) -> None:
        """Change the terminal's size."""
        self._run("resize-window", "-x", str(columns), "-y", str(rows))

    def line(self, *words: str) -> None:
        """Run a command line in the shell."""
        self.type(shlex.join(words))
        self.press("Enter")

    def _wait(self, pattern: str, *, there: bool) -> str:
        deadline = time.monotonic() + _PATIENCE
        seen, look_again = -1, 0.0
        while True:
            # A look starts a process, so it waits for more to be sent, or for a moment.
            sent = self.stream.stat().st_size
            if sent != seen or time.monotonic() > look_again:
                screen = self.screen
                if bool(re.search(pattern, screen, re.MULTILINE)) is there:
                    return screen
                assert time.monotonic() < deadline, screen
                seen, look_again = sent, time.monotonic() + 0.1
            time.sleep(0.005)

    def _run(self, *words: str) -> str:
        done = subprocess.run(
            ["tmux", "-L", self._server, "-f", os.devnull, *words],
            env=self._env,
            capture_output=True,
            check=True,
            timeout=_PATIENCE,
        )
        return done.stdout.decode()


@contextmanager
def tmux(
    env: Mapping[str, str],
    folder: Path,
    *,
    columns: int = 80,
    rows: int = 24,
    settings: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Tmux]:
    """A shell in tmux, whose server is ended in any case.

    Args:
        env: Its environment.
        folder: Where the stream is written.
        columns: The terminal's width.
        rows: Its height.
        settings: More variables.
    """
    # tmux itself needs a UTF-8 locale to show more than ASCII.
    opened = Tmux({**env, **settings}, folder / f"stream-{uuid.uuid4().hex[:6]}", columns, rows)
    try:
        yield opened
    finally:
        opened.close()
