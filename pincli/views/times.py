"""Local times as people say them. JSON has the stored times."""

from __future__ import annotations

_MINUTE = 60
_HOUR = 60 * _MINUTE


def relative_time(at: str) -> str:
    """A time as people say it, and the exact local time.

    Args:
        at: ISO 8601, UTC, as events have it.

    Returns:
        `2 min ago (14:05:12)`, `today 09:05:12`, `yesterday 14:05:12`, or for any other day
        `2026-11-21 14:05:12`. What is not a time is returned unchanged.
    """
    from pincli.rules.times import moment_of, present

    exact = local_time(at)
    moment, now = moment_of(at), present()
    if moment is None or exact == at:
        return at
    clock = exact.split()[1]
    ago = (now - moment).total_seconds()
    if abs(ago) < _MINUTE:  # a server's clock may be a little ahead
        return f"just now ({clock})"
    if 0 < ago < _HOUR:
        return f"{int(ago // _MINUTE)} min ago ({clock})"
    days = (now.astimezone().date() - moment.astimezone().date()).days
    word = {0: "today", 1: "yesterday"}.get(days) if ago > 0 else None
    return f"{word} {clock}" if word else exact


def local_time(at: str) -> str:
    """The local date and time, for a line that stays on the screen."""
    from pincli.rules.times import moment_of

    moment = moment_of(at)
    try:
        return at if moment is None else f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"
    except (OverflowError, ValueError):  # the years 1 and 9999 have no local time everywhere
        return at
