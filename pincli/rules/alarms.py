"""When something looks like an attack. Each number here is a default the README justifies."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from pincli.rules.times import moment_of

DAY = 24 * 3600
"""Seconds. What accounts and agents are looked at over."""

LOCKS_OF_ONE_USER = 2
"""Locks of one user within LOCK_WINDOW: once is a forgotten PIN, twice is somebody trying."""
LOCK_WINDOW = 30 * DAY

LONGEST_WINDOW = 30 * DAY
"""The longest stretch of the trail that a sign looks at: nothing younger is archived."""

USERS_FAILING_IN_ACCOUNT = 3
"""Users of one account with a wrong answer within a day: callers go from name to name."""

USERS_FAILING_WITH_AGENT = 5
"""Users who failed with one agent within a day: bad luck, or an agent who guesses."""

UNKNOWN_USERS_BY_AGENT = 3
"""Unknown users that one agent asked for within a day: somebody is fishing for names."""

FAILURES_AFTER_UNLOCK = 3
"""Wrong answers within UNLOCK_WINDOW of an unlock: who unlocked may not have been the owner."""
UNLOCK_WINDOW = 3600


def failing_after_unlock(events: Iterable[tuple[bytes, str, str]]) -> dict[bytes, tuple[int, str]]:
    """Who gave several wrong answers soon after an unlock.

    Linear in the events, whatever one user did: each unlock counts by two look-ups.

    Args:
        events: User, kind (`incorrect` or `unlocked`) and time of each, in order.

    Returns:
        By user, how many there were at the most after one unlock, and when the last was.
    """
    unlocks: dict[bytes, list[tuple[float, int]]] = {}
    misses: dict[bytes, list[float]] = {}
    times: dict[bytes, list[str]] = {}
    latest = 0.0
    for uid, kind, at in events:
        moment = moment_of(at)
        # Where the clock was set back, the order of the events counts.
        latest = max(latest, moment.timestamp() if moment else latest)
        if kind == "unlocked":
            unlocks.setdefault(uid, []).append((latest, len(misses.get(uid, ()))))
        elif uid in unlocks:
            misses.setdefault(uid, []).append(latest)
            times.setdefault(uid, []).append(at)
    found = {}
    for uid, after in misses.items():
        windows = [
            (first, bisect_right(after, unlocked + UNLOCK_WINDOW))
            for unlocked, first in unlocks[uid]
        ]
        first, end = max(windows, key=lambda window: window[1] - window[0])
        if end - first >= FAILURES_AFTER_UNLOCK:
            found[uid] = (end - first, times[uid][end - 1])
    return found
