"""The audit trail: checking that nobody changed it, nor a record behind it."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from pincli.errors import (
    PincliError,
    Refused,
    Rule,
    StoreRolledBack,
    StoreTampered,
    UsageProblem,
)
from pincli.models import EventKind, Head, NewEvent, Start, Texts, TrailEvent, User
from pincli.operations.archive_file import Archive, Page, Piece
from pincli.operations.chunks import Progress, no_progress
from pincli.operations.old_trail import CHANGED, MISSING, BadEvent, OldTrail
from pincli.operations.session import Session, let_write
from pincli.results import TrailReport
from pincli.rules.canonical import first_link, link_of, record_digest, texts_digest
from pincli.rules.replay import Course, replayed
from pincli.rules.signs import LONGEST_WINDOW
from pincli.rules.times import written
from pincli.store.steps.people import record
from pincli.vault.audit_seals import AuditSealer
from pincli.vault.keyring import AUDIT_KEY, is_fingerprint

_LINK_CHARACTERS = 64
_PAGE = 500
_TEXTS_CHANGED = "its texts were changed"
_LARGEST = 2**63 - 1
_TRIES = 20
_WHILE_ARCHIVED = 0.2
_TELLING = frozenset({EventKind.KEY_ROTATED, EventKind.RESTORED, EventKind.ARCHIVED})


def parse_head(text: str) -> Head:
    """A head as `audit verify` printed it, with this version or with the one before.

    Raises:
        UsageProblem: It is not one.
    """
    number, _, link = text.strip().partition(":")
    is_number = number.isascii() and number.isdigit()
    if not is_number or len(link) != _LINK_CHARACTERS or set(link) - set("0123456789abcdef"):
        raise UsageProblem("not a head", "give it as `pincli audit verify` printed it")
    return Head(int(number), bytes.fromhex(link))


def check_trail(
    session: Session,
    expected: Head | None,
    *,
    archives: Sequence[Path] = (),
    progress: Progress = no_progress,
) -> TrailReport:
    """Recompute every link and seal, replay every counter, and compare every record.

    Args:
        session: Opened with Need.CHECK.
        expected: A head printed earlier, to see that the tail was not cut since.
        archives: Files of `audit archive` that come before what the store has.
        progress: Told how far it is.

    Raises:
        FileUnreadable: A file is not one of `audit archive`, or is cut off.
        KeysUnavailable: A key that the trail names is not there: nothing can be said about
            what it signed.
        Refused: A file is of another store.
        UsageProblem: A file is missing between those that are named, or for `expected`.
    """
    for tries in range(_TRIES):
        start = session.store.trail.start()
        report = _checked(session, expected, archives, progress)
        # What is archived meanwhile looks as if it were missing.
        if report.finding is None or session.store.trail.start() == start:
            break
        time.sleep(_WHILE_ARCHIVED * (tries + 1))
    if report.finding is None:
        _note(session)
    return report


def _checked(
    session: Session, expected: Head | None, archives: Sequence[Path], progress: Progress
) -> TrailReport:
    with ExitStack() as stack:
        files = [stack.enter_context(Archive(path)) for path in archives]
        check = _Check(session, expected, progress)
        try:
            with session.store.soundness() as is_sound:
                check.archives(files)
                check.start()
                check.trail()
                check.expected_head()
                check.epoch()
                check.records()
                check.pages(is_sound)
        except BadEvent as bad:
            return TrailReport(check.head.number, check.head, bad.number, bad.finding, check.first)
        return TrailReport(check.head.number, check.head, None, None, check.first)


def _note(session: Session) -> None:
    """Record that nothing was wrong, for the doctor, where it can be recorded."""
    with suppress(PincliError):
        let_write(session)
        session.store.write(record, NewEvent(EventKind.AUDITED))


def require_sound(session: Session, *, progress: Progress = no_progress) -> None:
    """Check links, seals, counters and records.

    Args:
        session: Opened with Need.CHECK.
        progress: Told how far it is.

    Raises:
        StoreTampered: One is not as pincli left it.
    """
    check = _Check(session, None, progress)
    try:
        check.start()
        check.trail()
        check.records()
    except BadEvent as bad:
        raise StoreTampered(session.store.path, _told(bad)) from None


def check_chain(session: Session) -> tuple[Mapping[bytes, Course], str | None]:
    """Check links, seals and counters, without the records.

    Args:
        session: Opened with Need.CHECK.

    Returns:
        How far each user's story is told, by uid; and what is wrong with the trail, if anything.
    """
    check = _Check(session, None, no_progress)
    try:
        check.start()
        check.trail()
    except BadEvent as bad:
        return {}, _told(bad)
    return check.courses, None


def _told(bad: BadEvent) -> str:
    where = "" if bad.number is None else f"event {bad.number}: "
    return f"{where}{bad.finding}"


class Follower:
    """A trail followed from where it begins: numbers, links, seals, texts and counters.

    What is archived is followed in its files first, where those are given.

    Attributes:
        head: The last event that was found to be right; of an event of schema 1 its mac.
        first: The number of the first event that was looked at.
        courses: How far each user's events have been followed.
        in_old: Whether it is still among the events of schema 1.
    """

    def __init__(self, session: Session, *, replays: bool = True) -> None:
        """Begin to follow a trail.

        Args:
            session: Opened with the audit key.
            replays: Whether to replay counters, which takes memory for every user.
        """
        self._session = session
        self._trail = session.store.trail
        self._store_id = session.identity.store_id
        self._sealers = [AuditSealer(key) for key in session.keyring.valid(AUDIT_KEY)]
        compromised = [AuditSealer(key) for key in session.keyring.compromised(AUDIT_KEY)]
        self._all_sealers = self._trail_sealers = self._sealers + compromised
        self._last_sealed: TrailEvent | None = None
        self._replays = replays
        self._old = OldTrail(session.keyring, self._store_id)
        self.in_old = False
        self._archived = 0
        self._wanted: set[Head] = set()
        self._pieces: list[Piece] = []
        self._without_texts: dict[bytes, int] = {}
        """By user the first event that lacks its texts, until their `erased` event comes."""
        self._epoch = 0
        self._long_ago = written(datetime.now(UTC) - LONGEST_WINDOW)
        self.courses: dict[bytes, Course] = {}
        self.head = Head(0, b"")
        self.first = 0

    def begin(self, position: Head, *, is_old: bool) -> None:
        """Continue after a number and a link that somebody else vouches for."""
        self.first = min(self.first or position.number + 1, position.number + 1)
        self.in_old, self.head, self.courses = is_old, position, {}
        self._without_texts.clear()
        # Events of schema 1 are not replayed: every user's course begins after them.
        self._archived = 0 if is_old else position.number
        self._trail_sealers = self._all_sealers
        if is_old:
            self._old = OldTrail(self._session.keyring, self._store_id, position)
        elif position.number == 0 and position.link != first_link(self._store_id):
            raise BadEvent(1, "the trail does not begin there")
        self._wanted.discard(position)

    def store_position(self) -> tuple[Head, bool]:
        """What the first event in the store follows, by the sealed start.

        Events of schema 1 begin after those of them that were archived, or with the first.

        Returns:
            The number and link before it, and whether it is of schema 1.

        Raises:
            BadEvent: The start is not as pincli wrote it.
        """
        start, rows = self._trail.start(), self._trail.old_after(0)[:1]
        if start.number == 0 and start.link != first_link(self._store_id):
            raise BadEvent(1, "the trail does not begin there")
        if not self._sealed(start.seal, start.number, start.link, self._all_sealers):
            self._require_first_key(start)
            raise BadEvent(start.number + 1, "the start of the trail has a wrong seal")
        position = Head(start.number, start.link)
        if rows and (rows[0][0] == 1 or start.number >= cast(int, rows[0][0])):
            position = Head(0, b"")
        return position, bool(rows)

    def cross(self) -> None:
        """Come to the end of the events of schema 1: the trail goes on from the last one's mac."""
        number, mac = self._old.number, self._old.mac.encode()
        before = (b"%d" % number, mac) if number else ()
        self.in_old, self.head = False, Head(number, first_link(self._store_id, *before))

    def follow(self, page: Page) -> None:
        """Check the events that come next.

        Raises:
            BadEvent: One is not as pincli wrote it.
            KeysUnavailable: A key that one names isn't here.
        """
        if page.old:
            try:
                self._old.follow(page.old)
            finally:
                if self._old.number:
                    self.head = Head(self._old.number, bytes.fromhex(self._old.mac))
            if self._wanted:
                self._wanted -= {(row[0], bytes.fromhex(str(row[-1]))) for row in page.old}
            return
        if self.in_old:
            self.cross()
        for event in page.events:
            self._event(event, page.texts.get(event.number))

    def follow_file(
        self, archive: Archive, progress: Progress = no_progress, total: int = 0
    ) -> None:
        """Check the events of a file, to its sealed end; they come next.

        Raises:
            BadEvent: One is not as pincli wrote it.
            FileUnreadable: The file is not whole.
        """
        for page in archive.pages():
            try:
                self.follow(page)
            except (TypeError, ValueError):  # of a value that no event has
                raise BadEvent(self.head.number + 1, CHANGED) from None
            progress(self.head.number, total)
        number, link, seal = archive.seal or Start(0, b"", b"")
        sealed = self._sealed(seal, number, link, self._all_sealers)
        if (number, link) != self.head or not sealed:
            raise BadEvent(self.head.number, f"{archive.path} does not end there")

    def _event(self, event: TrailEvent, kept: Texts | None) -> None:
        number = self.head.number + 1
        if event.number != number:
            raise BadEvent(number, MISSING)
        if link_of(self.head.link, event) != event.link:
            raise BadEvent(number, CHANGED)
        if event.seal is not None and not self._sealed(event.seal, number, event.link):
            raise BadEvent(number, "the event has a wrong seal")
        if kept is None and event.texts is not None and event.uid is not None:
            self._without_texts.setdefault(event.uid, number)
        elif (texts_digest(kept) if kept else None) != event.texts and not (
            kept is None and self._may_lack_texts(event)
        ):
            raise BadEvent(number, _TEXTS_CHANGED)
        if event.kind == EventKind.ERASED and event.uid is not None:
            self._without_texts.pop(event.uid, None)
        if self._replays and event.uid is not None:
            course = replayed(event, self.courses.get(event.uid), archived=self._archived)
            if isinstance(course, str):
                raise BadEvent(number, course)
            self.courses[event.uid] = course
        self.head = Head(number, event.link)
        if self._wanted:
            self._wanted.discard(self.head)
        if event.seal is not None:
            self._last_sealed = event
            if event.kind in _TELLING:
                self._told(event)

    def _told(self, event: TrailEvent) -> None:
        """What a sealed event says of those before or after it."""
        if event.kind == EventKind.KEY_ROTATED:
            kind, _, named = str(event.outcome).partition(":")
            if kind == "audit":  # a key that was rotated away seals nothing that follows
                self._trail_sealers = [AuditSealer(self._session.keyring.of(AUDIT_KEY, named))]
            return
        self._epoch = _epoch_in(event.note) or self._epoch
        piece = Piece.in_note(event.note)
        if event.kind == EventKind.ARCHIVED and piece is not None:
            self._pieces.append(piece)

    def _may_lack_texts(self, event: TrailEvent) -> bool:
        """Whether it is a name that nobody has, typed so long ago that `audit archive` drops it."""
        return event.uid is None and event.kind == EventKind.REFUSED and event.at < self._long_ago

    def _sealed(
        self, seal: bytes, number: int, link: bytes, sealers: Sequence[AuditSealer] | None = None
    ) -> bool:
        """Whether a seal of the trail is right, under the keys that count there."""
        return any(
            hmac.compare_digest(seal, sealer.seal_trail(self._store_id, number, link))
            for sealer in sealers or self._trail_sealers
        )

    def _require_first_key(self, start: Start) -> None:
        """Raise KeysUnavailable if the start's seal can't be checked: its key isn't here."""
        for event in self._trail.raw_after(start.number)[:1]:
            named = str(event.outcome)
            is_linked = hmac.compare_digest(link_of(start.link, event), event.link)
            if is_linked and event.kind == EventKind.INITIALISED and is_fingerprint(named):
                self._session.keyring.of(AUDIT_KEY, named)


