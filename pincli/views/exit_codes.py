"""The exit codes: the one table. Scripts rely on every number."""

from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ends.

    Where several apply, it is the first of 2 (usage), 8, 7 (role), 6, 4 or 5, 2 (malformed PIN),
    7 (rule), 3.

    Attributes:
        meaning: What it means; the help, the man page and the README use the same words.
    """

    meaning: str

    def __new__(cls, number: int, meaning: str) -> "ExitCode":
        """Make a member from its number and its meaning."""
        code = int.__new__(cls, number)
        code._value_ = number
        code.meaning = meaning
        return code

    DONE = 0, "done; for verify: verified"
    BUG = 1, "a bug in pincli"
    USAGE = 2, "wrong usage; malformed PIN; nothing to prompt on"
    INCORRECT = (3, 'not verified: the PIN is incorrect (the sixth too, with "state": "locked")')
    LOCKED = 4, "not verified: locked; with --exit-code: found some"
    NOTHING_TO_VERIFY = (5, "not verified: nothing to verify (inactive, ineligible, uncollected)")
    UNKNOWN = 6, "unknown or ambiguous user or account"
    REFUSED = 7, "refused by a rule, a role, or the person asked to confirm"
    UNAVAILABLE = 8, "store or keys unavailable or not to be trusted; nothing disclosed"
    INTERRUPTED = 130, "interrupted"

    @property
    def short(self) -> str:
        """The meaning in one to three words."""
        return self.name.lower().replace("_", " ")


OF_ANY_COMMAND = frozenset(
    {ExitCode.DONE, ExitCode.BUG, ExitCode.USAGE, ExitCode.UNAVAILABLE, ExitCode.INTERRUPTED}
)
"""Every command can end with these; UNAVAILABLE if the answer can't be written."""

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
    "ambiguous_user": ExitCode.UNKNOWN,
    "refused": ExitCode.REFUSED,
    "unavailable": ExitCode.UNAVAILABLE,
    "rolled_back": ExitCode.UNAVAILABLE,
    "tampered": ExitCode.UNAVAILABLE,
    "interrupted": ExitCode.INTERRUPTED,
}
"""The exit code for each error code."""
