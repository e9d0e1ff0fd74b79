"""The canonical form: no two records, events or texts have the same digest."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from enum import StrEnum

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pincli.rules.canonical import (
    EVENT,
    FIRST,
    RECORD,
    TEXTS,
    Texts,
    Value,
    digest,
    first_link,
    link,
    names_of,
    texts_digest,
)

FIELDS = ("uid", "login", "active", "check", "counter")
NAMES = names_of(FIELDS)
ALICE: tuple[Value, ...] = (bytes(range(16)), "alice", True, None, 5)

values = st.none() | st.text(max_size=5) | st.integers(-300, 2**64) | st.binary(max_size=5)
rows = st.lists(values, min_size=len(FIELDS), max_size=len(FIELDS))
texts = st.builds(Texts, *[st.none() | st.text(max_size=4)] * 3)


def by_hand(*parts: bytes) -> bytes:
    """SHA-256 over parts, each behind its length in eight bytes."""
    return hashlib.sha256(b"".join(len(part).to_bytes(8, "big") + part for part in parts)).digest()


def told_apart(row: Sequence[Value]) -> list[tuple[type, Value]]:
    """A row as the canonical form sees it: 1 and "1" differ, True and 1 do not."""
    return [(int if isinstance(value, bool) else type(value), value) for value in row]


def test_a_digest_is_of_the_label_and_every_value_behind_its_name() -> None:
    """Anybody with a SHA-256 can compute it: lengths, names, and values behind their kind."""
    expected = by_hand(
        b"pincli/v2/record",
        *(b"uid", b"b" + bytes(range(16))),
        *(b"login", b"talice"),
        *(b"active", b"i1"),
        *(b"counter", b"i5"),
    )
    assert digest(RECORD, NAMES, ALICE) == expected


def test_a_link_is_of_the_link_before_and_the_event() -> None:
    """The label and the previous link come first, then what a digest has too."""
    names = names_of(["number", "kind"])
    expected = by_hand(EVENT, bytes(32), b"number", b"i1000", b"kind", b"tlocked")
    assert link(bytes(32), names, (1000, "locked")) == expected


def test_the_first_link_is_bound_to_the_store() -> None:
    """Two stores' trails never share a link, nor do two that go on from other heads."""
    assert first_link(b"one") == by_hand(FIRST, b"one")
    assert first_link(b"one", b"head") == by_hand(FIRST, b"one", b"head")
    assert len({first_link(b"one"), first_link(b"on", b"e"), first_link(b"two")}) == 3


def test_texts_are_behind_their_blind() -> None:
    """The digest that an event keeps of its texts begins with the label and the blind."""
    expected = by_hand(TEXTS, b"blind", b"ticket", b"tT-1", b"name", b"talcie")
    assert texts_digest(b"blind", Texts(ticket="T-1", name="alcie")) == expected


def test_the_vectors_stay() -> None:
    """What stores hold today: a change of any of these makes every store `tampered`."""
    assert (
        digest(RECORD, NAMES, ALICE).hex()
        == "fd62c893c5f1ec6b6954920cb80396dbe8c5e3feeb86302b8b7f3c5cf4935a89"
    )
    assert (
        link(bytes(32), NAMES, ALICE).hex()
        == "7c3f2222ed4953b6038a7e4dc47378593db538c6cad49c5cb7ba338ce0efdebd"
    )
    assert (
        first_link(bytes(range(16))).hex()
        == "aea3d3ff5b6a27dba3954c49b710e3c1d18d0adac7fa7c8eea57668568cf8a77"
    )
    assert (
        texts_digest(bytes(16), Texts("why", "T-1", "alcie")).hex()
        == "23cb893dbe59ed846cafed0434cd860760b732b91b9cf0392a107962211f8865"
    )
    assert (
        texts_digest(bytes(16), Texts()).hex()
        == "688e6c96f47dd9e9589260afbf1710807d18f631cb674e70cd7a36032fdd2bb7"
    )


