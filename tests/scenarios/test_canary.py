"""One PIN, used and mistyped in every command, is found nowhere afterwards."""

from __future__ import annotations

import hashlib
import os
import pwd
from pathlib import Path

import pytest

from pincli.models import Outcome
from pincli.rules.pins import broken_rule
from tests.support.desk import Desk, Ran
from tests.support.driving import (
    OTHER,
    WRONG,
    Forks,
    asked,
    drive,
    guess_wrong,
    paused_verify,
    verify_of,
)
from tests.support.failpoints import Plan
from tests.support.strace import require_strace, traced

CANARY = "904617"

USED = [
    ("verify", "alice", "--pin-stdin"),
    ("verify", "bob", "--pin-stdin"),
    ("verify", "nobody", "--pin-stdin"),
    ("verify", "carol", "--pin-stdin"),
    ("pin", "check", "--pin-stdin"),
    ("pin", "change", "alice", "--pin-stdin"),
    ("pin", "change", "bob", "--pin-stdin"),
    ("pin", "change", "nobody", "--pin-stdin"),
]
"""Commands that get the PIN where it belongs, on stdin."""

MISTYPED = [
    ("desk", CANARY),
    ("desk", f"--plain={CANARY}"),
    ("verify", CANARY, "--pin-stdin"),
    ("verify", f" {CANARY}", "--pin-stdin"),
    ("verify", f"alice{CANARY}", "--pin-stdin"),
    ("verify", f"alice {CANARY}", "--pin-stdin"),
    ("verify", "alice", CANARY, "--pin-stdin"),
    ("verify", "alice", "--pin", CANARY),
    ("verify", "alice", f"--pin={CANARY}"),
    ("verify", "alice", f"--{CANARY}"),
    ("verify", "alice", f"--pin-stdin={CANARY}"),
    ("verify", "alice", f"-{CANARY}"),
    ("verify", "alice", "--pin-stdin", "--ref", CANARY),
    ("verify", "alice", "--pin-stdin", f"--ref=said {CANARY}, twice"),
    ("verify", "alice", CANARY),
    ("verify", CANARY),
    ("verify", "alice", "--pin", CANARY, "--pin-stdin"),
    ("verify", "alice", f"x{CANARY}"),
    ("verify", "locked", "--pin-stdin", "--ref", f"T-1 PIN:{CANARY}"),
    ("verify", "nobody", "--pin-stdin", "--ref", f"said {CANARY}?"),
    (f"verify{CANARY}", "alice"),
    (CANARY,),
    ("alice", CANARY),
    (f"--{CANARY}",),
    (f"--pin={CANARY}", "verify", "alice"),
    ("help", CANARY),
    ("help", "verify", CANARY),
    ("completion", CANARY),
    ("pin", CANARY),
    ("pin", "show", CANARY),
    ("pin", "show", "alice", CANARY),
    ("pin", "change", "alice", CANARY, "--pin-stdin"),
    ("pin", "change", CANARY, "--pin-stdin"),
    ("pin", "check", CANARY),
    ("pin", "check", CANARY, "--pin-stdin"),
    ("unlock", CANARY, "--reason", "T-1"),
    ("unlock", "locked", "--reason", f"PIN is {CANARY}"),
    ("unlock", "alice", CANARY, "--reason", "T-1"),
    ("reset", CANARY, "--yes"),
    ("reset", "dave", CANARY, "--yes"),
    ("reset", "dave", "--yes", "--reason", f"was {CANARY}"),
    ("reset", "--account", CANARY, "--yes"),
    ("reset", "dave", "--yes", f"--yes={CANARY}"),
    ("status", CANARY),
    ("status", "alice", CANARY),
    ("status", "--account", CANARY),
    ("status", "--state", CANARY),
    ("status", f"--acount{CANARY}"),
    ("user", CANARY),
    ("user", "show", CANARY),
    ("user", "add", "erin", CANARY, "--account", "acme"),
    ("user", "add", "erin", "--account", "acme", "--type", CANARY),
    ("user", "deactivate", CANARY),
    ("user", "deactivate", "dave", "--reason", CANARY),
    ("user", "activate", "dave", CANARY),
    ("user", "list", "--account", CANARY),
    ("audit", "list", CANARY),
    ("audit", "list", "--user", CANARY),
    ("audit", "list", "--limit", f"{CANARY}x"),
    ("audit", "list", "--agent", CANARY),
    ("alerts", CANARY),
    ("keys", "rotate", CANARY),
    ("doctor", CANARY),
    ("demo", CANARY),
    ("init", CANARY),
]
"""Commands that get the PIN where people type it by mistake."""

