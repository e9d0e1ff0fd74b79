"""The oldest events leave the store for a file, and the trail goes on from there.

The order makes a kill harmless. All is in the file, whole and on the disk, before an `archived`
event says so; only after that event anything is removed, a chunk at a time, each with a sealed
start in the store. Run again, the same command goes on where the kill was.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from typing import TypeVar

from pincli.errors import FileUnreadable, Refused, Rule, StoreTampered
from pincli.models import EventFilter, EventKind, Head, NewEvent, Start, TrailEvent
from pincli.operations.archive_file import Archive, ArchiveWriter, Page, Piece
from pincli.operations.chunks import Progress, in_chunks, no_progress
from pincli.operations.named_files import require_elsewhere
from pincli.operations.session import Session
from pincli.operations.trail_follower import Follower
from pincli.operations.trail_schema_1 import BadEvent
from pincli.operations.trail_sealing import seal_trail
from pincli.operations.verify import end_left_open
from pincli.results import Archived
from pincli.rules.signs import LONGEST_WINDOW
from pincli.rules.times import written
from pincli.store.contract import OldEvent
from pincli.store.steps.keys import seal_records
from pincli.store.steps.people import record
from pincli.vault.audit_seals import AuditSealer

_E = TypeVar("_E", TrailEvent, OldEvent)
_PAGE = 500
_REMOVED_AT_ONCE = 500
"""Events lie all over the indexes: 2,000 of them were measured to hold callers up for 0.3 s."""
_PAUSE = 0.02
"""Seconds between two chunks; there is no hurry, and a caller writes twice."""
_AT = 1
"""Where an event has its time, of schema 1 or later."""


def archive(
    session: Session,
    before: str,
    path: Path,
    *,
    forbidden: Iterable[Path],
    progress: Progress = no_progress,
    now: datetime | None = None,
) -> Archived:
    """Write the events from before a time into a file, and then remove them from the store.

    Args:
        session: Opened with Need.WRITE and Need.CHECK.
        before: ISO 8601, UTC.
        path: The file to write, or one that a killed run has finished.
        forbidden: Folders that it may not lie in.
        progress: Told how far it is: first with the file, then with the store.
        now: The present time.

    Raises:
        Refused: The time is too late, there is another file, or an attempt is still open.
        FileUnreadable: The file can't be made there.
        FileUnwritable: There is no room for it.
        Interrupted: Between two chunks.
        StoreTampered: The events are not as pincli wrote them; nothing is removed.
    """
    youngest = written((now or datetime.now(UTC)) - LONGEST_WINDOW)
    if before > youngest:
        raise Refused(Rule.TOO_YOUNG)
    store = session.store
    end_left_open(session)
    with store.maintained():
        if store.people.open_since(before):
            raise Refused(Rule.ATTEMPT_OPEN)
        seal_trail(session)  # which compares the store with this host's mark first
        store.prepare_for_bulk()
        _finish(session, progress)
        names = _forget_names(session, youngest)
        try:
            piece, is_new = _file(session, before, path, forbidden, progress)
        except BadEvent as bad:
            raise StoreTampered(store.path, f"{bad}; nothing was removed") from None
        if piece is None:
            return Archived(None, None, None, names)
        if is_new:
            _seal_records(session, piece.last)
            # The mark comes to the head with it, and so beyond all that goes.
            store.write(record, NewEvent(EventKind.ARCHIVED, note=piece.note()))
            _remove(session, piece.last, progress)
        return Archived(piece.first, piece.last, piece.digest, names)


def _finish(session: Session, progress: Progress) -> None:
    """Remove the events that a killed run archived and recorded as archived."""
    wanted = EventFilter(kind=EventKind.ARCHIVED)
    for page in session.store.trail.newest_first(wanted, limit=1):
        piece = Piece.in_note(page[0].reason)
        if piece is not None:
            _remove(session, piece.last, progress)


def _forget_names(session: Session, before: str) -> int:
    forgotten = 0
    while count := session.store.write(lambda t: t.forget_names(before, _PAGE)):
        forgotten += count
    return forgotten


def _file(
    session: Session, before: str, path: Path, forbidden: Iterable[Path], progress: Progress
) -> tuple[Piece | None, bool]:
    """Make the file, or take the one that a killed run has finished.

    Returns:
        What is in it, and whether the store still has that; None if there is nothing to archive.
    """
    try:
        with ArchiveWriter(path, session.identity.store_id, forbidden=forbidden) as file:
            return _written(session, before, file, progress), True
    except Refused as refused:
        if refused.rule is not Rule.FILE_EXISTS or refused.subject != str(path):
            raise
        require_elsewhere(path, forbidden)
        try:
            return _found(session, path)
        except (FileUnreadable, BadEvent):
            raise refused from None


def _written(
    session: Session, before: str, file: ArchiveWriter, progress: Progress
) -> Piece | None:
    """Check the events, and write the file; None if there are none from before that time."""
    follower = Follower(session, replays=False)
    position, is_old = follower.store_position()
    follower.begin(position, is_old=is_old)
    first, last = position.number + 1, session.store.trail.head().number - 1
    for page in _pages(session, position.number, last, before):
        follower.follow(page)
        if not file.is_begun:
            file.begin_at(first, position.link)
        file.take(page)
        progress(follower.head.number - position.number, last - position.number)
    number, link = follower.head
    if number < first:
        return None
    # The present key vouches for all that comes before it.
    sealer = AuditSealer(session.keyring.audit)
    file.end(Start(number, link, sealer.seal_trail(session.identity.store_id, number, link)))
    return Piece(first, number, file.digest.hexdigest(), session.store.trail.epoch())


def _pages(session: Session, number: int, last: int, before: str) -> Iterator[Page]:
    """The events after a number, as long as they are from before a time: clocks may jump."""
    trail = session.store.trail
    while old := trail.old_after(number):
        kept = _until(old, before)
        if kept:
            yield Page(kept, [], {})
        if len(kept) < len(old):
            return
        number = int(str(old[-1][0]))
    while events := trail.raw_after(number):
        kept_events = [e for e in _until(events, before) if e.number <= last]
        if kept_events:
            ends = kept_events[0].number, kept_events[-1].number
            yield Page([], kept_events, trail.texts_of(*ends))
        if len(kept_events) < len(events):
            return
        number = events[-1].number


def _until(events: Sequence[_E], before: str) -> list[_E]:
    """Events up to the first one that is not from before a time."""
    return list(takewhile(lambda event: str(event[_AT]) < before, events))


def _found(session: Session, path: Path) -> tuple[Piece, bool]:
    """What is in a finished file, and whether the store still has that.

    Raises:
        BadEvent: The file is not whole, or not as pincli wrote it.
        Refused: Nothing in it comes next, or has just left the store.
    """
    trail = session.store.trail
    position, is_old = Follower(session, replays=False).store_position()
    with Archive(path) as file:
        follower = Follower(session, replays=False)
        follower.begin(Head(file.first - 1, file.before), is_old=file.is_old)
        follower.follow_file(file)
        piece = file.piece(trail.epoch())
        if follower.in_old and not is_old:
            follower.cross()
    if follower.head == position:
        return piece, False
    is_next = (file.first - 1, file.before) == position
    if is_next and follower.head.link == _link_at(session, piece.last, is_old=follower.in_old):
        return piece, True
    raise Refused(Rule.FILE_EXISTS, str(path))


def _link_at(session: Session, number: int, *, is_old: bool) -> bytes:
    trail = session.store.trail
    if is_old:
        return bytes.fromhex(str(trail.old_after(number - 1)[0][-1]))
    return trail.raw_after(number - 1)[0].link


def _seal_records(session: Session, last: int) -> None:
    """Seal unsealed records whose last event is leaving: it can't vouch for them any more.

    Raises:
        StoreTampered: Some were changed behind the trail.
    """
    row = 0
    while not session.store.all_seal and (
        rows := session.store.people.unsealed_after(row, last, _PAGE)
    ):
        session.store.write(seal_records, rows, session.left_out)
        row = rows[-1]
    session.require_none_left_out()


def _remove(session: Session, last: int, progress: Progress) -> None:
    """Remove the events up to a number that are still there, those of schema 1 first."""
    trail = session.store.trail
    old, first = trail.old_after(0), trail.raw_after(0)[0].number
    begins = [(True, int(str(old[0][0])), min(last, first - 1))] if old else []
    for is_old, begin, end in (*begins, (False, first, last)):
        left = range(begin, end + 1)

        def following(done: int | None, size: int, left: range = left) -> Sequence[int]:
            place = 0 if done is None else done + 1 - left.start
            return left[place : place + size]

        def forget(chunk: Sequence[int], is_old: bool = is_old) -> None:
            session.store.write(lambda t: t.forget(chunk[-1], old=is_old))

        chunks = in_chunks(
            following, forget, total=len(left), progress=progress, at_most=_REMOVED_AT_ONCE
        )
        for _ in chunks:
            time.sleep(_PAUSE)
