"""A support floor: one store with a user in every state, copied for each test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pincli.models import UserType
from pincli.operations import people
from pincli.operations.verify import verify
from tests.support.copies import copied_to
from tests.support.desk import Desk, new_desk, private_files
from tests.support.served import ServedDesk

RIGHT = "444159"
"""The PIN of everybody on the floor who has one."""
WRONG = "111222"

ACTIVE = "alice"
"""Active, of the account acme, as are all but GUEST."""
FIVE_MISSES = "vera"
LOCKED = "lara"
LOCKED_AND_INACTIVE = "ludo"
UNCOLLECTED = "uma"
INACTIVE = "ina"
INELIGIBLE = "otto"
GUEST = "gus"
"""Active, of the account globex."""


def new_floor(folder: Path) -> Desk:
    """A fresh store below a folder with everybody in it."""
    with private_files():
        return peopled(new_desk(folder))


def peopled(desk: Desk) -> Desk:
    """A fresh store with everybody in it."""
    for user in (ACTIVE, FIVE_MISSES, LOCKED, LOCKED_AND_INACTIVE, INACTIVE):
        desk.collected(user, pin=RIGHT)
    desk.collected(GUEST, "globex", RIGHT)
    desk.add(UNCOLLECTED)
    desk.add(INELIGIBLE, kind=UserType.CLOUD_OFFICE)
    with desk.session() as session:
        for user, misses in ((FIVE_MISSES, 5), (LOCKED, 6), (LOCKED_AND_INACTIVE, 6)):
            for _ in range(misses):
                verify(session, user, WRONG, None)
        for user in (INACTIVE, LOCKED_AND_INACTIVE):
            people.set_active(session, user, active=False, reason=None)
    return desk


def copy_of(desk: Desk, folder: Path) -> Desk:
    """The same store and keys in another folder, to be changed at will."""
    if isinstance(desk, ServedDesk):
        return desk.copied(folder)
    return copied_to(desk, folder / "store", folder / "keys")


@contextmanager
def one_copy(desk: Desk, folder: Path) -> Iterator[Desk]:
    """A copy for a while; a database on the server is removed."""
    copy = copy_of(desk, folder)
    try:
        yield copy
    finally:
        if isinstance(copy, ServedDesk):
            copy.database_there.drop()


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its bytes."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
