"""SIGKILL in the middle of bulk work: the same command again, and all is as if undisturbed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.desk import Desk, killed
from tests.support.drive_bulk_runs import (
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
from tests.support.driving import RIGHT, Forks, copied
from tests.support.floor import new_floor
from tests.support.turns import EVERY

PEOPLE = """user,account,name,type,active,pin
new1,acme,New,cloud,,234811
alice,acme,Alice A.,cloud,,987321
uma,acme,Uma,datapipe,,
gus,acme,Gus,cloud,,
new2,acme,New,cloud-office,no,
ina,acme,Ina,federated,yes,
new3,acme,New,cloud,,876123
"""
PINS = {"new1": "234811", "new3": "876123", "alice": RIGHT}
RESETS = [
    ("reset", "--all", "--yes", "--json"),
    ("reset", "--account", "acme", "gus", "--unlock", "--reason", "T-1", "--yes", "--json"),
]
TO_FILE = ("reset", "--all", "--yes", "--json", "--output", "OUT/pins.csv")
RANDOM_KILLS = 8 // EVERY
FINISHING = frozenset({"rename", "unlink", "fsync"})


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
    """Whole chunks are there; the same file again brings the rest and nothing twice."""
    (tmp_path / "people.csv").write_text(PEOPLE)
    (tmp_path / "people.csv").chmod(0o600)
    arguments = (
        "import", str(tmp_path / "people.csv"), "--allow-move", "--json", "--yes",
        "--deactivate-missing", "--account", "acme",
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
        users = users_of(wreck.desk)
        for name, pin in PINS.items():
            assert verifies(wreck.desk, users[name], pin), wreck.where


@pytest.mark.parametrize("arguments", RESETS, ids=" ".join)
def test_a_reset_killed_anywhere(
    floor: Desk, forks: Forks, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """Whoever was reset stays so and counts as unchanged; the rest follows."""
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
    """Run again, everybody who can has a PIN, the one that the answer shows, and no old one."""
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
            assert (user.pin is not None) == (name in pins), wreck.where
            assert user.pin is None or verifies(wreck.desk, user, pins[name]), wreck.where


def _handed_over(desk: Desk, pins: dict[str, str], where: str) -> None:
    """Nobody has a new PIN that is not in the file, whole or part."""
    for name, user in users_of(desk).items():
        if user.pin is not None and user.pin.set_by == "generated":
            assert verifies(desk, user, pins[name]), (where, name)
        elif user.pin is not None:
            assert verifies(desk, user, RIGHT), (where, name)


def test_a_file_of_pins_killed_anywhere(floor: Desk, forks: Forks, tmp_path: Path) -> None:
    """At every stage file and store agree, and the end is that of an undisturbed run."""
    expected = end_state(undisturbed(floor, forks, tmp_path, *TO_FILE))
    holders = set(pins_in(tmp_path / "pins.csv"))
    for wreck in (
        *wrecks(floor, forks, tmp_path / "n", *TO_FILE),
        *random_wrecks(floor, forks, tmp_path, *TO_FILE),
    ):
        sound(wreck.desk)
        whole, part = wreck.folder / "pins.csv", wreck.folder / "pins.csv.part"
        early: dict[str, str] = {}
        if whole.exists() or part.exists():
            early = pins_in(whole if whole.exists() else part)
            assert set(early) == holders, wreck.where
        _handed_over(wreck.desk, early, wreck.where)
        if whole.exists():
            assert end_state(wreck.desk) == expected, wreck.where
            continue
        finished(wreck, forks, *TO_FILE)
        assert end_state(wreck.desk) == expected, wreck.where
        pins = pins_in(whole)
        assert set(pins) == holders, wreck.where
        assert {n: pins[n] for n in early} == early, wreck.where
        _handed_over(wreck.desk, pins, wreck.where)
        for name, user in users_of(wreck.desk).items():
            assert name not in pins or verifies(wreck.desk, user, pins[name]), wreck.where


def test_finishing_a_file_of_pins_leaves_nothing_behind(
    floor: Desk, forks: Forks, tmp_path: Path
) -> None:
    """Killed at its very end: run again, there is FILE alone, and no mark in the store."""
    left: dict[str, list[str]] = {}
    for wreck in wrecks(floor, forks, tmp_path / "n", *TO_FILE, only=FINISHING):
        done = _is_done(wreck)
        again = forks.run(wreck.desk, *filled(TO_FILE, wreck.folder))
        assert again.code == (7 if done else 0), wreck.where
        if not done:
            assert again.answer["matched"] == len(users_of(wreck.desk)), wreck.where
        files = [path.name for path in wreck.folder.iterdir() if not _is_half_built(path)]
        marks = [f"mark of {user}" for _, user in wreck.desk.sql("SELECT * FROM issued")]
        left[wreck.where] = sorted([*files, *marks])
    assert {where: found for where, found in left.items() if found != ["pins.csv"]} == {}


def test_a_killed_resumption_is_resumed(floor: Desk, forks: Forks, tmp_path: Path) -> None:
    """Killed, run again and killed again: at every stage file and store agree, and it ends."""
    first = next(
        wreck
        for wreck in wrecks(floor, forks, tmp_path / "n", *TO_FILE)
        if wreck.desk.sql("SELECT * FROM issued")
    )
    part = (first.folder / "pins.csv.part").read_bytes()
    # One who got their PIN is switched off, one more may have a PIN now: it is written anew.
    ((gone,),) = first.desk.sql("SELECT max(user) FROM users JOIN issued ON users.id = user_id")
    first.desk.sql("UPDATE users SET active = 0 WHERE user = ?", gone)
    first.desk.sql("UPDATE users SET active = 1, type = 'cloud' WHERE user = 'ina'")
    for wreck in wrecks(first.desk, forks, tmp_path / "m", *TO_FILE, files={"pins.csv.part": part}):
        whole, half = wreck.folder / "pins.csv", wreck.folder / "pins.csv.part"
        _handed_over(wreck.desk, pins_in(whole if whole.exists() else half), wreck.where)
        done = _is_done(wreck)
        again = forks.run(wreck.desk, *filled(TO_FILE, wreck.folder))
        assert again.code == (7 if done else 0), wreck.where
        assert [path.name for path in wreck.folder.iterdir()] == ["pins.csv"], wreck.where
        pins = pins_in(whole)
        for name, user in users_of(wreck.desk).items():
            assert (user.pin is not None) == (name in pins), (wreck.where, name)
            assert user.pin is None or verifies(wreck.desk, user, pins[name]), (wreck.where, name)
        assert {"ina"} <= set(pins) <= set(users_of(wreck.desk)) - {gone}, wreck.where


def test_a_half_built_file_of_pins_is_cleared_away(
    floor: Desk, forks: Forks, tmp_path: Path
) -> None:
    """Killed before FILE.part has its name: what was written so far does not lie about."""
    left: dict[str, list[str]] = {}
    half_built = 0
    for wreck in wrecks(floor, forks, tmp_path / "n", *TO_FILE, only=frozenset({"rename"})):
        half_built += any(_is_half_built(path) for path in wreck.folder.iterdir())
        forks.run(wreck.desk, *filled(TO_FILE, wreck.folder))
        left[wreck.where] = [path.name for path in wreck.folder.iterdir() if _is_half_built(path)]
    assert {where: found for where, found in left.items() if found} == {}
    assert half_built


def _is_done(wreck: Wreck) -> bool:
    """Whether a wreck has nothing left to do: FILE is there, and no mark."""
    marks = wreck.desk.sql("SELECT * FROM issued")
    return (wreck.folder / "pins.csv").exists() and not marks


def _is_half_built(path: Path) -> bool:
    return ".part." in path.name
