"""Points in time as people write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from pincli.errors import UsageProblem

NOTICE_RETRY_SECONDS = 60
"""How long after one try another process runs the hook for a lock: the first may have died."""

_AGO = "([0-9]{1,6})([smhdw])"
_EVENT_FORM = "%Y-%m-%dT%H:%M:%SZ"
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def written(moment: datetime) -> str:
    """A time in UTC as events have it: ISO 8601, to the second."""
    return f"{moment.replace(tzinfo=None).isoformat(timespec='seconds')}Z"


def moment_of(at: str) -> datetime | None:
    """The time of an event, such as `2026-11-24T13:05:00Z`; None if it has another form."""
    try:
        return datetime.strptime(at, _EVENT_FORM).replace(tzinfo=UTC)
    except ValueError:
        return None


def present() -> datetime:
    """The present time, in UTC."""
    return datetime.now(UTC)


def since(text: str, *, now: datetime | None = None) -> str:
    """Parse `24h`, `7d`, `2026-11-24` or a full ISO 8601 time; without a zone, it is local.

    Returns:
        ISO 8601, UTC, to the second.
    """
    now = now or present()
    ago = re.fullmatch(_AGO, text.strip())
    try:
        if ago is not None:
            moment = now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        else:
            moment = datetime.fromisoformat(text.strip())
        return written(moment.astimezone(UTC))
    except (ValueError, OverflowError):
        raise UsageProblem("not a time", "write 30m, 24h, 7d, or 2026-11-24T08:00") from None
