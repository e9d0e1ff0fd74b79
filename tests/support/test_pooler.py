"""The pooler for tests."""

from __future__ import annotations

from tests.support.pooler import pooled
from tests.support.postgresql import Database


def test_clients_share_a_connection(database: Database) -> None:
    """In transaction mode two clients share one connection to the server."""
    asked = "SELECT pg_backend_pid(), session_user::text"
    with pooled(database, connections=1) as through:
        with through.connect("desk1") as first, through.connect("desk1") as second:
            assert first.execute(asked).fetchall() == second.execute(asked).fetchall()
        with through.connect("desk2") as other:
            assert other.execute("SELECT session_user::text").fetchone() == ("desk2",)
