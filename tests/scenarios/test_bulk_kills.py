"""SIGKILL in the middle of bulk work: the same command again, and all is as if undisturbed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bulk_work import (
    BulkForks,
    Wreck,
    end_state,
    filled,
    pins_in,
    sound,
    users_of,
    verifies,
    wrecks,
)
from tests.support.desk import Desk, killed
from tests.support.driving import RIGHT, Forks, copied
from tests.support.floor import new_floor
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


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    """A quick source of pincli processes, with small chunks."""
    with BulkForks() as source:
        yield source


@pytest.fixture(scope="module")
def floor(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A user in every state; never changed, only copied."""
    return new_floor(tmp_path_factory.mktemp("floor"))


def undisturbed(floor: Desk, forks: Forks, folder: Path, *arguments: str) -> Desk:
    """The store after a run that nobody killed."""
    desk = copied(floor, folder / "undisturbed")
    ran = forks.run(desk, *filled(arguments, folder))
    assert ran.code == 0, ran
    return desk


def finished(wreck: Wreck, forks: Forks, *arguments: str) -> dict[str, object]:
    """The answer of the same command, run again on a wreck."""
    sound(wreck.desk)
    again = forks.run(wreck.desk, *filled(arguments, wreck.folder))
    assert again.code == 0, (wreck.where, again)
    sound(wreck.desk)
    return again.answer


def random_wrecks(floor: Desk, forks: Forks, folder: Path, *arguments: str) -> Iterator[Wreck]:
    """The run killed at moments that nobody chose."""
    dice = random.Random(4711)
    for number in range(RANDOM_KILLS):
        out = folder / f"random-{number}"
        out.mkdir()
        desk = copied(floor, folder / f"random-{number}-store")
        after = dice.uniform(0.0, 0.25)
        run = forks.run(desk, *filled(arguments, out), kill_after=after)
        if killed(run.code):
            yield Wreck(desk, out, f"{after:.3f} s", run)


def test_an_import_killed_anywhere(floor: Desk, forks: Forks, tmp_path: Path) -> None:
    """Whole chunks are done; the same file again does the rest, and nothing twice."""
    (tmp_path / "people.csv").write_text(PEOPLE)
    arguments = (
        "import", str(tmp_path / "people.csv"), "--allow-move", "--json", "--yes",
        "--deactivate-missing", "--account", "acme", "--at-most", "100000",
    )  # fmt: skip
    expected = end_state(undisturbed(floor, forks, tmp_path, *arguments))
    for wreck in (
        *wrecks(floor, forks, tmp_path / "n", *arguments),
        *random_wrecks(floor, forks, tmp_path, *arguments),
    ):
        done = {user for user in users_of(wreck.desk) if user.startswith("new")}
        answer = finished(wreck, forks, *arguments)
        assert end_state(wreck.desk) == expected, wreck.where
        assert answer["added"] == 3 - len(done), wreck.where
        added = [
            e.user for e in wreck.desk.events() if e.command == "import" and e.kind == "user_added"
        ]
        assert sorted(map(str, added)) == ["new1", "new2", "new3"], wreck.where
        assert verifies(wreck.desk, users_of(wreck.desk)["alice"], RIGHT), wreck.where


@pytest.mark.parametrize("arguments", RESETS, ids=" ".join)
def test_a_reset_killed_anywhere(
    floor: Desk, forks: Forks, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """Users who were reset count as unchanged; the others follow."""
    before = users_of(floor)
    expected = end_state(undisturbed(floor, forks, tmp_path, *arguments))
    for wreck in (
        *wrecks(floor, forks, tmp_path / "n", *arguments),
        *random_wrecks(floor, forks, tmp_path, *arguments),
    ):
        done = users_of(wreck.desk)
        early = sum(done[name] != before[name] for name in before)
        nothing_to_do = len(before) - _changed(floor, expected)
        answer = finished(wreck, forks, *arguments)
        assert end_state(wreck.desk) == expected, wreck.where
        assert answer["unchanged"] == early + nothing_to_do, wreck.where
        assert answer["matched"] == len(before)


def _changed(floor: Desk, expected: list[tuple[object, ...]]) -> int:
    return sum(one != other for one, other in zip(end_state(floor), expected, strict=True))


def test_issuing_killed_anywhere(floor: Desk, forks: Forks, tmp_path: Path) -> None:
    """After the second run everybody who can has the PIN that the answer shows, and no old one."""
    arguments = ("reset", "--all", "--yes", "--json", "--reveal")
    done = undisturbed(floor, forks, tmp_path, *arguments)
    expected = end_state(done, versions=False)
    for wreck in (
        *wrecks(floor, forks, tmp_path / "n", *arguments),
        *random_wrecks(floor, forks, tmp_path, *arguments),
    ):
        answer = finished(wreck, forks, *arguments)
        assert end_state(wreck.desk, versions=False) == expected, wreck.where
        users = answer["users"]
        assert isinstance(users, list)
        pins = {user["user"]: user["pin"] for user in users if "pin" in user}
        for name, user in users_of(wreck.desk).items():
            assert (user.question is not None) == (name in pins), wreck.where
            assert user.question is None or verifies(wreck.desk, user, pins[name]), wreck.where


def test_a_file_of_pins_killed_anywhere(floor: Desk, forks: Forks, tmp_path: Path) -> None:
    """Everybody with a new PIN is in the file; the others get theirs in another."""
    expected = end_state(undisturbed(floor, forks, tmp_path, *TO_FILE), versions=False)
    holders = set(pins_in(tmp_path / "pins.csv"))
    refused = 0
    for wreck in (
        *wrecks(floor, forks, tmp_path / "n", *TO_FILE),
        *random_wrecks(floor, forks, tmp_path, *TO_FILE),
    ):
        sound(wreck.desk)
        handed = _handed_over(wreck)
        again = forks.run(wreck.desk, *filled(TO_FILE, wreck.folder))
        if again.code == 7:
            refused += 1
            hint = again.answer["error"]["hint"]
            if "remove it" in hint:
                assert not handed, wreck.where
                (wreck.folder / "pins.csv.part").unlink()
                finished(wreck, forks, *TO_FILE)
            elif not (wreck.folder / "pins.csv").exists():
                assert "--only-missing" in hint, wreck.where
                finished(wreck, forks, *THE_REST)
        else:
            assert again.code == 0, (wreck.where, again)
        assert end_state(wreck.desk, versions=False) == expected, wreck.where
        assert set(_handed_over(wreck)) == holders, wreck.where
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
        assert bool(found) == generated, (wreck.where, name)
        if user.question is not None and not generated:
            assert verifies(wreck.desk, user, RIGHT), (wreck.where, name)
    return valid
