"""The small disk for tests."""

from __future__ import annotations

import psycopg
import pytest

from tests.support.postgresql import MakeTemplate, Server
from tests.support.small_server_disk import small_disk


@pytest.mark.system
def test_a_full_disk_takes_no_more_rows(server: Server, make_template: MakeTemplate) -> None:
    """A table gets no new page on a full disk, and the server goes on."""
    with small_disk(server, make_template) as disk:
        disk.database.sql("CREATE TABLE texts AS SELECT 'x' AS text")
        more = "INSERT INTO texts SELECT 'x' FROM generate_series(1, 10000)"
        disk.fill()
        with pytest.raises(psycopg.errors.DiskFull):
            disk.database.sql(more)
        assert disk.database.sql("SELECT * FROM texts") == [("x",)]
        disk.free()
        disk.database.sql(more)
