"""Following the trail from its start: every number, link, seal, text and counter."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import cast

from pincli.models import EventKind, Head, Start, TrailEvent
from pincli.operations.archive_file import Archive, Page, Piece
from pincli.operations.chunks import Progress, no_progress
from pincli.operations.session import Session
from pincli.operations.trail_schema_1 import CHANGED, MISSING, BadEvent, OldTrail
from pincli.rules.canonical import first_link, link_of, links_of, texts_digests
from pincli.rules.replay import Course, replayed
from pincli.rules.signs import LONGEST_WINDOW
from pincli.rules.times import written
from pincli.vault.audit_seals import AuditSealer
from pincli.vault.keyring import AUDIT_KEY, is_fingerprint

TEXTS_CHANGED = "its texts were changed"
WRONG_BEGINNING = "the trail does not begin there"
_ERASED = EventKind.ERASED.value
_ABOUT_OTHERS = frozenset({EventKind.KEY_ROTATED, EventKind.RESTORED, EventKind.ARCHIVED})
"""Events that say something about the events before or after them."""


class Follower:
    """Checks a trail event by event: the archived events in their files, then the store's.

    Attributes:
        head: The last event that is right; of an event of schema 1, its mac.
        first: The number of the first event that was checked.
        courses: By uid, what each user's events say so far.
        in_old: Whether the next event is one of schema 1.
    """

    def __init__(self, session: Session, *, replays: bool = True) -> None:
        """Begin; the session needs the audit key.

        Args:
            session: Open.
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
        """By user, the first event that lacks its texts, until their `erased` event comes."""
        self._epoch = 0
        self._long_ago = written(datetime.now(UTC) - LONGEST_WINDOW)
        self.courses: dict[bytes, Course] = {}
        self.head = Head(0, b"")
        self.first = 0

    def begin(self, position: Head, *, is_old: bool) -> None:
        """Continue after a number and a link that something else vouches for."""
        self.first = min(self.first or position.number + 1, position.number + 1)
        self.in_old, self.head, self.courses = is_old, position, {}
        self._without_texts.clear()
        # Events of schema 1 are not replayed: every user's course begins after them.
        self._archived = 0 if is_old else position.number
        self._trail_sealers = self._all_sealers
        if is_old:
            self._old = OldTrail(self._session.keyring, self._store_id, position)
        elif position.number == 0 and position.link != first_link(self._store_id):
            raise BadEvent(1, WRONG_BEGINNING)
        self._wanted.discard(position)

    def store_position(self) -> tuple[Head, bool]:
        """Return what the store's first event follows, and whether that event is of schema 1."""
        start, rows = self._trail.start(), self._trail.old_after(0)[:1]
        if start.number == 0 and start.link != first_link(self._store_id):
            raise BadEvent(1, WRONG_BEGINNING)
        if not self._is_sealed(start.seal, start.number, start.link, self._all_sealers):
            self._require_first_key(start)
            raise BadEvent(start.number + 1, "the start of the trail has a wrong seal")
        position = Head(start.number, start.link)
        if rows and (rows[0][0] == 1 or start.number >= cast(int, rows[0][0])):
            position = Head(0, b"")
        return position, bool(rows)

    def cross(self) -> None:
        """Leave the events of schema 1: the trail goes on from the last one's mac."""
        number, mac = self._old.number, self._old.mac.encode()
        before = (b"%d" % number, mac) if number else ()
        self.in_old, self.head = False, Head(number, first_link(self._store_id, *before))

    def follow(self, page: Page) -> None:
        """Check the next events.

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
        number, link = self.head
        try:
            links = links_of(link, page.events)
            texts = dict(zip(page.texts, texts_digests([*page.texts.values()]), strict=True))
        except (TypeError, ValueError):  # a value that no event has; find out in which event
            if len(page.events) == 1:
                raise
            for event in page.events:
                alone = {n: each for n, each in page.texts.items() if n == event.number}
                self.follow(Page([], [event], alone))
            return
        try:
            for event, right in zip(page.events, links, strict=True):
                self._check(event, right, texts.get(number + 1), number + 1)
                number, link = number + 1, right
        finally:
            self.head = Head(number, link)

    def follow_file(
        self, archive: Archive, progress: Progress = no_progress, total: int = 0
    ) -> None:
        """Check the events of a file, which come next, and the seal at its end."""
        for page in archive.pages():
            try:
                self.follow(page)
            except (TypeError, ValueError):  # a value that no event has
                raise BadEvent(self.head.number + 1, CHANGED) from None
            progress(self.head.number, total)
        number, link, seal = archive.seal or Start(0, b"", b"")
        sealed = self._is_sealed(seal, number, link, self._all_sealers)
        if (number, link) != self.head or not sealed:
            raise BadEvent(self.head.number, f"{archive.path} does not end there")

    def _check(self, event: TrailEvent, link: bytes, texts: bytes | None, number: int) -> None:
        """Check an event that is to have a link, texts with a digest, and a number."""
        if event.number != number:
            raise BadEvent(number, MISSING)
        if event.link != link:
            raise BadEvent(number, CHANGED)
        if event.seal is not None and not self._is_sealed(event.seal, number, event.link):
            raise BadEvent(number, "the event has a wrong seal")
        if texts is not None or event.texts is not None:
            self._check_texts(event, texts)
        uid = event.uid
        if uid is not None:
            if self._without_texts and event.kind == _ERASED:
                self._without_texts.pop(uid, None)
            if self._replays:
                course = replayed(event, self.courses.get(uid), archived=self._archived)
                if isinstance(course, str):
                    raise BadEvent(number, course)
                self.courses[uid] = course
        if self._wanted:
            self._wanted.discard(Head(number, event.link))
        if event.seal is not None:
            self._last_sealed = event
            if event.kind in _ABOUT_OTHERS:
                self._learn(event)

    def _check_texts(self, event: TrailEvent, texts: bytes | None) -> None:
        if texts is None and event.texts is not None and event.uid is not None:
            self._without_texts.setdefault(event.uid, event.number)
        elif texts != event.texts and not (texts is None and self._may_lack_texts(event)):
            raise BadEvent(event.number, TEXTS_CHANGED)

    def _learn(self, event: TrailEvent) -> None:
        """Take in what a sealed event says about other events."""
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
        """Whether it holds an unknown user's name, so old that `audit archive` drops the name."""
        return event.uid is None and event.kind == EventKind.REFUSED and event.at < self._long_ago

    def _is_sealed(
        self, seal: bytes, number: int, link: bytes, sealers: Sequence[AuditSealer] | None = None
    ) -> bool:
        """Whether a seal of the trail is right under one of the keys that count there."""
        return any(
            hmac.compare_digest(seal, sealer.seal_trail(self._store_id, number, link))
            for sealer in sealers or self._trail_sealers
        )

    def _require_first_key(self, start: Start) -> None:
        """Raise KeysUnavailable if the key of the start's seal isn't here."""
        for event in self._trail.raw_after(start.number)[:1]:
            named = str(event.outcome)
            is_linked = hmac.compare_digest(link_of(start.link, event), event.link)
            if is_linked and event.kind == EventKind.INITIALISED and is_fingerprint(named):
                self._session.keyring.of(AUDIT_KEY, named)


def _epoch_in(note: str | None) -> int:
    """The epoch that a restore on a server begins, or that an archive notes; else 0."""
    number = (note or "").partition("epoch ")[2]
    return int(number) if number.isdigit() else 0
