"""Run whole processes by turns, and print their times."""

from __future__ import annotations

import compileall
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pincli as package


class Command(NamedTuple):
    """A command line to measure.

    Attributes:
        name: What it is called in the report.
        argv: The program's path and its arguments.
        stdin: What it reads.
        env: Its whole environment; None for this process's own.
        codes: The exit codes that it may end with. Another one stops the benchmark: what
            fails is never measured as if it were fast.
    """

    name: str
    argv: Sequence[str]
    stdin: bytes = b""
    env: Mapping[str, str] | None = None
    codes: Sequence[int] = (0,)


class Run(NamedTuple):
    """How one process went.

    Attributes:
        seconds: From just before it was started until it had been waited for.
        cpu: Seconds of CPU time, user's and system's; steadier where others are busy too.
    """

    seconds: float
    cpu: float
    code: int
    out: bytes
    err: bytes


def run(command: Command) -> Run:
    """Run a command to its end, with its input from a file and its output to files."""
    with (
        tempfile.TemporaryFile() as stdin,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
    ):
        stdin.write(command.stdin)
        stdin.seek(0)
        streams = [
            (os.POSIX_SPAWN_DUP2, file.fileno(), number)
            for number, file in enumerate((stdin, out, err))
        ]
        environment = dict(os.environ if command.env is None else command.env)
        start = time.perf_counter()
        pid = os.posix_spawn(command.argv[0], list(command.argv), environment, file_actions=streams)
        _, status, usage = os.wait4(pid, 0)
        seconds = time.perf_counter() - start
        out.seek(0)
        err.seek(0)
        ended = Run(
            seconds,
            usage.ru_utime + usage.ru_stime,
            os.waitstatus_to_exitcode(status),
            out.read(),
            err.read(),
        )
    if ended.code not in command.codes:
        complaint = (ended.err or ended.out)[-2000:].decode(errors="replace")
        raise SystemExit(f"{command.name}: exit code {ended.code}\n{complaint}")
    return ended


def turns(runs: int) -> range:
    """The turns of so many runs: before several, one below 0 fills the caches, uncounted."""
    return range(-1 if runs > 1 else 0, runs)


def alternate(commands: Sequence[Command], runs: int) -> dict[str, list[Run]]:
    """Run the commands by turns, so that what disturbs one disturbs all."""
    results: dict[str, list[Run]] = {command.name: [] for command in commands}
    for turn in turns(runs):
        # Every other turn goes backwards: nobody always comes after the same neighbour.
        for command in commands if turn % 2 else reversed(commands):
            ended = run(command)
            if turn >= 0:
                results[command.name].append(ended)
    return results


def print_runs(results: Mapping[str, Sequence[Run]]) -> None:
    """One line a command: its times and its CPU time."""
    for name, runs in results.items():
        cpu = statistics.median(each.cpu for each in runs) * 1000
        print_times(name, [each.seconds for each in runs], f"CPU {cpu:.1f} ms")


def print_times(name: str, times: Sequence[float], more: str = "") -> None:
    """One line: median, quickest and slowest."""
    low, high = min(times) * 1000, max(times) * 1000
    print(
        f"  {name:<28} median {statistics.median(times) * 1000:9.1f} ms  "
        f"({low:.1f} to {high:.1f}, {len(times)} runs)  {more}".rstrip()
    )


def print_ratio(name: str, runs: Sequence[Run], base: Sequence[Run], goal: str) -> None:
    """One line: how many times the base the runs took, by median, turn by turn and by CPU time."""
    times, base_times = ([each.seconds for each in some] for some in (runs, base))
    by_turns = statistics.median(a / b for a, b in zip(times, base_times, strict=True))
    by_cpu = ratio([each.cpu for each in runs], [each.cpu for each in base])
    print(
        f"  ratio, {name}: {ratio(times, base_times):.2f}  "
        f"(turn by turn {by_turns:.2f}, CPU time {by_cpu:.2f})  goal {goal}"
    )


def print_latencies(times: Mapping[str, Sequence[float]], measured: str) -> None:
    """What Enter to verdict takes, and how many times the bare hash, with and without commits."""
    for name, each in times.items():
        print_times(name, each)
    for base, goal in (("hash and two commits", "1.3"), ("hash alone", "none, for information")):
        found = ratio(times[measured], times[base])
        print(f"  ratio, Enter to verdict to {base}: {found:.2f}  goal {goal}")
    fixed = statistics.median(times[measured]) - statistics.median(times["hash alone"])
    print(f"  on top of the hash: {fixed * 1000:.1f} ms")


def ratio(times: Sequence[float], base: Sequence[float]) -> float:
    """How many times the base's median the median is."""
    return statistics.median(times) / statistics.median(base)


@cache
def pincli() -> tuple[str, ...]:
    """The installed program, as a user starts it.

    With its bytecode, as in an installation: with PYTHONDONTWRITEBYTECODE set, every run would
    compile an edited working copy.
    """
    for folder in package.__path__:
        compileall.compile_dir(folder, quiet=1)
    installed = Path(sys.executable).with_name("pincli")
    return (str(installed),) if installed.exists() else (sys.executable, "-m", "pincli")
