"""Stores as version 1 left them, written straight into its tables: any size, any state.

`python -m tests.support.version_1 FOLDER USERS EVENTS` makes a big one, to measure with.
"""
# ruff: noqa: S608  # names of columns are put together, values are bound

from __future__ import annotations

import binascii
import os
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from pincli.models import EventKind
from pincli.results import Event
from pincli.store.sqlite.migrations import migrations
from pincli.vault.answers import Answers, BoundTo, HashCost
from pincli.vault.audit_seals import AuditSealer
from pincli.vault.keyring import create_keys
from pincli.vault.seals import seal
from tests.support.desk import Desk
from tests.support.driving import RIGHT

AT = "2026-11-24T08:00:00Z"
_SETTINGS = "$argon2id$v=19$m=8,t=1,p=1"
_EVENT = f"INSERT INTO events VALUES ({', '.join('?' * len(Event._fields))})"


class Version1:
    """A new store of schema 1 and its keys, to be filled as version 1 would have filled it."""

    def __init__(self, folder: Path) -> None:
        self.desk = Desk(folder / "store", folder / "keys")
        for place in (self.desk.store, self.desk.keys):
            place.mkdir(mode=0o700, parents=True)
        (self.desk.store / "pincli.lock").touch(mode=0o600)
        self.keyring = create_keys(self.desk.keys)
        self._signer = AuditSealer(self.keyring.audit)
        self.store_id = os.urandom(16).hex()
        self._seq, self._mac = 0, self.store_id
        self.connection = sqlite3.connect(self.desk.database, isolation_level=None)
        self.connection.execute("PRAGMA synchronous = OFF")
        self._make_tables()
        self.record(EventKind.INITIALISED, outcome=self.keyring.audit.fingerprint)

    def close(self) -> Desk:
        """The store, as files alone."""
        self.connection.close()
        self.desk.database.chmod(0o600)
        return self.desk

    def add(self, login: str, *, pin: str | None = RIGHT, **columns: object) -> None:
        """A user of the account acme, with a PIN unless it is None."""
        row: dict[str, object] = {
            "user": login,
            "account": "acme",
            "name": login.title(),
            "type": "cloud",
            "active": 1,
            "added_at": AT,
        }
        self._insert(row)
        self.record(EventKind.USER_ADDED, login)
        if pin is not None:
            columns = {**self._pin(login, pin), **columns}
            self.set(login, **columns)
            self.record(EventKind.PIN_CHANGED, login)
        elif columns:
            self.set(login, **columns)

    def set(self, login: str, **columns: object) -> None:
        """Change columns of a user's record, without any event."""
        names = ", ".join(f"{name} = ?" for name in columns)
        values = (*columns.values(), login)
        self.connection.execute(f"UPDATE users SET {names} WHERE user = ?", values)

    def get(self, login: str, column: str) -> Any:
        """A column of a user's record."""
        query = f"SELECT {column} FROM users WHERE user = ?"
        return self.connection.execute(query, (login,)).fetchone()[0]

    def charge(self, login: str) -> int:
        """An attempt that is left open; its number."""
        used, total = self.get(login, "failed_attempts") + 1, self.get(login, "attempts_total") + 1
        self.set(login, failed_attempts=used, attempts_total=total, last_attempt_at=AT)
        attempt = self.record(EventKind.ATTEMPT, login)
        self.set(login, open_attempt=attempt)
        return attempt

    def miss(self, login: str, times: int = 1) -> None:
        """Wrong answers; the sixth locks."""
        for _ in range(times):
            attempt = self.charge(login)
            self.set(login, open_attempt=None)
            self.record(EventKind.INCORRECT, login, attempt=attempt, outcome="incorrect")
            if self.get(login, "failed_attempts") == 6:
                self.set(login, locked_since=AT, last_locked_at=AT, locks_total=1)
                self.record(EventKind.LOCKED, login)

    def record(
        self,
        kind: EventKind,
        login: str | None = None,
        *,
        attempt: int | None = None,
        outcome: str | None = None,
        used: int | None = None,
    ) -> int:
        """An event about a user as the record is now; its number."""
        about: tuple[object, ...] = (None, None, None)
        if login is not None:
            columns = "account, failed_attempts, pin_version"
            query = f"SELECT {columns} FROM users WHERE user = ?"
            about = self.connection.execute(query, (login,)).fetchone()
        account, counter, version = about
        counter = counter if used is None else used
        self._write([(kind, login, account, attempt, outcome, counter, version)])
        return self._seq

    def populate(self, users: int, events: int) -> None:
        """Add users, and events up to this number: verified callers, each with one attempt."""
        self.connection.execute("BEGIN")
        first = self.connection.execute("SELECT count(*) FROM users").fetchone()[0]
        names = [f"u{number * 7919 % 10_000_000:07d}" for number in range(first, first + users)]
        self._insert_many(names)
        self._write((EventKind.USER_ADDED, n, "acme", None, None, 0, 1) for n in names)
        self._write(self._verified(names, (events - self._seq) // 2))
        self.connection.execute("COMMIT")

    def _verified(self, names: list[str], times: int) -> Iterator[tuple[object, ...]]:
        for number in range(times):
            name = names[number * 7907 % len(names)]
            yield (EventKind.ATTEMPT, name, "acme", None, None, 1, 1)
            yield (EventKind.VERIFIED, name, "acme", self._seq, "verified", 0, 1)

    def _insert_many(self, names: list[str]) -> None:
        key, portal = self.keyring.verify.fingerprint, self.keyring.portal_public.fingerprint
        self.connection.executemany(
            "INSERT INTO users (user, account, name, type, active, added_at, verifier, verify_key, "
            "sealed, portal_key, pin_set_at, pin_set_by, pin_version) "
            "VALUES (?, 'acme', ?, 'cloud', 1, ?, ?, ?, ?, ?, ?, 'customer', 1)",
            (
                (name, name, AT, _verifier(os.urandom(32)), key, os.urandom(54), portal, AT)
                for name in names
            ),
        )

    def _write(self, events: Any) -> None:
        def rows() -> Iterator[tuple[Any, ...]]:
            for kind, *rest in events:
                self._seq += 1
                row = (self._seq, AT, "eva", "test", kind.value, *rest, None, None)
                self._mac = self._signer.old_mac(self._mac, row)
                yield (*row, self._mac)

        self.connection.executemany(_EVENT, rows())

    def _insert(self, row: dict[str, object]) -> None:
        marks = ", ".join("?" * len(row))
        columns = ", ".join(row)
        self.connection.execute(f"INSERT INTO users ({columns}) VALUES ({marks})", [*row.values()])

    def _pin(self, login: str, pin: str, version: int = 1) -> dict[str, object]:
        salt = _base64(os.urandom(16))
        question = f"login={login}{_SETTINGS}${salt}"
        answer = Answers(HashCost(8, 1)).answer(question, self.keyring.verify, b"", version, pin)
        bound = BoundTo(1, login.encode())
        return {
            "verifier": f"{_SETTINGS}${salt}${_base64(answer)}",
            "verify_key": self.keyring.verify.fingerprint,
            "sealed": seal(self.keyring.portal_public, bound, version, pin),
            "portal_key": self.keyring.portal_public.fingerprint,
            "pin_set_at": AT,
            "pin_set_by": "customer",
            "pin_version": version,
        }

    def _make_tables(self) -> None:
        self.connection.execute("BEGIN")
        database = Database(self.connection, execute_plugins=False)
        migrations.apply(database, stop_before="version_2")
        keys = [
            self.keyring.verify.fingerprint,
            self.keyring.audit.fingerprint,
            self.keyring.portal_public.fingerprint,
        ]
        self.connection.execute(
            "INSERT INTO store VALUES (1, ?, ?, ?, ?, ?)", (self.store_id, AT, *keys)
        )
        self.connection.execute("COMMIT")


def _verifier(answer: bytes) -> str:
    return f"{_SETTINGS}${_base64(os.urandom(16))}${_base64(answer)}"


def _base64(raw: bytes) -> str:
    return binascii.b2a_base64(raw, newline=False).rstrip(b"=").decode()


if __name__ == "__main__":
    big = Version1(Path(sys.argv[1]))
    big.add("alice")
    big.populate(int(sys.argv[2]), int(sys.argv[3]))
    big.close()
