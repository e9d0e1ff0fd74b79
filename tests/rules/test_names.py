"""Logins and accounts have one spelling each, and near names are found."""

# ruff: noqa: RUF001 - names in other scripts are what this is about

from __future__ import annotations

import string
import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pincli.errors import MalformedName
from pincli.rules.names import canonical_account, canonical_user, one_slip_away, script_of
from pincli.rules.texts import LONGEST_NAME

Canonical = Callable[[str], str]
both = pytest.mark.parametrize("canonical", [canonical_user, canonical_account])

# fmt: off
PEOPLE = [
    "o'brien@example.com", "corp\\bob", "c_example.com#ext#@tenant.example", "_svc", "123456",
    "bjørn@eksempel.example", "田中", "田中さくら", "한국kim", "भारत@acme.example", "շահ", "şeyma",
    "ığdır", "nguyễn.văn.a", "иван@example.com", "ivan@пример.рф", "svc-бот", "δοκιμή@acme.example",
    "x" * LONGEST_NAME, "$(id)", "`id`", "a|b,c;d=e",
]
# fmt: on


@both
@pytest.mark.parametrize("text", ["alice", "Alice", " alice", "ALICE ", "\talice\n", "ａｌｉｃｅ"])
def test_one_person_has_one_name(canonical: Canonical, text: str) -> None:
    """Case, width and surrounding blanks don't make another user with another counter."""
    assert canonical(text) == "alice"


@both
@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Straße", "straße"),
        ("\u212aim", "kim"),
        ("BJØRN", "bjørn"),
        ("Jose\u0301", "jos\u00e9"),
        ("１２３４", "1234"),
        ("ИВАН", "иван"),
    ],
)
def test_spellings_are_mapped(canonical: Canonical, text: str, name: str) -> None:
    """Case, width and normal form are mapped; strauß and strauss stay two people."""
    assert canonical(text) == name


@both
@pytest.mark.parametrize("text", PEOPLE)
def test_real_logins_are_kept(canonical: Canonical, text: str) -> None:
    """Logins of real directories are already canonical."""
    assert canonical(text) == text


@both
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "1 to 254"),
        ("   ", "1 to 254"),
        ("a" * (LONGEST_NAME + 1), "1 to 254"),
        ("-alice", "begin with -"),
        ("--json", "begin with -"),
        ("#alice", "begin with #"),
        ("al*ice", "hold *"),
        ("m?ller", "hold ?"),
        ('al"ice', 'hold "'),
        ("alice<a@b>", "hold <"),
        ("o\u2019brien", "use ' instead of \u2019"),
        ("alice\x00", "U+0000"),
        ("al\x1b[31mice", "U+001B"),
        ("al\u200dice", "U+200D"),
        ("\u202ealice", "U+202E"),
        ("alice\udc80", "U+DC80"),
        ("a\ufb01", "\ufb01 (U+FB01)"),
        ("İ\ufb01", "\ufb01 (U+FB01)"),
        ("mü\u200cller", "U+200C"),
        ("\u0131\u0307stanbul", "U+0307"),
        ("bob\u05d0", "run to the left"),
        ("İstanbul", "U+0307"),
    ],
)
def test_what_is_refused_is_said(canonical: Canonical, text: str, said: str) -> None:
    """The error names the broken rule, and repeats nothing else of what was typed."""
    with pytest.raises(MalformedName) as refusal:
        canonical(text)
    assert said in refusal.value.rule


@pytest.mark.parametrize("text", ["al ice", "al\tice", "alice\nbob", "é\u00a0x", "é\u3000x"])
def test_a_login_has_no_blanks(text: str) -> None:
    """Not even wide blanks: a login of two words would look like a login and a ticket."""
    with pytest.raises(MalformedName):
        canonical_user(text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (" Smith  &\u00a0Sons\u3000Ltd. ", "smith & sons ltd."),
        ("Acme - #1 Łódź", "acme - #1 łódź"),
        ("erased-goods", "erased-goods"),
        ("иван bob", "иван bob"),
    ],
)
def test_an_account_has_single_blanks(text: str, name: str) -> None:
    """Companies have names of several words; each word follows the rules for letters."""
    assert canonical_account(text) == name


@pytest.mark.parametrize("text", ["a\nb", "a\tb", "a\u2028b"])
def test_an_account_is_one_line(text: str) -> None:
    """Only blanks become blanks; line ends are refused."""
    with pytest.raises(MalformedName):
        canonical_account(text)


def test_the_logins_of_erased_users_are_nobody_elses() -> None:
    """No new user gets the login of an erased one."""
    with pytest.raises(MalformedName):
        canonical_user("Erased-1")


