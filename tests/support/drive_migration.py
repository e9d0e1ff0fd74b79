"""Open a store with a schema one version newer, once told to: drive_migration FOLDER."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from sqlite_utils import Database

from pincli.models import Origin
from pincli.store.sqlite import connection, engine, schema
from pincli.store.sqlite.connection import SCHEMA_VERSION

NEXT = SCHEMA_VERSION + 1


@schema.migrations(name="the next version")
def next_version(db: Database) -> None:
    """A table with one row, which a second run would double."""
    time.sleep(0.2)  # long enough for the others to list what is pending, if nothing held them up
    db.execute("CREATE TABLE IF NOT EXISTS next (id INTEGER PRIMARY KEY) STRICT")
    db.execute("INSERT INTO next DEFAULT VALUES")
    db.execute(f"PRAGMA user_version = {NEXT}")


def drive() -> None:
    """Say that it is ready, wait for the word, and open the store."""
    for module in (connection, engine):
        vars(module)["SCHEMA_VERSION"] = NEXT
    print("ready", flush=True)
    sys.stdin.readline()
    engine.SqliteStore(Path(sys.argv[1]), origin=Origin("lea", "status")).close()


if __name__ == "__main__":
    drive()
