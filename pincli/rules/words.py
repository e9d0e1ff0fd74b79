"""The words that people are found by, folded, so that spelling matters less.

A store's index and a search must both fold words by this module.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence
from typing import NamedTuple

from pincli.rules.names import ERASED

_LONGEST = 64
"""Characters of a word: a server's index takes no long ones."""
_WORDS_AT_MOST = 20
"""Words of a search: an index takes no deep expression."""

_ASCII_WORD = re.compile(r"[a-z0-9]+")
_APOSTROPHES = re.compile("['`\u00b4\u02bc\u2018\u2019\u2032]")
_PLAIN = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "\u0131": "i"}
    | {"æ": "ae", "œ": "oe", "þ": "th"}
)
_WRITTEN_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"})


class Sought(NamedTuple):
    """A word of a search.

    Attributes:
        spellings: `müller` is `muller` or `mueller` among a user's words.
        whole: Whether it must be a whole word; else it may be the beginning of one.
    """

    spellings: tuple[str, ...]
    whole: bool = False


def words_of(login: str, display_name: str, email: str | None, account: str) -> list[str]:
    """All words that a user is found by, in all their spellings, each once.

    O'Brien is `o`, `brien` and `obrien`. An erased user is not found.
    """
    if login.startswith(ERASED):
        return []
    text = f"{login} {display_name} {email or ''} {account}"
    found = [spelling for spellings in _words(text) for spelling in spellings]
    if _APOSTROPHES.search(text):
        joined = _words(_APOSTROPHES.sub("", text))
        found += [spelling for spellings in joined for spelling in spellings]
    return list(dict.fromkeys(found))


def sought_in(text: str, *, whole: bool = False) -> list[Sought]:
    """The first twenty words of a search, each once."""
    words = dict.fromkeys(_words(_APOSTROPHES.sub("", text)))
    return [Sought(spellings, whole) for spellings in words][:_WORDS_AT_MOST]


def whole_words(sought: Sequence[Sought], words: Collection[str]) -> int | None:
    """How many words of a search are whole words of somebody.

    None if one of them doesn't even begin a word of theirs: they are not found.
    """
    whole = 0
    for spellings, must_be_whole in sought:
        if any(spelling in words for spelling in spellings):
            whole += 1
        elif must_be_whole or not any(word.startswith(spellings) for word in words):
            return None
    return whole


def _words(text: str) -> list[tuple[str, ...]]:
    """The words of a text in order, each in its spellings: the plain one first."""
    if text.isascii():
        return [(word[:_LONGEST],) for word in _ASCII_WORD.findall(text.lower())]
    text = unicodedata.normalize("NFC", text.casefold())
    words = "".join(each if _is_part(each) else " " for each in text).split()
    both = ((_folded(word), _folded(word.translate(_WRITTEN_OUT))) for word in words)
    return [tuple(dict.fromkeys(spellings)) for spellings in both if all(spellings)]


def _folded(word: str) -> str:
    """A word without its marks, in plain letters if possible."""
    letters = unicodedata.normalize("NFKD", word.translate(_PLAIN))
    # Vowel signs of Indic scripts are marks too, but none that combine: they stay.
    plain = (each for each in letters if not unicodedata.combining(each) and _is_part(each))
    return "".join(plain)[:_LONGEST]


def _is_part(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character)[0] == "M"
