"""A cold `pincli verify` as a whole process, against the floor program (floor.py).

For context: what Python and Typer take alone, `--help` and `status USER`; and
where the imports' time goes.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.benchmarks import timing
from tests.benchmarks.arguments import options
from tests.benchmarks.population import CALLERS, PIN, Shape, new_floor_store, store_of
from tests.benchmarks.timing import Command
from tests.support.desk import Desk

EMPTY_TYPER = """
import typer
app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
@app.command()
def nothing() -> None: ...
app()
"""
_LISTED = 16
_LINE = re.compile(rb"import time:\s*(\d+) \|\s*\d+ \|\s*([\w.]+)")


def verify_command(desk: Desk, user: str = CALLERS[0], name: str = "pincli verify") -> Command:
    """A check of one caller's right PIN, as a script does it."""
    return Command(
        name,
        [*timing.pincli(), "verify", user, "--pin-stdin", "--json"],
        stdin=f"{PIN}\n".encode(),
        env=desk.environment(),
    )


def floor_command(folder: Path) -> Command:
    """The floor program, with a database of its own in a folder."""
    database = folder / "floor.db"
    new_floor_store(database, CALLERS[0], PIN)
    script = Path(__file__).with_name("floor.py")
    argv = [sys.executable, str(script), str(database), CALLERS[0]]
    return Command("floor", argv, stdin=f"{PIN}\n".encode())


def print_imports(verify: Command) -> None:
    """Own time of the modules that a verify loads, summed by top-level package."""
    words = verify.argv[len(timing.pincli()) :]
    argv = [sys.executable, "-X", "importtime", "-m", "pincli", *words]
    report = timing.run(verify._replace(argv=argv)).err
    times: Counter[str] = Counter()
    modules: Counter[str] = Counter()
    for microseconds, module in _LINE.findall(report):
        package = module.decode().split(".")[0]
        times[package] += int(microseconds)
        modules[package] += 1
    print(f"  imports of a verify, own time by package; {sum(times.values()) / 1000:.1f} ms in all")
    for package, microseconds in times.most_common(_LISTED):
        print(f"    {package:<24}{microseconds / 1000:7.1f} ms  {modules[package]:4} modules")


def main() -> None:
    """Measure and print."""
    given = options(__doc__, runs=25, users=1000)
    desk = store_of(Shape(given.users), given.cache)
    with tempfile.TemporaryDirectory(dir=given.cache) as folder:
        verify = verify_command(desk)
        environment = desk.environment()
        commands = [
            floor_command(Path(folder)),
            verify,
            Command(
                "pincli status USER",
                [*timing.pincli(), "status", CALLERS[0], "--json"],
                env=environment,
            ),
            Command("pincli --help", [*timing.pincli(), "--help"], env=environment),
            Command("empty Typer program", [sys.executable, "-c", EMPTY_TYPER]),
            Command("empty Python program", [sys.executable, "-c", ""]),
        ]
        results = timing.alternate(commands, given.runs)
    timing.print_runs(results)
    timing.print_ratio("verify to floor", results[verify.name], results["floor"], "1.5")
    print_imports(verify)


if __name__ == "__main__":
    main()
