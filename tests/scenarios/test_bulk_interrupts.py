"""Ctrl-C in the middle of bulk work: whole chunks, true figures, the rest by the same command."""

from __future__ import annotations

import re
import signal
import subprocess

import pytest

from tests.support import driving
from tests.support.desk import Desk, Ran
from tests.support.drive_bulk_runs import SMALL_CHUNKS, app, crowd, sound, withdrawn
from tests.support.driving import driven, fresh
from tests.support.failpoints import Plan

MANY = 500
RESET = ("reset", "--account", "acme", "--yes", "--json")


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every run here writes chunks of 50 users."""
    monkeypatch.setattr(driving, "_APP", app(sizes=SMALL_CHUNKS)[:4])


def interrupted(desk: Desk, at: str, *arguments: str) -> Ran:
    """A run that gets Ctrl-C while it waits at a point."""
    plan = Plan(at=((at, "pause"),), log=str(fresh(desk, "log")))
    with driven(desk, *arguments, plan=plan) as run:
        run.await_pause()
        run.signal(signal.SIGINT)
        run.go_on()
        return run.end()


def told(ran: Ran) -> tuple[int, int]:
    """What the message says: how many of how many."""
    text = ran.answer["error"]["message"] if ran.out else ran.err
    found = re.search(r"(\d+) of (\d+) done", text)
    assert found is not None, ran
    return int(found[1]), int(found[2])


@pytest.mark.parametrize("at", ["sql:COMMIT#3", "sql:UPDATE#7", "lock:writer#4", "locked:writer#2"])
def test_a_reset_tells_how_far_it_got(desk: Desk, at: str) -> None:
    """While a chunk is written or between two: those that are done, and not one fewer."""
    crowd(desk, MANY)
    ran = interrupted(desk, at, *RESET)
    assert (ran.code, ran.err) == (130, "")
    assert ran.answer["error"]["code"] == "interrupted"
    done = withdrawn(desk)
    assert 0 < done < MANY
    assert told(ran) == (done, MANY)
    again = desk.run(*RESET)
    assert again.code == 0
    facts = {key: again.answer[key] for key in ("matched", "reset", "unchanged")}
    assert facts == {"matched": MANY, "reset": MANY - done, "unchanged": done}
    assert withdrawn(desk) == MANY
    sound(desk)


def test_an_import_tells_how_far_it_got(desk: Desk) -> None:
    """As a reset does; the message says what to do, and that finishes it."""
    path = fresh(desk, "people")
    rows = "".join(f"u{number},acme,N,cloud\n" for number in range(MANY))
    path.write_text(f"user,account,name,type\n{rows}")
    ran = interrupted(desk, "sql:COMMIT#2", "import", str(path))
    assert ran.code == 130
    ((done,),) = desk.sql("SELECT count(*) FROM people")
    assert 0 < done < MANY
    assert told(ran) == (done, MANY)
    assert "same command again" in ran.err
    again = desk.run("import", str(path), "--json").answer
    assert (again["added"], again["unchanged"]) == (MANY - done, done)


def test_a_deactivation_tells_how_far_it_got(desk: Desk) -> None:
    """The second run says how many were done already."""
    crowd(desk, MANY)
    path = fresh(desk, "names")
    path.write_text("".join(f"u{number:06}\n" for number in range(MANY)))
    arguments = ("user", "deactivate", "--from-file", str(path), "--json")
    ran = interrupted(desk, "sql:COMMIT#2", *arguments)
    ((done,),) = desk.sql("SELECT count(*) FROM people WHERE NOT active")
    assert (ran.code, told(ran)) == (130, (done, MANY))
    answer = desk.run(*arguments).answer
    assert (answer["changed"], answer["unchanged"]) == (MANY - done, done)


@pytest.mark.parametrize("option", ["--issue", "--output"])
def test_issuing_tells_how_far_it_got(
    desk: Desk, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """New PINs take longest of all: there too, so many of so many, and what to do."""
    monkeypatch.setattr(driving, "_APP", app()[:4])
    crowd(desk, 200)
    file = [str(desk.store.parent / "pins.csv")] if option == "--output" else []
    ran = interrupted(desk, "sql:COMMIT#3", "reset", "--account", "acme", "--yes", option, *file)
    ((done,),) = desk.sql("SELECT count(*) FROM people WHERE question <> 'x'")
    assert ran.code == 130
    assert 0 < done < 200
    assert told(ran) == (done, 200)
    assert ("--only-missing" if file else "same command again") in ran.err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_other_signals_leave_whole_chunks_too(desk: Desk, number: signal.Signals) -> None:
    """A shutdown in the middle: they wait for the chunk's commit, then end the process."""
    crowd(desk, 1000)
    command = (*app(sizes=SMALL_CHUNKS, slow=0.02), *RESET)
    with subprocess.Popen(command, env=desk.environment(), cwd=driving.ROOT) as process:
        driving.wait_until(lambda: withdrawn(desk) > 0, "the first chunk")
        process.send_signal(number)
        assert process.wait(driving.LONG_ENOUGH) == -number
    assert withdrawn(desk) % 50 == 0
    assert 0 < withdrawn(desk) < 1000
    sound(desk)
