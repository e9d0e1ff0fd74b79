"""The only place that knows which engine a location means: a folder is SQLite."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pincli.models import Origin

if TYPE_CHECKING:
    from collections.abc import Callable

    from pincli.results import Upgraded
    from pincli.store.contract import Store, Upkeep
    from pincli.store.sqlite.upgrade import Vault


def open_store(folder: Path, marks: Path, *, origin: Origin, read_only: bool = False) -> Store:
    """Open a store.

    Args:
        folder: Where `init` made it.
        marks: The folder of this host's mark.
        origin: Who acts, and by which command.
        read_only: Write nothing at all, and wait for nobody.

    Raises:
        StoreUnavailable: Missing, damaged, newer than this program, or forbidden.
    """
    from pincli.store.sqlite.engine import SqliteStore

    return SqliteStore(folder, marks, origin=origin, read_only=read_only)


def upkeep_of(folder: Path, marks: Path) -> Upkeep:
    """What is done to the store in a folder as a whole.

    Args:
        folder: Where `init` made it, or is going to.
        marks: The folder of this host's mark.
    """
    from pincli.store.sqlite.upkeep import SqliteUpkeep

    return SqliteUpkeep(folder, marks)


def users_to_upgrade(folder: Path) -> int | None:
    """How many users a store of an older pincli has; None if it is up to date.

    Raises:
        StoreUnavailable: There is no store that could be read.
    """
    from pincli.store.sqlite import upgrade

    return upgrade.users_to_upgrade(folder)


def upgrade_store(
    folder: Path,
    vault: Vault,
    *,
    origin: Origin,
    progress: Callable[[int, int], None],
    uid_of: Callable[[str], bytes | None],
) -> Upgraded | None:
    """Bring a store of an older pincli up to date; None if another process has done it by now.

    Users get the uid that `uid_of` knows for their login, or else a new one.

    Raises:
        OldStoreTampered: It isn't as pincli left it, and is left as it is.
        StoreUnavailable: It can't be written, or others are using it; likewise.
        KeysUnavailable: A key that it needs is missing; likewise.
    """
    from pincli.store.sqlite import upgrade

    return upgrade.upgrade(folder, vault, origin=origin, progress=progress, uid_of=uid_of)
