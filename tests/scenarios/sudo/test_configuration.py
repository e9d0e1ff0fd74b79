"""/etc/pincli/pincli.toml: nothing works if it is missing or unsafe."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest

from tests.support.floor import RIGHT
from tests.support.floor_of_agents import AMY, CONFIG, EVE, LEA, SERVICE, SUPPORT, AgentFloor

pytestmark = pytest.mark.system

Spoil = Callable[[AgentFloor], object]


def _link(floor: AgentFloor) -> None:
    elsewhere = floor.home(AMY) / "pincli.toml"
    elsewhere.write_text(floor.config())
    CONFIG.unlink()
    CONFIG.symlink_to(elsewhere)


def _without(line: str) -> Spoil:
    return lambda floor: floor.configure(
        "".join(each for each in floor.config().splitlines(True) if not each.startswith(line))
    )


IN_DOUBT: dict[str, Spoil] = {
    "missing": lambda floor: floor.configure(None),
    "group-writable": lambda _: CONFIG.chmod(0o664),
    "writable by all": lambda _: CONFIG.chmod(0o646),
    "an agent's": lambda _: shutil.chown(CONFIG, AMY),
    "an admin's": lambda _: shutil.chown(CONFIG, LEA),
    "not readable": lambda _: CONFIG.chmod(0o600),
    "a link": _link,
    "no roles": lambda floor: floor.configure(floor.config().partition("[roles]")[0]),
    "empty roles": lambda floor: floor.configure(floor.config().partition("agent")[0]),
    "no store": _without("store"),
    "no keys": _without("keys"),
    "malformed": lambda floor: floor.configure(floor.config() + "[["),
    "empty": lambda floor: floor.configure(""),
}


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


@pytest.mark.parametrize("owner", ["root", SERVICE])
def test_root_or_the_service_account_owns_it(floor: AgentFloor, owner: str) -> None:
    """Root or the service account may own it; a group may read it."""
    shutil.chown(CONFIG, owner, SUPPORT)
    CONFIG.chmod(0o640 if owner == SERVICE else 0o644)
    assert floor.verify(AMY, "alice", RIGHT).code == 0


def test_roles_change_with_the_file(floor: AgentFloor) -> None:
    """Every command reads it again: roles change at once."""
    assert floor.pincli(EVE, "status").code == 7
    floor.configure(floor.config().replace(f"%{SUPPORT}", EVE))
    assert floor.pincli(EVE, "status").code == 0
    assert floor.pincli(AMY, "status").code == 7


def test_which_exit_code_comes_first(floor: AgentFloor) -> None:
    """Usage (2), then the configuration (8), then the role (7), then who is unknown (6)."""
    assert floor.pincli(EVE, "reset").code == 2
    assert floor.pincli(EVE, "reset nobody-here --yes").code == 7
    assert floor.pincli(LEA, "reset nobody-here --yes").code == 6
    floor.configure(None)
    assert floor.pincli(EVE, "reset").code == 2
    assert floor.pincli(EVE, "reset nobody-here --yes").code == 8


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
