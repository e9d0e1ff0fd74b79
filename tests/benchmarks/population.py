"""Stores with many users, made quickly and kept, so that the big one is built once.

Their events are written by pincli's own transactions, without syncs.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from pincli.models import EventKind, NewEvent, NewPin, PinOrigin, User, UserType
from pincli.operations import pins
from pincli.operations.session import Session
from pincli.rules import lockout
from pincli.rules.lockout import ATTEMPTS_ALLOWED
from pincli.store.contract import Transaction
from pincli.store.sqlite.copies import write_without_syncs
from pincli.vault.answers import PRODUCTION_COST
from tests.support.desk import Desk, connection_of, new_desk

CALLERS = tuple(f"caller-{number:02}" for number in range(20))
"""Users with a real PIN at the real cost, evenly spread; the last is the store's last row."""
PIN = "444159"
ATTACKED = "attacked"
"""An account of 1,000 users, or of a tenth of a store under 10,000."""

_VERSION = b"4"
"""Raise it to build all stores again; a change of the files below does the same."""

_ROOT = Path(__file__).parents[2]
_MADE_BY = (
    "pincli/store/sqlite/tables.py",
    "pincli/store/changes.py",
    "pincli/rules/canonical.py",
    "pincli/rules/words.py",
    "pincli/models.py",
    "pincli/vault/answers.py",
    "pincli/vault/audit_seals.py",
)
_ACCOUNT_SIZES = (1, 2, 3, 5, 8, 12, 20, 40, 100, 400)
_PLAIN_TYPES = (UserType.CLOUD, UserType.DEDICATED, UserType.FEDERATED)
_OTHER_TYPES = (UserType.CLOUD_OFFICE, UserType.DATAPIPE)
_FIRST_NAMES = ("alice", "anna", "sam", *(f"first{number:03}" for number in range(1000)))
_LAST_NAMES = ("smith", "jones", *(f"last{number:04}" for number in range(5000)))
_CHUNK = 10_000
_AT = "2026-01-01T00:00:00Z"


class Shape(NamedTuple):
    """What a population looks like.

    Attributes:
        users: How many, the callers included.
        looks: How often each PIN was shown: events that leave the record alone.
    """

    users: int
    looks: int = 0

    @property
    def name(self) -> str:
        """A name for its folder."""
        return f"users-{self.users}-looks-{self.looks}"


def store_of(shape: Shape, cache: Path) -> Desk:
    """The store of that shape below a folder, built if it isn't there or is out of date."""
    fingerprint = hashlib.sha256(
        _VERSION + b"".join((_ROOT / name).read_bytes() for name in _MADE_BY)
    )
    folder = cache / f"{shape.name}.{fingerprint.hexdigest()[:12]}"
    if not folder.exists():
        for outdated in cache.glob(f"{shape.name}.*"):
            shutil.rmtree(outdated)
        building = cache / f"building.{os.getpid()}"
        print(f"building {folder} …", file=sys.stderr)
        _build(building, shape)
        building.rename(folder)
    return Desk(folder / "store", folder / "keys")


def floor_verifier(pin: str) -> str:
    """A verifier of a PIN at the same cost, without pincli's key."""
    from argon2.low_level import Type, hash_secret

    memory, passes, lanes = PRODUCTION_COST
    return hash_secret(pin.encode(), b"s" * 16, passes, memory, lanes, 32, Type.ID).decode()


