"""What format a file has, which columns, and the rows in it."""

from __future__ import annotations

import json
import re

import pytest

from pincli.errors import UsageProblem
from pincli.operations.intake.layout import Layout
from pincli.operations.intake.rows import RowChecker
from tests.operations.intake.files import (
    FORMATS,
    HEADER,
    as_csv,
    as_lines,
    person,
    read,
)

BOM = b"\xef\xbb\xbf"
NAMES = [
    'she said "hi"',
    "Doe, Jane; Jr. | x",
    "O'Neil",
    "מרים بنت",
    "👩\u200d👩\u200d👧 и Ελένη",
    "=cmd()|' /C calc'!A0",
    "[red]bold[/red]",
    "{x}\\n\\",
    "",
    "#1",
]


@pytest.mark.parametrize("mark", [b"", BOM], ids=["plain", "bom"])
@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_gives_back_what_was_written(kind: str, mark: bytes) -> None:
    """Names with quotes, commas, other scripts, formulas and markup come through untouched."""
    people = [person(f"u{number}", name=name) for number, name in enumerate(NAMES)]
    found = read(mark + FORMATS[kind](people))
    assert found.problems == []
    assert [dict(row.fields) for row in found.rows] == people


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_header_counts_in_any_case_and_order(delimiter: str, end: str) -> None:
    """Column names may be in capitals, with blanks around them, in any order."""
    row = {" Type": "cloud", "NAME ": "A", "Account": "acme", "uSeR": "alice", "Active": "no"}
    found = read(as_csv([row], delimiter, end))
    assert [dict(row.fields) for row in found.rows] == [person(active="no")]


def test_a_file_with_a_header_only_has_no_rows() -> None:
    """It is no problem, and adds nobody."""
    for content in (HEADER, HEADER.strip(), b"[]", b"[\n]\n"):
        assert read(content) == ([], [])


@pytest.mark.parametrize("content", [b"", b"\n\n", b"  \r\n\t\n", BOM, BOM + b"\n"], ids=repr)
def test_an_empty_file_is_refused(content: bytes) -> None:
    """It says that the file is empty, not what its header lacks."""
    with pytest.raises(UsageProblem, match="empty"):
        read(content)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-16-be", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_in_another_encoding_is_read(kind: str, encoding: str) -> None:
    """By its byte order mark, or by --encoding; without both it is refused."""
    people = [person(name="Jürgen Müller"), person("bob")]
    if kind in ("csv", "tsv"):
        people.append(person("zoë"))
    content = FORMATS[kind](people).decode().encode(encoding)
    assert [dict(row.fields) for row in read(content, encoding=encoding).rows] == people
    if encoding in ("utf-16", "utf-32"):
        assert len(read(content).rows) == len(people)
    elif encoding == "cp1252":
        assert "--encoding cp1252" in repr(read(content).problems) or kind in ("array", "lines")
    else:
        with pytest.raises(UsageProblem, match="not UTF-8") as caught:
            read(content)
        assert "--encoding utf-16-le" in caught.value.hint


@pytest.mark.parametrize("encoding", ["utf-17", "rot13", "", "a\0b", "utf-16-le"])
def test_an_encoding_that_is_none_or_not_that_of_the_file_is_refused(encoding: str) -> None:
    """The hint names some encodings."""
    with pytest.raises(UsageProblem) as caught:
        read(as_csv([person()], end="\n") + b"\n", encoding=encoding)
    assert "cp1252" in caught.value.hint or "header" in caught.value.message


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"PK\x03\x04", "spreadsheet"),
        (b"\xd0\xcf\x11\xe0", "spreadsheet"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"%PDF-1.7", "PDF"),
        (b"<!DOCTYPE html>", "HTML"),
    ],
)
def test_what_is_no_text_is_told_by_its_first_bytes(head: bytes, what: str) -> None:
    """The hint says what to do about it."""
    with pytest.raises(UsageProblem, match=what) as caught:
        read(head + bytes(100))
    assert re.search("save it as CSV|unpack it|export it", caught.value.hint)


