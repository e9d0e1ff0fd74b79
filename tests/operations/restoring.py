"""Back up and restore as the commands do, and check the result."""

from __future__ import annotations

from pathlib import Path

from pincli.models import Origin, Outcome
from pincli.operations import backups
from pincli.operations.session import Need
from pincli.operations.trail_check import check_trail
from pincli.operations.verify import verify
from pincli.results import Restored
from tests.support.desk import Desk
from tests.support.words import require_true_index


def backed_up(desk: Desk, name: str | Path = "backup.db") -> Path:
    path = desk.store.parent / name
    size = backups.back_up(desk.store, desk.keys, path, forbidden=(desk.store, desk.keys))
    assert size == path.stat().st_size > 0
    return path


def restored(desk: Desk, backup: Path | None) -> Restored:
    """Restore as the command does, with a file and without."""
    return backups.restore(backup, desk.store, desk.keys, origin=Origin("lea", "restore"))


def require_intact(desk: Desk) -> None:
    """Fail unless database, trail and index are intact."""
    assert desk.sql("PRAGMA integrity_check") == [("ok",)]
    assert desk.sql("PRAGMA foreign_key_check") == []
    with desk.session(Need.CHECK) as session:
        assert check_trail(session, None).finding is None
        require_true_index(session.store)


def outcome(desk: Desk, user: str, pin: str) -> Outcome:
    with desk.session() as session:
        return verify(session, user, pin, None).outcome
