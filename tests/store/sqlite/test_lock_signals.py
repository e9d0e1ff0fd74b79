"""Signals that arrive while a lock is held are deferred until its release, and not lost."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.store.processes import held_by_other


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A lock file as init makes it."""
    file = tmp_path / "pincli.lock"
    file.touch(0o600)
    return file


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_that_would_end_it_waits(path: Path, number: signal.Signals) -> None:
    """The signal ends the holder only after it has released the lock."""
    with held_by_other(path, 0) as holder:
        os.kill(holder.pid, number)
        holder.tell("pending")
        assert holder.said() == number.name
        holder.tell("release")
        assert holder.said() == ""
        assert holder.ended() == -number
    with held_by_other(path, 0):
        pass


def test_a_signal_that_would_stop_it_waits(path: Path) -> None:
    """Ctrl-Z stops the holder only after it has released the lock, so nobody waits for it."""
    with held_by_other(path, 0) as holder:
        os.kill(holder.pid, signal.SIGTSTP)
        holder.tell("pending")
        assert holder.said() == "SIGTSTP"
        holder.tell("release")
        report = os.waitid(os.P_PID, holder.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        assert report is not None
        assert report.si_code == os.CLD_STOPPED
        with held_by_other(path, 0):
            pass
        os.kill(holder.pid, signal.SIGCONT)
        assert holder.said() == "released"
