"""The audit trail: checking that nobody changed it, nor a record behind it."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from contextlib import suppress

from pincli.errors import PincliError, StoreRolledBack, StoreTampered, UsageProblem
from pincli.models import EventKind, Head, NewEvent, Start, Texts, TrailEvent, User
from pincli.operations.chunks import Progress, no_progress
from pincli.operations.old_trail import CHANGED, MISSING, BadEvent, OldTrail
from pincli.operations.session import Session, let_write
from pincli.results import TrailReport
from pincli.rules.canonical import first_link, link_of, record_digest, texts_digest
from pincli.rules.replay import Course, replayed
from pincli.store.steps.people import record
from pincli.vault.audit_seals import AuditSealer
from pincli.vault.keyring import AUDIT_KEY, is_fingerprint

_LINK_CHARACTERS = 64
_PAGE = 500
_LARGEST = 2**63 - 1


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
    session: Session, expected: Head | None, *, progress: Progress = no_progress
) -> TrailReport:
    """Recompute every link and seal, replay every counter, and compare every record.

    Args:
        session: Opened with Need.CHECK.
        expected: A head printed earlier, to see that the tail was not cut since.
        progress: Told how far it is.

    Raises:
        KeysUnavailable: A key that the trail names is not there: nothing can be said about
            what it signed.
    """
    check = _Check(session, expected, progress)
    try:
        with session.store.soundness() as is_sound:
            check.old_trail()
            check.start()
            check.trail()
            check.expected_head()
            check.epoch()
            check.records()
            check.pages(is_sound)
    except BadEvent as bad:
        return TrailReport(check.head.number, check.head, bad.number, bad.finding)
    _note(session)
    return TrailReport(check.head.number, check.head, None, None)


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
        check.old_trail()
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
        check.old_trail()
        check.start()
        check.trail()
    except BadEvent as bad:
        return {}, _told(bad)
    return check.courses, None


def _told(bad: BadEvent) -> str:
    where = "" if bad.number is None else f"event {bad.number}: "
    return f"{where}{bad.finding}"


class _Check:
    """A check under way.

    Attributes:
        head: The last event that was found to be right.
        courses: How far each user's story is told.
    """

    def __init__(self, session: Session, expected: Head | None, progress: Progress) -> None:
        self._session = session
        self._trail = session.store.trail
        self._store_id = session.identity.store_id
        self._sealers = [AuditSealer(key) for key in session.keyring.valid(AUDIT_KEY)]
        compromised = [AuditSealer(key) for key in session.keyring.compromised(AUDIT_KEY)]
        self._trail_sealers = self._sealers + compromised
        self._last_sealed: TrailEvent | None = None
        self._expected = expected
        self._met_expected = expected is None
        self._progress = progress
        self._total = self._trail.head().number
        self.courses: dict[bytes, Course] = {}
        self._before: tuple[bytes, ...] = ()
        self.head = Head(0, b"")
        self._epoch = 0
        self._epochs = 0, 0

    def old_trail(self) -> None:
        """The events of schema 1, each with a mac over the one before."""
        old = OldTrail(self._session.keyring, self._store_id)
        while rows := self._trail.old_after(old.number):
            try:
                old.follow(rows)
            finally:
                if old.number:
                    self.head = Head(old.number, bytes.fromhex(old.mac))
            if self._expected is not None and not self._met_expected:
                number, link = self._expected
                self._met_expected = (number, link.hex()) in ((row[0], row[-1]) for row in rows)
            self._progress(old.number, self._total)
            self._before = (b"%d" % old.number, old.mac.encode())

    def start(self) -> None:
        """Where the trail begins: sealed, and going on from what came before."""
        start = self._trail.start()
        link = first_link(self._store_id, *self._before)
        if (start.number, start.link) != (self.head.number, link):
            raise BadEvent(start.number + 1, "the trail does not begin there")
        if not self._sealed(start.seal, start.number, start.link):
            self._require_first_key(start)
            raise BadEvent(start.number + 1, "the start of the trail has a wrong seal")
        self.head = Head(start.number, start.link)

    def trail(self) -> None:
        """Every link, seal, text and counter, by row number."""
        begins_at = self.head.number
        self._follow(self._progress)
        with self._session.store.at_one_moment():
            self._follow()  # the little that came since
            number = self.head.number
            more = self._trail.texts_of(number + 1, _LARGEST)
            more |= self._trail.texts_of(-_LARGEST, 0)
            self._epochs = self._epoch, self._trail.epoch()
        if number == begins_at:
            raise BadEvent(number + 1, MISSING)
        self._vouched_for()
        if more:
            raise BadEvent(None, "there are texts of events that are not in it")

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
            texts = self._trail.texts_of(page[0].number, page[-1].number)
            for event in page:
                self._event(event, texts)
                last = event
            progress(self.head.number, self._total)
        if last is not None and last.seal is None and self._session.store.all_seal:
            raise BadEvent(last.number, "the newest event has no seal")

    def expected_head(self) -> None:
        """The head that somebody noted down is in the trail."""
        if self._expected is None or self._met_expected:
            return
        cut = self.head.number < self._expected.number
        finding = "the trail was cut off" if cut else "the head is another"
        raise BadEvent(min(self.head.number + 1, self._expected.number), finding)

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
                page = people.sealed_after(row, _PAGE)
            if not page:
                break
            for user, seal in page:
                self._record(user, seal)
                seen.add(user.uid)
                row = user.id
        for uid, course in self.courses.items():
            if uid not in seen:
                raise BadEvent(course.changed, f"the user {uid.hex()} is gone")

    def _record(self, user: User, seal: bytes | None) -> None:
        course = self.courses.get(user.uid)
        if course is None:
            raise BadEvent(None, f"{user.login} is not in the trail")
        digest = record_digest(user)
        if (course.changed, course.record) != (user.event, digest):
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

    def _event(self, event: TrailEvent, texts: dict[int, Texts]) -> None:
        number = self.head.number + 1
        if event.number != number:
            raise BadEvent(number, MISSING)
        if link_of(self.head.link, event) != event.link:
            raise BadEvent(number, CHANGED)
        if event.seal is not None and not self._sealed(event.seal, number, event.link):
            raise BadEvent(number, "the event has a wrong seal")
        if event.seal is not None:
            self._last_sealed = event
        kept = texts.get(number)
        if (texts_digest(kept) if kept else None) != event.texts:
            raise BadEvent(number, "its texts were changed")
        if event.uid is not None:
            course = replayed(event, self.courses.get(event.uid))
            if isinstance(course, str):
                raise BadEvent(number, course)
            self.courses[event.uid] = course
        self.head = Head(number, event.link)
        if self.head == self._expected:
            self._met_expected = True
        if event.seal is not None and event.kind == EventKind.KEY_ROTATED:
            self._rotated(*str(event.outcome).partition(":"))
        if event.seal is not None and event.kind == EventKind.RESTORED:
            self._epoch = _epoch_in(event.note) or self._epoch

    def _rotated(self, kind: str, _: str, named: str) -> None:
        """Who seals what follows, by a sealed event: a key that was rotated away no longer does."""
        if kind == "audit":
            self._trail_sealers = [AuditSealer(self._session.keyring.of(AUDIT_KEY, named))]

    def _require_first_key(self, start: Start) -> None:
        """Raise KeysUnavailable if the start's seal can't be checked: its key isn't here."""
        for event in self._trail.raw_after(start.number)[:1]:
            named = str(event.outcome)
            is_linked = hmac.compare_digest(link_of(start.link, event), event.link)
            if is_linked and event.kind == EventKind.INITIALISED and is_fingerprint(named):
                self._session.keyring.of(AUDIT_KEY, named)

    def _sealed(self, seal: bytes, number: int, link: bytes) -> bool:
        return any(
            hmac.compare_digest(seal, sealer.seal_trail(self._store_id, number, link))
            for sealer in self._trail_sealers
        )

    def _seals_record(self, seal: bytes | None, digest: bytes) -> bool:
        if seal is None:
            return not self._session.store.all_seal
        return any(
            hmac.compare_digest(seal, sealer.seal_record(self._store_id, digest))
            for sealer in self._sealers
        )


def _epoch_in(note: str | None) -> int:
    """The epoch that a restore began on a server; 0 where its event tells of none."""
    number = (note or "").partition("epoch ")[2]
    return int(number) if number.isdigit() else 0
