"""Six, then locked. This is the only place that knows the number."""

from __future__ import annotations

ATTEMPTS_ALLOWED = 6
"""Consecutive incorrect attempts after which a PIN is locked. The counter never exceeds it."""


def is_locked(failed_attempts: int) -> bool:
    """Whether a counter of consecutive incorrect attempts means locked."""
    return failed_attempts >= ATTEMPTS_ALLOWED


def attempts_left(failed_attempts: int) -> int:
    """How many more incorrect attempts there are until the PIN is locked; 0 when it is."""
    return max(0, ATTEMPTS_ALLOWED - failed_attempts)


def without_own_charge(failed_attempts: int) -> int:
    """The counter as it would be had the attempt in flight not been charged.

    A bulk reset may have set the counter to 0 while the attempt was in flight; it then
    no longer holds the charge, and stays 0.
    """
    return max(0, failed_attempts - 1)