@pytest.mark.parametrize(
    "text",
    ["\u0430lice", "al\u0456ce", "\u0430" + "1ice", "bοb", "αlice", "ꓮlice", "admіn@x.example"],
)
def test_letters_of_two_scripts_are_refused(text: str) -> None:
    """A Cyrillic a among Latin letters could deceive an agent, also next to a digit."""
    with pytest.raises(MalformedName) as refusal:
        canonical_user(text)
    assert "mixes" in refusal.value.rule


@both
@given(text=st.text(max_size=70))
@example("\u212aelvin")
@example("İstanbul")
@example("ΑΣ")
def test_every_accepted_name_is_canonical(canonical: Canonical, text: str) -> None:
    """An accepted name is within the bounds, and does not change a second time."""
    try:
        name = canonical(text)
    except MalformedName:
        return
    assert 1 <= len(name) <= LONGEST_NAME
    assert name.isprintable()
    assert canonical(name) == name


@given(text=st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), min_size=1))
def test_ascii_is_as_precis_has_it(text: str) -> None:
    """The fast path for ASCII gives what the profile gives."""
    from precis_i18n import get_profile

    assert get_profile("UsernameCaseMapped").enforce(text) == text.lower()


def test_an_ascii_name_loads_no_tables() -> None:
    """Nearly every name is ASCII, and a caller waits for every import."""
    code = (
        "import sys; from pincli.rules.names import canonical_user as c; c('Alice@example.com'); "
        "print('precis_i18n' in sys.modules)"
    )
    line = [sys.executable, "-c", code]
    assert subprocess.run(line, capture_output=True, text=True, check=True).stdout == "False\n"


def test_near_names_of_a_long_name_are_few() -> None:
    """A name of 254 characters makes no query that a database refuses."""
    assert len(one_slip_away("x" * LONGEST_NAME)) < 600
    assert "o'brien" in one_slip_away("obrien")


@pytest.mark.parametrize(
    ("name", "script"), [("alice", ""), ("иван", "Cyrillic"), ("bjørn", "Latin"), ("田中", "Han")]
)
def test_a_name_that_is_not_ascii_names_its_script(name: str, script: str) -> None:
    """Lists and cards show it, so that agents don't mistake one letter for another."""
    assert script_of(name) == script


ALPHABET = string.ascii_lowercase + string.digits + "._@+-'"
names = st.text(alphabet=ALPHABET, min_size=1, max_size=64)
letters = st.sampled_from(ALPHABET)


def edits(a: str, b: str) -> int:
    """The distance that counts a missing, extra, wrong or swapped character as one each."""
    rows = [list(range(len(b) + 1))]
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            best = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                best = min(best, rows[-2][j - 2] + 1)
            row.append(best)
        rows.append(row)
    return rows[-1][-1]


@given(name=names, data=st.data())
def test_a_missing_character_is_one_slip(name: str, data: st.DataObject) -> None:
    """The name without any one of its characters is among them, unless nothing is left."""
    i = data.draw(st.integers(0, len(name) - 1))
    slip = name[:i] + name[i + 1 :]
    assert (slip in one_slip_away(name)) is (slip not in ("", name))


@given(name=names, letter=letters, data=st.data())
def test_an_extra_character_is_one_slip(name: str, letter: str, data: st.DataObject) -> None:
    """The name with any one character more, at either end too, is among them."""
    i = data.draw(st.integers(0, len(name)))
    assert name[:i] + letter + name[i:] in one_slip_away(name)


@given(name=names, letter=letters, data=st.data())
def test_a_wrong_character_is_one_slip(name: str, letter: str, data: st.DataObject) -> None:
    """The name with any one character replaced is among them, unless it is the name."""
    i = data.draw(st.integers(0, len(name) - 1))
    slip = name[:i] + letter + name[i + 1 :]
    assert (slip in one_slip_away(name)) is (slip != name)


@given(name=names.filter(lambda text: len(text) > 1), data=st.data())
def test_swapped_neighbours_are_one_slip(name: str, data: st.DataObject) -> None:
    """The name with any two neighbours swapped is among them, unless they are equal."""
    i = data.draw(st.integers(0, len(name) - 2))
    slip = name[:i] + name[i + 1] + name[i] + name[i + 2 :]
    assert (slip in one_slip_away(name)) is (slip != name)


@given(st.text(alphabet="ab.", min_size=1, max_size=5))
def test_nothing_farther_is_among_them(name: str) -> None:
    """Every one of them is exactly one edit away."""
    assert {edits(name, other) for other in one_slip_away(name)} == {1}


def test_a_name_of_one_character_has_near_names() -> None:
    """The shortest name has 41 replacements and 83 longer ones, and not the empty name."""
    near = one_slip_away("a")
    assert "" not in near
    assert "a" not in near
    assert len(near) == 41 + (2 * 42 - 1)
