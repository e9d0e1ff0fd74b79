"""A newcomer's first minutes, typing only what is printed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.support.contract import answer_of
from tests.support.desk import Desk, Ran

MOST_STEPS = 8
WORDS = {"USER": "alice", "ACCOUNT": "acme"}
"""The newcomer's values for the words in capitals."""


@pytest.fixture
def nowhere(tmp_path: Path) -> Desk:
    """A machine without a store."""
    return Desk(tmp_path / "store", tmp_path / "keys")


def next_command(ran: Ran) -> list[str]:
    """The words of the command that an answer ends with, without `pincli`."""
    found = re.search(r"^ *next: pincli (.*?)(?:   \(.*\))?$", ran.out, re.MULTILINE)
    assert found is not None, f"nothing to do next:\n{ran.out}{ran.err}"
    return [WORDS.get(word, word) for word in shlex.split(found[1])]


def test_following_what_is_printed_leads_from_init_to_verified(nowhere: Desk) -> None:
    """`init` and then each `next:` lead to VERIFIED."""
    typed: list[str] = []
    command, pin = ["init"], ""
    for _ in range(MOST_STEPS):
        options = ["--pin-stdin"] if command[0] == "verify" else []
        ran = nowhere.run(*command, *options, stdin=f"{pin}\n")
        typed.append(command[0])
        assert (ran.code, ran.err) == (0, ""), (command, ran)
        if "VERIFIED" in ran.out:
            break
        shown = re.search(r"\b[0-9]{6}\b", ran.out)
        pin = shown[0] if shown else pin
        command = next_command(ran)
    assert typed == ["init", "user", "pin", "verify"]


def test_a_caller_without_a_pin_is_led_to_one(nowhere: Desk) -> None:
    """A verify without a PIN prints the command to run; afterwards the PIN works."""
    assert nowhere.run("init").code == 0
    assert nowhere.run("user", "add", "alice", "--account", "acme").code == 0
    early = nowhere.run("verify", "alice", "--pin-stdin", stdin="444159\n")
    assert early.code == 5
    assert "NOT VERIFIED" in early.out
    shown = nowhere.run(*next_command(early))
    pin = re.search(r"\b[0-9]{6}\b", shown.out)
    assert pin is not None
    assert nowhere.run("verify", "alice", "--pin-stdin", stdin=f"{pin[0]}\n").code == 0


def test_the_next_command_works_where_the_folders_were_named(nowhere: Desk) -> None:
    """After `--store X --keys Y init`, the printed command names both too."""
    folders = ("--store", str(nowhere.store), "--keys", str(nowhere.keys))
    home = str(nowhere.store.parent)
    made = nowhere.run(*folders, "init", PINCLI_STORE="", PINCLI_KEYS="", HOME=home)
    assert made.code == 0
    added = nowhere.run(*next_command(made), PINCLI_STORE="", PINCLI_KEYS="", HOME=home)
    assert added.code == 0


def test_six_wrong_answers_the_portal_and_back(nowhere: Desk) -> None:
    """The story of DESIGN.md, 1 and 2: locked, unlocked, verified, reset, a new PIN."""
    assert nowhere.run("init").code == 0
    assert nowhere.run("user", "add", "alice", "--account", "acme", "--name", "Alice").code == 0
    pin = answer_of(nowhere.run("pin", "show", "alice", "--json"))["pin"]
    wrong = "111222" if pin != "111222" else "111333"

    misses = [nowhere.verify("alice", wrong) for _ in range(6)]
    assert [ran.code for ran in misses] == [3] * 6
    assert [ran.answer["attempts_left"] for ran in misses] == [5, 4, 3, 2, 1, 0]
    assert nowhere.verify("alice", pin).code == 4

    refused = nowhere.run("verify", "alice", "--pin-stdin", stdin=f"{pin}\n")
    assert "log in to the portal, User Management, Unlock" in " ".join(refused.out.split())
    assert nowhere.run("status", "--locked", "--exit-code").code == 4

    assert answer_of(nowhere.run("pin", "show", "alice", "--json"))["pin"] == pin
    unlocked = nowhere.run("unlock", "alice", "--reason", "unlocked in the portal", "--json")
    assert unlocked.answer["state"] == "active"
    assert nowhere.verify("alice", pin).code == 0

    reset = nowhere.run("reset", "alice", "--yes", "--reason", "PIN overheard")
    assert reset.code == 0
    assert next_command(reset) == ["pin", "show", "alice"]
    assert nowhere.verify("alice", pin).code == 5
    new = answer_of(nowhere.run("pin", "show", "alice", "--json"))["pin"]
    assert nowhere.verify("alice", new).code == 0

    kinds = [event["kind"] for event in nowhere.run("audit", "list", "--json").answer["events"]]
    assert kinds[::-1] == [
        "initialised",
        "user_added",
        "pin_generated",
        *["attempt", "incorrect"] * 6,
        "locked",
        *["refused"] * 2,
        "pin_shown",
        "unlocked",
        *["attempt", "verified"],
        "pin_withdrawn",
        "refused",
        "pin_generated",
        *["attempt", "verified"],
    ]
    card = nowhere.run("status", "alice", "--json").answer
    assert (card["locks_total"], card["attempts_total"], card["attempts_used"]) == (1, 8, 0)
