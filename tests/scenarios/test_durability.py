"""Answers come only after everything is on disk; what can't be written is not verified."""

from __future__ import annotations

import pytest

from pincli.models import EventKind, Outcome
from tests.support.desk import Desk, Ran
from tests.support.driving import (
    RIGHT,
    WRONG,
    asked,
    at_production_cost,
    count,
    drive,
    fresh,
    guess_wrong,
    intact,
    nothing_impossible,
    verify_of,
)
from tests.support.failpoints import Plan
from tests.support.strace import Call, require_strace, traced

# One commit asks for five syncs: the journal, its folder, the journal's header, the
# database, and the folder once the journal is gone.
SYNCS_OF_A_COMMIT = 5
NOT_CHARGED = "nothing was counted"
CHARGED = "the attempt is counted"
MAYBE_CHARGED = "nobody knows whether the attempt is counted"


def _on_disk(calls: list[Call]) -> list[str]:
    """What was synced or removed of the store, in order, as words."""
    words = []
    for call in calls:
        target = call.arguments.split("<")[-1].rstrip(">")
        if call.name == "unlink":
            words.append("unlink journal" if "pincli.db-journal" in call.arguments else "unlink ?")
        elif call.name == "fdatasync":
            words.append(f"sync {_what(target)}")
        elif call.name == "pwrite64":
            words += ["mark"] * ("/mark-" in call.arguments)
        elif call.arguments.startswith("1<"):
            words.append("tell")
    return words


def _what(target: str) -> str:
    if target.endswith("-journal"):
        return "journal"
    return "database" if target.endswith("pincli.db") else "folder"


COMMIT = [
    "sync journal",
    "sync folder",
    "sync journal",
    "sync database",
    "unlink journal",
    "sync folder",
]
CALLS = "fdatasync,unlink,write,pwrite64"


@pytest.mark.parametrize("as_json", [("--json",), ()], ids=["json", "people"])
@pytest.mark.parametrize("pin", [RIGHT, WRONG])
def test_the_verdict_is_written_after_the_last_sync(
    desk: Desk, pin: str, as_json: tuple[str, ...]
) -> None:
    """Charge and settle are each synced and marked, in this order, before the first byte."""
    require_strace()
    at_production_cost(desk, "alice")
    arguments = ("verify", "alice", "--pin-stdin", *as_json)
    run = traced(desk, *arguments, calls=CALLS, stdin=f"{pin}\n")
    assert run.ran.code == (0 if pin == RIGHT else 3)
    story = _on_disk(run.calls)
    first_tell = story.index("tell")
    assert story[:first_tell] == [*COMMIT, "mark", *COMMIT, "mark"]
    assert set(story[first_tell:]) == {"tell"}


def test_a_first_pin_is_shown_after_the_last_sync(desk: Desk) -> None:
    """A PIN that a power cut could take back is never shown."""
    require_strace()
    desk.add("alice")
    run = traced(desk, "pin", "show", "alice", "--json", calls=CALLS)
    assert run.ran.code == 0
    assert _on_disk(run.calls) == [*COMMIT, "mark", "tell"]


def _not_told(desk: Desk, ran: Ran, charge: str) -> None:
    """Fail unless the answer is only that the store failed, and what became of the attempt."""
    assert ran.code == 8, ran
    assert "outcome" not in ran.answer
    assert ran.answer["error"]["code"] == "unavailable"
    assert ran.answer["error"]["message"].startswith("not verified: ")
    assert ran.answer["error"]["hint"].startswith(charge)
    assert ran.err == ""
    intact(desk)


def _stays_charged(desk: Desk, used: int) -> None:
    """Fail unless the attempt is charged and open, and the next call ends it as right."""
    user = desk.user("alice")
    assert (user.failed_attempts, user.attempts_total) == (used, used)
    assert user.attempt is not None
    assert count(desk.events(), EventKind.VERIFIED) == 0
    assert asked(desk, "alice", RIGHT) is Outcome.VERIFIED
    assert count(desk.events(), EventKind.VERIFIED) == 2
    nothing_impossible(desk)


def _verify_where(desk: Desk, fault: str) -> Ran:
    """Have alice's right answer verified while the kernel refuses a call."""
    require_strace()
    calls = fault.partition(":")[0]
    return traced(desk, *verify_of("alice"), calls=calls, stdin=f"{RIGHT}\n", inject=fault).ran


