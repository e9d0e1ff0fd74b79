"""Commands for a person to copy: each word quoted for a shell, as names may hold `$(id)`."""

from __future__ import annotations


def command(*words: str) -> str:
    """`pincli` and these words, quoted where a shell would take them for something else."""
    import shlex

    return shlex.join(["pincli", *words])


def in_account(line: str, account: str) -> str:
    """A command line about a user, which says their account too."""
    import shlex

    return f"{line} {shlex.join(['--account', account])}"
