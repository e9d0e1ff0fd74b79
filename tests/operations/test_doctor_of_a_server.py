"""The doctor on a host with a server: its mark, its keys and its store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pincli.models import Origin
from pincli.operations.doctor.examination import examine
from pincli.operations.session import Need
from pincli.operations.trail_check import check_trail
from pincli.results import Check
from pincli.store.location import Server as Location
from tests.store.postgresql.floor import Floor, floor_in, make_schema, new_floor
from tests.support.served import ServedDesk

OF_THE_SERVER = {"TLS", "durable writes", "hanging hosts"}
"""What the tests' shared server is not."""


@pytest.fixture
def floor(served_empty: ServedDesk, tmp_path: Path) -> Iterator[Floor]:
    """A floor with Alice, and a mark."""
    with floor_in(served_empty, tmp_path) as floor:
        floor.collected()
        yield floor


def examined(floor: Floor, keys: Path | None = None) -> dict[str, Check]:
    """What the doctor finds on a desk's host, but for the server's settings."""
    location = Location(floor.database.location("desk1"))
    checks = examine(location, keys or floor.keys, origin=Origin("lea", "doctor"))
    return {c.what: c for c in checks if c.finding is not None and c.what not in OF_THE_SERVER}


def test_all_is_well(floor: Floor) -> None:
    """Also without the keys that a desk is not meant to have."""
    for name in ("audit.key", "portal.key", "portal.pub"):
        (floor.keys / name).unlink()
    assert examined(floor) == {}


def test_a_host_without_a_mark(floor: Floor) -> None:
    """The check says so until the first verify makes one."""
    (mark,) = floor.keys.glob("mark-*")
    mark.unlink()
    assert "no mark" in str(examined(floor)["mark"].finding)
    floor.verify()
    assert examined(floor) == {}


def test_a_database_that_was_put_back(floor: Floor) -> None:
    """The mark's check finds it, and says what to do."""
    floor.verify()
    floor.database.sql(
        "DELETE FROM pincli.trail WHERE number = (SELECT max(number) FROM pincli.trail)"
    )
    floor.database.sql(
        "UPDATE pincli.store SET (head_number, head_link) ="
        " (SELECT number, link FROM pincli.trail ORDER BY number DESC LIMIT 1)"
    )
    found = examined(floor)["mark"]
    assert "rolled back" in str(found.finding)
    assert "pincli restore" in found.hint


def test_when_the_trail_was_last_checked(floor: Floor) -> None:
    """A month without `audit verify` is too long, also if only an admin's host can run it."""
    floor.database.sql("UPDATE pincli.store SET created_at = '2020-01-01T00:00:00Z'")
    assert "never checked" in str(examined(floor)["audit"].finding)
    with floor.session("admin1", Need.CHECK) as session:
        assert check_trail(session, None).finding is None
    assert examined(floor) == {}


def test_another_store_s_keys(floor: Floor, tmp_path: Path) -> None:
    """A desk learns of its wrong verify.key before it charges anybody."""
    other = new_floor(floor.database.server.database(make_schema), tmp_path / "other")
    assert "not the store's key" in str(examined(floor, other.keys)["verify.key"].finding)
    other.database.drop()
