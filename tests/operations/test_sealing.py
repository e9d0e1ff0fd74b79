"""`audit seal`: it seals what desks on a server wrote, but no forged event."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pincli.errors import StoreRolledBack, StoreTampered, StoreUnavailable, UnknownUser
from pincli.models import EventKind, Head, NewEvent
from pincli.operations import keys
from pincli.operations.archive import archive
from pincli.operations.keys import KeyKind
from pincli.operations.session import Need
from pincli.operations.trail_check import check_trail
from pincli.operations.trail_sealing import seal_trail
from pincli.operations.verify import verify
from pincli.rules.times import written
from pincli.store.steps.people import record
from tests.store.postgresql.floor import PIN, WRONG, Floor, floor_in
from tests.support.contract import answer_of, call
from tests.support.desk import Desk
from tests.support.served import ServedDesk


@pytest.fixture
def floor(served_empty: ServedDesk, tmp_path: Path) -> Iterator[Floor]:
    """A store on a server with alice, whom a desk has verified twice since the last seal."""
    with floor_in(served_empty, tmp_path) as floor:
        floor.collected()
        floor.verify()
        floor.verify(WRONG)
        yield floor


def unsealed(floor: Floor) -> list[int]:
    """The numbers of the events after the last seal."""
    return [
        number
        for (number,) in floor.database.sql(
            "SELECT number FROM pincli.trail WHERE number > "
            "(SELECT max(number) FROM pincli.trail WHERE seal IS NOT NULL) ORDER BY number"
        )
    ]


def sealed(floor: Floor) -> int | None:
    with floor.session("admin1", Need.WRITE) as session:
        return seal_trail(session)


def sound(floor: Floor) -> bool:
    with floor.session("admin1", Need.CHECK) as session:
        return check_trail(session, None).finding is None


def test_on_sqlite_everything_is_sealed(desk: Desk) -> None:
    """Every writer has the key, and nothing to seal is no failure."""
    desk.collected("alice")
    before = desk.database.read_bytes()
    assert answer_of(call(desk, "audit seal --json"))["sealed"] is None
    assert "everything was sealed already" in call(desk, "audit seal").out
    assert desk.database.read_bytes() == before


def test_what_desks_wrote_is_sealed(floor: Floor) -> None:
    """No event is added, and once is enough."""
    last = floor.last()
    assert len(unsealed(floor)) == 4
    assert sealed(floor) == last
    assert unsealed(floor) == []
    assert sealed(floor) is None
    assert floor.last() == last
    assert sound(floor)


def test_the_command_says_how_far_it_sealed(floor: Floor) -> None:
    """Without audit.key it fails."""
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
    """The error has its number."""
    floor.database.sql(forgery.format(last="(SELECT max(number) FROM pincli.trail)"))
    seals = "SELECT number FROM pincli.trail WHERE seal IS NOT NULL ORDER BY number"
    before = floor.database.sql(seals)
    with pytest.raises(StoreTampered, match="event"):
        sealed(floor)
    assert floor.database.sql(seals) == before


def test_a_forged_event_stops_the_archive_at_once(floor: Floor, tmp_path: Path) -> None:
    """Before anything else is done: no name is dropped, no file made and no seal set."""
    with floor.at_the_desk() as session, pytest.raises(UnknownUser):
        verify(session, "nobody", PIN, None)
    floor.database.sql("UPDATE pincli.trail SET outcome = 'verified' WHERE kind = 'incorrect'")
    path = tmp_path / "old.jsonl"
    before = unsealed(floor)
    later = datetime.now(UTC) + timedelta(days=90)
    with (
        floor.session("admin1", Need.WRITE, Need.CHECK) as session,
        pytest.raises(StoreTampered, match="nothing was sealed"),
    ):
        archive(session, written(datetime.now(UTC)), path, forbidden=(), now=later)
    assert floor.database.sql("SELECT name FROM pincli.texts WHERE name IS NOT NULL") != []
    assert (path.exists(), unsealed(floor)) == (False, before)


def test_an_event_changed_after_the_check_is_not_sealed(floor: Floor) -> None:
    """Others may write meanwhile."""
    with floor.session("admin1", Need.WRITE) as session:
        head = Head(floor.last(), b"x" * 32)
        with pytest.raises(StoreUnavailable):
            session.store.write(lambda transaction: transaction.seal(head))
    assert len(unsealed(floor)) == 4


def test_a_key_that_was_rotated_meanwhile_seals_nothing_from_before(floor: Floor) -> None:
    """The rotation seals the events before it."""
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
    """A rolled-back database is found first."""
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
