"""Events of long ago, really linked and sealed, made under a slow clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from pincli.rules.times import written
from pincli.store.postgresql import transaction as of_server
from pincli.store.sqlite import transaction
from tests.support.desk import Desk

_WRITTEN = """CREATE OR REPLACE FUNCTION pincli._written(moment timestamptz) RETURNS text
LANGUAGE sql STABLE AS $$
  SELECT to_char((moment - interval '{} days') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
$$"""


def days_ago(days: float) -> str:
    """A time as events have it."""
    return written(datetime.now(UTC) - timedelta(days=days))


@contextmanager
def long_ago(days: int, desk: Desk | None = None) -> Iterator[None]:
    """Let the sessions of this process write times of this many days ago.

    Args:
        days: How many days.
        desk: The store, if there is one already.
    """
    slow = f"(clock_timestamp() - interval '{days} days')".encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transaction, "utc_now", lambda: days_ago(days))
        patch.setattr(of_server, "_FACTS", of_server._FACTS.replace(b"clock_timestamp()", slow))
        if desk is not None and desk.is_served:
            desk.sql(_WRITTEN.format(days))
        yield
        if desk is not None and desk.is_served:
            desk.sql(_WRITTEN.format(0))
