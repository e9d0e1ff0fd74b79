"""The fuzzing command runs: every target, either way, for a moment. What it finds is real."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz import __main__ as command
from tests.fuzz import targets
from tests.fuzz.engines import is_guided
from tests.fuzz.targets import TARGETS, Target

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_takes_its_seeds(name: str) -> None:
    """What a run begins with, and the nearest to it, breaks no promise."""
    for seed in (*TARGETS[name].seeds, b""):
        for content in (seed, seed[:-1], seed + b"\xff", seed.replace(b"a", b"\0")):
            TARGETS[name].run(content)


@pytest.mark.parametrize("options", [(), ("--unguided",)])
def test_the_command_runs(tmp_path: Path, options: tuple[str, ...]) -> None:
    """It says how many inputs it tried, and that nothing was found."""
    if not options and not is_guided():
        pytest.skip("atheris is not installed: `pip install atheris`")
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "tests.fuzz", "keys", "names", "--seconds", "1"),
            *("--found", str(tmp_path / "found"), *options),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran
    lines = ran.stdout.splitlines()[1:]
    assert [line.partition(":")[0] for line in lines] == ["keys", "names"]
    assert all(line.endswith("inputs, nothing found") for line in lines)
    assert list((tmp_path / "found").iterdir()) == []


def test_a_broken_promise_is_found_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The smallest input that breaks it is in the folder, and can be run again."""
    from tests.fuzz.engines import run_unguided

    def breaks(data: bytes) -> None:
        assert b"7" not in data

    monkeypatch.setitem(targets.TARGETS, "keys", Target(breaks, (b"abc", b"67")))
    with pytest.raises(AssertionError):
        run_unguided("keys", 30, tmp_path)
    (kept,) = tmp_path.iterdir()
    assert b"7" in kept.read_bytes()
    with pytest.raises(AssertionError):
        command.main(["keys", "--replay", str(kept)])
    assert capsys.readouterr().out == ""