class _Check(Follower):
    """A check of all that there is."""

    def __init__(self, session: Session, expected: Head | None, progress: Progress) -> None:
        super().__init__(session)
        self._expected = expected
        if expected is not None:
            self._wanted.add(expected)
        self._progress = progress
        self._total = self._trail.head().number
        self._epochs = 0, 0
        self._begins_at = Head(0, b"")
        self._last_archive = ""
        self._gap: UsageProblem | None = None

    def archives(self, archives: Sequence[Archive]) -> None:
        """The files of archived events, each going on from the one before."""
        before = ""
        for archive in sorted(archives, key=lambda archive: archive.first):
            if archive.store_id != self._store_id:
                raise Refused(Rule.ANOTHER_STORE, str(archive.path))
            position = Head(archive.first - 1, archive.before)
            if before:
                self._join(position, before, str(archive.path), is_old=archive.is_old)
            else:
                self.begin(position, is_old=archive.is_old)
            self.follow_file(archive, self._progress, self._total)
            before = str(archive.path)
        self._last_archive = before

    def _join(self, position: Head, before: str, after: str, *, is_old: bool) -> None:
        """See that what comes next goes on from what was followed so far."""
        if self.in_old and not is_old:
            self.cross()
        if position.number != self.head.number:
            # A fault in what is here is reported first.
            self._gap = UsageProblem(
                f"{before} ends with event {self.head.number}, and {after} begins with event "
                f"{position.number + 1}",
                "name the files of one trail, all that lie between the first and the store",
            )
            self.begin(position, is_old=is_old)
        if position != self.head:
            raise BadEvent(position.number + 1, f"{after} does not go on from {before}")

    def start(self) -> None:
        """Where the store's trail begins, and the events of schema 1, each with a mac."""
        start = self._trail.start()
        position, is_old = self.store_position()
        if not self._last_archive:
            self.begin(position, is_old=is_old)
        elif position.number < self.head.number:
            # A backup of before the archive was restored: both have the last archived event.
            self._wanted.add(self.head)
            self.begin(position, is_old=is_old)
        else:
            self._join(position, self._last_archive, "the store", is_old=is_old)
        while rows := self._trail.old_after(self._old.number) if is_old else []:
            self.follow(Page(rows, [], {}))
            self._progress(self.head.number, self._total)
        if is_old:
            self.cross()
            if position.number == 0 and start[:2] != self.head:
                raise BadEvent(start.number + 1, "the trail does not begin there")
        self._begins_at = position

    def trail(self) -> None:
        """Every link, seal, text and counter, by row number."""
        begins_at = self.head.number
        self._follow(self._progress)
        with self._session.store.at_one_moment():
            self._follow()  # the little that came since
            self._require_texts()
            number = self.head.number
            more = self._trail.texts_of(number + 1, _LARGEST)
            more |= self._trail.texts_of(-_LARGEST, 0)
            self._epochs = self._epoch, self._trail.epoch()
        if number == begins_at:
            raise BadEvent(number + 1, MISSING)
        self._vouched_for()
        if more:
            raise BadEvent(None, "there are texts of events that are not in it")
        start = self._begins_at.number
        if start and not any(p.first - 1 <= start <= p.last for p in self._pieces):
            raise BadEvent(start + 1, "the trail does not begin there")

    def _vouched_for(self) -> None:
        """The last seal vouches for all before it, but not if somebody else may have made it."""
        last = self._last_sealed
        if last is not None and last.seal is not None:
            self._trail_sealers = self._sealers
            if not self._sealed(last.seal, last.number, last.link):
                raise BadEvent(last.number, "its seal was made with a key that was compromised")

    def _follow(self, progress: Progress = no_progress) -> None:
        """Check the trail to its present end; others may be writing."""
        last: TrailEvent | None = None
        while page := self._trail.raw_after(self.head.number):
            self.follow(Page([], page, self._trail.texts_of(page[0].number, page[-1].number)))
            last = page[-1]
            progress(self.head.number, self._total)
        if last is not None and last.seal is None and self._session.store.all_seal:
            raise BadEvent(last.number, "the newest event has no seal")

    def _require_texts(self) -> None:
        """Texts may be missing only for erased users, whose `erased` event says so."""
        for number in self._without_texts.values():
            raise BadEvent(number, _TEXTS_CHANGED)

    def expected_head(self) -> None:
        """Check that the noted head and the last archived event are in the trail."""
        if self._gap is not None:
            raise self._gap
        for wanted in sorted(self._wanted):
            if wanted == self._expected and wanted.number < self.first - 1:
                raise UsageProblem(
                    f"event {wanted.number} was archived", "name its file with --archive"
                )
            cut = self.head.number < wanted.number
            finding = "the trail was cut off" if cut else "the head is a different one"
            raise BadEvent(min(self.head.number + 1, wanted.number), finding)

    def epoch(self) -> None:
        """A newer epoch clears every host's mark: only a sealed restore begins one."""
        begun, present = self._epochs
        if present != begun:
            raise BadEvent(None, f"no restore has begun the store's epoch {present}")

    def records(self) -> None:
        """Each user's record is as the event that changed it last left it, and sealed."""
        row, seen = 0, set[bytes]()
        people = self._session.store.people
        while True:
            self._follow()
            with self._session.store.at_one_moment():
                self._follow()
                self._require_texts()
                page = people.sealed_after(row, _PAGE)
            if not page:
                break
            for user, seal in page:
                self._record(user, seal)
                seen.add(user.uid)
                row = user.id
        for uid, course in self.courses.items():
            if uid not in seen:
                raise BadEvent(course.changed or None, f"the user {uid.hex()} is gone")

    def _record(self, user: User, seal: bytes | None) -> None:
        course = self.courses.get(user.uid)
        digest = record_digest(user)
        is_known = course is not None and course.changed > 0
        if not is_known and 0 < user.event <= self._archived:
            # Its seal alone tells; and the counter, if there is an event that bears it.
            if seal is None or (course is not None and course.counter != user.failed_attempts):
                raise BadEvent(None, f"the record of {user.login} was changed behind the trail")
        elif course is None:
            raise BadEvent(None, f"{user.login} is not in the trail")
        elif (course.changed, course.record) != (user.event, digest):
            raise BadEvent(None, f"the record of {user.login} was changed behind the trail")
        if not self._seals_record(seal, digest):
            raise BadEvent(None, f"the record of {user.login} has a wrong seal")

    def pages(self, is_sound: Callable[[], bool]) -> None:
        """The database's own pages and indexes, and what this host has seen of the store."""
        if not is_sound():
            raise BadEvent(None, "the database finds damage in its pages or indexes")
        try:
            self._session.store.require_seen()
        except StoreRolledBack as error:
            raise BadEvent(None, error.detail) from None

    def _seals_record(self, seal: bytes | None, digest: bytes) -> bool:
        if seal is None:
            return not self._session.store.all_seal
        return any(
            hmac.compare_digest(seal, sealer.seal_record(self._store_id, digest))
            for sealer in self._sealers
        )


def _epoch_in(note: str | None) -> int:
    """The epoch that a restore began on a server, or an archive keeps; 0 where there is none."""
    number = (note or "").partition("epoch ")[2]
    return int(number) if number.isdigit() else 0
