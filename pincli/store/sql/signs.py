"""What the trail says about attacks, from an index that holds only events of alarm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pincli.results import AccountAlert, AgentAlert, HourlyFailures, UserAlert
from pincli.rules import alarms
from pincli.store.sql.rows import OF_NOTE, Rows

_NEW = (
    "SELECT number, at, agent, kind, uid, account FROM trail INDEXED BY trail_of_note "
    f"WHERE {OF_NOTE} AND at >= ? AND at <= ? AND kind IN "
)
# The old trail knows people by login; those of schema 1 have the lowest rows.
_OLD = (
    "SELECT seq, at, agent, kind, "
    '(SELECT p.uid FROM people p WHERE p.login = "user" ORDER BY p.id LIMIT 1), account '
    "FROM old_events INDEXED BY events_of_alarm "
    "WHERE kind IN ('incorrect', 'abandoned', 'locked', 'unlocked', 'refused') "
    "AND at >= ? AND at <= ? AND kind IN "
)


class SqlSigns:
    """contract.Signs on SQL. Windows end at now: what is dated in the future counts in none."""

    def __init__(self, rows: Rows, *, with_old: bool) -> None:
        """Look for signs.

        Args:
            rows: How SQL is asked.
            with_old: Whether the store has events of schema 1.
        """
        self._rows = rows
        self._trails = (_NEW, _OLD) if with_old else (_NEW,)

    def users_locked_again(self, since: str, now: str) -> list[UserAlert]:
        """Users locked more than once, by wrong answers, since a time."""
        rows = self._rows(
            "SELECT p.login, p.account, s.times, s.latest FROM people p JOIN "
            f"(SELECT uid, count(*) AS times, max(at) AS latest FROM {self._events('locked')} "
            "GROUP BY uid HAVING count(*) >= ?) s ON s.uid = p.uid ORDER BY s.times DESC, p.login",
            (*self._window(since, now), alarms.LOCKS_OF_ONE_USER),
        )
        return [UserAlert("locked_again", *row) for row in rows]

    def users_failing_after_unlock(self, since: str, now: str) -> list[UserAlert]:
        """Users with several wrong answers soon after they were unlocked.

        Linear in the events of the window, whatever one user did.
        """
        events = self._rows(
            f"SELECT uid, kind, at FROM {self._events('incorrect', 'unlocked')} ORDER BY number",
            self._window(since, now),
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
            "SELECT account, count(DISTINCT uid), count(*), max(at) "
            f"FROM {self._events('incorrect')} "
            "GROUP BY account HAVING count(DISTINCT uid) >= ? ORDER BY 2 DESC, 1",
            (*self._window(since, now), alarms.USERS_FAILING_IN_ACCOUNT),
        )
        return [AccountAlert(*row) for row in rows]

    def agents_failing(self, since: str, now: str) -> list[AgentAlert]:
        """Agents with whom many users failed, or who asked for several unknown ones."""
        failed = self._dict(
            f"SELECT agent, count(DISTINCT uid) FROM {self._events('incorrect')} GROUP BY 1",
            self._window(since, now),
        )
        unknown = self._dict(
            "SELECT agent, count(DISTINCT texts.name) FROM trail INDEXED BY trail_of_note "
            f"LEFT JOIN texts ON texts.number = trail.number WHERE {OF_NOTE} "
            "AND kind = 'refused' AND outcome = 'unknown_user' AND at >= ? AND at <= ? "
            "GROUP BY 1",
            (since, now),
        )
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
            f"SELECT account, substr(at, 1, 13), count(*) FROM {self._events('incorrect')} "
            "GROUP BY 1, 2",
            self._window(since, now),
        )
        return [HourlyFailures(*row) for row in rows]

    def _events(self, *kinds: str) -> str:
        """What FROM says for the events of some kinds in a window, of both trails."""
        named = ", ".join(f"'{kind}'" for kind in kinds)
        # PostgreSQL before 16 wants a name for it.
        return f"({' UNION ALL '.join(f'{trail}({named})' for trail in self._trails)}) AS events"

    def _window(self, since: str, now: str) -> tuple[str, ...]:
        """The parameters of `_events`."""
        return (since, now) * len(self._trails)

    def _dict(self, query: str, parameters: tuple[str, ...]) -> dict[str, int]:
        rows: Sequence[tuple[Any, ...]] = self._rows(query, parameters)
        return dict(rows)
