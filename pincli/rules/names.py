"""Names and free text that people type: their canonical form, their bounds, what is masked."""

from __future__ import annotations

import re

from pincli.errors import MalformedName

LONGEST_NAME = 64
LONGEST_DISPLAY_NAME = 200
LONGEST_REASON = 500
LONGEST_TICKET = 100

_CANONICAL = re.compile(rf"[a-z0-9][a-z0-9._@+-]{{0,{LONGEST_NAME - 1}}}")
_NAME_RULE = f"letters, digits and . _ @ + - only, {LONGEST_NAME} at most, a letter or digit first"
_NAME_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789._@+-"

# Persian and many emoji need the joiners, which str.isprintable() counts as unprintable.
_JOINERS = frozenset("\u200c\u200d")

# Exactly six: a ticket number of seven or more digits can't be a PIN, and stays readable.
# \d, not [0-9]: fullwidth digits read just as well.
_PIN_LOOKALIKE = re.compile(r"(?<!\d)\d{6}(?!\d)")
_MASK = "******"


def canonical_user(text: str) -> str:
    """The one spelling of a user name: `Alice`, ` alice` and `alice` share one counter.

    Raises:
        MalformedName: It breaks the rule for names.
    """
    return _canonical(text, "user name")


def canonical_account(text: str) -> str:
    """The one spelling of an account name; the rule is that of user names.

    Raises:
        MalformedName: It breaks the rule for names.
    """
    return _canonical(text, "account name")


def clean_display_name(text: str) -> str:
    """A display name without blanks around it: any printable Unicode.

    Raises:
        MalformedName: It is too long or holds a control character.
    """
    return _clean(text, "display name", LONGEST_DISPLAY_NAME)


def clean_reason(text: str) -> str:
    """A reason fit for the audit trail: one printable line, what looks like a PIN masked.

    Raises:
        MalformedName: It is empty, too long or holds a control character.
    """
    return _clean_and_mask(text, "reason", LONGEST_REASON)


def clean_ticket(text: str) -> str:
    """A ticket fit for the audit trail: one printable line, what looks like a PIN masked.

    Raises:
        MalformedName: It is empty, too long or holds a control character.
    """
    return _clean_and_mask(text, "ticket", LONGEST_TICKET)


def mask_pins(text: str) -> str:
    """The text with every run of exactly six digits masked.

    People type a PIN where the user name or the ticket belongs; it must not be shown or kept.
    """
    return _PIN_LOOKALIKE.sub(_MASK, text)


def all_printable(text: str) -> bool:
    """Whether every character of a text may reach a terminal as it is."""
    return text.isprintable() or all(is_printable(character) for character in text)


def is_printable(character: str) -> bool:
    """Whether a character may reach a terminal as it is: no control, no direction override."""
    return character.isprintable() or character in _JOINERS


def one_slip_away(name: str) -> set[str]:
    """Every name that one missing, extra, wrong or swapped character leads to.

    Looking these up by index is the same work at a thousand users and at a million.
    """
    parts = [(name[:i], name[i:]) for i in range(len(name) + 1)]
    missing = {a + b[1:] for a, b in parts if b}
    swapped = {a + b[1] + b[0] + b[2:] for a, b in parts if len(b) > 1}
    wrong = {a + c + b[1:] for a, b in parts if b for c in _NAME_ALPHABET}
    extra = {a + c + b for a, b in parts for c in _NAME_ALPHABET}
    return (missing | swapped | wrong | extra) - {name, ""}


def _canonical(text: str, what: str) -> str:
    name = text.strip().casefold()
    if _CANONICAL.fullmatch(name) is None:
        raise MalformedName(what, _NAME_RULE)
    return name


def _clean(text: str, what: str, longest: int) -> str:
    text = text.strip()
    if len(text) > longest or not all_printable(text):
        raise MalformedName(what, f"one line of printable characters, {longest} at most")
    return text


def _clean_and_mask(text: str, what: str, longest: int) -> str:
    text = _clean(text, what, longest)
    if not text:
        raise MalformedName(what, "it must not be empty")
    return mask_pins(text)
