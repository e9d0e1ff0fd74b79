"""`import` as it is called: from files and pipes, bad ones and good ones, for programs too."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.support.contract import call
from tests.support.desk import PROGRAM, Desk
from tests.support.driving import ROOT, fresh
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


def test_files_among_the_secrets_are_not_read(floor: Desk) -> None:
    """An error message could otherwise show a key."""
    for path in (floor.keys / "verify.key", floor.database, floor.store / "../keys/audit.key"):
        assert call(floor, ["import", str(path)]).code == 7


@pytest.mark.rotating
def test_memory_stays_flat(desk: Desk) -> None:
    """Kept rows would take 600 bytes each and more; what is kept of each is its login."""
    peak = fresh(desk, "peak")
    driver = (sys.executable, "-m", "tests.support.drive_bulk_memory", str(peak))
    peaks = []
    for count in (4_000, 40_000):
        rows = "".join(f"u{n:06},acme,A name of some length {n},cloud\n" for n in range(count))
        subprocess.run(
            [*driver, *PROGRAM, "import", "-"],
            input=f"{HEADER}\n{rows}".encode(),
            stdout=subprocess.DEVNULL,
            env=desk.environment(),
            cwd=ROOT,
            check=True,
        )
        peaks.append(int(peak.read_text()))
    assert peaks[1] < peaks[0] + 20 * 1024 * 1024
