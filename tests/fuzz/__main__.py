"""Fuzz what reads foreign bytes: `python -m tests.fuzz [TARGET…] [--seconds N]`.

Each target runs in a process of its own, guided by coverage where atheris is installed
(`pip install atheris`), else by Hypothesis. Exit code 1 if a promise was broken; the input
that broke it is kept, and `--replay FILE` runs it again with the whole traceback.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.fuzz.engines import is_guided
from tests.fuzz.targets import TARGETS

_ROOT = Path(__file__).parents[2]
_UNCAUGHT = "=== Uncaught Python exception: ==="
_RUNS = re.compile(r"stat::number_of_executed_units: *(\d+)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz the targets that are named, or all; gives the exit code."""
    options = _options(arguments)
    if options.replay is not None:
        for name in options.targets:
            TARGETS[name].run(options.replay.read_bytes())
        return 0
    found = options.found.absolute()
    found.mkdir(parents=True, exist_ok=True)
    how = "guided" if is_guided() and not options.unguided else "unguided"
    print(f"{how}, {options.seconds} s a target, what is found goes to {found}")
    # All of them, even if one finds something.
    return max([_run(name, how, options.seconds, found) for name in options.targets])


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=60, help="for each target (60)")
    parser.add_argument("--unguided", action="store_true", help="by Hypothesis in any case")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="run one input that was found")
    parser.add_argument(
        "--found",
        type=Path,
        metavar="DIR",
        default=Path(tempfile.gettempdir()) / "pincli-fuzz",
        help="where inputs that break a promise are kept",
    )
    options = parser.parse_args(arguments)
    unknown = set(options.targets) - TARGETS.keys()
    if unknown:
        parser.error(f"no target {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    if options.replay is not None and len(options.targets) != 1:
        parser.error("--replay needs the one target that the input is for")
    options.targets = options.targets or list(TARGETS)
    return options


def _run(name: str, how: str, seconds: int, found: Path) -> int:
    with tempfile.TemporaryDirectory(prefix="pincli-corpus-") as corpus:
        ended = subprocess.run(
            [
                sys.executable,
                "-m",
                "tests.fuzz.engines",
                how,
                name,
                str(seconds),
                corpus,
                str(found),
            ],
            cwd=_ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
    runs = _RUNS.search(ended.stdout)
    tried = f"{int(runs[1]):,} inputs" if runs else "no figures"
    if ended.returncode == 0 and runs:
        print(f"{name}: {tried}, nothing found", flush=True)
        return 0
    _, _, traceback = ended.stdout.partition(_UNCAUGHT)
    print(f"{name}: {tried}, FOUND:\n{traceback or ended.stdout}", flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(main())
