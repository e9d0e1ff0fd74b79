"""Keys as Kubernetes mounts them: read-only, linked, root's, readable by a group."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.floor import RIGHT
from tests.support.floor_of_agents import HOME, SERVICE, AgentFloor

pytestmark = pytest.mark.system

MOUNT, MARK = HOME / "mounted", HOME / "mark"


@pytest.fixture
def mounted(floor: AgentFloor) -> Iterator[dict[str, str]]:
    """The environment of a pod, where the service account itself has the role."""
    present = MOUNT / "..2026_11_26"
    MOUNT.mkdir()
    _run("mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", MOUNT)
    try:
        present.mkdir(mode=0o755)
        for key in floor.desk.keys.glob("*.*"):
            copied = Path(shutil.copy(key, present))
            shutil.chown(copied, "root", SERVICE)
            copied.chmod(0o440)
            (MOUNT / key.name).symlink_to(f"..data/{key.name}")
        (MOUNT / "..data").symlink_to(present.name)
        _run("mount", "-o", "remount,ro", MOUNT)
        MARK.mkdir(mode=0o700)
        shutil.chown(MARK, SERVICE, SERVICE)
        floor.configure(
            f'store = "{floor.desk.store}"\nkeys = "{MOUNT}"\nmark = "{MARK}"\n'
            f'[roles]\nportal = ["{SERVICE}"]\n'
        )
        yield {"PINCLI_STORE": str(floor.desk.store), "PINCLI_KEYS": str(MOUNT)}
    finally:
        _run("umount", MOUNT)
        MOUNT.rmdir()
        shutil.rmtree(MARK, ignore_errors=True)


def _run(*command: object) -> None:
    subprocess.run([str(word) for word in command], check=True, capture_output=True)


def test_a_pod_works(floor: AgentFloor, mounted: dict[str, str]) -> None:
    """A pod verifies and shows PINs, and keeps its mark where the deployment says."""
    pincli = str(floor.program)
    for line, stdin, code in (
        ("verify alice --pin-stdin", RIGHT, 0),
        ("pin show uma", "", 0),
        ("verify alice --pin-stdin", "190562", 3),
    ):
        ran = floor.run(SERVICE, [pincli, *line.split()], stdin, env=mounted)
        assert ran.code == code, ran
    assert [path.name[:5] for path in MARK.iterdir()] == ["mark-"]
    checks = floor.run(SERVICE, [pincli, "doctor", "--json"], env=mounted).answer["checks"]
    by_name = {check["what"]: check["finding"] for check in checks}
    for what in ("keys folder", "mark's folder", "mark", "verify.key", "portal.key"):
        assert by_name[what] is None, by_name
