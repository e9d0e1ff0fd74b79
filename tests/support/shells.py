"""Real shells in a pseudo-terminal: type a line, press Tab, and read what comes."""

from __future__ import annotations

import re
import shutil
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pexpect

ROOT = Path(__file__).resolve().parents[2]
COMPLETIONS = ROOT / "completions"
SHELLS = ("bash", "zsh", "fish")
RUN = f'PYTHONPATH="{ROOT}" exec "{sys.executable}" -m pincli'
"""The program, for a shell script."""

_PROMPT = "ready> "
_REPORT_KEYS = "\x18r"
"""Keys that a terminal passes on while a shell starts."""
_PATIENCE = 30.0
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[()].|\x1b.")

# When the report keys are pressed, each shell writes its line into $REPORT, and throws it away.
_BASHRC = rf"""
PS1='{_PROMPT}'
bind 'set show-all-if-ambiguous on' 'set page-completions off' 'set completion-query-items 0'
bind 'set bell-style none' 'set enable-bracketed-paste off'
report() {{ printf '%s|\n' "$READLINE_LINE" >"$REPORT"; READLINE_LINE='' READLINE_POINT=0; }}
bind -x '"\C-xr": report'
"""
_ZSHRC = rf"""
PS1='{_PROMPT}'
LISTMAX=1000
setopt no_beep
autoload -Uz compinit
compinit -u -d "$ZDOTDIR/dump"
report() {{ print -r -- "$BUFFER|" >$REPORT; BUFFER='' }}
zle -N report
bindkey '^Xr' report
"""
_FISHRC = rf"""
function fish_prompt; printf '{_PROMPT}'; end
set -g fish_greeting
function report
    printf '%s|\n' (commandline | string collect) >$REPORT
    commandline -r ''
end
bind \cxr report
"""


class Completed(NamedTuple):
    """What a Tab did.

    Attributes:
        line: The line afterwards.
        shown: What was drawn, without escape sequences.
    """

    line: str
    shown: str


class Shell:
    """A shell that has the completion script installed as its manual says."""

    def __init__(
        self,
        name: str,
        home: Path,
        *,
        script: Path,
        path: Path,
        sourced: bool = False,
        setting: str = "",
    ) -> None:
        """Start the shell.

        Args:
            name: One of SHELLS.
            home: An empty folder, for its start-up files.
            script: The completion script.
            path: A folder that comes first in PATH.
            sourced: Read the script at start, instead of having it found at the first Tab.
            setting: A last line for its start-up file.
        """
        self.home = home
        self._report = home / "report"
        environment = {
            "PATH": f"{path}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(home),
            "ZDOTDIR": str(home),
            "XDG_CONFIG_HOME": str(home / "config"),
            "XDG_DATA_HOME": str(home / "data"),
            "REPORT": str(self._report),
            "TERM": "xterm",
            "LANG": "C.UTF-8",
        }
        command, rc = {"bash": _bash, "zsh": _zsh, "fish": _fish}[name](home, script, sourced)
        with rc.open("a") as file:
            file.write(f"{setting}\n")
        self._terminal = pexpect.spawn(
            command[0], command[1:], env=environment, encoding="utf-8", dimensions=(60, 160)
        )
        self._terminal.delaybeforesend = None
        self._terminal.expect_exact(_PROMPT, timeout=_PATIENCE)
        self._line()

    def __enter__(self) -> Shell:
        return self

    def __exit__(self, *_: object) -> None:
        self._terminal.close(force=True)

    def tab(self, line: str, *, times: int = 1, left: int = 0) -> Completed:
        """Type a line, go left, press Tab; the line is thrown away after that."""
        self._drain()
        self._terminal.send(line + "\x02" * left + "\t" * times)
        after = self._line()
        shown = self._drain(quiet=0.05)
        return Completed(after, shown)

    def enter(self, line: str) -> None:
        """Type a line, press Tab, then Enter."""
        self._drain()
        self._terminal.send(f"{line}\t\r")

    _seen = ""

    def _line(self) -> str:
        """The line as the shell has it, after all earlier keys."""
        self._report.unlink(missing_ok=True)
        self._terminal.send(_REPORT_KEYS)
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            text = self._report.read_text() if self._report.exists() else ""
            if text.endswith("|\n"):
                return text.removesuffix("|\n")
            self._seen += self._read(0.02)
        raise TimeoutError(f"the shell does not answer; it showed {self._seen!r}")

    def _drain(self, *, quiet: float = 0.01) -> str:
        """What was drawn since the last time, until nothing more comes for a while."""
        while text := self._read(quiet):
            self._seen += text
        seen, self._seen = self._seen, ""
        return _ESCAPES.sub("", seen)

    def _read(self, seconds: float) -> str:
        try:
            return str(self._terminal.read_nonblocking(65536, timeout=seconds))
        except pexpect.TIMEOUT:
            return ""


def installed(name: str) -> bool:
    """Whether that shell is on this machine."""
    return shutil.which(name) is not None


def install_program(folder: Path, text: str = "") -> Path:
    """Make a folder for PATH that holds `pincli`: the program, or a shell script."""
    folder.mkdir(exist_ok=True)
    program = folder / "pincli"
    text = text or f'{RUN} "$@"'
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    return folder


def script_of(name: str) -> Path:
    """The script for a shell as it is in the repository."""
    return COMPLETIONS / {"bash": "pincli.bash", "zsh": "_pincli", "fish": "pincli.fish"}[name]


def _bash(home: Path, script: Path, sourced: bool) -> tuple[list[str], Path]:
    rc = home / "bashrc"
    rc.write_text(f"{_BASHRC}. '{script}'\n")
    return ["bash", "--noprofile", "--rcfile", str(rc), "-i"], rc


def _zsh(home: Path, script: Path, sourced: bool) -> tuple[list[str], Path]:
    rc = home / ".zshrc"
    if sourced:
        rc.write_text(f"{_ZSHRC}. '{script}'\n")
    else:
        functions = home / "functions"
        functions.mkdir()
        shutil.copy(script, functions / "_pincli")
        rc.write_text(f"fpath=('{functions}' $fpath)\n{_ZSHRC}")
    # -d: not what the machine's owner put into /etc.
    return ["zsh", "-d", "-i"], rc


def _fish(home: Path, script: Path, sourced: bool) -> tuple[list[str], Path]:
    rc = home / "config" / "fish" / "config.fish"
    (rc.parent / "completions").mkdir(parents=True)
    rc.write_text(_FISHRC + (f"source '{script}'\n" if sourced else ""))
    if not sourced:
        shutil.copy(script, rc.parent / "completions" / "pincli.fish")
    return ["fish", "-i"], rc
