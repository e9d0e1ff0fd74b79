"""`pincli completion`: scripts with which a shell completes pincli's command lines.

They are not Typer's: those evaluate what the program prints, so an account named `x$(command)`
ran that command.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pincli.commands.invocation import Invocation
from pincli.commands.options import argument, option
from pincli.config import Config
from pincli.errors import FileUnreadable, UsageProblem
from pincli.operations.named_files import require_elsewhere
from pincli.views.answer import Answer
from pincli.views.blocks import Fields, Headline, Tone

_SCRIPTS = Path(__file__).parents[1] / "views" / "completion"
FILES = {"bash": "pincli.bash", "zsh": "_pincli", "fish": "pincli.fish"}
"""The name of each shell's script."""


class Shell(StrEnum):
    """A shell with a completion script."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(
    invocation: Invocation,
    shell: Annotated[Shell | None, argument("[SHELL]", "bash, zsh or fish.")] = None,
    write: Annotated[
        Path | None, option("--write", "Write all three scripts into a folder.", "DIR")
    ] = None,
) -> Answer:
    """Print a shell's completion script.

    Example:
      pincli completion fish > ~/.config/fish/completions/pincli.fish
      pincli completion --write FOLDER
    """
    if write is not None and shell is None:
        return _write_scripts(write, invocation.config)
    if shell is None or write is not None:
        raise UsageProblem("give one shell, or --write and a folder for all", "bash, zsh or fish")
    text = script(shell)
    return Answer({"shell": shell.value, "script": text}, text=text)


def script(shell: str) -> str:
    """The script for a shell."""
    return (_SCRIPTS / FILES[shell]).read_text("utf-8")


def _write_scripts(folder: Path, config: Config) -> Answer:
    """Write each script so that shells of other users can read it.

    Not under sudo: the caller's folder may hold a link into the store.
    """
    if config.roles is not None:
        raise UsageProblem(
            "--write is not for use under sudo", "`pincli completion SHELL` prints a script"
        )
    require_elsewhere(folder, config.secret_folders)
    paths = {shell: folder / name for shell, name in FILES.items()}
    for shell, path in paths.items():
        try:
            path.write_text(script(shell), encoding="utf-8")
            path.chmod(0o644)
        except OSError as error:
            raise FileUnreadable(f"{path}: {error.strerror}") from None
    return Answer(
        {"files": [str(path) for path in paths.values()]},
        lambda: [
            Headline(Tone.GOOD, "scripts written"),
            Fields([(shell, str(path)) for shell, path in paths.items()]),
        ],
    )
