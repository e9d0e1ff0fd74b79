"""Names and free text that people type: their canonical form, their bounds, what is masked.

A login is what the UsernameCaseMapped profile of PRECIS (RFC 8265) makes of it: case, width
and normal form are mapped, so that every spelling shares one counter. The profile's tables
come with Python's Unicode version; a name that is stored is never judged again.
"""

from __future__ import annotations

import re
import unicodedata

from pincli.errors import MalformedName

LONGEST_NAME = 254
LONGEST_DISPLAY_NAME = 200
LONGEST_REASON = 500
LONGEST_TICKET = 100
ERASED = "erased-"
"""What the login of an erased user begins with; nobody else's does."""

_ASCII = re.compile(r"[!-~]*")
_FIRST = frozenset("-#")
"""An option, and a comment in a list of users."""
_NOWHERE = frozenset('?*"<>')
"""What stands for a lost letter, a pattern, or the end of a name in other programs."""
_DOTTED_I = "i\u0307"
"""What a capital I with a dot becomes: it looks like i."""

# Letters of these scripts look like each other: a Cyrillic a among Latin letters is a trap.
_LOOK_ALIKE = frozenset(
    {"LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "CHEROKEE", "COPTIC", "GEORGIAN", "LISU"}
)
_BETWEEN_PARTS = re.compile(r"[!-/:-@\[-`{-~ ]+")
"""ASCII punctuation. Digits don't part: or else a Cyrillic a before a 1 would be a part."""

# Persian and many emoji need the joiners, which str.isprintable() counts as unprintable.
_JOINERS = frozenset("\u200c\u200d")
_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_FILLERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""They show nothing although they count as letters or symbols."""
_REFUSED = frozenset({"Cc", "Zl", "Zp", "Cs"})
_DROPPED = frozenset({"Cf", "Cn", "Co"})

# Exactly six: a ticket number of seven or more digits can't be a PIN, and stays readable.
# \d, not [0-9]: fullwidth digits read just as well.
_PIN_LOOKALIKE = re.compile(r"(?<!\d)\d{6}(?!\d)")
_MASK = "******"

_COMMON = "abcdefghijklmnopqrstuvwxyz0123456789._@+-'"
_LONGEST_WITH_SLIPS = 64


def canonical_user(text: str) -> str:
    """The one spelling of a login: `Alice`, ` alice` and `alice` share one counter.

    Raises:
        MalformedName: It breaks the rule for names.
    """
    return _bounded(_mapped(text.strip(), "user name"), "user name")


def canonical_account(text: str) -> str:
    """The one spelling of an account name: words under the rule of logins, single blanks between.

    Raises:
        MalformedName: It breaks the rule for names.
    """
    what = "account name"
    return _bounded(" ".join(_mapped(word, what) for word in text.split()), what)


def clean_display_name(text: str) -> str:
    """A display name that nothing printable breaks, and that shows as what it is.

    Blanks of any kind become one blank. What shows nothing is dropped: invisible marks, marks
    of direction, characters that no font has.

    Raises:
        MalformedName: It is too long, or holds a control character, a line separator or an
            override of direction.
    """
    what = "display name"
    if not text.isascii() or not text.isprintable():
        text = "".join(_shown(character, what) for character in text.strip())
    return _bounded(" ".join(text.split()), what, LONGEST_DISPLAY_NAME, least=0)


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


def script_of(name: str) -> str:
    """The script of a name's first letter outside ASCII, as `Cyrillic`; empty if there is none.

    An agent sees with it that a Cyrillic name is not the Latin one that it looks like.
    """
    for character in name:
        if not character.isascii() and character.isalpha():
            return unicodedata.name(character, "").partition(" ")[0].title()
    return ""


def one_slip_away(name: str) -> set[str]:
    """Every name that one missing, extra, wrong or swapped character leads to.

    Looking these up by index is the same work at a thousand users and at a million. Nobody
    types a long name, so it gets no wrong and no extra characters.
    """
    alphabet = sorted({*_COMMON, *name}) if len(name) <= _LONGEST_WITH_SLIPS else []
    parts = [(name[:i], name[i:]) for i in range(len(name) + 1)]
    missing = {a + b[1:] for a, b in parts if b}
    swapped = {a + b[1] + b[0] + b[2:] for a, b in parts if len(b) > 1}
    wrong = {a + c + b[1:] for a, b in parts if b for c in alphabet}
    extra = {a + c + b for a, b in parts for c in alphabet}
    return (missing | swapped | wrong | extra) - {name, ""}


def _mapped(text: str, what: str) -> str:
    """One word under the rule, whatever its length."""
    if _ASCII.fullmatch(text):
        name = text.lower()  # what PRECIS makes of printable ASCII
    else:
        name = _by_precis(text, what)
        _require_one_script(name, what)
    if name[:1] in _FIRST:
        raise MalformedName(what, f"it can't begin with {name[0]}")
    for character in name:
        if character in _NOWHERE:
            raise MalformedName(what, f"it can't hold {character}")
    if name.startswith(ERASED):
        raise MalformedName(what, f"names that begin with {ERASED} are those of erased users")
    return name


def _by_precis(text: str, what: str) -> str:
    from precis_i18n import get_profile

    if any(character.isspace() for character in text):
        raise MalformedName(what, "no blanks inside it")
    profile = get_profile("UsernameCaseMapped")
    try:
        name = profile.enforce(text)
        stable = profile.enforce(name) == name
    except UnicodeEncodeError as error:
        raise MalformedName(what, _without(text[error.start : error.start + 1])) from None
    if not stable or _DOTTED_I in name:
        raise MalformedName(what, "letters and digits that keep their form, and punctuation")
    return name


def _require_one_script(name: str, what: str) -> None:
    """Refuse letters that look like those of another script beside them."""
    for part in _BETWEEN_PARTS.split(name):
        scripts = {
            unicodedata.name(character, "").partition(" ")[0]
            for character in part
            if character.isalpha()
        } & _LOOK_ALIKE
        if len(scripts) > 1:
            both = " and ".join(sorted(script.title() for script in scripts))
            raise MalformedName(what, f"letters of one script in a row; this mixes {both}")


def _without(character: str) -> str:
    if character in "\u2018\u2019\u02bc":
        return "the plain apostrophe ' in place of a curled one"
    return f"{_spoken(character)} can't be in it"


def _shown(character: str, what: str) -> str:
    """What becomes of a character in a display name."""
    category = unicodedata.category(character)
    if category in _REFUSED or character in _OVERRIDES:
        raise MalformedName(what, f"one line of printable characters; {_spoken(character)} is none")
    if category == "Zs":
        return " "
    if character in _FILLERS or (category in _DROPPED and character not in _JOINERS):
        return ""
    return character


def _spoken(character: str) -> str:
    """A character that can't be printed, by its number."""
    return f"U+{ord(character):04X}"


def _bounded(text: str, what: str, longest: int = LONGEST_NAME, *, least: int = 1) -> str:
    if not least <= len(text) <= longest:
        raise MalformedName(what, f"{least} to {longest} characters")
    return text


def _clean_and_mask(text: str, what: str, longest: int) -> str:
    text = text.strip()
    if len(text) > longest or not all_printable(text):
        raise MalformedName(what, f"one line of printable characters, {longest} at most")
    if not text:
        raise MalformedName(what, "it must not be empty")
    return mask_pins(text)
