"""The canonical form: no two records, events, texts or lists of values have the same digest."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pincli.models import EventKind, PinOrigin, Texts, TrailEvent, User, UserType
from pincli.rules.canonical import (
    EVENT,
    FIRST,
    RECORD,
    TEXTS,
    first_link,
    framed,
    link_of,
    links_of,
    record_digest,
    record_digests,
    texts_digest,
    texts_digests,
)

UID = bytes(range(16))
ALICE = User(
    7, UID, bytes(16), "acme", "alice", "", None, UserType.CLOUD, True, "2026-11-24T12:00:00Z",
    pin_set_by=PinOrigin.GENERATED, failed_attempts=5, event=1000,
)  # fmt: skip
MISS = TrailEvent(
    1000, "2026-11-24T12:00:00Z", "amy", None, "verify", EventKind.INCORRECT.value, UID, "acme",
    999, "incorrect", None, 5, 0, None, bytes(32), None, b"not linked", b"not linked",
)  # fmt: skip
Value = str | int | bytes | None

# The types of the columns as the schema has them; any value in a row goes into its digest.
values = st.none() | st.text(max_size=5) | st.integers(-300, 2**64) | st.binary(max_size=5)
free_texts = st.none() | st.text(max_size=4)
texts = st.builds(
    Texts, st.just(1), st.just(bytes(16)), reason=free_texts, ticket=free_texts, name=free_texts
)


def user_of(row: Sequence[Value]) -> User:
    """A record that begins with any values, as a database may hold them."""
    return User._make([*row, *[None] * (len(User._fields) - len(row))])


def event_of(row: Sequence[Value]) -> TrailEvent:
    """An event likewise."""
    return TrailEvent._make([*row, *[None] * (len(TrailEvent._fields) - len(row))])


rows = st.lists(values, min_size=5, max_size=5)


def by_hand(*parts: bytes) -> bytes:
    """SHA-256 over parts, each behind its length in eight bytes."""
    return hashlib.sha256(b"".join(len(part).to_bytes(8, "big") + part for part in parts)).digest()


def told_apart(row: Sequence[Value]) -> list[tuple[type, Value]]:
    """A row as the canonical form sees it: 1 and "1" differ, True and 1 do not."""
    return [(int if isinstance(value, bool) else type(value), value) for value in row]


def test_a_digest_is_of_the_label_and_every_value_behind_its_name() -> None:
    """Anybody can compute it with SHA-256, from lengths, names, kinds and values."""
    expected = by_hand(
        b"pincli/v2/record",
        *(b"id", b"i7", b"uid", b"b" + UID, b"blind", b"b" + bytes(16)),
        *(b"account", b"tacme", b"login", b"talice", b"display_name", b"t"),
        *(b"type", b"tcloud", b"active", b"i1", b"added_at", b"t2026-11-24T12:00:00Z"),
        *(b"pin_set_by", b"tgenerated", b"pin_version", b"i0"),
        *(b"failed_attempts", b"i5", b"locks_total", b"i0", b"attempts_total", b"i0"),
        *(b"event", b"i1000"),
    )
    assert record_digest(ALICE) == expected


def test_a_link_is_of_the_link_before_and_the_event_without_its_own_link_and_seal() -> None:
    """The label and the previous link come first, then every value behind its name."""
    expected = by_hand(
        b"pincli/v2/event",
        bytes(32),
        *(b"number", b"i1000", b"at", b"t2026-11-24T12:00:00Z", b"agent", b"tamy"),
        *(b"command", b"tverify", b"kind", b"tincorrect", b"uid", b"b" + UID),
        *(b"account", b"tacme", b"attempt", b"i999", b"outcome", b"tincorrect"),
        *(b"counter", b"i5", b"pin_version", b"i0", b"record", b"b" + bytes(32)),
    )
    assert link_of(bytes(32), MISS) == expected
    assert link_of(bytes(32), MISS._replace(link=b"", seal=None)) == expected


def test_the_first_link_is_bound_to_the_store() -> None:
    """Two stores never share a link, nor do two trails that continue different heads."""
    assert first_link("one") == by_hand(FIRST, b"one")
    assert first_link("one", b"head") == by_hand(FIRST, b"one", b"head")
    assert len({first_link("one"), first_link("on", b"e"), first_link("two")}) == 3


def test_texts_are_behind_their_blind() -> None:
    """The digest that an event keeps of its texts begins with the label and the blind."""
    expected = by_hand(TEXTS, b"blind", b"ticket", b"tT-1", b"name", b"talcie")
    assert texts_digest(Texts(7, b"blind", None, "T-1", "alcie")) == expected


def test_the_vectors_stay() -> None:
    """What stores hold today: a change of any of these makes every store `tampered`."""
    assert record_digest(ALICE).hex() == (
        "476d5e5c2a75915eaa6c8ecf2c0e0dc658776d6b6af62a756b8f0bb0d5156f2d"
    )
    assert link_of(bytes(32), MISS).hex() == (
        "06a726a839c1e060ad07adeba5f7dd4ddf54c3e4cd34bcbedaeed911a5cb11dd"
    )
    assert first_link(UID.hex()).hex() == (
        "0d5854c67fb09d9f871800a15bfa6986d440acb1b8a7aff956688dd78a000748"
    )
    assert texts_digest(Texts(7, bytes(16), "why", "T-1", "alcie")).hex() == (
        "23cb893dbe59ed846cafed0434cd860760b732b91b9cf0392a107962211f8865"
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
    assert (record_digest(user_of(one)) == record_digest(user_of(two))) is same
    assert (link_of(bytes(32), event_of(one)) == link_of(bytes(32), event_of(two))) is same


@pytest.mark.parametrize("field", User._fields)
def test_every_column_of_a_record_is_in_its_digest(field: str) -> None:
    """No column can be edited without changing the digest."""
    edits: list[dict[str, Any]] = [{field: value} for value in ("x", b"x", 2**40)]
    others = {record_digest(ALICE._replace(**edit)) for edit in edits}
    assert len(others | {record_digest(ALICE)}) == 4


@pytest.mark.parametrize("field", TrailEvent._fields[:-2])
def test_every_column_of_an_event_is_in_its_link(field: str) -> None:
    """No column can be edited without changing the link."""
    edits: list[dict[str, Any]] = [{field: value} for value in ("x", b"x", 2**40)]
    others = {link_of(b"", MISS._replace(**edit)) for edit in edits}
    assert len(others | {link_of(b"", MISS)}) == 4


@given(one=texts, two=texts)
@example(one=Texts(1, bytes(16), "a", None, None), two=Texts(1, bytes(16), None, "a", None))
@example(one=Texts(1, bytes(16), "", None, None), two=Texts(1, bytes(16), None, None, None))
def test_no_two_sets_of_texts_have_one_digest(one: Texts, two: Texts) -> None:
    """Moving a text from reason to ticket changes the digest, and so does an empty text."""
    assert (texts_digest(one) == texts_digest(two)) is (one == two)


def test_a_column_that_is_null_is_not_in_a_digest() -> None:
    """So a column that a later version adds does not change old digests."""
    names = [name.encode() for name, value in ALICE._asdict().items() if value is None]
    assert len(names) > 10
    empty = record_digest(User._make([None] * len(User._fields)))
    assert empty == by_hand(RECORD)


@pytest.mark.parametrize("length", [0, 1, 126, 127, 128, 129, 255, 256, 70_000])
def test_long_values_are_framed_as_short_ones(length: int) -> None:
    """Precomputed and computed frames have the same form, for texts and for bytes."""
    expected = by_hand(RECORD, b"id", b"t" + b"x" * length, b"uid", b"b" + b"y" * length)
    assert record_digest(user_of(["x" * length, b"y" * length])) == expected


@pytest.mark.parametrize("number", [-(2**63), -1, 0, 1, 126, 127, 128, 129, 2**63 - 1])
def test_numbers_are_their_digits(number: int) -> None:
    """A number of any size and sign is written in decimal."""
    expected = by_hand(EVENT, b"", b"number", b"i" + str(number).encode())
    assert link_of(b"", event_of([number])) == expected


def test_a_word_of_an_enumeration_is_its_text() -> None:
    """A user's type has the same digest as a word in the store and as an enum."""
    for kind in UserType:
        stored = ALICE._replace(type=kind.value)  # type: ignore[arg-type]
        assert record_digest(ALICE._replace(type=kind)) == record_digest(stored)


