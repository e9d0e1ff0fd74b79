"""Looking for signs of an attack."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pincli.operations.session import Session
from pincli.results import Alerts
from pincli.rules import alarms

_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
_HOURS = 24


def find_alerts(session: Session, *, now: datetime | None = None) -> Alerts:
    """Every sign of an attack that the trail shows.

    Args:
        session: The open store.
        now: The present time.
    """
    now = now or datetime.now(UTC)
    last_day = (now - timedelta(seconds=alarms.DAY)).strftime(_FORMAT)
    lock_window = (now - timedelta(seconds=alarms.LOCK_WINDOW)).strftime(_FORMAT)
    store = session.store
    return Alerts(
        accounts=store.accounts_failing(last_day),
        agents=store.agents_failing(last_day),
        users=[
            *store.users_locked_again(lock_window),
            *store.users_failing_after_unlock(last_day),
        ],
        failures=store.failures_by_hour(last_day),
        hours=[(now - timedelta(hours=ago)).strftime("%Y-%m-%dT%H") for ago in range(_HOURS)[::-1]],
    )
