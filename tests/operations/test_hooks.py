"""The on_lock hook runs once per lock, after everything else, and can change nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from pincli.models import EventKind
from pincli.operations import people
from pincli.operations.hooks import on_lock
from pincli.operations.session import Need
from pincli.operations.trail_check import check_trail
from pincli.operations.verify import verify
from pincli.results import Notice
from tests.store.attempting import left_open, with_counter
from tests.support.desk import PROGRAM, Desk, Ran, killed
from tests.support.driving import RIGHT, ROOT, WRONG, Forks, guess_wrong, wait_until
from tests.support.failpoints import Plan

SCRIPT = """
import json, os, subprocess, sys
facts, program = sys.argv[1], json.loads(sys.argv[2])
out = os.path.join(facts, "out")
printed = open(out).read() if os.path.exists(out) else ""
def run(*words, stdin=""):
    ended = subprocess.run([*program["command"], *words], input=stdin, text=True, timeout=30,
                           env=program["environment"], capture_output=True)
    return ended.returncode
note = {
    "stdin": sys.stdin.read(),
    "environment": dict(os.environ),
    "folder": os.getcwd(),
    "arguments": sys.argv[3:],
    "printed": printed,
}
if program["command"]:
    note["status"] = run("status", "--json")
    note["other"] = run("verify", "bob", "--pin-stdin", stdin="444159\\n")
    note["same"] = run("verify", "alice", "--pin-stdin", stdin="444159\\n")
with open(os.path.join(facts, "notes"), "a") as file:
    file.write(json.dumps(note) + "\\n")
