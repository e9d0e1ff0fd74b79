"""What a support PIN looks like, which ones are too easy to guess, and how one is made."""

from __future__ import annotations

import re
from itertools import pairwise

from pincli.errors import MalformedPin, Refused, Rule
from pincli.models import User

PIN_LENGTH = 6
LONGEST_RUN = 3
"""At most this many equal digits in a row, and at most this many in sequence."""

GAP = "[\\s\u2010-\u2015-]"
"""What people write between the digits of a PIN: blanks of any kind, and hyphens."""

_WELL_FORMED = re.compile(f"[0-9]{{{PIN_LENGTH}}}")
_REPEAT, _UP, _DOWN = 0, 1, -1


def ungrouped(text: str) -> str:
    """What was typed for a PIN, without the blanks and hyphens between digits: `444 159`."""
    return re.sub(f"(?<=[0-9]){GAP}+(?=[0-9])", "", text)


def require_well_formed(text: str) -> None:
    """Raise MalformedPin unless text is six ASCII digits and nothing else."""
    if _WELL_FORMED.fullmatch(text) is None:
        raise MalformedPin


def broken_rule(pin: str, user: User | None = None) -> Rule | None:
    """The rule that a well-formed PIN breaks, or None if it may be used.

    There is no wrap from 9 to 0: 789012 is fine.

    Args:
        pin: The PIN.
        user: The user who gets it; None for the rules that hold for everybody.
    """
    steps = [int(after) - int(before) for before, after in pairwise(pin)]
    if _has_run(steps, _REPEAT):
        return Rule.REPEATED_DIGITS
    if _has_run(steps, _UP) or _has_run(steps, _DOWN):
        return Rule.DIGIT_SEQUENCE
    names = () if user is None else (user.login, user.email or "", user.account)
    return Rule.OWN_DIGITS if any(pin in ungrouped(name) for name in names) else None


def require_allowed(pin: str) -> None:
    """Raise Refused with the broken rule unless a well-formed PIN may be used."""
    rule = broken_rule(pin)
    if rule is not None:
        raise Refused(rule)


def generate(user: User | None = None) -> str:
    """A new PIN, uniform over all that the rules allow a user: drawn again until one passes."""
    import secrets

    while True:
        pin = f"{secrets.randbelow(10**PIN_LENGTH):0{PIN_LENGTH}d}"
        if broken_rule(pin, user) is None:
            return pin


def _has_run(steps: list[int], step: int) -> bool:
    """Whether more than LONGEST_RUN adjacent digits differ by exactly `step` each."""
    length = 1
    for each in steps:
        length = length + 1 if each == step else 1
        if length > LONGEST_RUN:
            return True
    return False