def test_a_text_counts_in_utf_8() -> None:
    """The length of a text is that of its bytes, not of its characters."""
    text = "å" * 100
    assert record_digest(user_of([text])) == by_hand(RECORD, b"id", b"t" + text.encode())


def test_no_column_holds_a_fraction() -> None:
    """A value of a kind without a canonical form is refused."""
    with pytest.raises(TypeError, match="float"):
        record_digest(ALICE._replace(failed_attempts=1.5))  # type: ignore[arg-type]


few = st.sampled_from([None, "", "a", "å", b"a", 0, 1, True, -5, "cloud", UserType.CLOUD])
pages = st.lists(st.tuples(few, few, values), max_size=20)


@given(page=pages, times=st.sampled_from([1, 20]))
@example(page=[("a", 1, None)] * 7, times=1)
@example(page=[("a", 1, None)] * 8, times=1)
@example(page=[(1, 1, None), (1, True, None)], times=20)
def test_many_rows_have_the_digests_of_each(page: list[tuple[Value, ...]], times: int) -> None:
    """Whatever is in the others, and however often."""
    page *= times
    users = [user_of(row) for row in page]
    assert record_digests(users) == [record_digest(user) for user in users]
    links, link = [], b"before"
    for event in map(event_of, page):
        link = link_of(link, event)
        links.append(link)
    assert links_of(b"before", [event_of(row) for row in page]) == links


