"""The audit trail: checking that nobody changed it, nor a record behind it."""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from pincli.errors import KeysUnavailable, UsageProblem
from pincli.models import Event, EventKind, Fault, Head, Texts, TrailEvent
from pincli.operations.chunks import Progress, no_progress
from pincli.operations.session import Session
from pincli.results import TrailReport
from pincli.rules.canonical import first_link, link_of, record_digest, texts_digest
from pincli.rules.replay import Course, replayed
from pincli.store.contract import OldEvent
from pincli.vault.audit_macs import AuditSigner
from pincli.vault.audit_seals import AuditSealer
from pincli.vault.framing import is_fingerprint
from pincli.vault.key_files import read_key
from pincli.vault.keyring import AUDIT_KEY, named_key, rotated_name

_LINK_CHARACTERS = 64
_PAGE = 500
_KIND, _OUTCOME = Event._fields.index("kind"), Event._fields.index("outcome")
_MISSING = "the event is missing"
_CHANGED = "the event was changed or put here"


class _BadEvent(Exception):
    """An event that is not as pincli wrote it: its number, and what is wrong."""

    def __init__(self, number: int | None, finding: str) -> None:
        super().__init__(finding)
        self.number = number
        self.finding = finding


def parse_head(text: str) -> Head:
    """A head as `audit verify` printed it, with this version or with the one before.

    Raises:
        UsageProblem: It is not one.
    """
    number, _, link = text.strip().partition(":")
    is_number = number.isascii() and number.isdigit()
    if not is_number or len(link) != _LINK_CHARACTERS or set(link) - set("0123456789abcdef"):
        raise UsageProblem("that is no head", "give it as `pincli audit verify` printed it")
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
        check.old_trail()
        check.start()
        check.trail()
        check.expected_head()
        check.records()
    except _BadEvent as bad:
        return TrailReport(check.head.number, check.head, bad.number, bad.finding)
    return TrailReport(check.head.number, check.head, None, None)


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
    except _BadEvent as bad:
        where = "" if bad.number is None else f"event {bad.number}: "
        return {}, f"{where}{bad.finding}"
    return check.courses, None


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
        self._expected = expected
        self._met_expected = expected is None
        self._progress = progress
        self._total = self._trail.head().number
        self.courses: dict[bytes, Course] = {}
        self._before: tuple[bytes, ...] = ()
        self.head = Head(0, b"")

    def old_trail(self) -> None:
        """The events of schema 1, each with a mac over the one before."""
        seq, mac = 0, self._store_id
        rows = self._trail.old_after(seq)
        if not rows:
            return
        signer = _first_signer(self._session, rows)
        if signer is None:
            raise _BadEvent(1, _CHANGED)
        while rows:
            for row in rows:
                if row[0] != seq + 1:
                    raise _BadEvent(seq + 1, _MISSING)
                if not _signed(signer, mac, row):
                    raise _BadEvent(seq + 1, _CHANGED)
                seq, mac = seq + 1, str(row[-1])
                if row[_KIND] == EventKind.KEY_ROTATED.value:
                    signer = _signer_after(self._session, signer, row)
                self._passed(Head(seq, bytes.fromhex(mac)))
            self._progress(seq, self._total)
            rows = self._trail.old_after(seq)
        self._before = (b"%d" % seq, mac.encode())

    def start(self) -> None:
        """Where the trail begins: sealed, and going on from what came before."""
        start = self._trail.start()
        link = first_link(self._store_id, *self._before)
        if (start.number, start.link) != (self.head.number, link):
            raise _BadEvent(start.number + 1, "the trail does not begin there")
        if not self._sealed(start.seal, start.number, start.link):
            raise _BadEvent(start.number + 1, "the start of the trail has a wrong seal")
        self.head = Head(start.number, start.link)

    def trail(self) -> None:
        """Every link, seal, text and counter, by row number."""
        last: TrailEvent | None = None
        while page := self._trail.raw_after(self.head.number):
            texts = self._trail.texts_of(page[0].number, page[-1].number)
            for event in page:
                self._event(event, texts)
                last = event
            self._progress(self.head.number, self._total)
        if last is None:
            raise _BadEvent(self.head.number + 1, _MISSING)
        if last.seal is None:
            raise _BadEvent(last.number, "the newest event has no seal")

    def expected_head(self) -> None:
        """The head that somebody noted down is in the trail."""
        if self._expected is None or self._met_expected:
            return
        cut = self.head.number < self._expected.number
        finding = "the trail was cut off" if cut else "the head is another"
        raise _BadEvent(min(self.head.number + 1, self._expected.number), finding)

    def records(self) -> None:
        """Each user's record is as the event that changed it last left it, and sealed."""
        row = 0
        people = self._session.store.people
        while rows := people.rows_after(row, _PAGE):
            for user in people.in_rows(rows):
                course = self.courses.pop(user.uid, None)
                if course is None:
                    raise _BadEvent(None, f"{user.login} is not in the trail")
                if (course.changed, course.record) != (user.event, record_digest(user)):
                    raise _BadEvent(
                        None, f"the record of {user.login} was changed behind the trail"
                    )
            row = rows[-1]
        if self.courses:
            uid, course = next(iter(self.courses.items()))
            raise _BadEvent(course.changed, f"the user {uid.hex()} is gone")

    def _event(self, event: TrailEvent, texts: dict[int, Texts]) -> None:
        number = self.head.number + 1
        if event.number != number:
            raise _BadEvent(number, _MISSING)
        if not hmac.compare_digest(link_of(self.head.link, event), event.link):
            raise _BadEvent(number, _CHANGED)
        if event.seal is not None and not self._sealed(event.seal, number, event.link):
            raise _BadEvent(number, "the event has a wrong seal")
        kept = texts.get(number)
        if (texts_digest(kept) if kept else None) != event.texts:
            raise _BadEvent(number, "its texts were changed")
        if event.uid is not None:
            course = replayed(event, self.courses.get(event.uid))
            if isinstance(course, str):
                raise _BadEvent(number, course)
            self.courses[event.uid] = course
        self._passed(Head(number, event.link))

    def _passed(self, head: Head) -> None:
        self.head = head
        self._met_expected = self._met_expected or head == self._expected

    def _sealed(self, seal: bytes, number: int, link: bytes) -> bool:
        return any(
            hmac.compare_digest(seal, sealer.seal_trail(self._store_id, number, link))
            for sealer in self._sealers
        )


