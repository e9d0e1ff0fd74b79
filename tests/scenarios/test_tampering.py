"""Somebody who can write the database and has no key: seen before the next charge, or by an audit.

Each case says which of the two, and what `pincli restore` without a file makes of it.
"""
# ruff: noqa: S608  # names of tables and columns are put together, values are bound

from __future__ import annotations

from enum import Enum, auto

import pytest

from tests.support.desk import Desk
from tests.support.driving import RIGHT
from tests.support.tampering import (
    MISSES,
    Scene,
    clean,
    new_scene,
    taken_in,
    verified,
)

SIX = 6
_ALICE = "(SELECT uid FROM people WHERE login = 'alice')"
_HEAD = "(SELECT max(number) FROM trail)"
_CHANGED_ALICE = f"(SELECT max(number) FROM trail WHERE record IS NOT NULL AND uid = {_ALICE})"

pytestmark = pytest.mark.xdist_group("tampering")


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """One store with a past for all cases."""
    return new_scene(tmp_path_factory.mktemp("scene"))


@pytest.fixture
def desk(scene: Scene) -> Desk:
    """The scene as it was made."""
    return scene.put_back()


class Seen(Enum):
    """Who sees an edit first, for certain."""

    VERIFY = auto()
    """The next verify of alice, before anything is charged."""
    AUDIT = auto()
    """`audit verify`, and nobody before."""
    NOBODY = auto()
    """Nobody: see UNSEEN."""


class Way(Enum):
    """What `pincli restore` without a file makes of a store."""

    KEEPS = auto()
    """All is as before."""
    WITHDRAWS = auto()
    """Alice's PIN is withdrawn, the others' stay."""
    DEACTIVATES = auto()
    """Likewise, and she is deactivated or gone, as nobody knows who she was."""
    ALL = auto()
    """Every PIN is withdrawn."""
    REFUSES = auto()
    """It takes no store in whose trail is not whole: a backup is the way."""


def _after_restore(desk: Desk, way: Way) -> None:
    """Restore without a file, and see that its way is the one expected."""
    if way is Way.REFUSES:
        ran = desk.run("restore", "--yes", "--json")
        assert ran.code == 8, ran
        return
    taken_in(desk)
    alices = desk.sql("SELECT failed_attempts FROM people WHERE login = 'alice'")
    assert all(counter >= MISSES for (counter,) in alices)
    assert verified(desk, "alice") == (way is Way.KEEPS)
    assert verified(desk, "bob") == (way is not Way.ALL)
    if way in (Way.WITHDRAWS, Way.ALL):
        assert desk.verify("alice", RIGHT).answer["outcome"] == "uncollected"
    clean(desk)


# What can't be seen today, for the README. Each has a test below that shows it.
UNSEEN = {
    "store.created_at": "when the store was made, which nothing reads",
    "store.epoch": "the epoch, which means something on PostgreSQL only",
    "notices.number": "which locks the hook is still to be told of",
    "notices.tried_at": "and when that was last tried",
    "trail.seal": "that an event other than the newest has lost its seal; its link shows all else",
}

_ROWS = {
    "store": ("TRUE",),
    "people": ("login = 'alice'",),
    "trail": (f"number = {_CHANGED_ALICE}", f"number = {_HEAD}"),
    "texts": ("number = (SELECT min(number) FROM texts)",),
    "notices": ("TRUE",),
}
_BEFORE_ALICE = frozenset(
    {"store.store_id", "store.verify_key", "store.audit_key"}
    | {f"{_CHANGED_ALICE}.{column}" for column in ("number", "uid")}
    | {f"{_HEAD}.{column}" for column in ("number", "link", "seal")}
)
