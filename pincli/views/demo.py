"""What the demo shows around the output of its commands."""

from __future__ import annotations

from pincli.views.blocks import Block, Headline, Note, Tone


def opening(folder: str) -> list[Block]:
    """The first lines of the demo."""
    return [
        Headline(Tone.NEUTRAL, "pincli demo", f"a throw-away store in {folder}"),
        Note("Every command below really runs; a PIN after <<< goes to its standard input."),
    ]


def step(sentence: str, command: str) -> list[Block]:
    """A sentence, if there is one, and the command after it as typed."""
    before: list[Block] = [Note(""), Note(sentence, Tone.QUIET)] if sentence else []
    return [*before, Headline(Tone.NEUTRAL, f"$ {command}")]


def ended(code: int) -> list[Block]:
    """A command's exit code."""
    return [Note(f"[exit code {code}]", Tone.QUIET)]


def closing() -> list[Block]:
    """The last lines of the demo."""
    return [Note(""), Note("The throw-away store is gone. Your own begins with: pincli init")]