# The trail of schema 1.


def _first_signer(session: Session, rows: Sequence[OldEvent]) -> AuditSigner | None:
    """Who signed the first event: the audit key that it names; None if it was changed.

    A missing key and a changed name look alike. The second event, which the same key signed,
    tells them apart, as long as that key is there.
    """
    first, following = rows[0], rows[1:2]
    named = str(first[_OUTCOME])
    if first[_KIND] != EventKind.INITIALISED or not is_fingerprint(named):
        return None
    try:
        return _signer_named(session, named)
    except KeysUnavailable as error:
        if error.fault is not Fault.MISSING:
            raise
        if any(_signed(key, str(first[-1]), row) for row in following for key in _keys(session)):
            return None
        raise


def _signer_named(session: Session, named: str) -> AuditSigner:
    """The signer of a fingerprint.

    Raises:
        KeysUnavailable: Its key is missing, or can't be read.
    """
    keyring = session.keyring
    try:
        return AuditSigner(keyring.find(AUDIT_KEY, named))
    except KeysUnavailable as error:
        # The present key is the store's, as was checked before: so it is another that lacks.
        if error.fault is Fault.MISMATCH:
            path = keyring.folder / rotated_name(AUDIT_KEY, named)
            raise KeysUnavailable(Fault.MISSING, path) from None
        raise


def _keys(session: Session) -> Iterator[AuditSigner]:
    """Every audit key there is, present or rotated away; one that can't be read is left out."""
    for path in session.keyring.on_disk(AUDIT_KEY):
        with suppress(KeysUnavailable):
            yield AuditSigner(named_key(AUDIT_KEY, read_key(path)))


def _signed(signer: AuditSigner, previous: str, row: OldEvent) -> bool:
    # As bytes: of text, hmac compares ASCII only, and a mac put here may be any.
    return hmac.compare_digest(signer.mac(previous, row[:-1]).encode(), str(row[-1]).encode())


def _signer_after(session: Session, signer: AuditSigner, row: OldEvent) -> AuditSigner:
    """Who signs what follows the rotation of a key: another, if it was the audit key.

    The event itself has just been checked with the key before, so it can be believed.
    """
    kind, _, named = str(row[_OUTCOME]).partition(":")
    return _signer_named(session, named) if kind == "audit" else signer
