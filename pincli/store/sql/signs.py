"""What the trail says about attacks, from an index that holds only events of alarm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pincli.results import AccountAlert, AgentAlert, HourlyFailures, UserAlert
from pincli.rules import alarms
from pincli.store.sql.rows import OF_NOTE, Rows

_INDEXED = "trail INDEXED BY trail_of_note"
_MISSES = f"{OF_NOTE} AND kind = 'incorrect'"
_UNKNOWN = f"{OF_NOTE} AND kind = 'refused' AND outcome = 'unknown_user'"


class SqlSigns:
    """contract.Signs on SQL. Windows end at now: what is dated in the future counts in none."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def users_locked_again(self, since: str, now: str) -> list[UserAlert]:
        """Users locked more than once, by wrong answers, since a time."""
        rows = self._rows(
            "SELECT p.login, p.account, s.times, s.latest FROM people p JOIN "
            f"(SELECT uid, count(*) AS times, max(at) AS latest FROM {_INDEXED} "
            f"WHERE {OF_NOTE} AND kind = 'locked' AND at >= ? AND at <= ? "
            "GROUP BY uid HAVING count(*) >= ?) s ON s.uid = p.uid ORDER BY s.times DESC, p.login",
            (since, now, alarms.LOCKS_OF_ONE_USER),
        )
        return [UserAlert("locked_again", *row) for row in rows]

    def users_failing_after_unlock(self, since: str, now: str) -> list[UserAlert]:
        """Users with several wrong answers soon after they were unlocked.

        Linear in the events of the window, whatever one user did.
        """
        events = self._rows(
            f"SELECT uid, kind, at FROM {_INDEXED} WHERE {OF_NOTE} "
            "AND kind IN ('incorrect', 'unlocked') AND at >= ? AND at <= ? ORDER BY number",
            (since, now),
        )
        found = alarms.failing_after_unlock(events)
        alerts = []
        for uid, (times, latest) in found.items():
            for login, account in self._rows(
                "SELECT login, account FROM people WHERE uid = ?", (uid,)
            ):
                alerts.append(UserAlert("failing_after_unlock", login, account, times, latest))
        return sorted(alerts, key=lambda alert: (-alert.times, alert.user))

    def accounts_failing(self, since: str, now: str) -> list[AccountAlert]:
        """Accounts with several users who answered wrongly since a time."""
        rows = self._rows(
            f"SELECT account, count(DISTINCT uid), count(*), max(at) FROM {_INDEXED} "
            f"WHERE {_MISSES} AND at >= ? AND at <= ? "
            "GROUP BY account HAVING count(DISTINCT uid) >= ? ORDER BY 2 DESC, 1",
            (since, now, alarms.USERS_FAILING_IN_ACCOUNT),
        )
        return [AccountAlert(*row) for row in rows]

    def agents_failing(self, since: str, now: str) -> list[AgentAlert]:
        """Agents with whom many users failed, or who asked for several unknown ones."""
        failed = self._by_agent(_MISSES, "DISTINCT uid", since, now)
        unknown = self._by_agent(_UNKNOWN, "DISTINCT texts.name", since, now)
        found = [
            AgentAlert(agent, failed.get(agent, 0), unknown.get(agent, 0))
            for agent in sorted({*failed, *unknown})
        ]
        return [
            alert
            for alert in found
            if alert.users_failed >= alarms.USERS_FAILING_WITH_AGENT
            or alert.unknown_users >= alarms.UNKNOWN_USERS_BY_AGENT
        ]

    def failures_by_hour(self, since: str, now: str) -> list[HourlyFailures]:
        """Wrong answers since a time by account and hour, as `2026-11-24T13`."""
        rows = self._rows(
            f"SELECT account, substr(at, 1, 13), count(*) FROM {_INDEXED} "
            f"WHERE {_MISSES} AND at >= ? AND at <= ? GROUP BY 1, 2",
            (since, now),
        )
        return [HourlyFailures(*row) for row in rows]

    def _by_agent(self, where: str, counted: str, since: str, now: str) -> dict[str, int]:
        rows: Sequence[tuple[Any, ...]] = self._rows(
            f"SELECT agent, count({counted}) FROM {_INDEXED} "
            "LEFT JOIN texts ON texts.number = trail.number "
            f"WHERE {where} AND at >= ? AND at <= ? GROUP BY 1",
            (since, now),
        )
        return dict(rows)
