"""/etc/pincli/pincli.toml: nothing works if it is missing or unsafe."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest

from tests.support.floor import RIGHT
from tests.support.floor_of_agents import AMY, CONFIG, EVE, LEA, SERVICE, SUPPORT, AgentFloor

pytestmark = pytest.mark.system

Spoil = Callable[[AgentFloor], object]


IN_DOUBT: dict[str, Spoil] = {
    "missing": lambda floor: floor.configure(None),
    "group-writable": lambda _: CONFIG.chmod(0o664),
    "an agent's": lambda _: shutil.chown(CONFIG, AMY),
    "an admin's": lambda _: shutil.chown(CONFIG, LEA),
    "not readable": lambda _: CONFIG.chmod(0o600),
}
"""What only several logins show; tests/test_deployment.py has the rest."""


@pytest.mark.parametrize("spoil", IN_DOUBT.values(), ids=IN_DOUBT.keys())
def test_a_configuration_in_doubt_is_exit_8(floor: AgentFloor, spoil: Spoil) -> None:
    """An unsafe or broken configuration is exit 8, and its content is not shown."""
    before = floor.desk.events()
    spoil(floor)
    ran = floor.pincli(AMY, "verify alice --pin-stdin", f"{RIGHT}\n")
    assert (ran.code, ran.out) == (8, "")
    assert str(CONFIG) in ran.err
    assert "not verified" in ran.err
    assert SUPPORT not in ran.err
    assert str(floor.desk.store) not in ran.err
    assert floor.desk.events() == before


def test_roles_change_with_the_file(floor: AgentFloor) -> None:
    """Every command reads it again: roles change at once."""
    assert floor.pincli(EVE, "status").code == 7
    floor.configure(floor.config().replace(f"%{SUPPORT}", EVE))
    assert floor.pincli(EVE, "status").code == 0
    assert floor.pincli(AMY, "status").code == 7


def test_the_hook_of_a_lock(floor: AgentFloor) -> None:
    """The hook runs as the service account, with none of the caller's environment."""
    hook = floor.marks / "hook"
    hook.write_text(f"#!/bin/sh\n{{ id -un; env; cat; }} > {floor.marks}/received\n")
    hook.chmod(0o755)
    floor.configure(f'{floor.config()}\n[hooks]\non_lock = ["{hook}"]\n')
    line = "verify vera --pin-stdin"
    assert floor.pincli(AMY, line, "111222\n", {"LC_ALL": "C.UTF-8", "TZ": "Asia/Tokyo"}).code == 3
    received = (floor.marks / "received").read_text()
    assert received.startswith(f"{SERVICE}\n")
    assert f'"by": "{AMY}"' in received
    assert '"user": "vera"' in received
    for word in ("SUDO", "TZ=", "LC_ALL", "111222"):
        assert word not in received
