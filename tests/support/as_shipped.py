"""`python -m tests.support.as_shipped`: the list of what a fresh schema holds, as doctor has it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from pincli.store.postgresql.as_shipped import FACTS, Fact, lines
from tests.store.postgresql.twin import make_store
from tests.support.postgresql import Database, programs, servers

FILE = Path(__file__).parents[2] / "pincli/store/postgresql/as_shipped.txt"


def found_in(database: Database) -> str:
    """What there is in a database, as the file holds it."""
    with database.connect() as connection:
        connection.execute("SET search_path = pg_catalog")
        return lines(Fact._make(row) for row in connection.execute(FACTS))


def main() -> None:
    """Write it, from a store of a server of its own."""
    found = programs()
    assert found is not None
    with tempfile.TemporaryDirectory() as meeting, servers(Path(meeting), found) as running:
        server = running.start("as-shipped")
        FILE.write_text(found_in(server.database(make_store)))
        server.remove()


if __name__ == "__main__":
    main()
