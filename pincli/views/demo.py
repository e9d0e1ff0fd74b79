"""The demo's frame around the commands' own output."""

from __future__ import annotations

from collections.abc import Sequence

from pincli.views.blocks import Answer, Block, Headline, Note, Tone


def opening(folder: str) -> list[Block]:
    """What the demo is about."""
    return [
        Headline(Tone.NEUTRAL, "pincli demo", f"a throw-away store in {folder}"),
        Note("Every command below really runs; a PIN after <<< goes to its standard input."),
    ]


def step(told: str, command: str) -> list[Block]:
    """The sentence before a command, and the command as one would type it."""
    sentence: list[Block] = [Note(""), Note(told, Tone.QUIET)] if told else []
    return [*sentence, Headline(Tone.NEUTRAL, f"$ {command}")]


def ended(code: int) -> list[Block]:
    """A command's exit code."""
    return [Note(f"[exit code {code}]", Tone.QUIET)]


def closing() -> list[Block]:
    """The end, and where to go from here."""
    return [
        Note(""),
        Note("The throw-away store is gone. Your own begins with: pincli init"),
    ]


def story(told: Sequence[dict[str, object]]) -> Answer:
    """The answer of `demo --json`."""
    return Answer({"steps": list(told)})
