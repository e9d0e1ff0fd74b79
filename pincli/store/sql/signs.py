"""What the trail says about attacks, from an index that holds only events of alarm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pincli.results import AccountAlert, AgentAlert, HourlyFailures, UserAlert
from pincli.rules import alarms
from pincli.store.sql.rows import Rows

# The index's own condition, word for word: SQLite uses a partial index only if it finds that.
_OF_ALARM = "kind IN ('incorrect', 'abandoned', 'locked', 'unlocked', 'refused')"
_INDEXED = "events INDEXED BY events_of_alarm"
_MISSES = f"{_OF_ALARM} AND kind IN ('incorrect', 'abandoned')"
_UNKNOWN = f"{_OF_ALARM} AND kind = 'refused' AND outcome = 'unknown_user'"


class SqlSigns:
    """contract.Signs on SQL."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def users_locked_again(self, since: str) -> list[UserAlert]:
        """Users locked more than once since a time."""
        rows = self._rows(
            f"SELECT user, max(account), count(*), max(at) FROM {_INDEXED} "
            f"WHERE {_OF_ALARM} AND kind = 'locked' AND at >= ? GROUP BY user HAVING count(*) >= ? "
            "ORDER BY 3 DESC, 1",
            (since, alarms.LOCKS_OF_ONE_USER),
        )
        return [UserAlert("locked_again", *row) for row in rows]

    def users_failing_after_unlock(self, since: str) -> list[UserAlert]:
        """Users with several wrong answers soon after they were unlocked."""
        rows = self._rows(
            "SELECT u.user, max(u.account), count(*), max(m.at) "
            "FROM events u INDEXED BY events_of_alarm CROSS JOIN events m ON m.user = u.user "
            "AND m.kind IN ('incorrect', 'abandoned') AND m.seq > u.seq "
            "AND strftime('%s', m.at) - strftime('%s', u.at) <= ? "
            f"WHERE u.{_OF_ALARM} AND u.kind = 'unlocked' AND u.at >= ? "
            "GROUP BY u.seq HAVING count(*) >= ? ORDER BY 3 DESC, 1",
            (alarms.UNLOCK_WINDOW, since, alarms.FAILURES_AFTER_UNLOCK),
        )
        unique = {row[0]: row for row in reversed(rows)}
        return [UserAlert("failing_after_unlock", *row) for row in unique.values()]

    def accounts_failing(self, since: str) -> list[AccountAlert]:
        """Accounts with several users who answered wrongly since a time."""
        rows = self._rows(
            f"SELECT account, count(DISTINCT user), count(*), max(at) FROM {_INDEXED} "
            f"WHERE {_MISSES} AND at >= ? "
            "GROUP BY account HAVING count(DISTINCT user) >= ? ORDER BY 2 DESC, 1",
            (since, alarms.USERS_FAILING_IN_ACCOUNT),
        )
        return [AccountAlert(*row) for row in rows]

    def agents_failing(self, since: str) -> list[AgentAlert]:
        """Agents with whom many users failed, or who asked for several unknown ones."""
        failed = self._by_agent(_MISSES, since)
        unknown = self._by_agent(_UNKNOWN, since)
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

    def failures_by_hour(self, since: str) -> list[HourlyFailures]:
        """Wrong answers since a time by account and hour, as `2026-11-24T13`."""
        rows = self._rows(
            f"SELECT account, substr(at, 1, 13), count(*) FROM {_INDEXED} "
            f"WHERE {_MISSES} AND at >= ? GROUP BY 1, 2",
            (since,),
        )
        return [HourlyFailures(*row) for row in rows]

    def _by_agent(self, where: str, since: str) -> dict[str, int]:
        rows: Sequence[tuple[Any, ...]] = self._rows(
            f"SELECT agent, count(DISTINCT user) FROM {_INDEXED} "
            f"WHERE {where} AND at >= ? GROUP BY 1",
            (since,),
        )
        return dict(rows)
