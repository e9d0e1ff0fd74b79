"""The options that the benchmarks share."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path


def parser(description: str | None, *, runs: int) -> argparse.ArgumentParser:
    """A parser with --runs and --cache.

    Args:
        description: The benchmark's docstring.
        runs: The default of --runs.
    """
    result = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    result.add_argument("--runs", type=int, default=runs, help=f"runs of each ({runs})")
    result.add_argument(
        "--cache",
        type=Path,
        default=Path(tempfile.gettempdir()) / "pincli-benchmarks",
        help="where stores are built and kept; a real disk, as commits are what is measured",
    )
    return result
