"""The mark: the newest event that this host has seen of a store, kept outside the store.

An old copy of a store is behind its mark. The mark may lag the store, as it is written after the
commit and never synced; it never leads.

On SQLite the caller holds the writer lock around reading, the commit and writing. On PostgreSQL
`raise_to` locks the mark's own file. That lock is lost when the process closes any other descriptor
of the file, so open it once.

Annotations are not postponed here, as in models.py.
"""

import fcntl
import hashlib
import os
import stat
from pathlib import Path
from struct import Struct
from typing import NamedTuple

from pincli.errors import StoreUnavailable
from pincli.models import Fault

STORE_ID_BYTES = 16
NOWHERE = bytes(32)
"""The place of a store on a server. A store that was moved there comes back only by a restore."""

_FORMAT = b"pincli\x00\x01"
_SLOT = Struct(">8sQQ32sQ16s32s")
"""Format, write number, event number, link, epoch, store id, place; a checksum follows."""
_SLOT_BYTES = _SLOT.size + 32
# Each in a page of its own: a power cut tears at most one of them.
_OFFSETS = (0, 4096)
_FLAGS = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_READABLE_BY_OTHERS = 0o077


class Seen(NamedTuple):
    """What a host has seen of a store.

    Attributes:
        number: The newest event's.
        link: That event's.
        epoch: Of the store's history; a restore on PostgreSQL begins a new one.
        place: Where the store was, from `place_of`.
    """

    number: int
    link: bytes
    epoch: int
    place: bytes


