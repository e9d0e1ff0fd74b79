"""The canary in crashes, journals, process lists and the programs that pincli starts."""

from __future__ import annotations

import hashlib
import os
import pwd
from pathlib import Path

import pytest

from pincli.models import Outcome
from tests.support.canary import CANARY, in_no_file, people_with_canary
from tests.support.desk import Desk
from tests.support.driving import OTHER, WRONG, asked, drive, guess_wrong, paused_verify, verify_of
from tests.support.failpoints import Plan
from tests.support.strace import require_strace, traced

NEW_CANARY = "617904"


@pytest.fixture
def people(desk: Desk) -> Desk:
    """Alice has the canary as her PIN."""
    return people_with_canary(desk)


def test_a_pin_in_a_bugs_exception_is_not_shown(people: Desk) -> None:
    """A bug whose exception has the PIN in its text is exit 1 without that text."""
    plan = Plan(at=(("hash", "bug"),))
    for as_json in (("--json",), ()):
        arguments = ("verify", "alice", "--pin-stdin", *as_json)
        ran = drive(people, *arguments, plan=plan, pin=CANARY)
        assert ran.code == 1, ran
        output = ran.out + ran.err
        assert CANARY not in output
        assert "Traceback" not in output
        assert "not verified: " in output
        assert "RuntimeError" in output
    in_no_file(people)


@pytest.mark.parametrize("pin", [CANARY, OTHER])
def test_an_answer_in_flight_is_stored_as_a_hash(people: Desk, pin: str) -> None:
    """After a kill the record holds the digest of a keyed hash, not the PIN."""
    plan = Plan(at=(("charged", "kill"),))
    drive(people, *verify_of("alice"), plan=plan, pin=pin)
    user = people.user("alice")
    stored = user.attempt_answer
    assert stored is not None
    assert len(stored) == hashlib.sha256().digest_size
    assert (stored == user.pin_check) == (pin == CANARY)
    assert stored != hashlib.sha256(pin.encode()).digest()
    in_no_file(people)
    assert pin.encode() not in people.database.read_bytes()


def test_a_hot_journal_holds_no_pin(people: Desk) -> None:
    """After a kill during a PIN change, neither the database nor its journal has the PIN."""
    require_strace()
    run = traced(
        people,
        "pin",
        "change",
        "bob",
        "--pin-stdin",
        calls="fdatasync",
        stdin=f"{NEW_CANARY}\n",
        inject="fdatasync:signal=KILL:when=4",
    )
    assert run.ran.code < 0
    journal = people.database.with_name("pincli.db-journal")
    assert journal.stat().st_size > 0
    for path in (journal, people.database):
        assert NEW_CANARY.encode() not in path.read_bytes()
    assert asked(people, "bob", WRONG) is Outcome.VERIFIED


def test_no_process_has_the_pin_in_its_arguments_or_environment(people: Desk) -> None:
    """During a verify the process list doesn't show the PIN."""
    with paused_verify(people, "alice", CANARY) as run:
        facts = Path("/proc") / str(run.process.pid)
        for name in ("cmdline", "environ"):
            assert CANARY.encode() not in (facts / name).read_bytes()
        children = facts / "task" / str(run.process.pid) / "children"
        assert children.read_text() == ""
        run.go_on()
        assert run.end().code == 0


@pytest.mark.parametrize(
    "arguments", [verify_of("alice"), ("pin", "change", "bob", "--pin-stdin", "--json")]
)
def test_no_other_program_is_started(people: Desk, arguments: tuple[str, ...]) -> None:
    """A command that reads a PIN starts no other program."""
    require_strace()
    run = traced(people, *arguments, calls="execve,fork,vfork", stdin=f"{CANARY}\n")
    assert run.ran.code == 0
    assert [call.name for call in run.calls] == ["execve"]
    assert CANARY not in run.calls[0].arguments


HOOK = """\
#!/bin/sh
cat
echo "arguments: $0 $*"
env
tr '\\0' '\\n' < /proc/$$/environ
"""


def test_a_hook_gets_no_pin(people: Desk, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The hook gets no PIN, neither on stdin nor otherwise."""
    folder = tmp_path_factory.mktemp("hook")
    target, hook, config = folder / "received", folder / "hook", folder / "pincli.toml"
    hook.write_text(HOOK.replace("#!/bin/sh", f"#!/bin/sh\nexec > {target}"))
    hook.chmod(0o700)
    config.write_text(
        f'store = "{people.store}"\nkeys = "{people.keys}"\n'
        f'[roles]\nagent = ["{pwd.getpwuid(os.getuid()).pw_name}"]\n'
        f'[hooks]\non_lock = ["{hook}", "an argument"]\n'
    )
    config.chmod(0o600)
    guess_wrong(people, "bob", 5, wrong=OTHER)
    plan = Plan(deployment=str(config))
    ran = drive(people, *verify_of("bob"), plan=plan, pin=CANARY)
    assert (ran.code, ran.answer["state"], ran.err) == (3, "locked", "")
    received = target.read_text()
    assert '"event": "locked"' in received
    assert "an argument" in received
    assert CANARY not in received
    in_no_file(people)
