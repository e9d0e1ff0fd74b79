"""The only place that knows which engine a location means: a folder is SQLite."""

from __future__ import annotations

from pathlib import Path

from pincli.models import Origin
from pincli.store.contract import Store, Upkeep


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