@pytest.mark.parametrize(
    ("header", "lacks"),
    [
        (b"user|account|name|type\nalice|acme|A|cloud\n", ["user", "account", "name", "type"]),
        (b"user\nalice\n", ["account", "name", "type"]),
        (b"user,account,type\nalice,acme,cloud\n", ["name"]),
        (b"user\taccount\tname\nalice\tacme\tA\n", ["type"]),
    ],
    ids=["bars", "one column", "one missing", "tabs"],
)
def test_a_header_without_a_column_is_refused(header: bytes, lacks: list[str]) -> None:
    """The message names every missing column, and the hint says what is needed."""
    with pytest.raises(UsageProblem) as caught:
        read(header)
    assert re.findall("'([a-z]+)'", caught.value.message) == lacks
    wanted = "--type" if lacks == ["type"] else "user, account, name, type"
    assert wanted in caught.value.hint


@pytest.mark.parametrize(
    "columns", [b"user,account,name,type,user", b"user,account,name,type,USER "]
)
def test_a_column_that_is_there_twice_is_refused(columns: bytes) -> None:
    """Which of them counts is not guessed."""
    with pytest.raises(UsageProblem, match="twice"):
        read(columns + b"\nalice,acme,A,cloud,bob\n", ignore_unknown=True)


@pytest.mark.parametrize(
    "content",
    [
        b'{"user":"a","user":"b","account":"acme","name":"A","type":"cloud"}\n',
        b'{"user":"a","User":"b","account":"acme","name":"A","type":"cloud"}\n',
        b'[{"user":"a","user":"b","account":"acme","name":"A","type":"cloud"}]',
    ],
    ids=["same", "other case", "array"],
)
def test_a_json_key_that_is_there_twice_is_a_bad_row(content: bytes) -> None:
    """As with columns, which of them counts is not guessed."""
    found = read(content)
    assert (found.rows, len(found.problems)) == ([], 1)


def test_unknown_columns_are_named_and_can_be_left_out() -> None:
    """All of them at once, if the file has a header; --ignore-unknown reads the rest."""
    people = [{**person(), "Mail": "a@x", "phone": "1"}]
    with pytest.raises(UsageProblem, match=r"^unknown columns 'mail', 'phone'$"):
        read(as_csv(people))
    assert dict(read(as_csv(people), ignore_unknown=True).rows[0].fields) == person()


def test_a_column_of_pins_is_told_where_new_ones_come_from() -> None:
    """Imports carry no PINs: the hint says how to issue new ones."""
    with pytest.raises(UsageProblem, match=r"^unknown column 'pin'$") as caught:
        read(as_csv([person(pin="444159")]))
    assert "reset --issue" in caught.value.hint
    (problem,) = read(as_lines([person(pin="444159")])).problems
    assert (problem.line, problem.column) == (1, "pin")
    assert "reset --issue" in problem.message
    assert "444159" not in f"{caught.value} {caught.value.hint} {problem}"


@pytest.mark.parametrize("kind", ["array", "pretty", "lines"])
def test_unknown_keys_are_named_and_can_be_left_out(kind: str) -> None:
    """In JSON each row has its own keys; a row with an unknown key is bad."""
    content = FORMATS[kind]([person(), {**person("bob"), "Mail": 1}])
    found = read(content)
    assert [(row.fields["user"]) for row in found.rows] == ["alice"]
    assert [problem.column for problem in found.problems] == ["mail"]
    assert [dict(row.fields) for row in read(content, ignore_unknown=True).rows] == [
        person(),
        person("bob"),
    ]


@pytest.mark.parametrize("kind", ["array", "pretty", "lines"])
@pytest.mark.parametrize("missing", ["user", "account", "name", "type"])
def test_a_json_row_without_a_key_is_bad(kind: str, missing: str) -> None:
    """The problem names the missing key."""
    row = person()
    del row[missing]
    found = read(FORMATS[kind]([person("bob"), row]))
    assert [problem.column for problem in found.problems] == [missing]
    assert len(found.rows) == 1


@pytest.mark.parametrize("value", ["1", '"x"', "null", "[]", "true", "[[[]]]"])
def test_json_that_is_no_object_is_a_bad_row(value: str) -> None:
    """In an array and in lines, the other rows are read."""
    good = json.dumps(person())
    for content in (f"[{value}, {good}]", f"{good}\n{value}\n"):
        found = read(content.encode())
        assert [problem.message for problem in found.problems] == ["it is not a JSON object"]
        assert len(found.rows) == 1