def new_floor_store(path: Path, user: str, pin: str) -> None:
    """The database of the floor programs, with one user in it."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "CREATE TABLE users (id INTEGER PRIMARY KEY, user TEXT NOT NULL UNIQUE, "
            "verifier TEXT NOT NULL, failed_attempts INTEGER NOT NULL)"
        )
        connection.execute(
            "CREATE TABLE events (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, "
            "user TEXT NOT NULL, kind TEXT NOT NULL)"
        )
        connection.execute("INSERT INTO users VALUES (1, ?, ?, 0)", (user, floor_verifier(pin)))


def _build(folder: Path, shape: Shape) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    desk = new_desk(folder)
    with desk.session(cost=PRODUCTION_COST) as session:
        connection = connection_of(session)
        # Nothing here need survive a power cut: the folder gets its name at the end.
        write_without_syncs(connection)
        connection.execute("PRAGMA cache_size = -1000000")
        everybody = _people(session, shape)
        while chunk := list(islice(everybody, _CHUNK)):
            session.store.write(_take_in, chunk)
        for caller in CALLERS:
            pins.change(session, caller, PIN)
    for mark in desk.keys.glob("mark-*"):
        mark.unlink()  # it says where the store is, which is not where it will be


def _take_in(transaction: Transaction, histories: list[lockout.Step]) -> None:
    transaction.save([event for history in histories for event in history])


def _people(session: Session, shape: Shape) -> Iterator[lockout.Step]:
    """Each user's events, in the order of the rows."""
    rng = random.Random(shape.users)
    numbers = list(range(shape.users))
    rng.shuffle(numbers)
    accounts = _accounts(rng, shape.users)
    first = _drawn(rng, _FIRST_NAMES, shape.users)
    names = zip(first, _drawn(rng, _LAST_NAMES, shape.users), strict=True)
    apart = shape.users // len(CALLERS)
    callers = {shape.users - 1 - apart * i: c for i, c in enumerate(reversed(CALLERS))}
    for row, (number, name) in enumerate(zip(numbers, names, strict=True)):
        drawn = 99 if accounts[row] == ATTACKED or row in callers else rng.randrange(100)
        user = User(
            0,
            rng.randbytes(16),
            rng.randbytes(16),
            account="callers" if row in callers else accounts[row],
            login=callers.get(row, f"user-{number:07}"),
            display_name=" ".join(name).title(),
            email=None,
            type=rng.choice(_OTHER_TYPES if drawn < 4 else _PLAIN_TYPES),
            active=True,
            added_at=_AT,
        )
        step = _story(user, drawn, rng, session)
        yield (*step, *[NewEvent(EventKind.PIN_SHOWN, lockout.after(user, step))] * shape.looks)


def _drawn(rng: random.Random, names: Sequence[str], users: int) -> list[str]:
    """A name for each user: the first is ten times as common as the tenth."""
    return rng.choices(names, [1 / place for place in range(1, len(names) + 1)], k=users)


def _accounts(rng: random.Random, users: int) -> list[str]:
    """Everybody's account: sizes mixed, members all over the store."""
    accounts = [ATTACKED] * min(1000, users // 10)
    number = 0
    while len(accounts) < users:
        number += 1
        accounts += [f"account-{number:06}"] * rng.choice(_ACCOUNT_SIZES)
    del accounts[users:]
    rng.shuffle(accounts)
    return accounts


def _story(user: User, drawn: int, rng: random.Random, session: Session) -> lockout.Step:
    """Of a hundred users 3 are inactive, 4 have no PIN by type, 10 not yet, 1 is locked."""
    if drawn < 14:
        return (NewEvent(EventKind.USER_ADDED, user),)
    if drawn < 17:
        return (NewEvent(EventKind.USER_ADDED, user._replace(active=False)),)
    if 18 <= drawn < 23:  # a story that begins with misses is one from schema 1
        misses = rng.randrange(1, ATTEMPTS_ALLOWED)
        user = user._replace(failed_attempts=misses, attempts_total=misses, last_attempt_at=_AT)
        begin = NewEvent(EventKind.MIGRATED, user)
    else:
        begin = NewEvent(EventKind.USER_ADDED, user)
    collected = _collected(user, rng, session)
    if drawn != 17:
        return (begin, collected)
    assert collected.user is not None
    return (begin, collected, *lockout.locked_by_hand(collected.user, reason="demo", at=_AT))


def _collected(user: User, rng: random.Random, session: Session) -> NewEvent:
    """A PIN of the right form and cost, which nobody knows."""
    pin = NewPin(
        question=session.answers.ask(),
        check=rng.randbytes(32),
        proof=rng.randbytes(32),
        verify_key=session.identity.verify_key,
        sealed=rng.randbytes(54),
        portal_key=session.identity.portal_key,
        set_by=PinOrigin.GENERATED,
        version=user.pin_version + 1,
    )
    (event,) = lockout.collected(user, pin, at=_AT)
    return event
