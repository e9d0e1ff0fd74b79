"""The exit codes: the one table. Scripts rely on every number."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ends. Where several apply, the order is that of DESIGN.md, section 7."""

    DONE = 0
    """Done; for verify: verified."""
    BUG = 1
    """A bug in pincli."""
    USAGE = 2
    """Wrong usage; malformed PIN; nothing to prompt on."""
    INCORRECT = 3
    """Not verified: the PIN is incorrect; the sixth too."""
    LOCKED = 4
    """Not verified: locked; with --exit-code: found some."""
    NOTHING_TO_VERIFY = 5
    """Not verified: inactive, ineligible or uncollected."""
    UNKNOWN = 6
    """Unknown user or account."""
    REFUSED = 7
    """Refused by a rule, a role, or the person asked to confirm."""
    UNAVAILABLE = 8
    """Store or keys unavailable; nothing disclosed."""
    INTERRUPTED = 130
    """Interrupted."""


EXIT_OF = {
    "internal": ExitCode.BUG,
    "usage": ExitCode.USAGE,
    "malformed_pin": ExitCode.USAGE,
    "incorrect": ExitCode.INCORRECT,
    "locked": ExitCode.LOCKED,
    "inactive": ExitCode.NOTHING_TO_VERIFY,
    "ineligible": ExitCode.NOTHING_TO_VERIFY,
    "uncollected": ExitCode.NOTHING_TO_VERIFY,
    "unknown_user": ExitCode.UNKNOWN,
    "unknown_account": ExitCode.UNKNOWN,
    "refused": ExitCode.REFUSED,
    "unavailable": ExitCode.UNAVAILABLE,
    "interrupted": ExitCode.INTERRUPTED,
}
"""The exit code for each error code."""
