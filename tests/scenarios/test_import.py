"""`import` as it is called: from files and pipes, bad ones and good ones, for programs too."""

from __future__ import annotations

import array
import fcntl
import json
import termios

import pytest

from tests.support.contract import call, error_of
from tests.support.desk import Desk
from tests.support.driving import wait_until
from tests.support.floor import content
from tests.support.importing import GOOD, HEADER, done, figures, put


def test_a_file_is_imported_and_its_figures_are_shown(floor: Desk) -> None:
    """As a process, for people and for programs; the second time nothing changes."""
    path = put(floor, GOOD)
    assert figures(done(floor.run("import", path, "--json"))) == (3, 1, 1, 1, 0, 0)
    ran = floor.run("import", path)
    assert (ran.code, ran.err) == (0, "")
    assert "imported 3 rows" in ran.out
    assert "3 unchanged" in ran.out


def test_standard_input_is_a_file_too(floor: Desk) -> None:
    """Piped or redirected, in any format."""
    rows = [dict(zip(HEADER.split(","), row.split(","), strict=True)) for row in GOOD.split()[1:]]
    assert figures(done(floor.run("import", "-", "--json", stdin=GOOD))) == (3, 1, 1, 1, 0, 0)
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    for stdin in (GOOD.replace(",", "\t"), json.dumps(rows), json.dumps(rows, indent=1), lines):
        ran = floor.run("import", "-", "--json", stdin=stdin)
        assert figures(done(ran)) == (3, 0, 0, 3, 0, 0)


def test_a_program_may_write_its_output_slowly(floor: Desk) -> None:
    """The first piece of a pipe is not the whole header."""
    with floor.start("import", "-", "--json") as process:
        assert process.stdin is not None
        process.stdin.write(b"\xef\xbb\xbfuser,acc")
        process.stdin.flush()
        wait_until(lambda: not _unread(process.stdin.fileno()), "it to be read")  # type: ignore[union-attr]
        out, err = process.communicate(b"ount,name,type\nnew,acme,New,cloud\n")
    assert (process.returncode, err) == (0, b"")
    assert json.loads(out)["added"] == 1


def _unread(pipe: int) -> int:
    left = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, left)
    return left[0]


def test_who_forgets_the_header_sees_no_pin(floor: Desk) -> None:
    """The first row is then taken for the header; a PIN in it is not repeated."""
    ran = call(floor, ["import", put(floor, "new,acme,N,cloud,234811\n")])
    assert ran.code == 2
    assert "234811" not in ran.out + ran.err


def test_a_dry_run_changes_nothing(floor: Desk) -> None:
    """Its figures are those of the import that follows."""
    path, before = put(floor, GOOD), content(floor.store)
    words = ["import", path, "--json", "--deactivate-missing", "--account", "acme"]
    words += ["--at-most", "3"]
    preview = done(call(floor, [*words, "--dry-run"]))
    assert preview["dry_run"] is True
    assert content(floor.store) == before
    assert figures(preview) == (3, 1, 1, 1, 3, 0)
    assert figures(done(call(floor, [*words, "--yes"]))) == figures(preview)
    assert "nothing was changed" in call(floor, ["import", path, "--dry-run"]).out


BAD = "".join(f"u{n},acme,N,cloudy\n" for n in range(45))


@pytest.mark.parametrize("option", [[], ["--dry-run"]])
def test_a_program_gets_every_bad_row(floor: Desk, option: list[str]) -> None:
    """All of them are next to the error, in the order of the file, in a dry run too."""
    path, before = put(floor, f"{HEADER}\nnew,acme,N,cloud\n{BAD}short\n"), content(floor.store)
    ran = call(floor, ["import", path, "--json", *option])
    assert (ran.code, ran.err, ran.answer["ok"]) == (2, "", False)
    assert ran.answer["error"]["code"] == "usage"
    assert ran.answer["problem_count"] == len(ran.answer["problems"]) == 46
    assert [problem["line"] for problem in ran.answer["problems"]] == [*range(3, 49)]
    assert {problem["column"] for problem in ran.answer["problems"]} == {"type", None}
    assert all(problem["message"] for problem in ran.answer["problems"])
    assert content(floor.store) == before


def test_what_is_told_of_a_bad_row_moves_no_cursor(floor: Desk) -> None:
    """Names of columns from the file are escaped, and markup is text."""
    row = {**dict.fromkeys(HEADER.split(","), "x"), "\x1b[31m[red]": 1}
    ran = call(floor, ["import", put(floor, json.dumps(row))])
    assert ran.code == 2
    assert "\\x1b[31m[red]" in ran.err
    assert "\x1b" not in ran.err


@pytest.mark.parametrize(
    "text",
    ["", "user\n", f"{HEADER},shoe\n", "[" * 100_000],
    ids=["empty", "one column", "unknown", "deep"],
)
def test_a_file_that_is_no_list_of_people_is_refused(floor: Desk, text: str) -> None:
    """With a message and a hint: exit 2, nothing changed."""
    before = content(floor.store)
    ran = call(floor, ["import", put(floor, text)])
    assert ran.code == 2, ran
    error_of(ran)
    assert content(floor.store) == before


@pytest.mark.parametrize("name", ["missing.csv", ".", "/proc/self/mem"])
def test_a_file_that_cant_be_read_is_refused(floor: Desk, name: str) -> None:
    """Missing, a folder, or one that fails while it is read."""
    ran = call(floor, ["import", name])
    assert ran.code == 2, ran
    error_of(ran)


def test_files_among_the_secrets_are_not_read(floor: Desk) -> None:
    """An error message could otherwise show a key."""
    for path in (floor.keys / "verify.key", floor.database, floor.store / "../keys/audit.key"):
        assert call(floor, ["import", str(path)]).code == 7
