"""Ctrl-C in the middle of bulk work: whole chunks, true figures, the rest by the same command."""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping

import pytest

from tests.support.bulk_work import SMALL_CHUNKS, crowd, sound, withdrawn
from tests.support.desk import Desk, Ran
from tests.support.driving import driven, fresh
from tests.support.failpoints import Plan

MANY = 300
RESET = ("reset", "--account", "acme", "--yes", "--json")


def interrupted(
    desk: Desk,
    at: str,
    *arguments: str,
    by: signal.Signals = signal.SIGINT,
    sizes: Mapping[str, float] = SMALL_CHUNKS,
) -> Ran:
    """A run that gets a signal while it waits at a point."""
    plan = Plan(at=((at, "pause"),), log=str(fresh(desk, "log")), sizes=sizes)
    with driven(desk, *arguments, plan=plan) as run:
        run.await_pause()
        run.signal(by)
        run.go_on()
        return run.end()


def progress_in(ran: Ran) -> tuple[int, int]:
    """How many are done, and of how many, as the message says."""
    text = ran.answer["error"]["message"] if ran.out else ran.err
    found = re.search(r"(\d+) of (\d+) done", text)
    assert found is not None, ran
    return int(found[1]), int(found[2])


@pytest.mark.parametrize("at", ["sql:COMMIT#3", "lock:writer#4"])
def test_a_reset_says_how_far_it_got(desk: Desk, at: str) -> None:
    """While a chunk is written, or between two, it counts exactly those that are done."""
    crowd(desk, MANY)
    ran = interrupted(desk, at, *RESET)
    assert (ran.code, ran.err) == (130, "")
    assert ran.answer["error"]["code"] == "interrupted"
    done = withdrawn(desk)
    assert 0 < done < MANY
    assert progress_in(ran) == (done, MANY)
    again = desk.run(*RESET)
    assert again.code == 0
    facts = {key: again.answer[key] for key in ("matched", "reset", "unchanged")}
    assert facts == {"matched": MANY, "reset": MANY - done, "unchanged": done}
    assert withdrawn(desk) == MANY
    sound(desk)


@pytest.mark.parametrize("command", ["import", "deactivate"])
def test_other_bulk_work_says_how_far_it_got(desk: Desk, command: str) -> None:
    """The message also says what to do, and that finishes the work."""
    path = fresh(desk, "people")
    words: tuple[str, ...]
    names = [f"u{number:06}" for number in range(MANY)]
    if command == "import":
        rows = "".join(f"{name},acme,N,cloud\n" for name in names)
        path.write_text(f"user,account,name,type\n{rows}")
        words, key, query = ("import", str(path)), "added", "SELECT count(*) FROM people"
    else:
        crowd(desk, MANY)
        path.write_text("\n".join(names))
        words, key = ("user", "deactivate", "--from-file", str(path)), "changed"
        query = "SELECT count(*) FROM people WHERE NOT active"
    ran = interrupted(desk, "sql:COMMIT#2", *words)
    ((done,),) = desk.sql(query)
    assert (ran.code, progress_in(ran)) == (130, (done, MANY))
    assert 0 < done < MANY
    assert "same command again" in ran.err
    again = desk.run(*words, "--json").answer
    assert (again[key], again["unchanged"]) == (MANY - done, done)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_other_signals_leave_whole_chunks_too(desk: Desk, number: signal.Signals) -> None:
    """SIGTERM and SIGHUP wait for the chunk's commit, then end the process."""
    crowd(desk, MANY)
    ran = interrupted(desk, "sql:COMMIT#3", *RESET, by=number)
    assert (ran.code, ran.out) == (-number, "")
    assert withdrawn(desk) % 50 == 0
    assert 0 < withdrawn(desk) < MANY
    sound(desk)
