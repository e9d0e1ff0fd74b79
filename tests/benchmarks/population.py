"""Stores with many users, made quickly and kept, so that the big one is built once.

By plain SQL through pincli's own schema, with an audit trail that `audit verify` accepts.
Run as a program it builds one store; the benchmarks run it so, in a process of its own,
because what it needs in memory would count as theirs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from pincli.vault.verifiers import PRODUCTION_COST

from pincli.models import EventKind, PinOrigin, UserType
from pincli.operations import pins
from pincli.rules.states import ATTEMPTS_ALLOWED
from pincli.store.sql.rows import EVENT_COLUMNS
from pincli.store.sqlite.connection import utc_now
from pincli.vault.audit_macs import AuditSigner
from pincli.vault.keyring import Keyring
from tests.support.desk import Desk, new_desk

CALLERS = tuple(f"caller-{number:02}" for number in range(20))
"""Users with a real PIN at the real cost, evenly spread; the last is the store's last row."""
PIN = "444159"
ATTACKED = "attacked"
"""An account of 1,000 users, or of a tenth of a store under 10,000."""

_VERSION = b"2"
"""To be raised when stores made before must be built anew; so must a change of these files."""

_ROOT = Path(__file__).parents[2]
_MADE_BY = (
    "pincli/store/sqlite/schema.py",
    "pincli/store/sql/rows.py",
    "pincli/vault/audit_macs.py",
    "pincli/rules/framing.py",
    "pincli/vault/verifiers.py",
)
_ACCOUNT_SIZES = (1, 2, 3, 5, 8, 12, 20, 40, 100, 400)
_PLAIN_TYPES = (UserType.CLOUD, UserType.DEDICATED, UserType.FEDERATED)
_OTHER_TYPES = (UserType.CLOUD_OFFICE, UserType.DATAPIPE)
_EVENT_VALUES = EVENT_COLUMNS[:-1]


class Shape(NamedTuple):
    """What a population looks like.

    Attributes:
        users: How many, the callers included.
        sorted: Whether names rise with the row number. As a rule they don't.
        plain: Whether everybody is active and has a PIN; else states are mixed.
    """

    users: int
    sorted: bool = False
    plain: bool = False

    @property
    def name(self) -> str:
        """A name for its folder."""
        words = ["sorted"] * self.sorted + ["plain"] * self.plain
        return "-".join(["users", str(self.users), *words])


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
        subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.population", str(building), json.dumps(shape)],
            check=True,
            cwd=_ROOT,
        )
        building.rename(folder)
    return Desk(folder / "store", folder / "keys")


def copy_of(desk: Desk, folder: Path) -> Desk:
    """A copy of a store, for what would use it up; with the same keys."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(desk.store, folder)
    return Desk(folder, desk.keys)


def renew_pins(desk: Desk, account: str) -> None:
    """Give every user of an account a PIN again, and a counter of 0, behind pincli's back."""
    with closing(sqlite3.connect(desk.database, isolation_level=None)) as connection:
        keys = connection.execute("SELECT verify_key, portal_key FROM store").fetchone()
        connection.execute(
            "UPDATE users SET verifier = ?, sealed = randomblob(54), verify_key = ?, "
            "portal_key = ?, pin_set_at = added_at, pin_set_by = ?, failed_attempts = 0, "
            "locked_since = NULL WHERE account = ?",
            (_verifier(random.Random(1)), *keys, PinOrigin.GENERATED.value, account),
        )


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
    with closing(sqlite3.connect(desk.database, isolation_level=None)) as connection:
        # Nothing here need survive a power cut: the folder gets its name at the end.
        connection.execute("PRAGMA journal_mode = OFF").fetchall()
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -1000000")
        indexes = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        ).fetchall()
        connection.execute("BEGIN")
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}")
        _insert(connection, "users", _people(connection, shape))
        _insert(connection, "events", _trail(connection, AuditSigner(Keyring(desk.keys).audit)))
        for _, sql in indexes:
            connection.execute(sql)
        connection.execute("COMMIT")
    with desk.session(cost=PRODUCTION_COST) as session:
        for caller in CALLERS:
            pins.change(session, caller, PIN)


def _insert(connection: sqlite3.Connection, table: str, rows: Iterator[dict[str, Any]]) -> None:
    first = next(rows)
    statement = (
        f"INSERT INTO {table} ({', '.join(first)}) "  # noqa: S608
        f"VALUES ({', '.join(f':{column}' for column in first)})"
    )
    connection.execute(statement, first)
    connection.executemany(statement, rows)


