"""Attempts that a process left open: the next command to look ends them, so that a lock is seen."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

from pincli.errors import PincliError, StoreTampered
from pincli.operations.session import Session, let_write
from pincli.rules.times import written

LEFT_OPEN = timedelta(seconds=10)
"""How long an attempt may be open before others end it: its own process may take that long."""
_AT_MOST = 200


def end_left_open(session: Session) -> None:
    """End the attempts that have been open for ten seconds, where that can be done at once.

    A missing key or a held lock is no error here: other commands report it, and the question
    that is being answered needs no writing.
    """
    with suppress(PincliError):
        before = written(datetime.now(UTC) - LEFT_OPEN)
        rows = session.store.people.open_since(before)
        if not rows:
            return
        if session.store.functions is None:
            let_write(session)
        for user in session.store.people.in_rows(rows[:_AT_MOST]):
            with suppress(StoreTampered):  # one record that can't be used holds up no other
                session.attempts.finish(user)
