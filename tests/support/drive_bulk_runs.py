"""What tests of bulk work share: runs by drive_bulk.py, and what must hold after them."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pincli.models import User
from tests.store.chain import computed_macs, stored_macs
from tests.support import turns
from tests.support.desk import Desk, Ran, killed
from tests.support.driving import ROOT, Forks, Log, copied, intact
from tests.support.failpoints import Plan
from tests.support.trail import play

_APP = (sys.executable, "-m", "tests.support.drive_bulk_app")
_COMMITS = frozenset({"locked:writer", "sql:BEGIN", "sql:COMMIT", "answer", "answered"})
_TELLING = _COMMITS | {"fsync", "link", "rename", "unlink", "pins"}
_EVERY = 7

SMALL_CHUNKS = {
    "pincli.operations.chunks:FULL_CHUNK": 50,
    "pincli.operations.chunks:LONGEST_CHUNK": 600.0,
}
"""Chunks of 50, however slow the machine is."""


class BulkForks(Forks):
    """Runs pincli with small chunks and points at files, one forked process at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            (sys.executable, "-m", "tests.support.drive_bulk"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            text=True,
        )


@dataclass(frozen=True)
class Wreck:
    """A store, with a folder beside it, on which a run was killed.

    Attributes:
        where: The point before which it was killed, for messages.
        folder: Where the run may have left files.
    """

    desk: Desk
    folder: Path
    where: str
    run: Ran


def wrecks(desk: Desk, forks: Forks, folder: Path, *arguments: str) -> Iterator[Wreck]:
    """The same run on copies of one store, each killed before another of its telling points.

    Args:
        desk: The store, left as it is.
        forks: Who runs it.
        folder: For the copies.
        arguments: Pincli's own; OUT in them stands for the wreck's own folder.
    """
    whole = _run(desk, forks, folder / "whole", arguments, 0)
    assert whole.run.code == 0, whole.run
    points = Log(folder / "whole" / "log").points()
    telling = [
        number
        for number in range(1, len(points) + 1)
        if set(points[max(number - 2, 0) : number]) & _TELLING or number % _EVERY == 0
    ]
    for turn, number in enumerate(telling, 1):
        if turns.is_tried(turn):
            wreck = _run(desk, forks, folder / f"{number}", arguments, number)
            assert killed(wreck.run.code), (number, points[number - 1], wreck.run)
            yield wreck


def filled(arguments: tuple[str, ...], folder: Path) -> list[str]:
    """The arguments with OUT replaced by a folder."""
    return [argument.replace("OUT", str(folder)) for argument in arguments]


def end_state(desk: Desk, *, versions: bool = True) -> list[tuple[Any, ...]]:
    """Every user's record, without times and secrets."""
    version = "pin_version" if versions else "0"
    return desk.sql(
        "SELECT user, account, name, type, active, verifier IS NULL, pin_set_by, "  # noqa: S608
        f"failed_attempts, open_attempt, locked_since IS NULL, locks_total, {version} "
        "FROM users ORDER BY user"
    )


def sound(desk: Desk) -> None:
    """Fail unless the database is whole, the chain unbroken and the trail one that may be."""
    events = desk.events()  # whoever opens it first rolls a killed transaction back
    intact(desk)
    assert computed_macs(desk) == stored_macs(desk)
    play(events)


def users_of(desk: Desk) -> dict[str, User]:
    """Everybody, by name."""
    with desk.session() as session:
        return {user.login: user for page in session.store.people.pages() for user in page}


def pins_in(path: Path) -> dict[str, str]:
    """The PINs in a file, by user."""
    with path.open(newline="", encoding="utf-8") as file:
        return {row["user"]: row["pin"] for row in csv.DictReader(file)}


def verifies(desk: Desk, user: User, pin: str) -> bool:
    """Whether a PIN is the present one of a record."""
    if user.pin is None:
        return False
    with desk.session() as session:
        key = session.verify_key(user.pin.verify_key)
        return session.verifiers.matches(user.pin.verifier, key, user.login, user.pin_version, pin)


def _run(
    desk: Desk,
    forks: Forks,
    folder: Path,
    arguments: tuple[str, ...],
    kill_at: int,
) -> Wreck:
    (folder / "out").mkdir(parents=True)
    copy = copied(desk, folder / "store")
    plan = Plan(log=str(folder / "log"), kill_at=kill_at)
    run = forks.run(copy, *filled(arguments, folder / "out"), plan=plan)
    reached = Log(folder / "log").points()
    where = f"{kill_at}, after {reached[-1] if reached else 'nothing'}"
    return Wreck(copy, folder / "out", where, run)


def app(plan: Plan | None = None, **settings: object) -> tuple[str, ...]:
    """How to start pincli by drive_bulk_app.py; pincli's own arguments follow.

    Args:
        plan: Its failpoints.
        settings: `slow`, and `sizes` with the values for `module:name`.
    """
    sizes = settings.pop("sizes", {})
    assert isinstance(sizes, dict)
    text = json.dumps({**sizes, **settings})
    return (*_APP, text, (plan or Plan()).dump())


def crowd(desk: Desk, count: int, account: str = "acme", *, prefix: str = "u") -> None:
    """Put many users with PINs that nobody knows into the store, behind pincli's back."""
    desk.sql(
        "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ? - 1) "
        "INSERT INTO users (user, account, name, type, active, added_at, verifier, verify_key, "
        "sealed, portal_key, pin_set_at, pin_set_by) SELECT printf('%s%06d', ?, i), ?, 'Name', "
        "'cloud', 1, 't', 'x', 'x', x'00', 'x', 't', 'customer' FROM n",
        count,
        prefix,
        account,
    )


def withdrawn(desk: Desk) -> int:
    """How many users have no PIN any more."""
    ((number,),) = desk.sql("SELECT count(*) FROM users WHERE verifier IS NULL")
    return int(number)
