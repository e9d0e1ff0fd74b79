"""Words: what folds alike is one word, however a name is written."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pincli.rules.words import sought_in, whole_words, words_of

WORDS = {
    "alice.smith+x@acme.example": "alice smith x acme example",
    "CORP\\Bob_Smith": "corp bob smith",
    "O'Brien": "o brien obrien",
    "O\u2019Brien": "o brien obrien",
    "J\u00fcrgen M\u00fcller": "jurgen juergen muller mueller",
    "Strau\u00df": "strauss",
    "\u0141ukasz S\u00f8rensen \u00c5se": "lukasz sorensen soerensen ase aase",
    "\uff21\uff4c\uff49\uff43\uff45": "alice",
    "\u7530\u4e2d \u592a\u90ce": "\u7530\u4e2d \u592a\u90ce",
    "\u0418\u0432\u0430\u043d \u0401\u043b\u043a\u0438\u043d": "\u0438\u0432\u0430\u043d "
    "\u0435\u043b\u043a\u0438\u043d",
    "\u0939\u093f\u0928\u094d\u0926\u0940": "\u0939\u093f\u0928\u0926\u0940",
    "--- @ ...": "",
    "x" * 300: "x" * 64,
}
FITS = {
    ("mueller", "M\u00fcller"): 1,
    ("m\u00fcller", "Mueller"): 1,
    ("muller", "M\u00fcller"): 1,
    ("o'brien", "O\u2019Brien"): 1,
    ("brien", "O'Brien"): 1,
    ("SIOBHAN", "Siobh\u00e1n"): 1,
    ("al smith", "Alice Smith"): 1,
    ("a s", "Alice Smith"): 0,
    ("alice smyth", "Alice Smith"): None,
    ("lice", "Alice"): None,
    ("\u7530", "\u7530\u4e2d"): 0,
}


@pytest.mark.parametrize("text", WORDS)
def test_words_are_folded(text: str) -> None:
    """Case, marks, width and spelling fold; a decomposed text has the same words."""
    for written in (text, unicodedata.normalize("NFD", text)):
        assert words_of("", written, None, "") == WORDS[text].split()


@pytest.mark.parametrize("pair", FITS)
def test_each_word_begins_one(pair: tuple[str, str]) -> None:
    """Every word of a search begins a word of the name; whole words are counted."""
    typed, name = pair
    assert whole_words(sought_in(typed), words_of("", name, None, "")) == FITS[pair]


def test_a_whole_word_is_no_mere_beginning() -> None:
    """If whole words are asked for, a beginning does not fit."""
    words = words_of("alice", "", "a@x.example", "acme gmbh")
    assert words == ["alice", "a", "x", "example", "acme", "gmbh"]
    assert whole_words(sought_in("acme gmbh", whole=True), words) == 2
    assert whole_words(sought_in("acm", whole=True), words) is None


@given(text=st.text(max_size=70))
@example("\ufdfa \u00bd \u0130 o'\u0308 x\u0301\u2019y")
def test_every_name_finds_itself(text: str) -> None:
    """All its words are whole words; no quote or blank gets into an index's query."""
    sought, words = sought_in(text), words_of("", text, None, "")
    assert whole_words(sought, words) == len(sought)
    for word in (*words, *(spelling for each in sought for spelling in each.spellings)):
        assert 0 < len(word) <= 64
        assert all(unicodedata.category(letter)[0] in "LNM" for letter in word)


def test_an_erased_user_has_no_words() -> None:
    """So no search finds them."""
    assert words_of("erased-00ff", "", None, "acme") == []


def test_a_search_has_twenty_words_at_most() -> None:
    """Each word counts once."""
    assert len(sought_in("a " * 30)) == 1
    assert len(sought_in(" ".join(map(str, range(30))))) == 20
