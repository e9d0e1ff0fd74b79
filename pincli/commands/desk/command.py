"""`pincli desk`: the agent's shift in one screen."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from pincli.commands.desk.backend import Backend
from pincli.commands.desk.controller import Controller
from pincli.commands.desk.lines import Lines
from pincli.commands.desk.transitions import IDLE_SECONDS
from pincli.commands.interrupts import in_background
from pincli.commands.invocation import Invocation
from pincli.commands.output import show, warn, writing
from pincli.commands.prompts import require_terminal
from pincli.config import read_display
from pincli.errors import UsageProblem
from pincli.vault.answers import Answers
from pincli.views.desk import summary

_FOR_PROGRAMS = "`pincli verify USER --pin-stdin --json` is for programs"
_NO_TERMINAL = ("there is no terminal for the desk", _FOR_PROGRAMS)


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

    Type a login, or words of a name and a company; a ticket may follow. The arrows choose
    one of the people who fit, Esc or Ctrl-C cancels a call, Ctrl-D ends the shift. After a
    verdict, #T-4711 adds a ticket. Ctrl-R lists your last calls, Ctrl-T tells the portal
    that you are calling.
    """
    if invocation.as_json:
        raise UsageProblem("a shift at the desk has no JSON", _FOR_PROGRAMS)
    require_terminal(*_NO_TERMINAL, output="stdout")
    hold_shift(invocation, plain=plain)


def hold_shift(invocation: Invocation, *, plain: bool, idle_seconds: float = IDLE_SECONDS) -> None:
    """One shift, from the first question to the line that sums it up.

    Args:
        invocation: The command's.
        plain: Print lines, even where a screen can be drawn.
        idle_seconds: After this time without a key, the caller's details are cleared.
    """
    display = read_display()
    backend = Backend(invocation, Answers())
    controller = Controller(backend, idle_seconds=idle_seconds)
    try:
        in_background(backend.warm_up)
        if plain or not display.addressable:
            require_terminal(*_NO_TERMINAL)
            Lines(controller).run()
        else:
            from pincli.commands.desk.screen import Screen

            screen = Screen(controller, display)
            backend.hook.wake = screen.wake
            screen.run()
    finally:
        controller.close()
        backend.close()
    with writing():
        show([summary(controller.shift.tally)], sys.stdout)
    try:
        while (warning := backend.warning(wait=True)) is not None:
            warn(warning)
    except KeyboardInterrupt:
        warn("the on_lock hook was interrupted")
    finally:
        backend.close()
