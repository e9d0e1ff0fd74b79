"""Standbys and copies for tests."""

from __future__ import annotations

from tests.support.postgresql import Server
from tests.support.standby import bring_back, catch_up, copy_of, cut_off, promote, standby_of


def test_a_promoted_standby_lacks_later_commits(own_server: Server) -> None:
    """A standby that is cut off and promoted lacks the later commits, and takes writes."""
    standby = standby_of(own_server)
    try:
        own_server.sql("CREATE TABLE numbers AS SELECT 1 AS number")
        catch_up(standby, own_server)
        cut_off(standby)
        own_server.sql("INSERT INTO numbers VALUES (2)")
        promote(standby)
        standby.sql("INSERT INTO numbers VALUES (3)")
        assert standby.sql("SELECT * FROM numbers") == [(1,), (3,)]
        ((timeline,),) = standby.sql("SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)")
        assert timeline == "00000002"
    finally:
        standby.remove()


def test_a_copy_is_brought_back(own_server: Server) -> None:
    """Commits after the copy are gone."""
    own_server.sql("CREATE TABLE numbers AS SELECT 1 AS number")
    copy = copy_of(own_server)
    own_server.sql("INSERT INTO numbers VALUES (2)")
    bring_back(own_server, copy)
    assert own_server.sql("SELECT * FROM numbers") == [(1,)]
