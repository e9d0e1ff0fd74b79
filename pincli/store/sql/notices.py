"""Notices of locks that wait for the deployment's hook.

Row 0 says that there is a hook, and when a process last began to deliver. Without a hook nothing
waits. The other rows are the numbers of `locked` events.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pincli.rules.times import NOTICE_RETRY_SECONDS
from pincli.store.sql.rows import Row, placeholders

if TYPE_CHECKING:
    from pincli.results import Notice
    from pincli.store.sql.transaction import SqlTransaction

_FACTS = (
    "SELECT n.number, t.at, t.kind, t.agent, p.login, p.account, p.display_name, p.locks_total "
    "FROM notices n LEFT JOIN trail t ON t.number = n.number LEFT JOIN people p ON p.uid = t.uid "
    "WHERE n.number > 0 ORDER BY n.number LIMIT 1"
)


def add_notices(transaction: SqlTransaction, numbers: Sequence[int]) -> None:
    """Let these locks wait for the hook, if there is one."""
    if numbers and transaction.rows("SELECT 1 FROM notices WHERE number = 0"):
        transaction.insert("notices", ("number",), [(number,) for number in numbers])


def next_notice(transaction: SqlTransaction) -> Notice | None:
    """Return the oldest waiting notice, unless another process is delivering one."""
    found = transaction.rows("SELECT tried_at FROM notices WHERE number = 0")
    if not found:
        transaction.insert("notices", ("number",), [(0,)])
    if not found or _is_recent(found[0][0], transaction.at):
        return None
    while rows := transaction.rows(_FACTS):
        notice = notice_from(rows[0])
        if notice is not None:
            transaction.run("UPDATE notices SET tried_at = ? WHERE number = 0", (transaction.at,))
            return notice
        transaction.run("DELETE FROM notices WHERE number = ?", rows[0][:1])
    return None


def settle_notice(transaction: SqlTransaction, number: int, *, delivered: bool) -> bool:
    """Remove a delivered notice, or note a failure; return whether it is the first one."""
    if delivered:
        transaction.run("DELETE FROM notices WHERE number = ?", (number,))
        transaction.run("UPDATE notices SET tried_at = NULL WHERE number = 0", ())
        return False
    first = "SELECT 1 FROM notices WHERE number = ? AND tried_at IS NULL"
    is_first = bool(transaction.rows(first, (number,)))
    query = f"UPDATE notices SET tried_at = ? WHERE number IN ({placeholders((0, number))})"
    transaction.run(query, (transaction.at, 0, number))
    return is_first


def notice_from(row: Row) -> Notice | None:
    """Return the notice in a row of _FACTS; None if its event is archived or missing."""
    from pincli.results import Notice

    values: list[Any] = list(row)
    return None if None in values else Notice(*values)


def _is_recent(tried_at: str | None, now: str) -> bool:
    """Whether a delivery began less than a minute ago; a time in the future doesn't count."""
    from datetime import timedelta

    from pincli.rules.times import moment_of, written

    moment = moment_of(now)
    if tried_at is None or moment is None:
        return False
    return written(moment - timedelta(seconds=NOTICE_RETRY_SECONDS)) < tried_at <= now
