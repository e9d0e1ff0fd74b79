"""`pincli demo`: a story on a throw-away store, told by running real commands."""

from __future__ import annotations

import io
import shlex
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from typing import NamedTuple

from pincli.commands.invocation import Invocation
from pincli.commands.output import show
from pincli.config import Config, read_agent
from pincli.rules.lockout import ATTEMPTS_ALLOWED
from pincli.rules.pins import generate
from pincli.views.answer import Answer
from pincli.views.blocks import Block, Headline, Note, Tone

_CLOSING = "The throw-away store is gone. Your own begins with: pincli init"
_SHOW_PIN = "pin show alice --json"
_PEOPLE = (
    "user add alice --account acme --name 'Alice Example'",
    "user add bob --account acme --name 'Bob Example' --type federated",
    "user add carol --account globex --name 'Carol Example' --type dedicated",
    "user add dan --account globex --name 'Dan Example' --type cloud-office",
    "user add eve-import --account globex --type datapipe",
)


Run = Callable[[list[str]], int]
"""Runs a command line like a process of its own; its exit code."""


class Step(NamedTuple):
    """One command of the story: what happens, what follows `pincli`, the PIN that it reads."""

    text: str
    command: str
    pin: str | None = None


def demo(invocation: Invocation) -> Answer | None:
    """Tell the whole story on a throw-away store.

    Each step is a command as one would type it, with its output and its exit code.

    Example:
      pincli demo
    """
    with tempfile.TemporaryDirectory(prefix="pincli-demo-") as folder:
        config = Config(Path(folder, "store"), Path(folder, "keys"), read_agent())
        run: Run = partial(invocation.program.main, standalone_mode=False, obj=config)
        if invocation.as_json:
            return Answer({"steps": [_captured(step, run) for step in _story(run)]})
        show(_opening(folder), sys.stdout)
        for step in _story(run):
            _act(step, run)
        show([Note(""), Note(_CLOSING)], sys.stdout)
    return None


def _opening(folder: str) -> list[Block]:
    return [
        Headline(Tone.NEUTRAL, "pincli demo", f"a throw-away store in {folder}"),
        Note("Every command below really runs; a PIN after <<< goes to its standard input."),
    ]


def _story(run: Run) -> Iterator[Step]:
    """The steps; each is made after the one before has run, as a PIN comes from its output."""
    yield Step("An admin makes a store and adds people of every type.", "init")
    for person in _PEOPLE:
        yield Step("", person)
    yield Step("Nobody has a PIN yet, so there is nothing to verify.", "verify alice", generate())
    yield Step("Alice logs in to the portal and opens her PIN; the first look makes it.", _SHOW_PIN)
    pin = _pin_of_alice(run)
    wrong = next(other for other in iter(generate, pin))
    yield Step("Alice rings support; the agent asks for the PIN.", "verify alice --ref T-1", pin)
    yield Step("A stranger rings as Alice, and guesses.", "verify alice", wrong)
    for _ in range(ATTEMPTS_ALLOWED - 1):
        yield Step("", "verify alice", wrong)
    yield Step("Locked: now even the right PIN is refused.", "verify alice", pin)
    yield Step("Alice logs in to the portal and unlocks.", "unlock alice --reason 'in the portal'")
    yield Step("The same PIN verifies her again.", "verify alice", pin)
    yield Step("Her PIN may have leaked, so an admin resets it.", "reset alice --reason T-2 --yes")
    yield Step("The old PIN is worth nothing any more.", "verify alice", pin)
    yield Step("She opens a new one in the portal.", _SHOW_PIN)
    yield Step("It verifies her.", "verify alice", _pin_of_alice(run))
    yield Step("How everybody is doing.", "status")
    yield Step("All of it is in the audit trail.", "audit list --user alice --limit 30")


def _act(step: Step, run: Run) -> None:
    """Show a command as one would type it, run it, and show its exit code."""
    if step.text:
        show([Note(""), Note(step.text, Tone.QUIET)], sys.stdout)
    show([Headline(Tone.NEUTRAL, f"$ {_typed(step)}")], sys.stdout)
    sys.stdout.flush()
    code = _run(step, run)
    show([Note(f"[exit code {code}]", Tone.QUIET)], sys.stdout)


def _captured(step: Step, run: Run) -> dict[str, object]:
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(out):
        code = _run(step, run)
    return {
        "told": step.text,
        "command": _typed(step),
        "output": out.getvalue(),
        "exit_code": code,
    }


def _run(step: Step, run: Run) -> int:
    arguments = shlex.split(step.command)
    if step.pin is not None:
        arguments.append("--pin-stdin")
    before = sys.stdin
    sys.stdin = io.TextIOWrapper(io.BytesIO(f"{step.pin or ''}\n".encode()))
    try:
        return run(arguments)
    finally:
        sys.stdin = before


def _typed(step: Step) -> str:
    command = f"pincli {step.command}"
    return command if step.pin is None else f"{command} --pin-stdin <<< {step.pin}"


def _pin_of_alice(run: Run) -> str:
    """The PIN that the portal showed her."""
    import json

    answer = _captured(Step("", _SHOW_PIN), run)
    return str(json.loads(str(answer["output"]))["pin"])