@given(st.lists(texts, max_size=20))
def test_many_texts_have_the_digests_of_each(page: list[Texts]) -> None:
    """Each is behind its own blind."""
    page = [each._replace(blind=bytes([place])) for place, each in enumerate(page)]
    assert texts_digests(page) == [texts_digest(each) for each in page]


@pytest.mark.parametrize("others", [1, 50])
@pytest.mark.parametrize("fraction", [1.5, 5.0])
def test_no_row_of_many_holds_a_fraction(others: int, fraction: float) -> None:
    """Nor one that equals a number which the others hold."""
    odd = ALICE._replace(failed_attempts=fraction)  # type: ignore[arg-type]
    for page in ([*[ALICE] * others, odd], [odd, *[ALICE] * others], [odd] * others):
        with pytest.raises(TypeError, match="float"):
            record_digests(page)


def test_a_digest_is_never_a_link() -> None:
    """Record, event, texts and first link have labels of their own."""
    made = {
        record_digest(user_of([])),
        link_of(b"", event_of([])),
        first_link(""),
        texts_digest(Texts(0, b"", None, None, None)),
    }
    assert len(made) == 4


parts = st.lists(st.binary(max_size=12), max_size=5)


def taken_apart(message: bytes) -> list[bytes]:
    """The parts of a framed message."""
    found = []
    while message:
        length = int.from_bytes(message[:8], "big")
        found.append(message[8 : 8 + length])
        message = message[8 + length :]
    return found


@given(parts)
@example([])
@example([b""])
@example([b"", b""])
@example([bytes(8)])
@example([bytes(127), bytes(128), bytes(300)])
def test_the_parts_can_be_read_back(values: list[bytes]) -> None:
    """A message that can be taken apart comes from only one list, so no two lists frame alike."""
    assert taken_apart(framed(*values)) == values
