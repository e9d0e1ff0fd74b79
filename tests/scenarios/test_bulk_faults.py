"""A full disk in the middle of bulk work: a clear error, and only whole chunks are written."""

from __future__ import annotations

import re
import resource
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import pytest

from tests.support.bulk_work import (
    SMALL_CHUNKS,
    app,
    crowd,
    pins_in,
    sound,
    users_of,
    verifies,
    withdrawn,
)
from tests.support.contract import error_of
from tests.support.desk import PROGRAM, Desk, Ran
from tests.support.disks import small_disk_at
from tests.support.driving import ROOT
from tests.support.floor import content
from tests.support.importing import HEADER

KIB = 1024


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a quarter of a megabyte."""
    with small_disk_at(tmp_path / "disk", 256) as folder:
        yield folder


def run(
    desk: Desk,
    *arguments: str,
    largest: int = 0,
    program: Sequence[str] = PROGRAM,
    env: Mapping[str, str] = {},
) -> Ran:
    """Run pincli as a process with a bound on the size of files; 0 for none."""
    limits = (largest or resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    ended = subprocess.run(
        [*program, *arguments],
        capture_output=True,
        env=desk.environment(**env),
        cwd=ROOT,
        preexec_fn=partial(resource.setrlimit, resource.RLIMIT_FSIZE, limits),
        check=False,
    )
    return Ran(ended.returncode, ended.stdout.decode(), ended.stderr.decode())


def people(desk: Desk, count: int) -> str:
    """A file of new people; its path."""
    path = desk.store.parent / "people.csv"
    rows = "".join(f"n{number:06},acme,Somebody with a name,cloud\n" for number in range(count))
    path.write_text(f"{HEADER}\n{rows}")
    return str(path)


def refused(ran: Ran, code: int, words: str) -> None:
    """Fail unless it ended with a sentence about it, and with a hint."""
    assert ran.code == code, ran
    message, _ = error_of(ran)
    assert re.search(words, message), message


FULL = "disk (is full|I/O error)|can't be (used|written)"


@pytest.mark.parametrize("room", [1, 200])
def test_a_store_that_is_full_during_an_import(desk: Desk, room: int) -> None:
    """Exit 8; the chunks before it are done; with room again the same file does the rest."""
    path = people(desk, 1000)
    desk.sql("VACUUM")  # what making it has left free would be room, too
    largest = desk.database.stat().st_size + room * KIB
    refused(run(desk, "import", path, program=app(sizes=SMALL_CHUNKS), largest=largest), 8, FULL)
    sound(desk)
    done = len(users_of(desk))
    assert done % 50 == 0
    assert done < 1000
    assert (done > 0) == (room > 1)
    again = run(desk, "import", path, "--json").answer
    assert (again["added"], again["unchanged"]) == (1000 - done, done)
    sound(desk)


@pytest.mark.parametrize("options", [(), ("--issue",)], ids=["withdraw", "issue"])
def test_a_store_that_is_full_during_a_reset(desk: Desk, options: tuple[str, ...]) -> None:
    """Exit 8 after whole chunks; the same command again finishes."""
    crowd(desk, 400)
    largest = desk.database.stat().st_size + 24 * KIB
    words = ("reset", "--account", "acme", "--yes", *options)
    refused(run(desk, *words, program=app(sizes=SMALL_CHUNKS), largest=largest), 8, FULL)
    sound(desk)
    ((left,),) = desk.sql("SELECT count(*) FROM people WHERE question = 'x'")
    assert 0 < left < 400
    assert left % 50 == 0
    again = run(desk, *words, "--json", program=app()).answer
    assert again["matched"] == 400
    assert desk.sql("SELECT count(*) FROM people WHERE question = 'x'") == [(0,)]
    sound(desk)


def test_a_store_that_is_full_while_pins_are_handed_over(desk: Desk, tmp_path: Path) -> None:
    """Exit 8; FILE.part has everybody who got a PIN; with room again another file has the rest."""
    crowd(desk, 300)
    out = tmp_path / "out"
    out.mkdir()
    words = ("reset", "--all", "--yes", "--output")
    largest = desk.database.stat().st_size + 150 * KIB
    refused(run(desk, *words, str(out / "pins.csv"), program=app(), largest=largest), 8, FULL)
    issued = {name for name, user in users_of(desk).items() if user.question is not None}
    assert 0 < len(issued) < 300
    assert [path.name for path in out.iterdir()] == ["pins.csv.part"]
    assert run(desk, *words, str(out / "pins.csv"), program=app()).code == 7
    rest = ("--only-missing", "--json")
    assert run(desk, *words, str(out / "rest.csv"), *rest, program=app()).answer["matched"] == (
        300 - len(issued)
    )
    pins = {**pins_in(out / "pins.csv.part"), **pins_in(out / "rest.csv")}
    assert len(pins) == 300
    assert all(verifies(desk, user, pins[name]) for name, user in users_of(desk).items())
    sound(desk)


def test_a_file_of_pins_that_finds_no_room(desk: Desk, tmp_path: Path) -> None:
    """Exit 8; nobody is reset, and no part of the file is left."""
    crowd(desk, 300)
    (tmp_path / "out").mkdir()
    before = content(desk.store)
    words = ("reset", "--all", "--yes", "--output", str(tmp_path / "out/pins.csv"))
    refused(run(desk, *words, largest=10), 8, "File too large")
    assert content(desk.store) == before
    assert [*(tmp_path / "out").iterdir()] == []


@pytest.mark.system
def test_no_room_to_put_a_long_answer_together(desk: Desk, small_disk: Path) -> None:
    """Exit 8 and no half object; the reset itself is done, as the second answer says."""
    crowd(desk, 8000)
    sizes = {"pincli.views.json_output:_IN_MEMORY": 1000}
    words = ("reset", "--all", "--yes", "--json")
    ran = run(desk, *words, program=app(sizes=sizes), env={"TMPDIR": str(small_disk)})
    assert ran.code == 8
    assert ran.out == "" or ran.answer["error"]["code"] == "unavailable"
    assert withdrawn(desk) == 8000
    assert run(desk, *words).answer["unchanged"] == 8000
