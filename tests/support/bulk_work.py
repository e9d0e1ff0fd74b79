"""What tests of bulk work share: sizes of its pieces, and what must hold after it."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pincli.models import EventKind, NewEvent, PinOrigin, User, UserType
from pincli.rules.lockout import check_of
from pincli.store.contract import Transaction
from tests.store.chain import require_sound
from tests.support.desk import Desk
from tests.support.driving import APP, nothing_impossible
from tests.support.failpoints import Plan

NOBODY_KNOWS = "x"
"""The question of a PIN that nobody knows."""
SMALL_CHUNKS = {
    "pincli.operations.chunks:FULL_CHUNK": 50,
    "pincli.operations.chunks:LONGEST_CHUNK": 600.0,
}
"""Chunks of 50, however slow the machine is."""


IN_PIECES = Plan(
    files=True,
    sizes={
        "pincli.operations.chunks:FULL_CHUNK": 3,
        "pincli.operations.chunks:SMALLEST_CHUNK": 2,
        "pincli.operations.chunks:LONGEST_CHUNK": 600.0,
        "pincli.operations.hashing:_WRITE_AT_ONCE": 2,
        "pincli.operations.selection:_PAGE": 2,
        "pincli.operations.intake.imports:_PAGE": 2,
    },
)
"""Eight users are several chunks, groups and pages, and steps at files are points."""


def end_state(desk: Desk, *, versions: bool = True) -> list[tuple[Any, ...]]:
    """Every user's record, without times and secrets."""
    version = "pin_version, barred_question IS NULL" if versions else "0"
    return desk.sql(
        "SELECT login, account, display_name, type, active, question IS NULL, "  # noqa: S608
        "pin_set_by, failed_attempts, attempt, locked_since IS NULL, locks_total, "
        f"{version} FROM people ORDER BY login"
    )


def sound(desk: Desk) -> None:
    """Fail unless the database is whole, all of it sealed, and the trail one that may be."""
    nothing_impossible(desk)
    require_sound(desk)


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
    if user.question is None or user.verify_key is None:
        return False
    with desk.session() as session:
        key = session.verify_key(user.verify_key)
        answer = session.answers.answer(user.question, key, user.uid, user.pin_version, pin)
        return check_of(answer) == user.pin_check


def app(sizes: Mapping[str, float] = MappingProxyType({}), slow: float = 0) -> tuple[str, ...]:
    """How to start pincli with other sizes, see Plan; pincli's own arguments follow."""
    return (*APP, Plan(sizes=dict(sizes), slow=slow).dump())


def crowd(desk: Desk, count: int, account: str = "acme", *, prefix: str = "u") -> None:
    """Put many users with PINs that nobody knows into the store, in one transaction."""

    def arrive(transaction: Transaction) -> None:
        events = []
        for number in range(count):
            user = User(
                0,
                os.urandom(16),
                os.urandom(16),
                account=account,
                login=f"{prefix}{number:06}",
                display_name="Name",
                email=None,
                type=UserType.CLOUD,
                active=True,
                added_at=transaction.at,
            )
            with_pin = user._replace(
                question=NOBODY_KNOWS,
                pin_check=bytes(32),
                pin_proof=bytes(32),
                verify_key=transaction.identity.verify_key,
                sealed=bytes(54),
                portal_key=transaction.identity.portal_key,
                pin_set_at=transaction.at,
                pin_set_by=PinOrigin.CUSTOMER,
            )
            events.append(NewEvent(EventKind.USER_ADDED, with_pin))
        transaction.save(events)

    with desk.session() as session:
        session.store.write(arrive)


def withdrawn(desk: Desk) -> int:
    """How many users have no PIN any more."""
    ((number,),) = desk.sql("SELECT count(*) FROM people WHERE question IS NULL")
    return int(number)