@given(one=rows, two=rows)
@example(one=["1", None, None, None, None], two=[1, None, None, None, None])
@example(one=["1", None, None, None, None], two=[b"1", None, None, None, None])
@example(one=["", None, None, None, None], two=[None, None, None, None, None])
@example(one=["a", None, None, None, None], two=[None, "a", None, None, None])
@example(one=[0, None, None, None, None], two=[None, 0, None, None, None])
@example(one=[127, 1, 1, 1, 1], two=[128, 1, 1, 1, 1])
@example(one=[-1, 1, 1, 1, 1], two=[127, 1, 1, 1, 1])
def test_no_two_records_have_one_digest(one: list[Value], two: list[Value]) -> None:
    """Another value, its place, its kind or its absence gives another digest and link."""
    same = told_apart(one) == told_apart(two)
    assert (digest(RECORD, NAMES, one) == digest(RECORD, NAMES, two)) is same
    assert (link(bytes(32), NAMES, one) == link(bytes(32), NAMES, two)) is same


@given(one=texts, two=texts)
@example(one=Texts("a"), two=Texts(ticket="a"))
@example(one=Texts(""), two=Texts())
def test_no_two_sets_of_texts_have_one_digest(one: Texts, two: Texts) -> None:
    """A text moved from reason to ticket shows, and so does an empty one."""
    assert (texts_digest(b"", one) == texts_digest(b"", two)) is (one == two)


@given(row=rows, field=st.integers(0, len(FIELDS)))
def test_a_new_column_leaves_old_digests_alone(row: list[Value], field: int) -> None:
    """A column that is NULL in a record, wherever it is put, is not in its digest."""
    names = names_of([*FIELDS[:field], "new", *FIELDS[field:]])
    assert digest(RECORD, names, [*row[:field], None, *row[field:]]) == digest(RECORD, NAMES, row)


@pytest.mark.parametrize("length", [0, 1, 126, 127, 128, 129, 255, 256, 70_000])
def test_long_values_are_framed_as_short_ones(length: int) -> None:
    """What is looked up and what is computed is the same form, for texts and for bytes."""
    names = names_of(["a" * length, "b"])
    expected = by_hand(RECORD, b"a" * length, b"t" + b"x" * length, b"b", b"b" + b"y" * length)
    assert digest(RECORD, names, ["x" * length, b"y" * length]) == expected


@pytest.mark.parametrize("number", [-(2**63), -1, 0, 1, 126, 127, 128, 129, 2**63 - 1])
def test_numbers_are_their_digits(number: int) -> None:
    """A number is written in decimal, whatever its size and sign."""
    expected = by_hand(RECORD, b"n", b"i" + str(number).encode())
    assert digest(RECORD, names_of(["n"]), [number]) == expected


def test_a_word_of_an_enumeration_is_its_text() -> None:
    """A user's type digests as the store holds it, before and after it was read."""

    class Kind(StrEnum):
        CLOUD = "cloud"

    names = names_of(["type"])
    assert digest(RECORD, names, [Kind.CLOUD]) == digest(RECORD, names, ["cloud"])


def test_a_text_counts_in_utf_8() -> None:
    """The length of a text is that of its bytes, not of its characters."""
    text = "å" * 100
    expected = by_hand(RECORD, b"n", b"t" + text.encode())
    assert digest(RECORD, names_of(["n"]), [text]) == expected


@pytest.mark.parametrize("row", [["a"], ["a", "b", "c"]])
def test_a_row_has_as_many_values_as_names(row: list[Value]) -> None:
    """A value too many or too few is a bug that never goes into a digest."""
    with pytest.raises(ValueError, match="zip"):
        digest(RECORD, names_of(["one", "two"]), row)


def test_no_column_holds_a_fraction() -> None:
    """A kind of value without a canonical form is refused, not guessed."""
    with pytest.raises(TypeError, match="float"):
        digest(RECORD, names_of(["n"]), [1.5])  # type: ignore[list-item]


def test_a_digest_is_never_a_link() -> None:
    """Record, event, texts and first link have labels of their own."""
    made = {
        digest(RECORD, (), ()),
        digest(EVENT, (), ()),
        link(b"", (), ()),
        first_link(b""),
        texts_digest(b"", Texts()),
    }
    assert len(made) == 5
