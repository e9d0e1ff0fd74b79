"""`import` with a column of PINs: from private files only, and never in clear anywhere."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest

from pincli.models import State
from pincli.rules.states import state_of
from tests.support import driving
from tests.support.contract import call
from tests.support.desk import PROGRAM, Desk, Ran
from tests.support.drive_bulk_imports import HEADER, done, figures, put
from tests.support.drive_bulk_runs import app, users_of, verifies
from tests.support.driving import driven
from tests.support.failpoints import Plan
from tests.support.floor import content
from tests.support.trail import play


def with_pin(pin: str, user: str = "new") -> str:
    """A file that brings one PIN."""
    return f"{HEADER},pin\n{user},acme,New,cloud,{pin}\n"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o602])
@pytest.mark.parametrize("how", ["named", "redirected"])
def test_a_file_that_others_can_read_brings_no_pins(floor: Desk, mode: int, how: str) -> None:
    """Every row with one is refused, none of them is repeated, nobody is added."""
    rows = "".join(f"n{number},acme,N,cloud,23481{number}\n" for number in range(3, 6))
    path = put(floor, f"{HEADER},pin\n{rows}fine,acme,N,cloud,\n", mode)
    before = content(floor.store)
    if how == "named":
        ran = floor.run("import", path, "--json")
    else:
        with open(path, "rb") as file:
            ended = subprocess.run(
                [*PROGRAM, "import", "-", "--json"],
                stdin=file,
                capture_output=True,
                env=floor.environment(),
                check=False,
            )
        ran = Ran(ended.returncode, ended.stdout.decode(), ended.stderr.decode())
    assert ran.code == 2
    told = [(problem["line"], problem["column"]) for problem in ran.answer["problems"]]
    assert told == [(2, "pin"), (3, "pin"), (4, "pin")]
    assert "23481" not in ran.out + ran.err
    assert content(floor.store) == before


@pytest.mark.parametrize("how", ["0600", "0400", "pipe"])
def test_a_private_file_brings_pins(floor: Desk, how: str) -> None:
    """Hashed as in earnest, sealed, never shown; twice changes nothing."""
    text = with_pin("234811")
    if how == "pipe":
        words, stdin = ["import", "-"], text
    else:
        words, stdin = ["import", put(floor, text, int(how, 8))], ""
    ran = floor.run(*words, "--json", stdin=stdin)
    assert figures(done(ran)) == (1, 1, 0, 0, 0, 1)
    user = users_of(floor)["new"]
    assert verifies(floor, user, "234811")
    assert "m=19456,t=2,p=1" in str(user.pin and user.pin.verifier)
    assert "234811" not in ran.out
    assert floor.verify("new", "234811").code == 0
    before = users_of(floor)
    assert figures(done(floor.run(*words, "--json", stdin=stdin))) == (1, 0, 0, 1, 0, 0)
    assert users_of(floor) == before
    play(floor.events())


@pytest.mark.parametrize(
    ("user", "pin", "state"),
    [
        ("alice", "444159", State.ACTIVE),
        ("lara", "444159", State.LOCKED),
        ("vera", "444159", State.ACTIVE),
        ("uma", "234811", State.ACTIVE),
    ],
)
def test_only_who_has_none_gets_the_pin_of_the_file(
    floor: Desk, user: str, pin: str, state: State
) -> None:
    """Whoever has one keeps it; the counter stays, and the locked stay locked."""
    before = users_of(floor)[user]
    done(call(floor, ["import", put(floor, with_pin("234811", user), 0o600), "--json"]))
    after = users_of(floor)[user]
    assert verifies(floor, after, pin)
    assert state_of(after) is state
    assert after.failed_attempts == before.failed_attempts


@pytest.mark.parametrize("bad", ["12345", "111122", "4441590", "abcdef", "123498"])
def test_a_bad_pin_is_not_repeated(floor: Desk, bad: str) -> None:
    """For people and for programs."""
    path = put(floor, with_pin(bad), 0o600)
    for option in ([], ["--json"]):
        ran = call(floor, ["import", path, *option])
        assert ran.code == 2
        assert bad not in ran.out + ran.err


def test_who_forgets_the_header_sees_no_pin(floor: Desk) -> None:
    """The first row is then taken for the header, and must not be repeated with its PIN."""
    ran = call(floor, ["import", put(floor, "new,acme,N,cloud,234811\n", 0o600)])
    assert ran.code == 2
    assert "234811" not in ran.out + ran.err


def test_a_pin_lies_nowhere_in_clear_while_it_is_imported(
    floor: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Staged, and spilled to the disk: it is in no file, not even in one without a name."""
    sizes = {"pincli.store.staging:_CACHE_KIB": 16}
    monkeypatch.setattr(driving, "_APP", app(sizes=sizes)[:4])
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    rows = "".join(f"n{number},acme,Somebody,cloud,234811\n" for number in range(3000))
    path = put(floor, f"{HEADER},pin\n{rows}", 0o600)
    plan = Plan(at=(("lock:writer", "pause"),))
    with driven(floor, "import", path, "--json", plan=plan) as run:
        run.await_pause()
        seen = [_content_behind(link) for link in _opened(run.process.pid)]
        assert sum(b"n2999" in found for found in seen) == 2, "the file, and what was staged"
        assert [found for found in seen if b"234811" in found] == [Path(path).read_bytes()]
        for file in tmp_path.rglob("*"):
            if file.is_file() and str(file) != path:
                assert b"234811" not in file.read_bytes(), file


def _opened(pid: int) -> list[Path]:
    """The files that a process has open, also those that have no name any more."""
    links = [*Path(f"/proc/{pid}/fd").iterdir()]
    return [link for link in links if str(link.readlink()).startswith("/") and _is_file(link)]


def _is_file(link: Path) -> bool:
    return stat.S_ISREG(link.stat().st_mode)


def _content_behind(link: Path) -> bytes:
    return link.read_bytes()
