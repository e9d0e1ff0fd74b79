"""Other processes in step with the test, which waits for their output and never sleeps."""

from __future__ import annotations

import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_LONG_ENOUGH = 60


class Other:
    """A process that reads and writes lines."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    def tell(self, line: str) -> None:
        """Write it a line."""
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")

    def said(self) -> str:
        """Its next line; empty once it has ended."""
        assert self.process.stdout is not None
        line = b""
        while not line.endswith(b"\n"):
            assert not self.says_nothing_for(_LONG_ENOUGH), line
            byte = self.process.stdout.read(1)
            if not byte:
                break
            line += byte
        return line.decode().strip()

    def says_nothing_for(self, seconds: float) -> bool:
        """Whether it is silent for some seconds."""
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], seconds)
        return not readable

    def ended(self) -> int:
        """Its return code, once it has ended."""
        return self.process.wait(_LONG_ENOUGH)


@contextmanager
def other(module: str, *arguments: object) -> Iterator[Other]:
    """Run a module of this folder as a process, and kill it at the end.

    It leads a process group, so that the kernel will let it be stopped.
    """
    with subprocess.Popen(
        [sys.executable, "-m", f"tests.store.{module}", *map(str, arguments)],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        process_group=0,
    ) as process:
        try:
            yield Other(process)
        finally:
            process.kill()


@contextmanager
def held_by_other(lock_file: Path, byte: int) -> Iterator[Other]:
    """A process that holds a byte of a lock file until it is told to release it."""
    with other("lock_holder", lock_file, byte) as holder:
        assert (holder.said(), holder.said()) == ("trying", "held")
        yield holder
