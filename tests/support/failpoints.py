"""Points in a run of pincli at which a test pauses, breaks or kills it.

Only the drivers (drive_*.py) install them, in their own process: pincli itself has no code
for them.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from pincli import cli, deployment
from pincli.commands import prompts
from pincli.models import Verdict
from pincli.operations.session import Session
from pincli.store.mark import Mark
from pincli.store.sqlite import lockfile as locks
from pincli.store.sqlite import transaction
from pincli.store.sqlite.engine import SqliteStore
from pincli.store.steps import attempts, imports, people, pins
from pincli.vault.answers import Answers, HashCost
from pincli.views import json_output

_CHEAP = HashCost(memory_kib=8, passes=1)
_LONGEST_LINGER = 30.0
_CAPABILITY_VERSION = 0x20080522

_BULK = (pins.withdraw, pins.issue, imports.take_in, people.set_active)

_WATCHED: tuple[tuple[object, str, str, str], ...] = (
    (prompts, "_read_line", "read", ""),
    (Session, "prepare_to_attempt", "prepare", "prepared"),
    (Answers, "answer", "hash", "hashed"),
    (Mark, "write", "mark", "marked"),
    (json_output, "write", "answer", "wrote"),
    (cli, "writing", "", "answered"),
)
"""Functions, and the points before and after them."""
_open = os.open
_STEPS: dict[object, tuple[str, str, type]] = {
    attempts.charge: ("charge", "charged", attempts.Charged),
    attempts.settle: ("settle", "settled", Verdict),
}
"""Steps, and the points before and after their transactions, waiting for the lock included.

The second is reached only if the result has this type: a refusal is not a charge.
"""


@dataclass(frozen=True)
class Plan:
    """What a test does to one run of pincli.

    Attributes:
        log: The file to which each point is appended, one a line, before anything else.
        at: An action by point: `charged` is the first time, `sql:COMMIT#2` the second.
            Actions: kill, pause (at the gate), fail (as SQLite would), bug (an exception that
            repeats the arguments), full (no byte can be written to a file any more), starve (no
            memory can be had any more), linger (until an answer is written).
        files: Whether making, syncing, naming and removing a file are points too.
        gate: Descriptors: one announces the pause, the other is waited on.
        cheap: Whether hashes are made at a low cost.
        longest_wait: Seconds to wait for a lock; 0 for pincli's own.
        ago: By how many seconds the store's clock is slow.
        powerless: Whether root's power over file permissions is given up.
        server: Whether statements for a server are points too, such as `server:COMMIT`.
        deployment: A file that counts as /etc/pincli/pincli.toml, as if under sudo.
        sizes: The value for each `module:name`.
        slow: The seconds by which each bulk step is put off, before it takes any lock.
    """

    log: str = ""
    at: tuple[tuple[str, str], ...] = ()
    files: bool = False
    gate: tuple[int, int] = (-1, -1)
    cheap: bool = True
    longest_wait: float = 0
    ago: int = 0
    powerless: bool = False
    server: bool = False
    deployment: str = ""
    sizes: Mapping[str, float] = field(default_factory=dict)
    slow: float = 0

    def dump(self) -> str:
        """The plan as text, for a driver."""
        return json.dumps(asdict(self))

    @staticmethod
    def load(text: str) -> Plan:
        """The plan that `dump` wrote."""
        facts: dict[str, Any] = json.loads(text)
        facts["at"] = tuple((point, action) for point, action in facts["at"])
        return Plan(**facts)


class Points:
    """The points of this process, as a plan wants them."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._actions = dict(plan.at)
        self._seen: Counter[str] = Counter()
        self._answered = threading.Event()

    def reach(self, point: str, *details: object) -> None:
        """Note that a point is reached, and do what the plan says for it."""
        self._seen[point] += 1
        self._append(point)
        if point == "wrote":
            self._answered.set()
        times = self._seen[point]
        action = self._actions.get(f"{point}#{times}" if times > 1 else point)
        if action is not None:
            self._do(action, details)

    def _append(self, point: str) -> None:
        if self._plan.log:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            descriptor = _open(self._plan.log, flags, 0o600)
            # Where no file can be written any more, the log can't be either.
            with suppress(OSError):
                os.write(descriptor, f"{point}\n".encode())
            os.close(descriptor)

    def _do(self, action: str, details: tuple[object, ...]) -> None:
        match action:
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "pause":
                ready, go = self._plan.gate
                os.write(ready, b".")
                if not os.read(go, 1):
                    os._exit(99)  # the test is gone
            case "fail":
                error = sqlite3.OperationalError("disk I/O error")
                error.sqlite_errorname = "SQLITE_IOERR_WRITE"
                raise error
            case "bug":
                raise RuntimeError(f"called with {details!r}")
            case "full":
                resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
            case "starve":
                pages = int(Path("/proc/self/statm").read_text().split()[0])
                room = pages * resource.getpagesize()
                resource.setrlimit(resource.RLIMIT_AS, (room, resource.RLIM_INFINITY))
            case "linger":
                self._answered.wait(_LONGEST_LINGER)
            case _:
                raise ValueError(action)