print("noise"); print("noise", file=sys.stderr)
"""


class HookRecorder:
    """A hook that notes how it was run.

    Attributes:
        command: The hook in the configuration.
    """

    def __init__(self, desk: Desk, *arguments: str, asks: bool = False) -> None:
        self.folder = desk.store.parent / "recorder"
        self.folder.mkdir(exist_ok=True)
        script = self.folder / "hook.py"
        script.write_text(SCRIPT)
        program = {"command": PROGRAM if asks else [], "environment": desk.environment()}
        self.command = (
            sys.executable,
            str(script),
            str(self.folder),
            json.dumps(program),
            *arguments,
        )

    def notes(self) -> list[dict[str, Any]]:
        path = self.folder / "notes"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def near(desk: Desk) -> Desk:
    """Alice, one miss short of the lock, and bob."""
    desk.collected("alice")
    desk.collected("bob")
    guess_wrong(desk, "alice", 5)
    return desk


def run(
    desk: Desk,
    hook: tuple[str, ...],
    *arguments: str,
    stdin: str = "",
    time_limit: float = 30,
    at_the_hook: str = "",
) -> Ran:
    """Run pincli with a hook; its stdout is a file that the hook can read."""
    with start(desk, hook, *arguments, time_limit=time_limit, at_the_hook=at_the_hook) as process:
        _, err = process.communicate(stdin.encode(), 60)
    return Ran(process.returncode, _out(desk).read_text(), err.decode())


def start(
    desk: Desk,
    hook: tuple[str, ...],
    *arguments: str,
    time_limit: float = 30,
    at_the_hook: str = "",
) -> subprocess.Popen[bytes]:
    _out(desk).parent.mkdir(exist_ok=True)
    plan = json.dumps({"hook": hook, "time_limit": time_limit, "at_the_hook": at_the_hook})
    with _out(desk).open("wb") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.support.drive_upkeep_hook", plan, *arguments],
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=subprocess.PIPE,
            env=desk.environment(SECRET_OF_THE_SHELL="x"),
            cwd=ROOT,
        )


def _out(desk: Desk) -> Path:
    return desk.store.parent / "recorder" / "out"


VERIFY = ("verify", "alice", "--pin-stdin", "--json")


def test_a_hook_runs_after_the_verdict_is_printed(near: Desk) -> None:
    """With JSON on stdin, a bare environment, and no lock held."""
    recorder = HookRecorder(near, asks=True)
    ran = run(near, recorder.command, *VERIFY, stdin=f"{WRONG}\n")
    assert ran.code == 3
    assert ran.err == ""
    (note,) = recorder.notes()
    assert note["printed"] == ran.out
    assert ran.answer["state"] == "locked"
    user = near.user("alice")
    assert note["stdin"].endswith("\n")
    assert json.loads(note["stdin"]) == {
        "event": "locked",
        "user": "alice",
        "account": "acme",
        "name": "Alice",
        "locked_since": user.locked_since,
        "locks_total": 1,
        "by": "amy",
        "kind": "locked",
        "number": user.event,
    }
    environment = {k: v for k, v in note["environment"].items() if k != "LC_CTYPE"}
    assert environment == {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
    assert note["folder"] == "/"
    assert (note["status"], note["other"], note["same"]) == (0, 0, 4)


def test_nothing_goes_through_a_shell(near: Desk) -> None:
    """Text that is special to a shell arrives unchanged."""
    words = ("$(touch /tmp/x)", "`id`", "a b", "*", "; exit 1", "'\"", "\u00e9\n", "")
    recorder = HookRecorder(near, *words)
    assert run(near, recorder.command, *VERIFY, stdin=f"{WRONG}\n").code == 3
    assert recorder.notes()[0]["arguments"] == list(words)


def test_without_a_lock_no_hook_runs(near: Desk) -> None:
    """Not after a right answer, an earlier miss, or a refusal."""
    recorder = HookRecorder(near)
    for line, stdin, code in (
        (VERIFY, RIGHT, 0),
        (VERIFY, WRONG, 3),
        (("verify", "nobody", "--pin-stdin"), RIGHT, 6),
    ):
        assert run(near, recorder.command, *line, stdin=f"{stdin}\n").code == code
    assert recorder.notes() == []


def later(desk: Desk) -> None:
    """Let a minute pass."""
    desk.sql("UPDATE notices SET tried_at = '2026-01-01T00:00:00Z' WHERE tried_at IS NOT NULL")


@pytest.mark.parametrize("way", ["quit", "no process", "fails"])
def test_the_next_run_delivers_what_one_did_not(near: Desk, way: str) -> None:
    """A caller can neither suppress a notice nor hide its failure."""
    recorder = HookRecorder(near)
    broken = ("/bin/false",) if way == "fails" else recorder.command
    first = run(near, broken, *VERIFY, stdin=f"{WRONG}\n", at_the_hook=way)
    assert first.answer["state"] == "locked"
    assert first.code == (-signal.SIGQUIT if way == "quit" else 3)
    (notices,) = [each for each in near.run("doctor", "--json").answer["checks"]
                  if each["what"] == "notices"]  # fmt: skip
    assert notices["finding"] == "1 lock waits for the on_lock hook"
    failed = [event.reason for event in near.events() if event.kind is EventKind.NOTICE_FAILED]
    assert len(failed) == (way != "quit")
    status = ("verify", "bob", "--pin-stdin", "--json")
    assert run(near, broken, *status, stdin=f"{RIGHT}\n").code == 0
    assert recorder.notes() == []  # within a minute nobody tries again
    later(near)
    if way != "quit":  # it fails again, without another event
        assert run(near, ("/bin/false",), *status, stdin=f"{RIGHT}\n").code == 0
        later(near)
    assert run(near, recorder.command, *status, stdin=f"{RIGHT}\n").code == 0
    (note,) = recorder.notes()
    assert json.loads(note["stdin"])["user"] == "alice"
    assert near.sql("SELECT number FROM notices") == [(0,)]
    again = [event.reason for event in near.events() if event.kind is EventKind.NOTICE_FAILED]
    assert again == failed


def test_programs_that_a_hook_starts_end_with_it(near: Desk) -> None:
    """In the background too."""
    recorder = HookRecorder(near)
    script = f"sleep 60 & echo $! > {recorder.folder}/pid; exit 0"
    assert run(near, ("/bin/sh", "-c", script), *VERIFY, stdin=f"{WRONG}\n").code == 3
    child = int((recorder.folder / "pid").read_text())
    wait_until(lambda: not Path(f"/proc/{child}").exists() or _is_dead(child), "its end")


def _is_dead(process: int) -> bool:
    """Whether a process has ended and waits to be reaped."""
    return b") Z" in Path(f"/proc/{process}/stat").read_bytes()


@pytest.mark.engines
def test_notices_wait_in_the_store(desk: Desk) -> None:
    """Recorded with the lock, and given out one at a time, to a desk's login too."""
    for user in ("alice", "bob", "carol"):
        desk.collected(user)
    with desk.front.session(Need.ATTEMPT, Need.COMPARE, agent="mia") as session:
        attempts, store = session.attempts, session.store
        attempts.lock(session.store.people.find("bob")[0], reason="before anybody listens")
        assert store.notices() is None
        assert attempts.next_notice() is None
        assert store.notices() is False
        for _ in range(6):
            verify(session, "alice", WRONG, None)
        assert store.notices() is True
        notice = attempts.next_notice()
        assert notice is not None
        assert (notice.login, notice.account, notice.kind, notice.agent, notice.locks_total) == (
            "alice", "acme", "locked", "mia", 1
        )  # fmt: skip
        assert attempts.next_notice() is None  # somebody is telling it
        attempts.delivered(notice.number, "it ended with 1")
        assert attempts.next_notice() is None
        later(desk)
        assert attempts.next_notice() == notice
        attempts.delivered(notice.number, "it ended with 1")
        later(desk)
        assert attempts.next_notice() == notice
        attempts.delivered(notice.number, None)
        assert (store.notices(), attempts.next_notice()) == (False, None)
        attempts.lock(session.store.people.find("carol")[0], reason="a strange voice")
        by_hand = attempts.next_notice()
        assert by_hand is not None
        assert (by_hand.login, by_hand.kind, by_hand.agent) == ("carol", "locked_by_hand", "mia")
    failed = [event for event in desk.events() if event.kind is EventKind.NOTICE_FAILED]
    assert [(each.agent, each.reason) for each in failed] == [
        ("mia", f"{notice.number}: it ended with 1")
    ]
    with desk.session() as session:
        assert check_trail(session, None).finding is None


