"""SIGKILL in the middle of bulk work: the same command again, and all is as if undisturbed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.support.bulk_work import IN_PIECES, end_state, pins_in, sound, users_of, verifies
from tests.support.desk import Desk, killed
from tests.support.driving import RIGHT, Forks
from tests.support.floor import copy_of
from tests.support.kills import Wreck, filled, wrecks
from tests.support.turns import EVERY

PEOPLE = """user,account,name,type,active
new1,acme,New,cloud,yes
alice,acme,Alice A.,cloud,yes
uma,acme,Uma,datapipe,yes
gus,acme,Gus,cloud,yes
new2,acme,New,cloud-office,no
ina,acme,Ina,federated,yes
new3,acme,New,cloud,yes
"""
RESETS = [
    ("reset", "--all", "--yes", "--json"),
    ("reset", "--all", "--unlock", "--reason", "T-1", "--yes", "--json"),
]
TO_FILE = ("reset", "--all", "--yes", "--json", "--output", "OUT/pins.csv")
THE_REST = ("reset", "--all", "--only-missing", "--yes", "--json", "--output", "OUT/rest.csv")
RANDOM_KILLS = 4 // EVERY


def all_wrecks(
    floor: Desk, forks: Forks, folder: Path, *arguments: str
) -> tuple[list[Wreck], Wreck]:
    """The run killed at its points and at moments that nobody chose; and the one not killed."""
    *dead, whole = wrecks(floor, forks, folder / "n", *arguments, plan=IN_PIECES)
    assert whole.run.code == 0, whole.run
    dice = random.Random(4711)
    for number in range(RANDOM_KILLS):
        out = folder / f"random-{number}" / "out"
        out.mkdir(parents=True)
        desk = copy_of(floor, out.parent)
        after = dice.uniform(0.0, 0.25)
        words = filled(arguments, out)
        run = forks.run(desk, *words, plan=IN_PIECES, kill_after=after)
        if killed(run.code):
            dead.append(Wreck(desk, out, f"{after:.3f} s", run, whole.log))
    return dead, whole


def finished(wreck: Wreck, forks: Forks, *arguments: str) -> dict[str, object]:
    """The answer of the same command, run again on a wreck."""
    sound(wreck.desk)
    again = forks.run(wreck.desk, *filled(arguments, wreck.folder))
    assert again.code == 0, (wreck.point, again)
    sound(wreck.desk)
    return again.answer


def test_an_import_killed_anywhere(floor: Desk, forks: Forks, tmp_path: Path) -> None:
    """Whole chunks are done; the same file again does the rest, and nothing twice."""
    (tmp_path / "people.csv").write_text(PEOPLE)
    arguments = (
        "import", str(tmp_path / "people.csv"), "--allow-move", "--json", "--yes",
        "--deactivate-missing", "--account", "acme", "--at-most", "100000",
    )  # fmt: skip
    dead, whole = all_wrecks(floor, forks, tmp_path, *arguments)
    expected = end_state(whole.desk)
    for wreck in dead:
        done = {user for user in users_of(wreck.desk) if user.startswith("new")}
        answer = finished(wreck, forks, *arguments)
        assert end_state(wreck.desk) == expected, wreck.point
        assert answer["added"] == 3 - len(done), wreck.point
        added = [
            e.user for e in wreck.desk.events() if e.command == "import" and e.kind == "user_added"
        ]
        assert sorted(map(str, added)) == ["new1", "new2", "new3"], wreck.point
        assert verifies(wreck.desk, users_of(wreck.desk)["alice"], RIGHT), wreck.point


@pytest.mark.parametrize("arguments", RESETS, ids=" ".join)
def test_a_reset_killed_anywhere(
    floor: Desk, forks: Forks, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """Users who were reset count as unchanged; the others follow."""
    before = users_of(floor)
    dead, whole = all_wrecks(floor, forks, tmp_path, *arguments)
    expected = end_state(whole.desk)
    for wreck in dead:
        done = users_of(wreck.desk)
        early = sum(done[name] != before[name] for name in before)
        nothing_to_do = len(before) - _changed(floor, expected)
        answer = finished(wreck, forks, *arguments)
        assert end_state(wreck.desk) == expected, wreck.point
        assert answer["unchanged"] == early + nothing_to_do, wreck.point
        assert answer["matched"] == len(before)


def _changed(floor: Desk, expected: list[tuple[object, ...]]) -> int:
    return sum(one != other for one, other in zip(end_state(floor), expected, strict=True))


def test_issuing_killed_anywhere(floor: Desk, forks: Forks, tmp_path: Path) -> None:
    """After the second run everybody who can has the PIN that the answer shows, and no old one."""
    arguments = ("reset", "--all", "--yes", "--json", "--reveal")
    dead, whole = all_wrecks(floor, forks, tmp_path, *arguments)
    expected = end_state(whole.desk, versions=False)
    for wreck in dead:
        answer = finished(wreck, forks, *arguments)
        assert end_state(wreck.desk, versions=False) == expected, wreck.point
        users = answer["users"]
        assert isinstance(users, list)
        pins = {user["user"]: user["pin"] for user in users if "pin" in user}
        for name, user in users_of(wreck.desk).items():
            assert (user.question is not None) == (name in pins), wreck.point
            assert user.question is None or verifies(wreck.desk, user, pins[name]), wreck.point


def test_a_file_of_pins_killed_anywhere(floor: Desk, forks: Forks, tmp_path: Path) -> None:
    """Everybody with a new PIN is in the file; the others get theirs in another."""
    dead, whole = all_wrecks(floor, forks, tmp_path, *TO_FILE)
    expected = end_state(whole.desk, versions=False)
    holders = set(pins_in(whole.folder / "pins.csv"))
    refused = 0
    for wreck in dead:
        sound(wreck.desk)
        handed = _handed_over(wreck)
        again = forks.run(wreck.desk, *filled(TO_FILE, wreck.folder))
        if again.code == 7:
            refused += 1
            hint = again.answer["error"]["hint"]
            if "remove it" in hint:
                assert not handed, wreck.point
                (wreck.folder / "pins.csv.part").unlink()
                finished(wreck, forks, *TO_FILE)
            elif not (wreck.folder / "pins.csv").exists():
                assert "--only-missing" in hint, wreck.point
                finished(wreck, forks, *THE_REST)
        else:
            assert again.code == 0, (wreck.point, again)
        assert end_state(wreck.desk, versions=False) == expected, wreck.point
        assert set(_handed_over(wreck)) == holders, wreck.point
    assert refused > 0


def _handed_over(wreck: Wreck) -> dict[str, str]:
    """The valid PINs in the files of a wreck; fails if anybody has a new one in none of them."""
    written = [pins_in(path) for path in wreck.folder.iterdir() if path.stat().st_size]
    valid: dict[str, str] = {}
    for name, user in users_of(wreck.desk).items():
        found = [
            pins[name]
            for pins in written
            if name in pins and verifies(wreck.desk, user, pins[name])
        ]
        valid.update((name, pin) for pin in found)
        generated = user.pin_set_by == "generated"
        assert bool(found) == generated, (wreck.point, name)
        if user.question is not None and not generated:
            assert verifies(wreck.desk, user, RIGHT), (wreck.point, name)
    return valid
