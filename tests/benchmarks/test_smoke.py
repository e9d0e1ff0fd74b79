"""Every benchmark runs and prints its figures, at its smallest. No time is ever asserted."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_RUNS = {
    "verify_speed": ("--users", "60"),
    "verify_size": ("--users", "5"),
    "verify_at_scale": ("--small", "60", "--big", "80"),
    "find_speed": ("--users", "60"),
    "verdict_latency": ("--users", "60"),
    "bulk_import": ("--users", "40"),
    "bulk_reset": ("--users", "60"),
    "audit_verify": ("--users", "60"),
    "server_verify": ("--users", "60"),
    "server_latency": ("--users", "60"),
    "server_floor": (
        *("--users", "60", "--desks", "3", "--rate", "8", "--seconds", "1"),
        "--elsewhere",
    ),
    "server_import": ("--users", "40"),
}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.mark.rotating
@pytest.mark.parametrize(("name", "options"), _RUNS.items())
def test_a_benchmark_runs_and_prints_its_figures(
    name: str, options: Sequence[str], cache: Path
) -> None:
    """Exit code 0, and a figure: what it runs succeeded, or the benchmark would have stopped."""
    ran = subprocess.run(
        [
            *(sys.executable, "-m", f"tests.benchmarks.{name}"),
            *("--runs", "1", "--cache", str(cache), *options),
        ],
        check=False,
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    figures = {"find_speed": "fit", "verify_size": "bytes a verify"}
    assert figures.get(name, "ratio") in ran.stdout
