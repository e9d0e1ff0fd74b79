"""Backups and restores as the commands make them, and what must hold after them."""

from __future__ import annotations

from pathlib import Path

from pincli.models import Origin
from pincli.operations import backups
from pincli.operations.session import Need
from pincli.operations.trail_check import check_trail
from pincli.results import Restored
from tests.support.desk import Desk
from tests.support.words import require_true_index


def backed_up(desk: Desk, name: str | Path = "backup.db") -> Path:
    """A backup of the store as it is now."""
    path = desk.store.parent / name
    size = backups.back_up(desk.store, desk.keys, path, forbidden=(desk.store, desk.keys))
    assert size == path.stat().st_size > 0
    return path


def restored(desk: Desk, backup: Path | None) -> Restored:
    """Restore as the command does, with a file and without."""
    return backups.restore(backup, desk.store, desk.keys, origin=Origin("lea", "restore"))


def untouched(desk: Desk) -> None:
    """Fail unless database, trail and index check."""
    assert desk.sql("PRAGMA integrity_check") == [("ok",)]
    assert desk.sql("PRAGMA foreign_key_check") == []
    with desk.session(Need.CHECK) as session:
        assert check_trail(session, None).finding is None
        require_true_index(session.store)
