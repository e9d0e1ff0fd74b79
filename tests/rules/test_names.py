"""User and account names: one spelling each, so that every spelling shares one counter."""

from __future__ import annotations

import string
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pincli.errors import MalformedName
from pincli.rules.names import canonical_account, canonical_user

FIRST = string.ascii_lowercase + string.digits
REST = FIRST + "._@+-"

both = pytest.mark.parametrize("canonical", [canonical_user, canonical_account])
names = st.builds(
    str.__add__, st.sampled_from(FIRST), st.text(alphabet=REST, min_size=0, max_size=63)
)


@both
@pytest.mark.parametrize(
    "text", ["alice", "Alice", " alice", "ALICE ", "\talice\n", "aLiCe", "\u00a0alice\u3000"]
)
def test_one_person_has_one_name(canonical: Callable[[str], str], text: str) -> None:
    """Case and blanks around it make no other user, and so no other counter."""
    assert canonical(text) == "alice"


@both
@pytest.mark.parametrize(
    ("text", "name"), [("Stra\u00dfe", "strasse"), ("\u017fam", "sam"), ("\u212aim", "kim")]
)
def test_letters_that_fold_to_ascii_are_folded(
    canonical: Callable[[str], str], text: str, name: str
) -> None:
    """Casefold, not just lower: nothing that folds to a name is another name."""
    assert canonical(text) == name


@both
@pytest.mark.parametrize(
    "text", ["a", "7", "a.b_c@d+e-f", "0" * 64, "z" * 64, "user@example.com", "123456"]
)
def test_names_within_the_rule_are_kept(canonical: Callable[[str], str], text: str) -> None:
    """One to 64 of the allowed characters, a letter or digit first, stay as they are."""
    assert canonical(text) == text


@both
@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "a" * 65,
        ".alice",
        "_alice",
        "@alice",
        "+alice",
        "-alice",
        "--json",
        "al ice",
        "al\tice",
        "alice\nbob",
        "alice\x00",
        "al/ice",
        "al\\ice",
        "al'ice",
        "al;ice",
        "al%ice",
        "al*ice",
        "[red]",
        "al\x1b[31mice",
        "\u0430lice",  # Cyrillic a
        "alice\u0301",
        "al\u200dice",
        "\u202ealice",
        "alice\udc80",
        "\uff11234",
    ],
)
def test_names_outside_the_rule_are_refused(canonical: Callable[[str], str], text: str) -> None:
    """Anything else is malformed, and the error repeats nothing of what was typed."""
    with pytest.raises(MalformedName) as refusal:
        canonical(text)
    assert not text.strip() or text not in str(refusal.value)


@both
@given(name=names)
def test_every_name_within_the_rule_is_its_own_canonical_form(
    canonical: Callable[[str], str], name: str
) -> None:
    """A canonical name is kept, however it is cased or padded."""
    assert canonical(name) == name
    assert canonical(f" {name.upper()}\n") == name


@both
@given(text=st.text(max_size=70))
@example("\u212aelvin")  # the Kelvin sign folds to k
@example("stra\u00dfe")
@example("\u0130stanbul")
def test_whatever_passes_is_canonical_for_good(canonical: Callable[[str], str], text: str) -> None:
    """A name that is let in is ASCII, within the rule, and does not change a second time."""
    try:
        name = canonical(text)
    except MalformedName:
        return
    assert 1 <= len(name) <= 64
    assert name[0] in FIRST
    assert set(name) <= set(REST)
    assert canonical(name) == name
