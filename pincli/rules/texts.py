"""Free text that people type, its bounds, and what of it is masked; and what agents say."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType

from pincli.errors import MalformedName, MalformedPin
from pincli.rules.pins import GAP, PIN_LENGTH, require_well_formed

LONGEST_NAME = 254
LONGEST_DISPLAY_NAME = 200
LONGEST_REASON = 500
LONGEST_TICKET = 100
LONGEST_SAYING = 300

_UNLOCK = (
    "To unlock it, log in to the portal, User Management, Unlock. Support can't do it for you"
    " over the phone."
)
SAYINGS: Mapping[str, str] = MappingProxyType(
    {
        "verified": "Thank you, that is correct.",
        "incorrect": "That is not the PIN. You can find it in the portal under User Management.",
        "locked": f"The PIN is locked. {_UNLOCK}",
        "just_locked": f"The PIN is now locked. {_UNLOCK}",
        "uncollected": "Please log in to the portal and open your support PIN under User"
        " Management.",
        "inactive": "This login is deactivated; your company's administrator can tell you more.",
        "ineligible": "This login has no support PIN; please call from one that has.",
        "unavailable": "I can't check your PIN at the moment. Please call again later.",
    }
)
"""What an agent says for each verdict and state, unless the deployment has its own text."""

BLANKS = "[ \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+"
"""Blanks of any width, but no line ends."""

# Persian and many emoji need the joiners, which str.isprintable() counts as unprintable.
_JOINERS = frozenset("\u200c\u200d")
_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_FILLERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""They show nothing although they count as letters or symbols."""
_REFUSED = frozenset({"Cc", "Zl", "Zp", "Cs"})
_DROPPED = frozenset({"Cf", "Cn", "Co"})

# Exactly six: a number of seven or more digits can't be a PIN, and stays readable, as a date
# does. \d, not [0-9]: fullwidth digits read just as well.
_TOGETHER = r"(?<!\d)\d{6}(?!\d)"
_IN_HALVES = rf"(?<!\d)\d{{3}}{GAP}{{1,3}}\d{{3}}(?!\d)"
_IN_GROUPS = rf"\d(?:{GAP}{{0,3}}\d){{5,}}"
"""All the groups in a row: those of a longer number too."""

# Where a cell begins, also in a file that separates cells by semicolons, and what a formula
# begins with; East Asian locales read the wide signs alike. An apostrophe makes it text.
_FORMULA = "(^|[;|\t])(?='*\\s*[=+\\-@\t\r＝＋－＠])"  # noqa: RUF001
_ESCAPED = _FORMULA.replace("(?=", "'(?=")


def clean_display_name(text: str) -> str:
    """A display name that shows as what it is.

    Blanks of any kind become one blank. What shows nothing is dropped: invisible characters,
    direction marks, characters that no font has.

    Raises:
        MalformedName: It is too long, or holds a control character, a line separator or an
            direction override.
    """
    what = "display name"
    if not text.isascii() or not text.isprintable():
        text = "".join(_shown(character, what) for character in text.strip())
    return bounded(" ".join(text.split()), what, LONGEST_DISPLAY_NAME, least=0)


def clean_email(text: str) -> str:
    """An e-mail address to find somebody by; may be empty."""
    what = "e-mail address"
    text = text.strip()
    if text and ("@" not in text or not all_printable(text) or " " in text):
        raise MalformedName(what, "it must be printable, with an @ and without blanks")
    return bounded(text, what, least=0)


def clean_reason(text: str) -> str:
    """A reason as one printable line, with what looks like a PIN masked."""
    return mask_pins(_one_line(text, "reason", LONGEST_REASON))


def clean_ticket(text: str) -> str:
    """A ticket as one printable line; `recorded_ticket` masks what may be a PIN in it."""
    return _one_line(text, "ticket", LONGEST_TICKET)


def mask_pins(text: str) -> str:
    """The text with every run of exactly six digits masked, also in groups: `444 159`.

    People type a PIN where the user name or the ticket belongs. It must not be shown or kept.
    """
    for shape in (_TOGETHER, _IN_HALVES):
        text = re.sub(shape, _stars, text)
    return re.sub(_IN_GROUPS, lambda run: _stars(run) if _is_six(run[0]) else run[0], text)


def all_printable(text: str) -> bool:
    """Whether every character of a text may reach a terminal as it is."""
    return (text.isascii() and text.isprintable()) or all(map(is_printable, text))


def is_printable(character: str) -> bool:
    """Whether a character may reach a terminal as it is: no control, and nothing that hides."""
    return character in _JOINERS or (character.isprintable() and character not in _FILLERS)


def recorded_ticket(ticket: str, answer: str | None, allowed: re.Pattern[str] | None) -> str:
    """A cleaned ticket as it may be recorded and shown.

    Args:
        ticket: With an answer of six digits, only those digits are masked in it. Without one,
            any six digits could be the PIN.
        answer: The PIN that was given with it.
        allowed: What the tickets of this site look like.
    """
    try:
        require_well_formed(answer or "")
    except MalformedPin:
        is_ticket = allowed is not None and allowed.fullmatch(ticket.removeprefix("#"))
        return ticket if is_ticket else mask_pins(ticket)
    digits = "".join(str(unicodedata.decimal(each, each)) for each in ticket)
    for found in re.finditer(f"{GAP}{{0,3}}".join(answer or ""), digits):
        ticket = ticket[: found.start()] + "*" * len(found[0]) + ticket[found.end() :]
    return ticket


def escape_formula(text: str) -> str:
    """The text as a field of CSV that no spreadsheet runs as a formula."""
    return re.sub(_FORMULA, "\\1'", text)


def unescape_formula(field: str) -> str:
    """The text that `escape_formula` escaped; any other text as it is."""
    return re.sub(_ESCAPED, "\\1", field)


def bounded(text: str, what: str, longest: int = LONGEST_NAME, *, least: int = 1) -> str:
    """The text, if it has that many characters."""
    if not least <= len(text) <= longest:
        raise MalformedName(what, f"it must have {least} to {longest} characters")
    return text


def must_not_hold(character: str) -> str:
    """The broken rule, for a character that a text must not hold."""
    return f"it can't hold {_spoken(character)}"


def _shown(character: str, what: str) -> str:
    """What becomes of a character in a display name."""
    category = unicodedata.category(character)
    if category in _REFUSED or character in _OVERRIDES:
        raise MalformedName(what, must_not_hold(character))
    if category == "Zs":
        return " "
    if character in _FILLERS or (category in _DROPPED and character not in _JOINERS):
        return ""
    return character


def _spoken(character: str) -> str:
    """A character as it can be shown: outside ASCII with its number, or by that alone."""
    if re.fullmatch(BLANKS, character):
        return "blanks"
    number = f"U+{ord(character):04X}"
    if character.isascii() and character.isprintable():
        return character
    return f"{character} ({number})" if character.isalpha() else number


def _stars(found: re.Match[str]) -> str:
    return "*" * len(found[0])


def _is_six(run: str) -> bool:
    return sum(map(str.isdecimal, run)) == PIN_LENGTH


def _one_line(text: str, what: str, longest: int) -> str:
    text = text.strip()
    if len(text) > longest or not all_printable(text):
        raise MalformedName(what, f"it must be one printable line of at most {longest} characters")
    if not text:
        raise MalformedName(what, "it must not be empty")
    return text
