"""Names and free text that people type: their canonical form, their bounds, what is masked.

A login is what the UsernameCaseMapped profile of PRECIS (RFC 8265) makes of it: case, width
and normal form are mapped, so that every spelling shares one counter. The profile's tables
come with Python's Unicode version; a name that is stored is never judged again.
"""

from __future__ import annotations

import re
import unicodedata

from pincli.errors import MalformedName
from pincli.rules.pins import GAP, PIN_LENGTH

LONGEST_NAME = 254
LONGEST_DISPLAY_NAME = 200
LONGEST_REASON = 500
LONGEST_TICKET = 100
ERASED = "erased-"
"""What the login of an erased user begins with; nobody else's does."""

_ASCII = re.compile(r"[!-~]*")
_BLANKS = re.compile("[ \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+")
_FIRST = frozenset("-#")
"""An option, and a comment in a list of users."""
_NOWHERE = re.compile('[?*"<>]')
"""What stands for a lost letter, a pattern, or the end of a name in other programs."""
_NOT_SEEN = re.compile("[i\u0131]\u0307|[\u200c\u200d]")
"""What PRECIS lets through although it looks like i, or like nothing."""

# Letters of these scripts look like each other: a Cyrillic a among Latin letters is a trap.
_LOOK_ALIKE = frozenset(
    {"LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "CHEROKEE", "COPTIC", "GEORGIAN", "LISU"}
)
_BETWEEN_PARTS = re.compile(r"[!-/:-@\[-`{-~]+")
"""ASCII punctuation. Digits don't part: or else a Cyrillic a before a 1 would be a part."""

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

_COMMON = "abcdefghijklmnopqrstuvwxyz0123456789._@+-'"
_LONGEST_WITH_SLIPS = 64


def canonical_user(text: str, *, or_erased: bool = False) -> str:
    """The one spelling of a login: `Alice`, ` alice` and `alice` share one counter.

    Args:
        text: As it was typed.
        or_erased: Whether it may be the name of an erased user.

    Raises:
        MalformedName: It breaks the rule for logins.
    """
    what = "user name"
    login = _checked(_mapped(text.strip(), what), what)
    if login.startswith(ERASED) and not or_erased:
        raise MalformedName(what, f"{ERASED} is what the logins of erased users begin with")
    return login


def canonical_account(text: str) -> str:
    """The one spelling of an account name: words as in logins, with single blanks between.

    Raises:
        MalformedName: It breaks the rule for accounts.
    """
    what = "account name"
    return _checked(" ".join(_mapped(word, what) for word in _BLANKS.split(text.strip())), what)


def erased_login(uid: bytes) -> str:
    """The login of a user once they are erased."""
    return ERASED + uid.hex()


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


def clean_email(text: str) -> str:
    """An e-mail address to find somebody by; may be empty.

    Raises:
        MalformedName: It can't be one.
    """
    what = "e-mail address"
    text = text.strip()
    if text and ("@" not in text or not all_printable(text) or " " in text):
        raise MalformedName(what, "it must be printable, with an @ and without blanks")
    return _bounded(text, what, least=0)


def clean_reason(text: str) -> str:
    """A reason fit for the audit trail: one printable line, what looks like a PIN masked.

    Raises:
        MalformedName: It is empty, too long or holds a control character.
    """
    return mask_pins(_one_line(text, "reason", LONGEST_REASON))


def clean_ticket(text: str) -> str:
    """A ticket as one printable line; rules/tickets.py says what of it is kept.

    Raises:
        MalformedName: It is empty, too long or holds a control character.
    """
    return _one_line(text, "ticket", LONGEST_TICKET)


def mask_pins(text: str) -> str:
    """The text with every run of exactly six digits masked, also in groups: `444 159`.

    People type a PIN where the user name or the ticket belongs; it must not be shown or kept.
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


def script_of(name: str) -> str:
    """The script of a name's first letter outside ASCII, as `Cyrillic`; empty if there is none.

    An agent sees with it that a Cyrillic name is not the Latin one that it looks like.
    """
    for letter in name:
        if letter.isalpha() and not letter.isascii():
            script = _script(letter)
            return "Han" if script == "CJK" else script.title()
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


def _mapped(word: str, what: str) -> str:
    """One word in its canonical form."""
    if _ASCII.fullmatch(word):
        return word.lower()  # what PRECIS makes of printable ASCII
    for character in word:
        if character.isspace():
            raise MalformedName(what, _without(character))
    from precis_i18n import get_profile

    try:
        name = get_profile("UsernameCaseMapped").enforce(word)
    except UnicodeEncodeError as error:
        raise MalformedName(what, _objection(error)) from None
    if unseen := _NOT_SEEN.search(name):
        raise MalformedName(what, _without(unseen[0][-1]))
    _require_one_script(name, what)
    return name


def _checked(name: str, what: str) -> str:
    """A name in its canonical form, if it may be one."""
    if name[:1] in _FIRST:
        raise MalformedName(what, f"it can't begin with {name[0]}")
    if found := _NOWHERE.search(name):
        raise MalformedName(what, _without(found[0]))
    return _bounded(name, what)


def _require_one_script(word: str, what: str) -> None:
    """Refuse letters that look like those of another script beside them."""
    for part in _BETWEEN_PARTS.split(word):
        scripts = {_script(letter) for letter in part if letter.isalpha()} & _LOOK_ALIKE
        if len(scripts) > 1:
            both = " and ".join(sorted(script.title() for script in scripts))
            raise MalformedName(what, f"it mixes {both} letters")


def _script(letter: str) -> str:
    return unicodedata.name(letter, "").partition(" ")[0]


def _objection(error: UnicodeEncodeError) -> str:
    """What PRECIS has against a name."""
    if error.reason.endswith("bidi_rule"):
        return "it mixes letters that run to the left with others"
    if error.reason.endswith("not_idempotent"):
        return "its letters have another form in lower case"
    character = error.object[error.start]
    return f"use ' instead of {character}" if character in "\u2018\u2019" else _without(character)


def _without(character: str) -> str:
    return f"it can't hold {_spoken(character)}"


def _shown(character: str, what: str) -> str:
    """What becomes of a character in a display name."""
    category = unicodedata.category(character)
    if category in _REFUSED or character in _OVERRIDES:
        raise MalformedName(what, _without(character))
    if category == "Zs":
        return " "
    if character in _FILLERS or (category in _DROPPED and character not in _JOINERS):
        return ""
    return character


def _spoken(character: str) -> str:
    """A character as it can be shown: outside ASCII with its number, or by that alone."""
    if _BLANKS.fullmatch(character):
        return "blanks"
    number = f"U+{ord(character):04X}"
    if character.isascii() and character.isprintable():
        return character
    return f"{character} ({number})" if character.isalpha() else number


def _bounded(text: str, what: str, longest: int = LONGEST_NAME, *, least: int = 1) -> str:
    if not least <= len(text) <= longest:
        raise MalformedName(what, f"it must have {least} to {longest} characters")
    return text


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