class Mark:
    """An open mark: two slots, of which the valid one that was written last counts.

    Each write goes into the other slot, so a kill at any instant leaves one valid slot.
    """

    def __init__(self, descriptor: int, path: Path, store_id: bytes) -> None:
        self.path = path
        self._descriptor = descriptor
        self._store_id = store_id

    @classmethod
    def open(cls, folder: Path, store_id: bytes) -> "Mark | None":
        """Open the mark of a store; None if there is none. It may be read-only.

        Raises:
            StoreUnavailable: It can't be used or trusted: a link, not a plain file, another user's,
                readable by others.
        """
        path = _path(folder, store_id)
        try:
            try:
                descriptor = os.open(path, os.O_RDWR | _FLAGS)
            except OSError as error:
                if Fault.of(error) not in (Fault.READ_ONLY, Fault.FORBIDDEN):
                    raise
                descriptor = os.open(path, os.O_RDONLY | _FLAGS)
        except OSError as error:
            if Fault.of(error) is Fault.MISSING:
                return None
            raise StoreUnavailable(Fault.of(error), path, error.strerror or "") from None
        try:
            _require_safe(descriptor, path)
        except BaseException:
            os.close(descriptor)
            raise
        return cls(descriptor, path, store_id)

    @classmethod
    def make(cls, folder: Path, store_id: bytes) -> "Mark | None":
        """Make an empty mark, or open the one that another process made just now.

        None if it can't be made: the folder is missing, full, read-only or another user's. The
        verdict is given all the same.

        Raises:
            StoreUnavailable: As for `open`.
        """
        path = _path(folder, store_id)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _FLAGS, 0o600)
        except FileExistsError:
            return cls.open(folder, store_id)
        except OSError:
            return None
        try:
            if os.geteuid() == 0:
                # A service account could not open what root has made for it.
                owner = folder.stat()
                os.fchown(descriptor, owner.st_uid, owner.st_gid)
            # Both slots get their room now: a full disk must not make the mark lag later.
            os.pwrite(descriptor, bytes(_OFFSETS[-1] + _SLOT_BYTES), 0)
        except OSError:
            os.close(descriptor)
            path.unlink(missing_ok=True)
            return None
        return cls(descriptor, path, store_id)

    def read(self) -> Seen | None:
        """What was written last; None if there is nothing, or both slots are damaged.

        Raises:
            StoreUnavailable: The file can't be read.
        """
        newest = self._newest()
        return None if newest is None else newest[2]

    def write(self, seen: Seen, *, restored: bool = False) -> bool:
        """Write what was just committed, without a sync; return whether it was written.

        It is not written if the mark has seen more (a higher number, another link at this one,
        a later epoch, another place), or if the system refuses: the commit is done, and a mark
        that lags is no reason to withhold its result.

        Args:
            seen: The newest event.
            restored: Whether this is a restore, after which the mark may go back.
        """
        try:
            newest = self._newest()
            if newest is None:
                slot, count = 0, 0
            else:
                slot, count, last = newest
                if not restored and not _follows(seen, last):
                    return False
                slot = 1 - slot
            packed = self._packed(count + 1, seen)
            return os.pwrite(self._descriptor, packed, _OFFSETS[slot]) == _SLOT_BYTES
        except (OSError, StoreUnavailable):
            return False

    def write_durably(self, seen: Seen) -> bool:
        """The same with a sync, as the old file of a moved store may come back any day."""
        try:
            done = self.write(seen)
            os.fsync(self._descriptor)
        except OSError:
            return False
        return done

    def raise_to(self, seen: Seen, *, restored: bool = False) -> bool:
        """Write what was just committed, while other processes may do the same.

        They may arrive here in another order than they committed; `write` never goes back.
        """
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX)
        except OSError:
            return False
        try:
            return self.write(seen, restored=restored)
        finally:
            fcntl.lockf(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _newest(self) -> tuple[int, int, Seen] | None:
        """The slot that counts, its write number, and what it holds."""
        newest: tuple[int, int, Seen] | None = None
        for slot, offset in enumerate(_OFFSETS):
            try:
                content = os.pread(self._descriptor, _SLOT_BYTES, offset)
            except OSError as error:
                raise StoreUnavailable(Fault.IO, self.path, error.strerror or "") from None
            packed = content[: _SLOT.size]
            if hashlib.sha256(packed).digest() != content[_SLOT.size :]:
                continue
            form, count, number, link, epoch, store_id, place = _SLOT.unpack(packed)
            if (form, store_id) != (_FORMAT, self._store_id):
                continue
            if newest is None or count > newest[1]:
                newest = slot, count, Seen(number, link, epoch, place)
        return newest

    def _packed(self, count: int, seen: Seen) -> bytes:
        number, link, epoch, place = seen
        packed = _SLOT.pack(_FORMAT, count, number, link, epoch, self._store_id, place)
        return packed + hashlib.sha256(packed).digest()


def place_of(store: Path) -> bytes:
    """Where a store is: SHA-256 of its real path, so a copy has another place."""
    return hashlib.sha256(os.fsencode(store.resolve())).digest()


def _path(folder: Path, store_id: bytes) -> Path:
    if len(store_id) != STORE_ID_BYTES:
        raise ValueError(len(store_id))
    return folder / f"mark-{store_id.hex()}"


def _require_safe(descriptor: int, path: Path) -> None:
    try:
        facts = os.fstat(descriptor)
        # For root, a mark may belong to the folder's owner.
        owners = {os.geteuid(), path.parent.stat().st_uid}
    except OSError as error:
        raise StoreUnavailable(Fault.IO, path, error.strerror or "") from None
    if not stat.S_ISREG(facts.st_mode):
        raise StoreUnavailable(Fault.MALFORMED, path, "not a plain file")
    if facts.st_mode & _READABLE_BY_OTHERS:
        raise StoreUnavailable(Fault.EXPOSED, path, f"mode {stat.S_IMODE(facts.st_mode):04o}")
    if facts.st_uid not in owners:
        raise StoreUnavailable(Fault.FORBIDDEN, path, "it belongs to somebody else")


def _follows(seen: Seen, last: Seen) -> bool:
    """Whether the mark may go from one to the other without a restore."""
    if seen.place not in (last.place, NOWHERE) or seen.epoch < last.epoch:
        return False
    return seen.number > last.number or (seen.number, seen.link) == (last.number, last.link)
