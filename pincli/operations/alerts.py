"""Looking for signs of an attack."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pincli.operations.session import Session
from pincli.results import Alerts, HourlyFailures
from pincli.rules import alarms
from pincli.rules.times import written

_HOURS = 24
_TO_THE_HOUR = len("2026-11-24T13")


def find_alerts(session: Session, *, now: datetime | None = None) -> Alerts:
    """Every sign of an attack that the trail shows.

    Args:
        session: The open signs.
        now: The present time.
    """
    now = now or datetime.now(UTC)
    until = written(now)
    last_day = written(now - timedelta(seconds=alarms.DAY))
    lock_window = written(now - timedelta(seconds=alarms.LOCK_WINDOW))
    hours = [written(now - timedelta(hours=ago))[:_TO_THE_HOUR] for ago in range(_HOURS)[::-1]]
    signs = session.store.signs
    return Alerts(
        accounts=signs.accounts_failing(last_day, until),
        agents=signs.agents_failing(last_day, until),
        users=[
            *signs.users_locked_again(lock_window, until),
            *signs.users_failing_after_unlock(last_day, until),
        ],
        failures=_charted(signs.failures_by_hour(last_day, until), hours[0]),
        hours=hours,
    )


def _charted(failures: list[HourlyFailures], first: str) -> list[HourlyFailures]:
    """The failures with what is left of the hour before the first one counted to the first.

    A day that ends at 12:30 began at 12:30: it has a part of 25 hours of the clock.
    """
    return [each._replace(hour=max(each.hour, first)) for each in failures]
