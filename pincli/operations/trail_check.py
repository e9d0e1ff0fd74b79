"""Checking the audit trail: nobody changed it, nor a record behind it."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from pincli.errors import (
    PincliError,
    Refused,
    Rule,
    StoreRolledBack,
    StoreTampered,
    UsageProblem,
)
from pincli.models import EventKind, Head, NewEvent, TrailEvent, User
from pincli.operations.archive_file import Archive, Page
from pincli.operations.chunks import Progress, no_progress
from pincli.operations.session import Session, let_write
from pincli.operations.trail_follower import TEXTS_CHANGED, WRONG_BEGINNING, Follower
from pincli.operations.trail_schema_1 import MISSING, BadEvent
from pincli.results import TrailReport
from pincli.rules.canonical import record_digests
from pincli.rules.replay import Course
from pincli.store.steps.people import record

_LINK_CHARACTERS = 64
_PAGE = 500
_LARGEST = 2**63 - 1
_TRIES = 20
_WHILE_ARCHIVED = 0.2
"""Seconds to wait for an archive that is under way, longer each time."""
_RECORD_CHANGED = "the record of {} was changed behind the trail"


def parse_head(text: str) -> Head:
    """Read a head as `audit verify` prints it, in this version or version 1.

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

    The trail must contain the head `expected`. It may begin in files of `audit archive`. The
    session needs Need.CHECK.

    Raises:
        FileUnreadable: A file is not one of `audit archive`, or is cut off.
        KeysUnavailable: A key that the trail names isn't here, so its seals can't be checked.
        Refused: A file belongs to another store.
        UsageProblem: A file is missing between the given ones, or before `expected`.
    """
    for tries in range(_TRIES):
        start = session.store.trail.start()
        report = _checked(session, expected, archives, progress)
        # Events that are archived during the check look as if they were missing.
        if report.finding is None or session.store.trail.start() == start:
            break
        time.sleep(_WHILE_ARCHIVED * (tries + 1))
    if report.finding is None:
        with suppress(PincliError):  # for the doctor, if this command can write
            let_write(session)
            session.store.write(record, NewEvent(EventKind.AUDITED))
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


def require_sound(session: Session, *, progress: Progress = no_progress) -> None:
    """Check links, seals, counters and records; the session needs Need.CHECK.

    Raises:
        StoreTampered: One is not as pincli left it.
    """
    check = _Check(session, None, progress)
    try:
        check.start()
        check.trail()
        check.records()
    except BadEvent as bad:
        raise StoreTampered(session.store.path, str(bad)) from None


def check_chain(session: Session) -> tuple[Mapping[bytes, Course], str | None]:
    """Check links, seals and counters, but no records; the session needs Need.CHECK.

    Returns:
        Each user's course, by uid; and what is wrong with the trail, if anything.
    """
    check = _Check(session, None, no_progress)
    try:
        check.start()
        check.trail()
    except BadEvent as bad:
        return {}, str(bad)
    return check.courses, None


class _Check(Follower):
    """A check of the whole store, one method for each part."""

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
        """Check the files of archived events; each must continue the one before."""
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
        """Check that what comes next continues what was followed so far."""
        if self.in_old and not is_old:
            self.cross()
        if position.number != self.head.number:
            # A fault in the events themselves is reported first.
            self._gap = UsageProblem(
                f"{before} ends with event {self.head.number}, and {after} begins with event "
                f"{position.number + 1}",
                "name the files of one trail, all that lie between the first and the store",
            )
            self.begin(position, is_old=is_old)
        if position != self.head:
            raise BadEvent(position.number + 1, f"{after} does not go on from {before}")

    def start(self) -> None:
        """Check where the store's trail begins, and the events of schema 1."""
        start = self._trail.start()
        position, is_old = self.store_position()
        if not self._last_archive:
            self.begin(position, is_old=is_old)
        elif position.number < self.head.number:
            # An older backup was restored: store and file both have the last archived event.
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
                raise BadEvent(start.number + 1, WRONG_BEGINNING)
        self._begins_at = position

    def trail(self) -> None:
        """Check every event of schema 2."""
        begins_at = self.head.number
        self._follow(self._progress)
        with self._session.store.at_one_moment():
            self._follow()  # what came since
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
            raise BadEvent(start + 1, WRONG_BEGINNING)

    def _vouched_for(self) -> None:
        """Check that the last seal, which vouches for all before it, has a valid key."""
        last = self._last_sealed
        if last is not None and last.seal is not None:
            self._trail_sealers = self._sealers
            if not self._is_sealed(last.seal, last.number, last.link):
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
        """Check that texts are missing only for users with an `erased` event."""
        for number in self._without_texts.values():
            raise BadEvent(number, TEXTS_CHANGED)

    def expected_head(self) -> None:
        """Check that the expected head and the last archived event are in the trail."""
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
        """Check that a sealed restore began the epoch, as a newer one clears every host's mark."""
        begun, present = self._epochs
        if present != begun:
            raise BadEvent(None, f"no restore has begun the store's epoch {present}")

    def records(self) -> None:
        """Check that each record is as its last event left it, and sealed."""
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
            digests = record_digests([user for user, _ in page])
            for (user, seal), digest in zip(page, digests, strict=True):
                self._record(user, seal, digest)
            seen.update([user.uid for user, _ in page])
            row = page[-1][0].id
        for uid, course in self.courses.items():
            if uid not in seen:
                raise BadEvent(course.changed or None, f"the user {uid.hex()} is gone")

    def _record(self, user: User, seal: bytes | None, digest: bytes) -> None:
        course = self.courses.get(user.uid)
        is_known = course is not None and course.changed > 0
        if not is_known and 0 < (user.event or 0) <= self._archived:
            # Its last event is archived: only the seal can show a change, or a later counter.
            if seal is None or (course is not None and course.counter != user.failed_attempts):
                raise BadEvent(None, _RECORD_CHANGED.format(user.login))
        elif course is None:
            raise BadEvent(None, f"{user.login} is not in the trail")
        elif (course.changed, course.record) != (user.event, digest):
            raise BadEvent(None, _RECORD_CHANGED.format(user.login))
        if not self._seals_record(seal, digest):
            raise BadEvent(None, f"the record of {user.login} has a wrong seal")

    def pages(self, is_sound: Callable[[], bool]) -> None:
        """Check the database's pages and indexes, and compare the store with this host's mark."""
        if not is_sound():
            raise BadEvent(None, "the database finds damage in its pages or indexes")
        try:
            self._session.store.require_seen()
        except StoreRolledBack as error:
            raise BadEvent(None, error.detail) from None

    def _seals_record(self, seal: bytes | None, digest: bytes) -> bool:
        if seal is None:
            return not self._session.store.all_seal
        for sealer in self._sealers:
            if hmac.compare_digest(seal, sealer.seal_record(self._store_id, digest)):
                return True
        return False