def _people(connection: sqlite3.Connection, shape: Shape) -> Iterator[dict[str, Any]]:
    rng = random.Random(shape.users)
    keys = connection.execute("SELECT verify_key, portal_key FROM store").fetchone()
    numbers = list(range(shape.users))
    if not shape.sorted:
        rng.shuffle(numbers)
    accounts = _accounts(rng, shape.users)
    now = utc_now()
    step = shape.users // len(CALLERS)
    callers = {shape.users - 1 - step * i: c for i, c in enumerate(reversed(CALLERS))}
    for row, number in enumerate(numbers):
        person = {
            "id": row + 1,
            "user": callers.get(row, f"user-{number:07}"),
            "account": "callers" if row in callers else accounts[row],
            "name": f"Person {number}",
            "type": rng.choice(_PLAIN_TYPES).value,
            "active": 1,
            "added_at": now,
            **_no_pin(),
            "failed_attempts": 0,
            "locked_since": None,
            "last_attempt_at": None,
            "locks_total": 0,
            "attempts_total": 0,
        }
        if row not in callers:
            if shape.plain or accounts[row] == ATTACKED:
                person |= _pin(rng, keys, now)
            else:
                person |= _mixed(rng, keys, now)
        yield person


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


def _mixed(rng: random.Random, keys: tuple[str, str], now: str) -> dict[str, Any]:
    """Of a hundred users 3 are inactive, 4 have no PIN by type, 10 not yet, 1 is locked."""
    drawn = rng.randrange(100)
    if drawn < 4:
        return {"type": rng.choice(_OTHER_TYPES).value}
    if drawn < 14:
        return {}
    person = _pin(rng, keys, now)
    if drawn < 17:
        person["active"] = 0
    elif drawn < 18:
        person |= {"failed_attempts": ATTEMPTS_ALLOWED, "locked_since": now, "locks_total": 1}
    elif drawn < 23:
        person["failed_attempts"] = rng.randrange(1, ATTEMPTS_ALLOWED)
    if person.get("failed_attempts"):
        person |= {"last_attempt_at": now, "attempts_total": person["failed_attempts"]}
    return person


def _no_pin() -> dict[str, Any]:
    return dict.fromkeys(
        ("verifier", "verify_key", "sealed", "portal_key", "pin_set_at", "pin_set_by")
    ) | {"pin_version": 0}


def _pin(rng: random.Random, keys: tuple[str, str], now: str) -> dict[str, Any]:
    verify_key, portal_key = keys
    return {
        "verifier": _verifier(rng),
        "verify_key": verify_key,
        "sealed": rng.randbytes(54),
        "portal_key": portal_key,
        "pin_set_at": now,
        "pin_set_by": PinOrigin.GENERATED.value,
        "pin_version": 1,
    }


def _verifier(rng: random.Random) -> str:
    """A verifier of the right form and cost, of which nobody knows the PIN."""
    memory, passes, lanes = PRODUCTION_COST
    salt, digest = (b64encode(rng.randbytes(n)).rstrip(b"=").decode() for n in (16, 32))
    return f"$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${digest}"


def _trail(connection: sqlite3.Connection, signer: AuditSigner) -> Iterator[dict[str, Any]]:
    """One event for each user added and each PIN, chained as pincli's own.

    A user's last event says what the record says, or `audit verify` would find tampering.
    """
    ((seq, mac),) = connection.execute("SELECT seq, mac FROM events").fetchall()
    people = connection.execute(
        "SELECT user, account, added_at, failed_attempts, verifier IS NOT NULL "
        "FROM users ORDER BY id"
    )
    for user, account, at, failed, has_pin in people:
        for kind in (EventKind.USER_ADDED, EventKind.PIN_GENERATED)[: 1 + has_pin]:
            seq += 1
            event: dict[str, Any] = dict.fromkeys(_EVENT_VALUES) | {
                "seq": seq,
                "at": at,
                "agent": "population",
                "command": "import",
                "kind": kind.value,
                "user": user,
                "account": account,
                "attempts_used": failed,
                "pin_version": int(kind is EventKind.PIN_GENERATED),
            }
            mac = signer.mac(mac, tuple(event.values()))
            yield event | {"mac": mac}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("shape", type=json.loads, help="[users, sorted, plain]")
    options = parser.parse_args()
    _build(options.folder, Shape(*options.shape))
