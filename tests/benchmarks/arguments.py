"""The options that the benchmarks share."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path


def options(
    description: str | None,
    *,
    runs: int,
    users: int | list[int] | None = None,
    **others: tuple[int | float, str],
) -> argparse.Namespace:
    """What the command line gives: --runs, --cache, which exists then, and more.

    Args:
        description: The benchmark's docstring.
        runs: The default of --runs.
        users: The default of --users; a list takes several sizes.
        others: The default and the help of each other option.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=runs, help=f"runs of each ({runs})")
    parser.add_argument(
        "--cache",
        type=Path,
        default=Path(tempfile.gettempdir()) / "pincli-benchmarks",
        help="where stores are built and kept; a real disk, as commits are what is measured",
    )
    if users is not None:
        nargs = "+" if isinstance(users, list) else None
        parser.add_argument(
            "--users", type=int, nargs=nargs, default=users, help=f"users in the store ({users})"
        )
    for name, (default, text) in others.items():
        if isinstance(default, bool):
            parser.add_argument(f"--{name}", action="store_true", help=text)
        else:
            parser.add_argument(
                f"--{name}", type=type(default), default=default, help=f"{text} ({default})"
            )
    given = parser.parse_args()
    given.cache.mkdir(parents=True, exist_ok=True)
    return given
