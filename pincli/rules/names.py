"""Logins and accounts: the one spelling of each, and what looks like another.

A login is what the UsernameCaseMapped profile of PRECIS (RFC 8265) makes of it: case, width
and normal form are mapped, so that every spelling shares one counter. The profile's tables
come with Python's Unicode version; a name that is stored is never judged again.
"""

from __future__ import annotations

import re
import unicodedata

from pincli.errors import MalformedName
from pincli.rules.texts import BLANKS, bounded, must_not_hold

ERASED = "erased-"
"""Only the logins of erased users begin with this."""

_FIRST = frozenset("-#")
"""An option, and a comment in a list of users."""
_IN_NO_NAME = frozenset('?*"<>')
"""In other programs these mean a lost letter, a pattern, or the end of a name."""
_INVISIBLE = "[i\u0131]\u0307|[\u200c\u200d]"
"""What looks like i, or like nothing, and passes PRECIS."""

# Letters of these scripts look like each other: a Cyrillic a among Latin letters is a trap.
_LOOK_ALIKE = frozenset(
    {"LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "CHEROKEE", "COPTIC", "GEORGIAN", "LISU"}
)
_BETWEEN_PARTS = r"[!-/:-@\[-`{-~]+"
"""ASCII punctuation, not digits: else a Cyrillic a before a 1 would be a part of its own."""

_COMMON = "abcdefghijklmnopqrstuvwxyz0123456789._@+-'"
_LONGEST_WITH_SLIPS = 64


def canonical_user(text: str, *, or_erased: bool = False) -> str:
    """The one spelling of a login: `Alice`, ` alice` and `alice` share one counter.

    Args:
        text: As typed.
        or_erased: Whether it may be the name of an erased user.
    """
    what = "user name"
    login = _checked(_mapped(text.strip(), what), what)
    if login.startswith(ERASED) and not or_erased:
        raise MalformedName(what, f"{ERASED} is what the logins of erased users begin with")
    return login


def canonical_account(text: str) -> str:
    """The one spelling of an account name: words as in logins, with single blanks between."""
    what = "account name"
    return _checked(" ".join(_mapped(word, what) for word in re.split(BLANKS, text.strip())), what)


def erased_login(uid: bytes) -> str:
    """The login of a user once they are erased."""
    return ERASED + uid.hex()


def script_of(name: str) -> str:
    """The script of a name's first letter outside ASCII, such as `Cyrillic`; empty without one.

    It shows an agent that a Cyrillic name is not the Latin one that it looks like.
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
    if word.isascii() and word.isprintable() and " " not in word:
        return word.lower()  # what PRECIS makes of it
    for character in word:
        if character.isspace():
            raise MalformedName(what, must_not_hold(character))
    from precis_i18n import get_profile

    try:
        name = get_profile("UsernameCaseMapped").enforce(word)
    except UnicodeEncodeError as error:
        raise MalformedName(what, _objection(error)) from None
    if unseen := re.search(_INVISIBLE, name):
        raise MalformedName(what, must_not_hold(unseen[0][-1]))
    _require_one_script(name, what)
    return name


def _checked(name: str, what: str) -> str:
    """A name in its canonical form, if it may be one."""
    if name[:1] in _FIRST:
        raise MalformedName(what, f"it can't begin with {name[0]}")
    for character in name:
        if character in _IN_NO_NAME:
            raise MalformedName(what, must_not_hold(character))
    return bounded(name, what)


def _require_one_script(word: str, what: str) -> None:
    """Refuse letters that look like those of another script beside them."""
    for part in re.split(_BETWEEN_PARTS, word):
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
    if character in "\u2018\u2019":
        return f"use ' instead of {character}"
    return must_not_hold(character)