@pytest.mark.parametrize("used", [0, 5])
@pytest.mark.parametrize(
    "at", [("sql:COMMIT#2", "fail"), ("sql:BEGIN#2", "fail"), ("charged", "full")]
)
def test_a_settle_that_fails_verifies_nobody(desk: Desk, used: int, at: tuple[str, str]) -> None:
    """The PIN was right, but that can't be recorded: exit 8, and the attempt is charged."""
    desk.collected("alice")
    guess_wrong(desk, "alice", used)
    ran = drive(desk, *verify_of("alice"), plan=Plan(at=(at,)), pin=RIGHT)
    _not_told(desk, ran, CHARGED)
    _stays_charged(desk, used + 1)


@pytest.mark.rotating
@pytest.mark.parametrize(
    "fault",
    [
        "fdatasync:error=EIO:when=6",
        "fdatasync:error=EIO:when=8",
        "fdatasync:error=EIO:when=9",
        "fdatasync:error=ENOSPC:when=8",
        "unlink:error=EIO:when=2",
    ],
)
def test_a_settle_that_the_kernel_refuses_verifies_nobody(desk: Desk, fault: str) -> None:
    """A failed sync or unlink of the settle's journal verifies nobody."""
    desk.collected("alice")
    _not_told(desk, _verify_where(desk, fault), CHARGED)
    _stays_charged(desk, 1)


def _writes_before_settle(desk: Desk) -> int:
    """How many writes a verify makes before its settle; the last is the mark of the charge."""
    run = traced(desk, *verify_of("alice"), calls="pwrite64", stdin=f"{WRONG}\n")
    return ["/mark-" in call.arguments for call in run.calls].index(True) + 1


@pytest.mark.rotating
@pytest.mark.parametrize("further", [1, 6, 14, 17])
def test_a_disk_that_is_full_at_the_settle_verifies_nobody(desk: Desk, further: int) -> None:
    """The settle finds no space for the journal or the database."""
    require_strace()
    desk.collected("alice")
    number = _writes_before_settle(desk) + further
    ran = _verify_where(desk, f"pwrite64:error=ENOSPC:when={number}")
    _not_told(desk, ran, CHARGED)
    assert "disk is full" in ran.answer["error"]["message"]
    assert (desk.user("alice").failed_attempts, desk.user("alice").attempts_total) == (2, 2)
    assert asked(desk, "alice", RIGHT) is Outcome.VERIFIED
    nothing_impossible(desk)


def test_a_sync_that_fails_after_the_commit_verifies_nobody(desk: Desk) -> None:
    """The journal is gone, but that may not last: exit 8, whatever is on disk."""
    desk.collected("alice")
    fault = f"fdatasync:error=EIO:when={2 * SYNCS_OF_A_COMMIT}"
    _not_told(desk, _verify_where(desk, fault), CHARGED)
    assert asked(desk, "alice", RIGHT) is Outcome.VERIFIED
    nothing_impossible(desk)


@pytest.mark.rotating
@pytest.mark.parametrize("when", [1, 3, 4, 5])
def test_nothing_is_settled_for_a_charge_that_the_kernel_refuses(desk: Desk, when: int) -> None:
    """After a failed sync of the charge: exit 8, and no verdict."""
    desk.collected("alice")
    _not_told(desk, _verify_where(desk, f"fdatasync:error=EIO:when={when}"), MAYBE_CHARGED)
    kinds = {event.kind for event in desk.events("alice")}
    assert not kinds & {EventKind.VERIFIED, EventKind.INCORRECT}
    assert asked(desk, "alice", RIGHT) is Outcome.VERIFIED
    nothing_impossible(desk)


@pytest.mark.parametrize("point", ["sql:BEGIN", "sql:UPDATE", "sql:INSERT", "sql:COMMIT"])
def test_nothing_is_settled_for_a_charge_that_fails(desk: Desk, point: str) -> None:
    """After any failed statement of the charge: exit 8, uncharged, and nothing is settled."""
    desk.collected("alice")
    log = fresh(desk, "log")
    plan = Plan(at=((point, "fail"),), log=str(log))
    charge = MAYBE_CHARGED if point == "sql:COMMIT" else NOT_CHARGED
    _not_told(desk, drive(desk, *verify_of("alice"), plan=plan, pin=RIGHT), charge)
    assert "settle" not in log.read_text().splitlines()
    assert desk.user("alice").attempts_total == 0