@pytest.mark.engines
def test_a_lock_that_another_command_records_waits_too(desk: Desk) -> None:
    """An admin's change ends an open sixth attempt, and records lock and notice."""
    with desk.session() as session:
        session.attempts.next_notice()
    left_open(desk, with_counter(desk, 5))
    with desk.session() as session:
        assert session.store.notices() is False
        people.set_active(session, "alice", active=False, reason=None)
        notice = session.attempts.next_notice()
    assert notice is not None
    assert (notice.login, notice.kind) == ("alice", "locked")


@pytest.mark.parametrize(
    ("line", "code"), [(VERIFY, 4), (("reset", "alice", "--yes"), 0)], ids=["verify", "reset"]
)
def test_a_lock_that_another_command_records_is_delivered_by_it(
    near: Desk, line: tuple[str, ...], code: int
) -> None:
    """Once, by whichever command ends the dead process's sixth attempt."""
    with Forks() as forks:
        assert killed(forks.verify(near, "alice", WRONG, Plan(at=(("charged", "kill"),))).code)
    recorder = HookRecorder(near)
    for _ in range(2):
        assert run(near, recorder.command, *line, stdin=f"{RIGHT}\n").code == code
    (note,) = recorder.notes()
    assert json.loads(note["stdin"])["user"] == "alice"
    assert json.loads(note["stdin"])["locks_total"] == 1