DEEP = "[" * 200_000


HUGE = "1" + "0" * 5000
BROKEN = ["[", "[{]", "[1,]", "[{}]x", "[]x", f"[{DEEP}", f'[{{"user":{DEEP}', f"[{HUGE}]"]


@pytest.mark.parametrize("content", BROKEN, ids=range(len(BROKEN)))
def test_a_broken_json_array_is_refused(content: str) -> None:
    """Broken, nested too deep, or with a huge number: a usage error, not a traceback."""
    with pytest.raises(UsageProblem, match="not valid JSON"):
        read(content.encode())


@pytest.mark.parametrize("line", ["{", "{]", '{"user":"x"', "{" + DEEP, '{"a":' + "[" * 30_000])
def test_broken_json_lines_are_bad_rows(line: str) -> None:
    """Each is reported, and the good ones around it are read."""
    good = as_lines([person()])
    found = read(good + line.encode()[:60_000] + b"\n" + good)
    assert found.lines == [1, 3]
    assert [(problem.line, problem.column) for problem in found.problems] == [(2, "")]


def test_a_lone_surrogate_is_no_reason_to_crash() -> None:
    r"""JSON can spell invalid text, "\ud800", as a value, as a key, in an array."""
    row = '{"user":"a","account":"acme","name":"A","type":"cloud","\\ud800":1}'
    for content in (row + "\n", f"[{row}]"):
        (problem,) = read(content.encode()).problems
        problem.column.encode()
        problem.message.encode()


@pytest.mark.parametrize(
    "row", [b"alice,acme,A", b"alice", b"alice,acme,A,cloud,x", b"alice,acme,A,cloud,,x"]
)
def test_a_row_with_another_number_of_fields_is_bad(row: bytes) -> None:
    """A row with too few or too many is reported, and the next ones are read."""
    found = read(HEADER + b"bob,acme,B,cloud\n" + row + b"\ncarol,acme,C,cloud\n")
    assert found.lines == [2, 4]
    assert [problem.line for problem in found.problems] == [3]


@pytest.mark.parametrize(
    ("header", "row", "follower"),
    [
        ("user,account,name,type", 'alice,acme,"A,cloud', "u{},acme,N,cloud"),
        ("user,account,type,name", 'alice,acme,cloud,"A', "u{},acme,cloud,N"),
        ("user,account,name,type,active", 'alice,acme,A,cloud,"yes', "u{},acme,N,cloud,yes"),
        ("user,account,name,type,note", 'alice,acme,A,cloud,"x', "u{},acme,N,cloud,x"),
    ],
    ids=["inside", "last", "optional", "ignored"],
)
@pytest.mark.parametrize("followers", [1, 40_000])
def test_an_unbalanced_quote_never_swallows_rows_in_silence(
    header: str, row: str, follower: str, followers: int
) -> None:
    """Where a field never ends, the swallowed rows are reported."""
    lines = [header, row, *(follower.format(number) for number in range(followers)), ""]
    found = read("\n".join(lines).encode(), ignore_unknown=True)
    checked = map(RowChecker(Layout()).check, found.rows)
    problems = found.problems + [
        each for wrong in checked if isinstance(wrong, list) for each in wrong
    ]
    assert [problem.line for problem in problems] == [2]


@pytest.mark.parametrize(
    "header",
    [
        b"user,account,name,type,caf\xe9",
        b"user,account,name,type,x\0",
        b"user,account,name,t\rype,x",
    ],
    ids=["latin-1", "nul", "carriage return"],
)
def test_a_header_that_cant_be_read_is_refused(header: bytes) -> None:
    """Not UTF-8, a NUL byte or a bare carriage return: a usage error, not a crash."""
    with pytest.raises(UsageProblem):
        read(header + b"\nalice,acme,A,cloud,x\nbob,acme,B,cloud,x\n", ignore_unknown=True)


def test_line_ends_of_old_macs_are_read_or_refused() -> None:
    """A file with carriage returns alone never crashes."""
    content = as_csv([person()], ",", "\r")
    try:
        found = read(content)
    except UsageProblem:
        return
    assert [row.fields["user"] for row in found.rows] == ["alice"]
