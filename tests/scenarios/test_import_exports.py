"""`import` of what directories export: mappings, profiles, and a file for the bad rows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.bulk_work import users_of
from tests.support.contract import call
from tests.support.desk import Desk
from tests.support.floor import content
from tests.support.importing import HEADER, done, figures, put

EXPORT = "UPN,Shown,Given,Mail,On\nnew@x,,New,n@x.example,ja\nalice,Alice,Al,,wahr\n"
MAP = ["--map", "user=upn", "--map", "name=Shown", "--map", "name=given", "--map", "email=MAIL"]
ALL = [*MAP, "--map", "active=On"]
SAID = ["--account", "acme", "--type", "cloud"]
MIXED = (
    f"{HEADER}\nnew,acme,New,cloud\nbad one,acme,B,cloud\r\nx,acme,X,nope\n"
    "y,acme,Y,cloud\ny,acme,Z,cloud"
)


def test_columns_are_mapped(floor: Desk) -> None:
    """In any case; a name falls back; options give account and type if the file lacks them."""
    path = put(floor, EXPORT)
    assert figures(done(call(floor, ["import", path, "--json", *ALL, *SAID])))[:2] == (2, 1)
    new = users_of(floor)["new@x"]
    assert (new.account, new.display_name, new.email, new.type.value, new.active) == (
        *("acme", "New", "n@x.example", "cloud", True),
    )
    rows = [
        dict(zip(EXPORT.split(maxsplit=1)[0].split(","), row.split(","), strict=True))
        for row in EXPORT.split()[1:]
    ]
    path = put(floor, json.dumps(rows))
    assert figures(done(call(floor, ["import", path, "--json", *ALL, *SAID])))[3] == 2
    without = "".join(f"{','.join(row.split(',')[:3])}\n" for row in EXPORT.split())
    done(call(floor, ["import", put(floor, without), "--json", *MAP[:6], *SAID]))
    assert users_of(floor)["new@x"].email == "n@x.example"


@pytest.mark.parametrize(
    "words",
    [
        [*MAP, *SAID],
        [*ALL],
        [*ALL, *SAID, "--map", "account=On"],
        [*ALL, *SAID, "--map", "user=Mail"],
        [*ALL, *SAID, "--map", "shoe=On"],
        [*ALL, *SAID, "--map", "active"],
        [*SAID, "--profile", "none"],
        [*SAID, "--profile", "entra"],
        [*ALL, *SAID, "--map", "type=Absent"],
    ],
    ids=[
        *("unknown column", "no account", "twice", "user twice", "no field", "no column"),
        *("no profile", "another profile", "absent"),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused(floor: Desk, words: list[str]) -> None:
    """Exit 2, nothing changed."""
    before = content(floor.store)
    ran = call(floor, ["import", put(floor, EXPORT), *words])
    assert (ran.code, "hint:" in ran.err) == (2, True), ran
    assert content(floor.store) == before


def test_what_the_file_has_is_not_said_again(floor: Desk) -> None:
    """An option for everybody would contradict the file's own column."""
    for words in (["--account", "acme"], ["--type", "cloud"]):
        assert call(floor, ["import", put(floor, MIXED), *words]).code == 2


@pytest.mark.parametrize("end", ["", "\n"])
def test_good_rows_go_in_and_bad_ones_into_a_file(floor: Desk, end: str) -> None:
    """As written, with duplicate users too; only its owner may read the file."""
    rejects = Path(put(floor, "")).with_name("rejects.csv")
    words = ["import", put(floor, MIXED + end), "--json", "--rejects", str(rejects)]
    assert done(call(floor, [*words, "--dry-run"]))["rejected"] == 4
    assert not rejects.exists()
    answer = done(call(floor, words))
    assert (figures(answer)[:2], answer["rejected"], answer["problem_count"]) == ((1, 1), 4, 4)
    assert [(p["line"], p["value"]) for p in answer["problems"]] == [
        *((3, "bad one"), (4, "nope"), (5, "y"), (6, "y")),
    ]
    assert rejects.stat().st_mode & 0o777 == 0o600
    lines = f"{MIXED}\n".splitlines(keepends=True)
    assert rejects.read_bytes().decode() == "".join([lines[0], *lines[2:]])
    assert "y" not in users_of(floor)
    corrected = rejects.read_text().replace("bad one", "one").replace("nope", "cloud")
    again = call(floor, ["import", put(floor, corrected.replace("y,acme,Z,cloud\n", "")), "--json"])
    assert figures(done(again))[:2] == (3, 3)


