"""`audit seal`: a seal for what desks over a server wrote, and for nothing that was forged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pincli.errors import StoreRolledBack, StoreTampered, StoreUnavailable
from pincli.models import EventKind, Head, NewEvent
from pincli.operations import keys
from pincli.operations.keys import KeyKind
from pincli.operations.session import Need
from pincli.operations.trail_check import check_trail
from pincli.operations.trail_sealing import seal_trail
from pincli.store.steps.people import record
from tests.store.postgresql.floor import WRONG, Floor, make_schema, new_floor
from tests.support.contract import answer_of, call
from tests.support.desk import Desk
from tests.support.postgresql import Server


@pytest.fixture
def floor(server: Server, tmp_path: Path) -> Iterator[Floor]:
    """A floor with Alice, whom a desk has asked twice since the last seal."""
    floor = new_floor(server.database(make_schema), tmp_path)
    floor.collected()
    floor.verify()
    floor.verify(WRONG)
    yield floor
    floor.database.drop()


def unsealed(floor: Floor) -> list[int]:
    """The numbers of the events without a seal since the last one with one."""
    return [
        number
        for (number,) in floor.database.sql(
            "SELECT number FROM pincli.trail WHERE number > "
            "(SELECT max(number) FROM pincli.trail WHERE seal IS NOT NULL) ORDER BY number"
        )
    ]


def sealed(floor: Floor) -> int | None:
    """What a sealing from an admin's host comes to."""
    with floor.session("admin1", Need.WRITE) as session:
        return seal_trail(session)


def sound(floor: Floor) -> bool:
    """Whether `audit verify` finds nothing wrong."""
    with floor.session("admin1", Need.CHECK) as session:
        return check_trail(session, None).finding is None


def test_on_sqlite_everything_is_sealed(desk: Desk) -> None:
    """Every writer has the key, so that nothing waits for a seal; and that is no failure."""
    desk.collected("alice")
    before = desk.database.read_bytes()
    assert answer_of(call(desk, "audit seal --json"))["sealed"] is None
    assert "everything was sealed already" in call(desk, "audit seal").out
    assert desk.database.read_bytes() == before


def test_what_desks_wrote_is_sealed(floor: Floor) -> None:
    """The newest event is, nothing is written beside that, and once is enough."""
    last = floor.last()
    assert len(unsealed(floor)) == 4
    assert sealed(floor) == last
    assert unsealed(floor) == []
    assert sealed(floor) is None
    assert floor.last() == last
    assert sound(floor)


def test_it_is_a_command(floor: Floor) -> None:
    """It says how far the trail is sealed; a desk without audit.key is told that it lacks that."""
    desk = Desk(Path("unused"), floor.keys)
    location = floor.database.location()
    ran = call(desk, "audit seal --json", PINCLI_STORE=location)
    assert answer_of(ran)["sealed"] == floor.last()
    (floor.keys / "audit.key").unlink()
    assert call(desk, "audit seal", PINCLI_STORE=location).code == 8


@pytest.mark.parametrize(
    "forgery",
    [
        "UPDATE pincli.trail SET outcome = 'verified' WHERE kind = 'incorrect'",
        "UPDATE pincli.trail SET link = sha256(link) WHERE number = {last}",
        "DELETE FROM pincli.trail WHERE number = {last} - 1",
        "UPDATE pincli.trail SET seal = 'mine' WHERE number = {last} - 1",
        "UPDATE pincli.trail SET number = number + 1 WHERE number = {last}",
    ],
)
def test_a_forged_event_gets_no_seal(floor: Floor, forgery: str) -> None:
    """A link that does not fit stops it, and it says at which event."""
    floor.database.sql(forgery.format(last="(SELECT max(number) FROM pincli.trail)"))
    seals = "SELECT number FROM pincli.trail WHERE seal IS NOT NULL ORDER BY number"
    before = floor.database.sql(seals)
    with pytest.raises(StoreTampered, match="event"):
        sealed(floor)
    assert floor.database.sql(seals) == before


def test_an_event_that_was_changed_since_is_not_sealed(floor: Floor) -> None:
    """What is sealed is what was checked, although others write meanwhile."""
    with floor.session("admin1", Need.WRITE) as session:
        head = Head(floor.last(), b"x" * 32)
        with pytest.raises(StoreUnavailable):
            session.store.write(lambda transaction: transaction.seal(head))
    assert len(unsealed(floor)) == 4


def test_a_key_that_was_rotated_meanwhile_seals_nothing_from_before(floor: Floor) -> None:
    """That seal would be wrong: what came before the rotation is sealed with the rotation."""
    with floor.session("admin1", Need.WRITE) as session:
        head = session.store.trail.head()
        with floor.session() as other:
            keys.rotate(other, KeyKind.AUDIT)
        assert session.store.write(lambda transaction: transaction.seal(head)) is False
    assert sound(floor)
    floor.verify()
    assert sealed(floor) == floor.last()
    assert sound(floor)


def test_a_host_that_has_seen_more_seals_nothing(floor: Floor) -> None:
    """A database that was put back to an earlier day is found first, sealed or not."""
    sealed(floor)
    with floor.session("admin1", Need.WRITE) as session:
        session.store.write(record, NewEvent(EventKind.AUDITED))
    floor.database.sql(
        "DELETE FROM pincli.trail WHERE number = (SELECT max(number) FROM pincli.trail)"
    )
    floor.database.sql(
        "UPDATE pincli.store SET (head_number, head_link) ="
        " (SELECT number, link FROM pincli.trail ORDER BY number DESC LIMIT 1)"
    )
    with pytest.raises(StoreRolledBack):
        sealed(floor)
