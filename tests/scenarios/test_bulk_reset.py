"""`reset` of many, as a script calls it: who, after which word, and the receipt."""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.support.bulk_work import pins_in, sound, users_of, verifies
from tests.support.contract import call, error_of
from tests.support.desk import Desk
from tests.support.driving import drive, edit, withdraw
from tests.support.failpoints import Plan
from tests.support.floor import content

STATES = {
    "alice": "uncollected",
    "vera": "uncollected",
    "uma": "uncollected",
    "gus": "active",
    "lara": "locked",
    "ludo": "inactive",
    "ina": "inactive",
    "otto": "ineligible",
}
"""What a reset of acme makes of each."""


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A folder for new PINs."""
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def answer(desk: Desk, line: str, stdin: str = "") -> dict[str, Any]:
    """The answer of a reset that succeeds."""
    ran = call(desk, f"reset {line} --json", stdin)
    assert (ran.code, ran.err) == (0, ""), ran
    return ran.answer


def figures(answer: dict[str, Any]) -> tuple[int, ...]:
    """The totals of a receipt: matched, reset, unchanged, kept_locked, unlocked."""
    words = ("matched", "reset", "unchanged", "kept_locked", "unlocked")
    return tuple(answer[word] for word in words)


def states(answer: dict[str, Any]) -> dict[str, str]:
    """The users of a receipt, each once, with their states."""
    found = {user["user"]: user["state"] for user in answer["users"]}
    assert len(found) == len(answer["users"])
    return found


@pytest.mark.parametrize(
    ("line", "stdin", "who"),
    [
        ("alice gus", "", {"alice", "gus"}),
        ("--from-file names", "", {"alice", "gus"}),
        ("--from-file -", " ALICE\r\n\n# gus\numa", {"alice", "uma"}),
        ("--account acme alice Alice", "", {"alice"}),
        ("--account acme --from-file - uma", "alice\nalice\n", {"alice", "uma"}),
        ("--all", "", {*STATES}),
        ("--all --account acme alice --from-file -", "gus\tglobex\n", {*STATES}),
        ("--from-file -", "", set()),
    ],
)
def test_everybody_who_is_named_is_reset_once(
    floor: Desk, tmp_path: Path, line: str, stdin: str, who: set[str]
) -> None:
    """Names, a file, standard input, an account, all; with names, --account says where they are."""
    (tmp_path / "names").write_bytes(b"\xef\xbb\xbfalice\r\n\r\n# a remark\r\n  Gus  \r\n")
    line = line.replace("names", str(tmp_path / "names"))
    before = users_of(floor)
    receipt = answer(floor, f"{line} --yes", stdin)
    assert {user["user"] for user in receipt["users"]} == who
    assert receipt["matched"] == len(who)
    for name, user in users_of(floor).items():
        assert user == before[name] or name in who
        assert user.question is None or name not in who


@pytest.mark.parametrize(
    ("line", "stdin", "code"),
    [
        ("--account acme", "", 2),
        ("--all --json", "", 2),
        ("alice gus", "", 2),
        ("alice", "", 2),
        ("--from-file -", "alice\n", 2),
        ("--yes", "", 2),
        ("--account acne --yes", "", 6),
        ("alice nobody no-one --yes", "", 6),
        ("--from-file - --all --yes", "nobody\n", 6),
        ("--from-file - --yes", "a b\n", 2),
        ("--from-file - --yes", "alice\n" + "x" * 2000 + "\n", 2),
        ("--from-file - --yes --json", "alice\n\udcff\n", 2),
        ("--from-file missing --yes", "", 2),
        ("--from-file . --yes", "", 2),
        ("--all --reveal --yes", "", 2),
        ("--all --output - --yes", "", 2),
        ("--all --only-missing --yes", "", 2),
        ("--all --reason '' --yes", "", 2),
    ],
)
def test_what_is_refused_changes_nobody(floor: Desk, line: str, stdin: str, code: int) -> None:
    """Nobody to confirm, nobody named, unknown users (all are listed), a file that is none."""
    before = users_of(floor)
    words = shlex.split(f"reset {line}")
    ran = call(floor, words, stdin.encode("utf-8", "surrogateescape"))
    assert ran.code == code, ran
    assert "no-one" not in words or "nobody, no-one" in ran.err
    if "--json" in words:
        assert ran.answer["ok"] is False
    else:
        error_of(ran)
    assert users_of(floor) == before


def test_a_line_that_is_no_user_name_is_named_by_its_number(floor: Desk) -> None:
    """Nobody finds it otherwise in a long file; what the line holds is not repeated."""
    ran = call(floor, "reset --from-file - --yes", "alice\n\n# a remark\nsecret word\ngus\n")
    assert ran.code == 2
    message, _ = error_of(ran)
    assert "line 4" in message
    assert "secret" not in ran.err


@pytest.mark.parametrize("line", ["--all", "--account acme", "alice uma lara", "--from-file -"])
def test_only_missing_narrows_every_choice(floor: Desk, line: str) -> None:
    """Of everybody, an account, names or a file, those without a PIN get one, the locked too."""
    withdraw(floor, "lara")
    before = users_of(floor)
    names = "alice\numa\nlara\n" if "-" in line.split() else ""
    words = f"{line} --only-missing --yes --reveal"
    listed = [user["user"] for user in answer(floor, f"{words} --dry-run", names)["users"]]
    receipt = answer(floor, words, names)
    pins = {user["user"]: user["pin"] for user in receipt["users"]}
    assert [*pins] == listed
    assert {"uma", "lara"} <= set(pins)
    assert states(receipt)["lara"] == "locked"
    for name, user in users_of(floor).items():
        assert verifies(floor, user, pins[name]) if name in pins else user == before[name]
    assert figures(answer(floor, words, names)) == (0, 0, 0, 0, 0)


def test_a_file_of_pins_is_whole_private_and_harmless(floor: Desk, out: Path) -> None:
    """Mode 0600 under any umask, formulas as text, and every PIN in it verifies."""
    edit(floor, "alice", display_name="=1+1")
    mask = os.umask(0)
    try:
        ran = floor.run("reset", "--all", "--yes", "--output", str(out / "pins.csv"), "--json")
    finally:
        os.umask(mask)
    assert (ran.code, ran.err) == (0, "")
    assert ran.answer["file"] == str(out / "pins.csv")
    pins = pins_in(out / "pins.csv")
    assert set(pins) == {"alice", "vera", "lara", "uma", "gus"}
    assert not any(pin in ran.out for pin in pins.values())
    assert [path.name for path in out.iterdir()] == ["pins.csv"]
    assert stat.S_IMODE((out / "pins.csv").stat().st_mode) == 0o600
    assert "'=1+1" in (out / "pins.csv").read_text()
    for name, user in users_of(floor).items():
        assert verifies(floor, user, pins[name]) if name in pins else user.question is None
    sound(floor)


@pytest.mark.parametrize("name", ["store/pins.csv", "keys/pins.csv", "store/../keys/pins.csv"])
def test_a_file_among_the_secrets_is_refused(floor: Desk, name: str) -> None:
    """No file is written there or read from there."""
    path = floor.store.parent / name
    before = content(floor.store)
    ran = floor.run("reset", "--all", "--yes", "--output", str(path))
    assert (ran.code, content(floor.store)) == (7, before)
    assert not path.exists()
    secret = floor.keys / "verify.key"
    ran = floor.run("reset", "--from-file", str(secret), "--yes")
    assert ran.code == 7
    assert secret.read_text().strip() not in ran.err


def test_a_folder_that_may_not_be_written_is_refused(floor: Desk, out: Path) -> None:
    """It is refused before anybody is reset."""
    words = ("reset", "--all", "--yes", "--output", str(out / "pins.csv"))
    before = content(floor.store)
    out.chmod(0o500)
    try:
        ran = drive(floor, *words, plan=Plan(powerless=True))
    finally:
        out.chmod(0o700)
    assert ran.code == 2
    error_of(ran)
    assert content(floor.store) == before
    assert [*out.iterdir()] == []
