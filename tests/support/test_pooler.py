"""The pooler that tests put before a database."""

from __future__ import annotations

from tests.support.pooler import pooled
from tests.support.postgresql import Database


def test_a_connection_is_anybodys_between_two_transactions(database: Database) -> None:
    """Two clients share one connection to the server: transaction mode is what it is in."""
    asked = "SELECT pg_backend_pid(), session_user::text"
    with pooled(database, connections=1) as through:
        with through.connect("desk1") as first, through.connect("desk1") as second:
            assert first.execute(asked).fetchall() == second.execute(asked).fetchall()
        with through.connect("desk2") as other:
            assert other.execute("SELECT session_user::text").fetchone() == ("desk2",)