LOOKING = [
    ("status",),
    ("status", "alice"),
    ("status", "--account", "acme"),
    ("status", "--locked"),
    ("user", "list"),
    ("user", "show", "alice"),
    ("audit", "list", "--limit", "1000"),
    ("audit", "verify"),
    ("reset", "alice", "--dry-run"),
    ("alerts",),
    ("keys", "list"),
    ("doctor",),
]
"""Commands that read the store afterwards."""


def nowhere(ran: Ran) -> None:
    """Fail if the PIN was printed, or a traceback."""
    assert CANARY not in ran.out + ran.err, ran
    assert ran.code != 1, ran
    assert "Traceback" not in ran.err, ran


def in_no_file(desk: Desk) -> None:
    """Fail if the PIN is in the store, keys, journals or temporary files."""
    root = desk.store.parent
    files = [path for path in root.rglob("*") if path.is_file()]
    assert desk.database in files
    for path in files:
        assert CANARY.encode() not in path.read_bytes(), path


@pytest.fixture
def people(desk: Desk) -> Desk:
    """Alice with the canary as her PIN, and others with another PIN or none."""
    assert broken_rule(CANARY) is None
    desk.collected("alice", pin=CANARY)
    desk.collected("bob", pin=WRONG)
    desk.add("carol")
    desk.collected("dave", pin=WRONG)
    desk.collected("locked", pin=OTHER)
    guess_wrong(desk, "locked", 6)
    return desk


@pytest.mark.parametrize("as_json", [("--json",), ()], ids=["json", "people"])
def test_a_pin_used_and_mistyped_everywhere_is_found_nowhere(
    people: Desk, forks: Forks, as_json: tuple[str, ...]
) -> None:
    """After every command has got the PIN, no output, event or file has it."""
    refused = 0
    for arguments in (*USED, *MISTYPED, *LOOKING):
        ran = forks.run(people, *arguments, *as_json, stdin=f"{CANARY}\n")
        nowhere(ran)
        refused += arguments in MISTYPED and ran.code in (2, 6)
    assert refused > len(MISTYPED) / 2
    for event in people.events():
        assert CANARY not in repr(event)
    in_no_file(people)


GOOD_ROWS = f"""\
user,account,name,type,pin
erin,acme,Erin,cloud,{CANARY}
frank,acme,Frank,cloud,{CANARY}
"""
BAD_ROWS = f"""\
user,account,name,type,pin
gina,acme,Gina,{CANARY},{CANARY}
har ry {CANARY},acme,Harry,cloud,{CANARY}
ines,acme,Ines,cloud,{CANARY},more
jane,acme,Jane,cloud,{CANARY}x
"""


@pytest.mark.parametrize("as_json", [("--json",), ()], ids=["json", "people"])
@pytest.mark.parametrize(
    ("rows", "words", "code"),
    [(GOOD_ROWS, ["--ignore-unknown"], 0), (GOOD_ROWS, [], 2), (BAD_ROWS, ["--ignore-unknown"], 2)],
    ids=["left out", "refused", "bad"],
)
def test_pins_in_a_file_of_people_are_found_nowhere_else(
    people: Desk,
    forks: Forks,
    tmp_path_factory: pytest.TempPathFactory,
    rows: str,
    words: list[str],
    code: int,
    as_json: tuple[str, ...],
) -> None:
    """A PIN in an imported file is ignored or refused, and never repeated."""
    file = tmp_path_factory.mktemp("inbox") / "people.csv"
    file.write_text(rows)
    ran = forks.run(people, "import", str(file), "--yes", *words, *as_json)
    assert ran.code == code, ran
    nowhere(ran)
    in_no_file(people)


def test_only_the_owners_look_shows_the_pin(people: Desk) -> None:
    """Only `pin show` prints the PIN, and its event doesn't have it."""
    ran = people.run("pin", "show", "alice")
    assert CANARY in ran.out
    assert CANARY not in ran.err
    in_no_file(people)


# In crashes, journals, process lists and the programs that pincli starts.

NEW_CANARY = "617904"


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
