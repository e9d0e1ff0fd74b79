"""The mark: a store that was rolled back, moved or copied can be read, but not written."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pincli.errors import StoreRolledBack, StoreUnavailable
from pincli.models import EventKind, Head, NewEvent, TrailEvent
from pincli.rules.canonical import link_of
from pincli.store.contract import Transaction
from pincli.store.mark import Mark, Seen, place_of
from pincli.store.sql.rollback import require_seen
from pincli.store.sql.rows import START
from pincli.store.steps import people
from tests.store.attempting import last_number
from tests.support.desk import Desk

NOTHING = NewEvent(EventKind.REFUSED, outcome="role")


def write(desk: Desk) -> None:
    """Write an event."""
    with desk.session() as session:
        session.store.write(people.record, NOTHING)


def seen(desk: Desk) -> Seen | None:
    """Read this host's mark."""
    ((store_id,),) = desk.sql("SELECT store_id FROM store")
    mark = Mark.open(desk.keys, bytes.fromhex(store_id))
    assert mark is not None
    try:
        return mark.read()
    finally:
        mark.close()


def head(desk: Desk) -> Head:
    """Read the store's head."""
    return Head(*desk.sql("SELECT number, link FROM trail ORDER BY number DESC LIMIT 1")[0])


def test_a_missing_mark_is_made_again_on_record(desk: Desk) -> None:
    """A new mark is recorded, so removing the mark leaves a trace."""
    (mark,) = desk.keys.glob("mark-*")
    mark.unlink()
    for _ in range(2):
        write(desk)
        assert seen(desk) == Seen(*head(desk), 0, place_of(desk.database))
    kinds = [event.kind for event in desk.events()]
    assert kinds == ["initialised", "marked", "refused", "refused"]


def test_a_write_that_fails_leaves_the_mark(desk: Desk) -> None:
    """A failed write doesn't advance the mark."""
    write(desk)
    before = seen(desk)

    def broken(transaction: Transaction) -> None:
        transaction.save([NOTHING])
        raise KeyError("a bug")

    with desk.session() as session, pytest.raises(KeyError):
        session.store.write(broken)
    assert seen(desk) == before


def test_a_store_with_another_trail_is_not_written(desk: Desk) -> None:
    """A longer trail without the marked event is refused."""
    write(desk)
    (mark,) = desk.keys.glob("mark-*")
    old = desk.database.read_bytes()
    write(desk)
    kept = mark.read_bytes()
    desk.database.write_bytes(old)
    mark.unlink()
    for _ in range(3):
        write(desk)
    mark.write_bytes(kept)
    with pytest.raises(StoreRolledBack, match="rolled back") as error:
        write(desk)
    assert "is not the one that this host has seen" in error.value.detail


def test_a_kill_before_the_mark_is_written_is_harmless(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mark that lags behind the head is accepted."""
    write(desk)
    before = seen(desk)
    with monkeypatch.context() as patch:
        patch.setattr(Mark, "write", lambda *_args, **_options: False)
        write(desk)
    assert seen(desk) == before
    write(desk)
    assert seen(desk) == Seen(*head(desk), 0, place_of(desk.database))


def test_a_link_to_the_store_is_no_other_place(desk: Desk, tmp_path: Path) -> None:
    """The real path counts."""
    write(desk)
    (tmp_path / "link").symlink_to(desk.store)
    write(Desk(tmp_path / "link", desk.keys))


def test_a_mark_of_another_store_is_replaced(desk: Desk) -> None:
    """Another store's mark under this store's name is replaced, on record."""
    write(desk)
    (mark,) = desk.keys.glob("mark-*")
    other = Mark.make(desk.keys, bytes(16))
    assert other is not None
    other.write(Seen(999, bytes(32), 0, place_of(desk.database)))
    other.close()
    shutil.copy(desk.keys / f"mark-{bytes(16).hex()}", mark)
    write(desk)
    assert [event.kind for event in desk.events()][-2:] == ["marked", "refused"]


@pytest.mark.parametrize("spoil", ["link", "exposed", "folder"])
def test_a_mark_that_can_not_be_trusted_stops_every_write(desk: Desk, spoil: str) -> None:
    """An untrusted mark is an error, not a missing mark."""
    write(desk)
    number = last_number(desk)
    (mark,) = desk.keys.glob("mark-*")
    if spoil == "exposed":
        mark.chmod(0o644)
    else:
        mark.rename(mark.with_name("aside"))
        if spoil == "link":
            mark.symlink_to("aside")
        else:
            mark.mkdir()
    with pytest.raises(StoreUnavailable) as error:
        write(desk)
    assert error.value.path == mark
    assert last_number(desk) == number


def test_reading_makes_no_mark(desk: Desk) -> None:
    """Reading makes no mark."""
    (mark,) = desk.keys.glob("mark-*")
    mark.unlink()
    assert len(desk.events()) == 1
    assert list(desk.keys.glob("mark-*")) == []


def test_a_mark_at_an_archived_start_must_be_its_event() -> None:
    """If only the trail's start is left to compare, it must be sealed and have the mark's link."""
    start, other, place = bytes(32), bytes([1] * 32), bytes([2] * 32)
    present = Seen(9, bytes([3] * 32), 0, place)

    def rows(query: str, _: object = ()) -> list[tuple[int, bytes, bytes]]:
        return [(5, start, b"seal")] if query == START else []

    def compare(link: bytes, *, sealed: bool) -> None:
        require_seen(Seen(5, link, 0, place), present, rows, Path("store"), lambda _: sealed)

    compare(start, sealed=True)
    for link, sealed in ((other, True), (start, False)):
        with pytest.raises(StoreRolledBack):
            compare(link, sealed=sealed)


@pytest.mark.parametrize(("linked", "sealed"), [(True, True), (True, False), (False, True)])
def test_only_a_genuine_restored_event_clears_a_mark(*, linked: bool, sealed: bool) -> None:
    """An event of an old file that was edited to name the mark has a wrong link or seal."""
    before, place, marked = bytes(32), bytes([2] * 32), Head(20, bytes([1] * 32))
    empty: dict[str, Any] = dict.fromkeys(TrailEvent._fields)
    event = TrailEvent(**empty)._replace(number=7, kind="restored", note=f"mark {marked}")
    event = event._replace(link=link_of(before, event) if linked else before)

    def rows(query: str, values: Sequence[object] = ()) -> list[Any]:
        if query == START:
            return [(0, before, b"")]
        if query.startswith("SELECT link"):
            return [(before,)] if values == (6,) else []
        return [event]

    def compare() -> None:
        present = Seen(9, bytes([3] * 32), 0, place)
        require_seen(Seen(*marked, 0, place), present, rows, Path("store"), lambda _: sealed)

    if linked and sealed:
        compare()
    else:
        with pytest.raises(StoreRolledBack):
            compare()
