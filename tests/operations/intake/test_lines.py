"""Lines are bounded, so no file uses up the memory, and numbered as in an editor."""

from __future__ import annotations

import errno
import io

import pytest

from pincli.errors import FileUnreadable, UsageProblem
from pincli.operations.intake.formats import People, RawRow
from pincli.operations.intake.layout import Layout
from pincli.operations.intake.lines import LONGEST_LINE
from tests.operations.intake.files import FORMATS, HEADER, as_lines, as_pretty_array, person, read

MIB = 1024 * 1024


class Source(io.RawIOBase):
    """A file that gives at most so much at a time, and counts what was asked of it.

    Args:
        head: What it begins with.
        filler: What it then repeats without end; if empty, the file ends.
        step: How much it gives at once.
        breaks: Whether it fails where it would end.
    """

    def __init__(
        self, head: bytes, filler: bytes = b"", step: int = 1 << 16, *, breaks: bool = False
    ) -> None:
        self._head, self._filler, self._step, self._breaks = head, filler, step, breaks
        self.given = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill a buffer with what comes next."""
        if self._breaks and not self._head:
            raise OSError(errno.EIO, "Input/output error")
        size = min(len(buffer), self._step)
        content = (self._head + self._filler * size)[:size]
        self._head = self._head[size:]
        buffer[: len(content)] = content
        self.given += len(content)
        return len(content)

    def people(self) -> list[RawRow]:
        """Read it to the end."""
        file = io.BufferedReader(self)
        return list(People(file, Layout()))


@pytest.mark.parametrize(
    ("head", "filler"),
    [
        (HEADER + b"alice,acme,", b"x"),
        (HEADER + b'alice,acme,"', b"x"),
        (b'{"user":"', b"x"),
        (b"x", b"x"),
        (b"\0", b"\0"),
    ],
    ids=["field", "quoted", "json line", "header", "nul"],
)
def test_a_line_without_end_is_given_up_at_once(head: bytes, filler: bytes) -> None:
    """After little more than the longest line allowed, in any format."""
    file = Source(head, filler)
    with pytest.raises(UsageProblem):
        file.people()
    assert file.given < 4 * LONGEST_LINE


@pytest.mark.parametrize("filler", [b" ", b"x", b'"', b"[", b'"a":'], ids=repr)
@pytest.mark.parametrize("head", [b"[", b'[{"user": "a"},', b'{"value": [{"user":"'], ids=repr)
def test_an_array_without_an_end_is_given_up(head: bytes, filler: bytes) -> None:
    """An array is read object by object, and no object may be too long."""
    file = Source(head, filler)
    with pytest.raises(UsageProblem):
        file.people()
    assert file.given < 2 * MIB


def test_a_row_without_end_is_given_up() -> None:
    """A row of many short lines, none of its fields too long for Python's reader."""
    with pytest.raises(UsageProblem, match="the row at line 3"):
        Source(HEADER + b"\n", b'"\n",').people()


@pytest.mark.parametrize("more", [0, 1])
def test_the_bound_of_a_line_is_exact(more: int) -> None:
    """The longest line that is allowed is read, its end included; the message has its number."""
    end = b",acme,A,cloud\n"
    row = b"a" * (LONGEST_LINE + more - len(end)) + end
    if more:
        with pytest.raises(UsageProblem, match="line 2 "):
            read(HEADER + row)
    else:
        assert read(HEADER + row).lines == [2]


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("step", [1, 3, 7, 100])
def test_a_pipe_may_give_little_at_a_time(kind: str, step: int) -> None:
    """A header that arrives in pieces is one header."""
    content = b"\xef\xbb\xbf\n" + FORMATS[kind]([person(), person("bob")])
    if kind in ("csv", "tsv"):
        content = content.replace(b"\n", b"", 1)
    rows = Source(content, step=step).people()
    assert [row.fields["user"] for row in rows] == ["alice", "bob"]


@pytest.mark.parametrize("head", [b"", HEADER, b"[", b'{"user":'], ids=repr)
def test_a_file_that_fails_while_it_is_read_is_said_to_be_unreadable(head: bytes) -> None:
    """At its first byte or later, it is an error with a message, not a crash."""
    with pytest.raises(FileUnreadable):
        Source(head, breaks=True).people()


BOM = b"\xef\xbb\xbf"
ALICE, BOB = b"alice,acme,A,cloud\n", b"bob,acme,B,cloud\n"
LONG = HEADER + b'alice,acme,"A\n\nA",cloud\n' + BOB + b"x\n"
BOTH = as_lines([person(), person("bob")])
NUMBERED: dict[str, tuple[bytes, list[int], list[int]]] = {
    "a header": (HEADER + ALICE + BOB, [2, 3], []),
    "a mark and CRLF": (BOM + (HEADER + ALICE + BOB).replace(b"\n", b"\r\n"), [2, 3], []),
    "a field of three lines": (LONG, [2, 5], [6]),
    "a field of three lines with CRLF": (LONG.replace(b"\n", b"\r\n"), [2, 5], [6]),
    "blank lines": (HEADER + b"\n\n" + ALICE + b"\n\r\n\n" + BOB + b"short\n", [4, 8], [9]),
    "blank lines before bad rows": (HEADER + b"\nshort\n\n\nshort\n", [], [3, 6]),
    "lines that are no text": (
        HEADER + b"alice,acme,caf\xe9,cloud\nbob,acme,B\0,cloud\n" + ALICE,
        [4],
        [2, 3],
    ),
    "JSON lines": (BOTH, [1, 2], []),
    "JSON lines and a mark": (BOM + BOTH, [1, 2], []),
    "blank and broken JSON lines": (
        b"\n" + as_lines([person()]) + b"\n\n{\n" + as_lines([person("bob")]),
        [2, 6],
        [5],
    ),
    # Python takes it for a line end, an editor doesn't.
    **{
        f"a bare carriage return in {row!r}": (HEADER + row + b"\n" + BOB, [3], [2])
        for row in (b"alice,acme,A\rx,cloud", b'alice,acme,"A\rx",cloud,', b"alice\r")
    },
}
"""Files, the numbers of their good rows, and those of their bad ones."""


@pytest.mark.parametrize("what", NUMBERED)
def test_rows_are_numbered_as_in_an_editor(what: str) -> None:
    """From the top of the file; a row over several lines is where it begins."""
    content, good, bad = NUMBERED[what]
    found = read(content)
    assert found.lines == good
    assert sorted({problem.line for problem in found.problems}) == bad


def test_the_rows_of_an_array_are_numbered_by_their_line() -> None:
    """A row of a pretty-printed array is at its brace; its place in the array doesn't count."""
    content = as_pretty_array([person(), {**person("bob"), "shoe": 9}, person("carol")])
    found = read(content)
    (problem,) = found.problems
    text = content.decode().split("\n")
    assert text[problem.line - 1].strip() == "{"
    assert '"user": "bob"' in text[problem.line]
