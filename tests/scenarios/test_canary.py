"""One PIN, used and mistyped in every command, is found nowhere afterwards."""

from __future__ import annotations

import os

import pytest

from tests.support.canary import CANARY, in_no_file, nowhere, people_with_canary
from tests.support.desk import Desk, Ran
from tests.support.driving import Forks, fresh

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


@pytest.fixture
def people(desk: Desk) -> Desk:
    """Alice has the canary as her PIN."""
    return people_with_canary(desk)


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


def test_the_search_would_find_it(people: Desk) -> None:
    """These tests fail if the PIN is printed or in a file."""
    fresh(people, "note").write_text(f"the PIN is {CANARY}{os.linesep}")
    with pytest.raises(AssertionError, match="note"):
        in_no_file(people)
    with pytest.raises(AssertionError):
        nowhere(Ran(0, CANARY, ""))
