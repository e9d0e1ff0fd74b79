"""Near names: every slip of a finger is among them."""

from __future__ import annotations

import string

from hypothesis import given
from hypothesis import strategies as st

from pincli.rules.names import one_slip_away

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