def test_bad_objects_go_into_a_file_of_lines(floor: Desk) -> None:
    """Once corrected, that file can be imported."""
    rows = [
        dict(zip(HEADER.split(","), row.split(","), strict=True)) for row in MIXED.split("\n")[1:3]
    ]
    rejects = Path(put(floor, "")).with_name("rejects.json")
    done(call(floor, ["import", put(floor, json.dumps(rows)), "--json", "--rejects", str(rejects)]))
    assert [json.loads(line) for line in rejects.read_text().splitlines()] == rows[1:]


@pytest.mark.parametrize(
    ("encoding", "row", "kept"),
    [
        ("utf-8", b"caf\xe9", b"caf\xe9"),
        ("cp1252", b"b\xe9 x", b"b\xc3\xa9 x"),
        ("utf-7", b"+2AA-", b"?"),
    ],
)
def test_rejected_rows_may_be_no_text(floor: Desk, encoding: str, row: bytes, kept: bytes) -> None:
    """Bytes of another encoding are kept; with --encoding the file is UTF-8."""
    rejects, people = (floor.store.parent / name for name in ("rejects", "people"))
    people.write_bytes(HEADER.encode() + b"\n" + row + b",acme,B,cloud\n")
    words = [] if encoding == "utf-8" else ["--encoding", encoding]
    answer = done(call(floor, ["import", str(people), "--json", "--rejects", str(rejects), *words]))
    assert answer["rejected"] == 1
    assert rejects.read_bytes() == HEADER.encode() + b"\n" + kept + b",acme,B,cloud\n"


def test_a_file_for_bad_rows_is_new_and_elsewhere(floor: Desk) -> None:
    """It replaces no file, follows no link, and is not among the secrets; else exit 7."""
    there = Path(put(floor, "mine", name="there"))
    link = there.with_name("link")
    link.symlink_to(there.with_name("nowhere"))
    before = content(floor.store)
    for path in (there, link, floor.store / "x", floor.keys / "x"):
        assert call(floor, ["import", put(floor, MIXED), "--rejects", str(path)]).code == 7
    assert call(floor, ["import", put(floor, MIXED), "--rejects", "/nowhere/x"]).code in (2, 8)
    assert there.read_text() == "mine"
    assert not link.exists()
    assert content(floor.store) == before


def test_nothing_is_rejected_where_rows_may_have_been_swallowed(floor: Desk) -> None:
    """With an unclosed quote nobody knows which rows are good, so none is imported."""
    before = content(floor.store)
    rejects = Path(put(floor, "")).with_name("rejects.csv")
    path = put(floor, f'{HEADER}\nnew,acme,New,cloud\nx,acme,"X,cloud\ny,acme,Y,cloud\n')
    assert call(floor, ["import", path, "--rejects", str(rejects)]).code == 2
    assert (content(floor.store), rejects.exists()) == (before, False)


def test_the_missing_are_few_and_the_file_names_somebody(floor: Desk) -> None:
    """Exit 7, in a dry run too; --at-most sets the bound."""
    words = ["--deactivate-missing", "--account", "acme", "--yes", "--json"]
    before = content(floor.store)
    for text, more in (
        (f"{HEADER}\n", ["--at-most", "99"]),
        (f"{HEADER}\ngus,globex,Gus,cloud\n", ["--at-most", "99"]),
        (f"{HEADER}\nalice,acme,Alice,cloud\n", []),
        (f"{HEADER}\nalice,acme,Alice,cloud\n", ["--dry-run"]),
        (f"{HEADER}\nalice,acme,Alice,cloud\n", ["--at-most", "3"]),
    ):
        ran = call(floor, ["import", put(floor, text), *words, *more])
        assert (ran.code, ran.answer["error"]["code"]) == (7, "refused"), text
    both = ["--rejects", str(floor.store.parent / "r")]
    assert call(floor, ["import", put(floor, MIXED), *words, *both]).code == 2
    assert content(floor.store) == before
    text = "user,name,type\nalice,Alice,cloud\n"
    answer = done(call(floor, ["import", put(floor, text), *words, "--at-most", "4"]))
    assert answer["deactivated"] == 4


def test_a_fifth_may_be_missing_and_not_one_more(floor: Desk) -> None:
    """Of ten active users two, without --at-most."""
    five = HEADER + "".join(f"\nnew{number},acme,New,cloud" for number in range(5)) + "\n"
    done(call(floor, ["import", put(floor, five), "--json"]))
    words = ["--deactivate-missing", "--account", "acme", "--yes", "--json"]
    seven = f"{five}alice,acme,Alice,cloud\numa,acme,Uma,cloud\n"
    assert call(floor, ["import", put(floor, seven), *words]).code == 7
    answer = done(call(floor, ["import", put(floor, f"{seven}vera,acme,Vera,cloud\n"), *words]))
    assert answer["deactivated"] == 2
