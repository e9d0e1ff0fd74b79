"""Files that a caller names and the service account would read or write."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.desk import Desk
from tests.support.driving import ROOT
from tests.support.floor_of_agents import LEA, AgentFloor

pytestmark = pytest.mark.system


def pieces(key: Path) -> list[str]:
    """Every eight digits in a row of a key file."""
    text = key.read_text().strip()
    return [text[i : i + 8] for i in range(len(text) - 7)]


@pytest.mark.parametrize("way", ["straight", "link", "dots"])
def test_no_file_among_the_secrets_is_named(floor: AgentFloor, way: str) -> None:
    """A path into store or keys is exit 7 in any spelling, and nothing of it is shown."""
    folders = {"store": floor.desk.store, "keys": floor.desk.keys}
    before = {path for folder in folders.values() for path in folder.iterdir()}
    for name, folder in folders.items():
        if way == "link":
            (floor.home(LEA) / name).symlink_to(folder)
            folders[name] = floor.home(LEA) / name
        elif way == "dots":
            folders[name] = floor.home(LEA) / "../.." / folder.name
    for line in (
        "import {key}",
        "reset --from-file {key} --yes",
        "reset alice --yes --output {store}/pins.csv",
        "backup {keys}/copy",
        "restore {key} --yes",
    ):
        ran = floor.pincli(LEA, line.format(key=folders["keys"] / "audit.key", **folders))
        assert ran.code == 7, ran
        output = ran.out + ran.err
        assert not [piece for piece in pieces(floor.desk.keys / "audit.key") if piece in output]
    after = {path for each in (floor.desk.store, floor.desk.keys) for path in each.iterdir()}
    assert after == before


SWAPPED = """
import os, sys
link, secret, *arguments = sys.argv[1:]

def swap(event, details):
    # Just before the file is opened, and after it was checked.
    if event == "open" and not isinstance(details[0], int) and os.fspath(details[0]) == link:
        if os.readlink(link) != secret:
            os.unlink(link)
            os.symlink(secret, link)

sys.addaudithook(swap)
sys.argv[1:] = arguments
from pincli.__main__ import main
main()
"""
"""Pincli, with somebody who exchanges a link at the worst moment."""


@pytest.mark.parametrize(
    "command",
    [
        "reset --dry-run --from-file {link}",
        "user deactivate --from-file {link}",
        "import --dry-run {link}",
    ],
)
def test_a_link_replaced_at_the_last_moment(desk: Desk, tmp_path: Path, command: str) -> None:
    """A link replaced at the last moment shows nothing of a key."""
    desk.add("alice")
    link, secret = tmp_path / "names", desk.keys / "audit.key"
    harmless = tmp_path / "harmless"
    harmless.write_text("alice\n")
    link.symlink_to(harmless)
    ran = subprocess.run(
        [sys.executable, "-c", SWAPPED, str(link), str(secret), *command.format(link=link).split()],
        capture_output=True,
        env=desk.environment(),
        cwd=ROOT,
        check=False,
    )
    assert link.readlink() == secret, ran  # the trap worked
    output = (ran.stdout + ran.stderr).decode()
    assert not [piece for piece in pieces(secret) if piece in output], output
