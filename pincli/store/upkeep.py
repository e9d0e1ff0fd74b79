"""What the rest of pincli asks of an engine about a store as a whole. No SQL, files or drivers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Protocol

from pincli.models import Identity, Origin, User
from pincli.results import Check, Restored

if TYPE_CHECKING:
    from pincli.rules.replay import Course
    from pincli.store.contract import Store, Transaction
    from pincli.store.sealing import Sealers


class Restorer(NamedTuple):
    """What a restore needs from code that has the keys.

    Attributes:
        upgrade: Upgrades a store of schema 1 in a folder. Users keep a known uid, or get a new
            one; raises StoreTampered.
        check: Checks keys, links and seals of a store's trail, and gives by uid how far the trail
            tells each user's story; raises BackupRefused.
        sealers: Seal what is written.
        keys_since: The keys that count from now on, by kind, if the backup names others.
        name_key: The step that names such a key.
        origin: Who acts, and by which command.
    """

    upgrade: Callable[[Path, Callable[[User], bytes | None]], object]
    check: Callable[[Store], Mapping[bytes, Course]]
    sealers: Sealers
    keys_since: Callable[[Identity], Mapping[str, str]]
    name_key: Callable[[Transaction, str, str], None]
    origin: Origin


class Upkeep(Protocol):
    """What is done to a store as a whole, even if it can't be opened."""

    def exists(self) -> bool:
        """Whether there is a store, or anything in its place."""

    def create(self, identity: Identity, *, sealers: Sealers, origin: Origin) -> None:
        """Make a new store: all of it, or nothing.

        Raises:
            Refused: There is one already; it stays as it is.
            StoreUnavailable: It can't be made.
        """

    def health(self) -> Iterator[Check]:
        """What doctor says of it; a failed check does not end the others."""

    def back_up(self, path: Path) -> None:
        """Copy the store into a new file, and read the copy back.

        Raises:
            Refused: The path exists.
            StoreUnavailable: It can't be written, or is not what was written.
        """

    def stream(self, stream: BinaryIO) -> None:
        """Write a copy of the store to a stream, once the copy was read back.

        Raises:
            StoreUnavailable: The store can't be copied.
        """

    def restore(self, backup: Path | BinaryIO | None, restorer: Restorer) -> Restored:
        """Bring a backup back without undoing security that came after it.

        Without a backup, take in the present store, even if it was moved or rolled back, or if
        records or the schema were changed behind the trail.

        Raises:
            BackupRefused: The backup is damaged or was tampered with.
            BackupUnavailable: It can't be read, or is not a backup.
            Refused: It is of another store.
            StoreUnavailable: The store can't be written, or can't be read now.
        """
