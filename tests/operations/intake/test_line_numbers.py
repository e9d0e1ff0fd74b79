"""The line number of a problem is where the row is."""

from __future__ import annotations

import pytest

from tests.operations.intake.files import HEADER, as_lines, as_pretty_array, person, read

BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("mark", [b"", BOM], ids=["plain", "bom"])
def test_rows_are_numbered_from_the_top_of_the_file(mark: bytes, end: bytes) -> None:
    """The header is line 1, the first row line 2."""
    rows = [b"user,account,name,type", b"alice,acme,A,cloud", b"bob,acme,B,cloud", b""]
    assert read(mark + end.join(rows)).lines == [2, 3]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["lf", "crlf"])
def test_a_row_over_several_lines_is_where_it_begins(end: bytes) -> None:
    """A quoted field may hold line ends; the rows after it are numbered as in an editor."""
    name = end.join([b'"A', b"", b'A"'])
    rows = [b"user,account,name,type", b"alice,acme," + name + b",cloud", b"bob,acme,B,cloud", b"x"]
    found = read(end.join([*rows, b""]))
    assert found.lines == [2, 5]
    assert [problem.line for problem in found.problems] == [6]


def test_blank_lines_between_rows_are_counted() -> None:
    """They are no rows, and shift the numbers of those that are."""
    found = read(HEADER + b"\n\nalice,acme,A,cloud\n\n\r\n\nbob,acme,B,cloud\nshort\n")
    assert found.lines == [4, 8]
    assert [problem.line for problem in found.problems] == [9]


def test_a_bad_row_behind_blank_lines_is_told_where_it_is() -> None:
    """Not where the blank lines begin."""
    found = read(HEADER + b"\nshort\n\n\nshort\n")
    assert [problem.line for problem in found.problems] == [3, 6]


def test_lines_that_are_no_text_are_told_with_their_own_number() -> None:
    """Not UTF-8, or a NUL byte: each such line, and the rows after it stay where they are."""
    rows = b"alice,acme,caf\xe9,cloud\nbob,acme,B\0,cloud\ncarol,acme,C,cloud\n"
    found = read(HEADER + rows)
    assert [(problem.line, problem.column) for problem in found.problems] == [(2, ""), (3, "")]
    assert found.lines == [4]


def test_json_lines_are_numbered_with_their_blank_lines() -> None:
    """Blank and broken lines count as lines."""
    content = b"\n" + as_lines([person()]) + b"\n\n{\n" + as_lines([person("bob")])
    found = read(content)
    assert found.lines == [2, 6]
    assert [problem.line for problem in found.problems] == [5]


@pytest.mark.parametrize("mark", [b"", BOM], ids=["plain", "bom"])
def test_json_lines_are_numbered_from_one(mark: bytes) -> None:
    """There is no header."""
    assert read(mark + as_lines([person(), person("bob")])).lines == [1, 2]


def test_the_rows_of_an_array_are_numbered_by_their_line() -> None:
    """A row of a pretty-printed array is at its brace; its place in the array doesn't count."""
    content = as_pretty_array([person(), {**person("bob"), "shoe": 9}, person("carol")])
    found = read(content)
    (problem,) = found.problems
    text = content.decode().split("\n")
    assert text[problem.line - 1].strip() == "{"
    assert '"user": "bob"' in text[problem.line]


@pytest.mark.parametrize("row", [b"alice,acme,A\rx,cloud", b'alice,acme,"A\rx",cloud,', b"alice\r"])
def test_a_bare_carriage_return_in_a_row_moves_no_number(row: bytes) -> None:
    """Python takes it for a line end, an editor doesn't; the problem names the editor's line."""
    found = read(HEADER + row + b"\nbob,acme,B,cloud\n")
    assert found.problems
    assert {problem.line for problem in found.problems} == {2}
    assert found.lines == [3]
