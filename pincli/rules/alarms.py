"""When something looks like an attack. Each number here is a default the README justifies."""

from __future__ import annotations

DAY = 24 * 3600
"""Seconds. What accounts and agents are looked at over."""

LOCKS_OF_ONE_USER = 2
"""Locks of one user within LOCK_WINDOW: once is a forgotten PIN, twice is somebody trying."""
LOCK_WINDOW = 30 * DAY

USERS_FAILING_IN_ACCOUNT = 3
"""Users of one account with a wrong answer within a day: callers go from name to name."""

USERS_FAILING_WITH_AGENT = 5
"""Users who failed with one agent within a day: bad luck, or an agent who guesses."""

UNKNOWN_USERS_BY_AGENT = 3
"""Unknown users that one agent asked for within a day: somebody is fishing for names."""

FAILURES_AFTER_UNLOCK = 3
"""Wrong answers within UNLOCK_WINDOW of an unlock: who unlocked may not have been the owner."""
UNLOCK_WINDOW = 3600
