"""Moving the oldest events from the store to a file; the trail goes on from there.

A kill does no harm: the file is whole and on the disk before an `archived` event says so, and
only then are events removed, in chunks, each with a new sealed start. The same command, run
again, does the rest.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from pincli.errors import FileUnreadable, Refused, Rule, StoreTampered
from pincli.models import EventKind, Head, NewEvent, Start
from pincli.operations.archive_file import Archive, ArchiveWriter, Page, Piece
from pincli.operations.chunks import Progress, in_chunks, no_progress
from pincli.operations.named_files import require_elsewhere
from pincli.operations.session import Session
from pincli.operations.trail_follower import Follower
from pincli.operations.trail_schema_1 import BadEvent
from pincli.operations.trail_sealing import seal_trail
from pincli.operations.verify import end_left_open
from pincli.results import Archived, EventFilter
from pincli.rules.signs import LONGEST_WINDOW
from pincli.rules.times import written
from pincli.store.steps.keys import seal_records
from pincli.store.steps.people import record
from pincli.vault.audit_seals import AuditSealer

_PAGE = 500
_REMOVED_AT_ONCE = 500
"""Removing 2,000 at once was measured to delay callers by 0.3 s, as each is in many indexes."""
_PAUSE = 0.02
"""Seconds between two chunks, for callers, who write twice."""


def archive(
    session: Session,
    before: str,
    path: Path,
    *,
    forbidden: Iterable[Path],
    progress: Progress = no_progress,
    now: datetime | None = None,
) -> Archived:
    """Write the events from before a time to a file, then remove them from the store.

    Events go by number, as clocks may be wrong: it ends before the first one that is too young. One
    dated in the future goes with the next old one. The path may also be a file that a killed run
    has finished. `progress` is called for the file first, then for the store. The session needs
    Need.WRITE and Need.CHECK.

    Raises:
        Refused: The time is too late, another file is there, or an attempt is still open.
        StoreTampered: The events are not as pincli wrote them; nothing is removed.
    """
    now = now or datetime.now(UTC)
    youngest = written(now - LONGEST_WINDOW)
    if before > youngest:
        raise Refused(Rule.TOO_YOUNG)
    store = session.store
    end_left_open(session)
    with store.maintained():
        stop = store.trail.first_dated(before, written(now))
        last = store.trail.last_dated_before(before, None if stop is None else stop[0])
        if store.people.open_up_to(last):
            raise Refused(Rule.ATTEMPT_OPEN)
        seal_trail(session)  # this compares the store with this host's mark first
        store.prepare_for_bulk()
        _finish(session, progress)
        names = _forget_names(session, youngest)
        try:
            piece, is_new = _file(session, last, path, forbidden, progress)
        except BadEvent as bad:
            raise StoreTampered(store.path, f"{bad}; nothing was removed") from None
        if piece is not None and is_new:
            _seal_records(session, piece.last)
            # This write moves the mark to the head, beyond everything that is removed.
            store.write(record, NewEvent(EventKind.ARCHIVED, note=piece.note()))
            _remove(session, piece.last, progress)
        if stop is not None and not store.trail.is_dated_before(before, above=stop[0]):
            stop = None
        if piece is None:
            return Archived(None, None, None, names, stop)
        return Archived(piece.first, piece.last, piece.digest, names, stop)


def _finish(session: Session, progress: Progress) -> None:
    """Remove the events that a killed run archived but did not remove."""
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
    session: Session, last: int, path: Path, forbidden: Iterable[Path], progress: Progress
) -> tuple[Piece | None, bool]:
    """Make the file, or take a killed run's; return what is in it, and whether the store has it."""
    try:
        with ArchiveWriter(path, session.identity.store_id, forbidden=forbidden) as file:
            return _written(session, last, file, progress), True
    except Refused as refused:
        if refused.rule is not Rule.FILE_EXISTS or refused.subject != str(path):
            raise
        require_elsewhere(path, forbidden)
        try:
            return _found(session, path)
        except (FileUnreadable, BadEvent):
            raise refused from None


def _written(session: Session, last: int, file: ArchiveWriter, progress: Progress) -> Piece | None:
    """Check the events up to a number and write the file; None if there are none."""
    follower = Follower(session, replays=False)
    position, is_old = follower.store_position()
    follower.begin(position, is_old=is_old)
    first, last = position.number + 1, min(last, session.store.trail.head().number - 1)
    for page in _pages(session, position.number, last):
        follower.follow(page)
        if not file.is_begun:
            file.begin_at(first, position.link)
        file.take(page)
        progress(follower.head.number - position.number, last - position.number)
    number, link = follower.head
    if number < first:
        return None
    sealer = AuditSealer(session.keyring.audit)
    file.end(Start(number, link, sealer.seal_trail(session.identity.store_id, number, link)))
    return Piece(first, number, file.digest.hexdigest(), session.store.trail.epoch())


def _pages(session: Session, number: int, last: int) -> Iterator[Page]:
    """The events after a number, up to the last one."""
    trail = session.store.trail
    while number < last and (old := trail.old_after(number)):
        taken = [event for event in old if int(str(event[0])) <= last]
        yield Page(taken, [], {})
        number = int(str(taken[-1][0]))
    while number < last and (events := trail.raw_after(number)):
        chosen = [event for event in events if event.number <= last]
        yield Page([], chosen, trail.texts_of(chosen[0].number, chosen[-1].number))
        number = chosen[-1].number


def _found(session: Session, path: Path) -> tuple[Piece, bool]:
    """What is in a finished file, and whether the store still has it."""
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
    """Seal the unsealed records whose last event is archived and can't vouch for them."""
    row = 0
    while not session.store.all_seal and (
        rows := session.store.people.unsealed_after(row, last, _PAGE)
    ):
        session.store.write(seal_records, rows, session.left_out)
        row = rows[-1]
    session.require_none_left_out()


def _remove(session: Session, last: int, progress: Progress) -> None:
    """Remove the remaining events up to a number, those of schema 1 first."""
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