def install(plan: Plan) -> None:
    """Wrap functions of pincli in this process, as the plan says."""
    for place, value in plan.sizes.items():
        module, _, name = place.partition(":")
        _replace(import_module(module), name, value)
    if plan.slow:
        _put_off_bulk_steps(plan.slow)
    points = Points(plan)
    for owner, name, before, after in _WATCHED:
        _watch(points, owner, name, before, after)
    _watch_steps(points)
    _watch_locks(points)
    _watch_sql(points)
    if plan.files:
        _watch_files(points)
    if plan.server:
        _watch_copying(points)
    if plan.server or os.environ.get("PINCLI_STORE", "").startswith("postgresql:"):
        _watch_server(points)
    if plan.cheap:
        _replace(Answers.__init__, "__defaults__", (_CHEAP,))
    if plan.longest_wait:
        _replace(locks, "LONGEST_WAIT", plan.longest_wait)
    if plan.ago:
        _replace(transaction, "utc_now", lambda: _utc(time.time() - plan.ago))
    if plan.powerless:
        give_up_capabilities()
    if plan.deployment:
        _replace(deployment.read_deployment, "__defaults__", (Path(plan.deployment),))
        for name in ("PINCLI_STORE", "PINCLI_KEYS"):
            os.environ.pop(name, None)
        os.environ["SUDO_UID"] = str(os.getuid())


def _put_off_bulk_steps(seconds: float) -> None:
    write = SqliteStore.write

    def late(store: SqliteStore, step: Any, *arguments: Any, **options: Any) -> Any:
        if step in _BULK:
            time.sleep(seconds)
        return write(store, step, *arguments, **options)

    _replace(SqliteStore, "write", late)


def _utc(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def give_up_capabilities() -> None:
    """Let file permissions apply to root too."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    none = (ctypes.c_uint32 * 6)()
    if ctypes.CDLL(None, use_errno=True).capset(header, none) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def _watch(points: Points, owner: object, name: str, before: str, after: str) -> None:
    wrapped: Callable[..., Any] = getattr(owner, name)

    def watched(*arguments: Any, **options: Any) -> Any:
        if before:
            points.reach(before, *arguments)
        result = wrapped(*arguments, **options)
        if after:
            points.reach(after)
        return result

    _replace(owner, name, watched)


def _watch_files(points: Points) -> None:
    from pincli.operations import output_file
    from pincli.operations.pin_file import PinFile
    from pincli.store.sqlite import copies
    from pincli.store.sqlite.restore import replacement

    for name in ("fsync", "link", "replace", "rename", "unlink", "mkdir"):
        _watch(points, os, name, name, "")
    for module in (copies, replacement, output_file):
        _watch(points, module, "give_name", "rename", "")
    _watch(points, PinFile, "append", "pins", "")

    def opening(path: Any, flags: int, *rest: Any, **options: Any) -> int:
        if flags & os.O_CREAT:
            points.reach("create")
        return _open(path, flags, *rest, **options)

    _replace(os, "open", opening)


def _watch_steps(points: Points) -> None:
    write = SqliteStore.write

    def writing(store: SqliteStore, step: Any, *arguments: Any, **options: Any) -> Any:
        before, after, kind = _STEPS.get(step, ("", "", object))
        if before:
            points.reach(before, *arguments)
        result = write(store, step, *arguments, **options)
        if after and isinstance(result, kind):
            points.reach(after)
        return result

    _replace(SqliteStore, "write", writing)


def _watch_locks(points: Points) -> None:
    acquire = locks.Locks._acquire

    def acquiring(held: locks.Locks, byte: int, *length: int) -> None:
        whose = "maintenance" if byte else "writer"
        points.reach(f"lock:{whose}")
        acquire(held, byte, *length)
        points.reach(f"locked:{whose}")

    _replace(locks.Locks, "_acquire", acquiring)


def _watch_sql(points: Points) -> None:
    class Watched(sqlite3.Connection):
        _reads = False

        def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
            # A transaction that only reads begins and ends in lower case.
            words = sql.split(None, 1)
            reads = sql == "BEGIN" or (sql == "COMMIT" and self._reads)
            self._reads = sql == "BEGIN" or (self._reads and self.in_transaction)
            points.reach(f"sql:{words[0].lower() if reads else words[0]}")
            return super().execute(sql, *parameters)

        def executemany(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
            points.reach(f"sql:{sql.split(None, 1)[0]}")
            return super().executemany(sql, *parameters)

    connect = sqlite3.connect

    def connecting(*arguments: Any, **options: Any) -> sqlite3.Connection:
        return connect(*arguments, factory=Watched, **options)

    _replace(sqlite3, "connect", connecting)


def _watch_server(points: Points) -> None:
    """What is sent to a server, where charge and settle are sent at once.

    `charged` is reached once the charge and its COMMIT are sent, even if they fail.
    """
    from pincli.store.postgresql.attempts import FunctionAttempts
    from pincli.store.postgresql.connection import Connection

    execute, attempt = Connection.execute, FunctionAttempts.attempt
    sent: list[str] = []

    def executing(connection: Connection, query: Any, *rest: Any, **options: Any) -> Any:
        text = query.decode() if isinstance(query, bytes) else str(query)
        word = text.split(None, 1)[0]
        sent.append(word)
        if "pincli.charge(" in text:
            points.reach("charge")
            sent[:] = ["charge"]
        elif sent[-3:] == ["charge", "COMMIT", "BEGIN"]:
            points.reach("charged")
        elif "pincli.settle(" in text:
            points.reach("settle")
        points.reach(f"server:{word}")
        return execute(connection, query, *rest, **options)

    def attempting(attempts: FunctionAttempts, *arguments: Any, **options: Any) -> Any:
        answered = attempt(attempts, *arguments, **options)
        if answered is not None:
            points.reach("settled")
        return answered

    _replace(Connection, "execute", executing)
    _replace(FunctionAttempts, "attempt", attempting)


def _watch_copying(points: Points) -> None:
    from pincli.store.postgresql.move_target import MoveTarget

    add_rows = MoveTarget.add_rows

    def adding(target: MoveTarget, *arguments: Any) -> None:
        points.reach("server:COPY")
        add_rows(target, *arguments)

    _replace(MoveTarget, "add_rows", adding)


def _replace(owner: object, name: str, by: object) -> None:
    setattr(owner, name, by)