def test_every_lock_is_delivered(near: Desk) -> None:
    """After each unlock again; a lock by hand names who locked."""
    recorder = HookRecorder(near)
    run(near, recorder.command, *VERIFY, stdin=f"{WRONG}\n")
    near.run("unlock", "alice", "--reason", "rang")
    guess_wrong(near, "alice", 5)
    run(near, recorder.command, *VERIFY, stdin=f"{WRONG}\n")
    near.run("unlock", "alice", "--reason", "rang")
    run(near, recorder.command, "lock", "alice", "--reason", "odd")
    notices = [json.loads(note["stdin"]) for note in recorder.notes()]
    assert [each["locks_total"] for each in notices] == [1, 2, 3]
    assert (notices[2]["by"], notices[2]["kind"]) == ("amy", "locked_by_hand")


NOTICE = Notice(7, "2026-11-24T12:00:00Z", "locked", "amy", "alice", "acme", "Alice", 1)


@pytest.mark.parametrize(
    ("hook", "words"),
    [
        (("/bin/sh", "-c", "exit 3"), "it ended with 3"),
        (("/bin/sh", "-c", "kill -9 $$"), "it ended with -9"),
        (("/bin/sh", "-c", "exec 0<&-; exit 0"), None),
        (("/nowhere/hook",), "No such file or directory"),
        (("/etc/passwd",), "Permission denied"),
        (("/",), "Permission denied"),
        (("/bin/echo", "a\0b"), "it can't be run"),
    ],
)
def test_what_went_wrong_is_said(hook: tuple[str, ...], words: str | None) -> None:
    """A hook that doesn't read its notice has not failed."""
    assert on_lock(hook, NOTICE) == words


def test_a_hook_that_fails_is_a_warning(near: Desk) -> None:
    """One line on stderr; verdict, JSON and exit code stay the same."""
    ran = run(near, ("/bin/sh", "-c", "exit 3"), *VERIFY, stdin=f"{WRONG}\n")
    assert ran.code == 3
    assert (ran.answer["outcome"], ran.answer["state"]) == ("incorrect", "locked")
    assert ran.err == "pincli: warning: the on_lock hook failed: it ended with 3\n"


def test_a_hook_that_hangs_is_ended(near: Desk) -> None:
    """After its time limit, with a warning; the verdict is out long before."""
    recorder = HookRecorder(near)
    hook = ("/bin/sh", "-c", f"echo $$ > {recorder.folder}/pid; exec sleep 60")
    began = time.monotonic()
    ran = run(near, hook, *VERIFY, stdin=f"{WRONG}\n", time_limit=0.5)
    assert time.monotonic() - began < 30
    assert ran.code == 3
    assert "took longer than 0 seconds and was ended" in ran.err.replace("1 second", "0 second")
    with pytest.raises(ProcessLookupError):
        os.kill(int((recorder.folder / "pid").read_text()), 0)


def test_ctrl_c_during_a_hook_leaves_one_answer(near: Desk) -> None:
    """The agent gets no second answer, and the notice waits for another run."""
    recorder = HookRecorder(near)
    hook = ("/bin/sh", "-c", f"touch {recorder.folder}/begun; exec sleep 30")
    with start(near, hook, *VERIFY) as process:
        assert process.stdin is not None
        process.stdin.write(f"{WRONG}\n".encode())
        process.stdin.close()
        wait_until((recorder.folder / "begun").exists, "the hook")
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 3
        assert process.stderr is not None
        assert process.stderr.read() == b"pincli: warning: the on_lock hook was interrupted\n"
    assert _out(near).read_text().count("\n") == 1
    assert json.loads(_out(near).read_text())["state"] == "locked"
    assert near.sql("SELECT count(*) FROM notices WHERE number > 0") == [(1,)]


def test_a_hostile_name_is_only_json(near: Desk) -> None:
    """The hook gets one line of ASCII JSON for any display name."""
    hostile = "\x1b]52;c;x\x07\n\u202e\"'$(id)"
    recorder = HookRecorder(near)
    assert on_lock(recorder.command, NOTICE._replace(display_name=hostile)) is None
    (note,) = recorder.notes()
    assert note["stdin"].isascii()
    assert note["stdin"].count("\n") == 1
    assert json.loads(note["stdin"])["name"] == hostile
