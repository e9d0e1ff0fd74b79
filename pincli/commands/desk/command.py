"""`pincli desk`: the agent's shift in one screen."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from pincli.commands.background import in_background
from pincli.commands.desk.loop import Loop
from pincli.commands.desk.screens import FullScreen, PlainLines, Screen
from pincli.commands.desk.shift import IDLE_SECONDS
from pincli.commands.desk.terminal import Terminal
from pincli.commands.desk.work import Work
from pincli.commands.invocation import Invocation
from pincli.commands.prompts import require_terminal
from pincli.commands.running import show, warn, writing
from pincli.config import read_display
from pincli.errors import UsageProblem
from pincli.vault.verifiers import Verifiers
from pincli.views.desk import summary

_FOR_PROGRAMS = "`pincli verify USER --pin-stdin --json` is for programs"


def desk(
    invocation: Invocation,
    plain: Annotated[
        bool,
        typer.Option("--plain", help="Lines in place of a screen, as for a screen reader."),
    ] = False,
) -> None:
    """Check caller after caller, all shift, in one screen.

    Example:
      pincli desk

    Keys: Tab completes a name, the arrows choose one, Esc or Ctrl-C cancels a call,
    Ctrl-D ends the shift. An account's name lists its users.
    """
    if invocation.as_json:
        raise UsageProblem("a shift at the desk has no JSON", _FOR_PROGRAMS)
    require_terminal("there is no terminal for the desk", _FOR_PROGRAMS, output="stdout")
    hold_shift(invocation, plain=plain)


def hold_shift(invocation: Invocation, *, plain: bool, idle_seconds: float = IDLE_SECONDS) -> None:
    """One shift, from the first picture to the line that sums it up.

    Args:
        invocation: The command's.
        plain: Whether it is to be lines even where a screen can be drawn.
        idle_seconds: After so long without a key, a caller's details are cleared.
    """
    display = read_display()
    verifiers = Verifiers()
    lines = plain or not display.addressable
    screen: Screen = PlainLines(display) if lines else FullScreen(display)
    terminal = Terminal(screen)
    work = Work(invocation, verifiers, terminal.wake)
    try:
        in_background(verifiers.warm_up)
        with terminal.taken():
            tally = Loop(terminal, screen, work, idle_seconds=idle_seconds).run()
    finally:
        work.close()
    with writing():
        show([summary(tally)], sys.stdout)
    try:
        while (warning := work.warning(wait=True)) is not None:
            warn(warning)
    except KeyboardInterrupt:
        warn("the on_lock hook was interrupted")
