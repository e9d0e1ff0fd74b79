"""Completion scripts for bash, zsh and fish: they ask `pincli complete` what may come.

Ours, and not Typer's, because those evaluate what the program prints: an account named
`x$(command)` ran it.
"""

from __future__ import annotations

from pathlib import Path

FILES = {"bash": "pincli.bash", "zsh": "_pincli", "fish": "pincli.fish"}
"""What the script for each shell is called."""


def script(shell: str) -> str:
    """The script for a shell."""
    return (Path(__file__).parent / FILES[shell]).read_text("utf-8")
