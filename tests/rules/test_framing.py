"""Framing: no two lists of values become the same message."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from pincli.rules.framing import framed

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
    """What can be taken apart again can't have been made of anything else."""
    assert taken_apart(framed(*values)) == values


@given(text=st.binary(max_size=12), first=st.integers(0, 12), second=st.integers(0, 12))
def test_the_place_of_the_cut_matters(text: bytes, first: int, second: int) -> None:
    """The same bytes cut at two places give two messages."""
    one, two = (text[:first], text[first:]), (text[:second], text[second:])
    assert (framed(*one) == framed(*two)) is (one == two)


@given(one=parts, two=parts)
@example(one=[], two=[b""])
@example(one=[b"", b"a"], two=[b"a", b""])
@example(one=[b"a"], two=[b"\0\0\0\0\0\0\0\1a"])
def test_no_two_lists_frame_alike(one: list[bytes], two: list[bytes]) -> None:
    """Two lists give one message only if they are the same list."""
    assert (framed(*one) == framed(*two)) is (one == two)
