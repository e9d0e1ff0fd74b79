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

_BROKEN_BY = {0: Rule.REPEATED_DIGITS, 1: Rule.DIGIT_SEQUENCE, -1: Rule.DIGIT_SEQUENCE}
"""The rule that a run of digits breaks, by the step from each to the next."""


def ungrouped(text: str) -> str:
    """A typed PIN without the blanks and hyphens between its digits: `444 159`."""
    return re.sub(f"(?<=[0-9]){GAP}+(?=[0-9])", "", text)


def require_well_formed(text: str) -> None:
    """Raise MalformedPin unless text is six ASCII digits and nothing else."""
    if not (len(text) == PIN_LENGTH and text.isascii() and text.isdigit()):
        raise MalformedPin


def broken_rule(pin: str, user: User | None = None) -> Rule | None:
    """The rule that a well-formed PIN breaks; None if this user, or anybody, may use it.

    There is no wrap from 9 to 0: 789012 is fine.
    """
    run, last = 1, None
    for before, digit in pairwise(pin.encode()):
        step = digit - before
        run = run + 1 if step == last else 2
        last = step
        if run > LONGEST_RUN and step in _BROKEN_BY:
            return _BROKEN_BY[step]
    names = () if user is None else (user.login, user.email or "", user.account)
    return Rule.OWN_DIGITS if any(pin in ungrouped(name) for name in names) else None


def require_allowed(pin: str) -> None:
    """Raise Refused with the broken rule unless a well-formed PIN may be used."""
    rule = broken_rule(pin)
    if rule is not None:
        raise Refused(rule)


def generate(user: User | None = None) -> str:
    """A new PIN, uniform over those that the rules allow: drawn until one passes."""
    import secrets

    while True:
        pin = f"{secrets.randbelow(10**PIN_LENGTH):0{PIN_LENGTH}d}"
        if broken_rule(pin, user) is None:
            return pin
