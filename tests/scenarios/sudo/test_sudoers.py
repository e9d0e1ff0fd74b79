"""Sudo allows pincli as the service account, and nothing else."""

from __future__ import annotations

import subprocess

import pytest

from tests.support.floor_of_agents import AMY, BEN, EVE, LEA, SERVICE, SUDOERS, WWW, AgentFloor

pytestmark = pytest.mark.system


def test_the_readmes_sudoers_are_sound(floor: AgentFloor) -> None:
    """`visudo -c` finds nothing wrong, with the whole of /etc/sudoers and with the file alone."""
    for arguments in (["-c"], ["-c", "-s", "-f", str(SUDOERS)]):
        checked = subprocess.run(["visudo", *arguments], capture_output=True, check=False)
        assert checked.returncode == 0, checked
        assert f"{SUDOERS}: parsed OK" in checked.stdout.decode()
        assert checked.stderr == b""


def test_sudo_grants_one_command(floor: AgentFloor) -> None:
    """`sudo -l` lists pincli as the service account only."""
    for login in (AMY, BEN, LEA, WWW, EVE):
        listed = floor.run(login, ["sudo", "-n", "-l"])
        assert listed.code == 0, listed
        grants = [line.strip() for line in listed.out.splitlines() if line.startswith("    (")]
        assert grants == [f"({SERVICE}) NOPASSWD: {floor.program}"]


REFUSED = (
    "-u {service} sh -c id",
    "-u {service} cat {database}",
    "-u {service} {python} -m pincli status",
    "-u root {program} status",
    "-u {other} {program} status",
    "{program} status",
    "-u {service} -g root {program} status",
    "-u {service} -E {program} status",
    "-u {service} --preserve-env=HOME {program} status",
    "-u {service} -D / {program} status",
    "-u {service} -i",
    "-u {service} -s",
    "-u {service} PINCLI_STORE=/tmp {program} status",
    "-u {service} SUDO_UID=0 {program} status",
    "-u {service} PYTHONPATH=/tmp {program} status",
    "-u {service} LD_PRELOAD=/tmp/x.so {program} status",
    "-u {service} HOME=/tmp {program} status",
    "-e {database}",
)
"""Other commands, accounts, groups and variables."""


def test_sudo_refuses_all_else(floor: AgentFloor) -> None:
    """Sudo says so; pincli is not started."""
    for options in REFUSED:
        line = options.format(
            service=SERVICE,
            other=LEA,
            program=floor.program,
            python=floor.python,
            database=floor.desk.database,
        )
        ran = floor.run(AMY, ["sudo", "-n", *line.split()])
        assert (ran.code, ran.out) == (1, ""), ran
        assert "sudo" in ran.err
        assert "pincli: error" not in ran.err


@pytest.mark.parametrize("login", [AMY, WWW])
def test_the_files_are_out_of_reach(floor: AgentFloor, login: str) -> None:
    """Without pincli nobody reads, lists or copies store and keys."""
    secret = [floor.desk.database, *floor.desk.keys.iterdir()]
    for path in (*secret, floor.desk.store, floor.desk.keys):
        for command in (["cat", str(path)], ["ls", str(path)], ["cp", str(path), "stolen"]):
            ran = floor.run(login, command)
            assert ran.code != 0, (command, ran)
            assert ran.out == ""
    for path in (floor.program, floor.python, floor.program.parent, floor.desk.store.parent):
        assert floor.run(login, ["test", "-w", str(path)]).code == 1, path


def test_without_sudo_pincli_uses_the_callers_folders(floor: AgentFloor) -> None:
    """Without sudo pincli uses the caller's own folders."""
    status = [str(floor.program), "status"]
    assert floor.run(AMY, status).code == 8
    there = {"PINCLI_STORE": str(floor.desk.store), "PINCLI_KEYS": str(floor.desk.keys)}
    named = floor.run(AMY, status, env=there)
    assert named.code == 8
    assert "Permission denied" in named.err
    faked = floor.run(AMY, status, env={"SUDO_UID": "0"})
    assert faked.code == 8
    assert "Permission denied" in faked.err


def test_the_service_accounts_files_stay_private(floor: AgentFloor) -> None:
    """After work by several people all files are the service account's own, 0600."""
    assert floor.verify(AMY, "alice", "444159").code == 0
    assert floor.pincli(WWW, "pin show uma").code == 0
    assert floor.pincli(LEA, "reset alice --yes").code == 0
    for folder in (floor.desk.store, floor.desk.keys):
        for path in (folder, *folder.iterdir()):
            assert path.owner() == path.group() == SERVICE, path
            assert path.stat().st_mode & 0o077 == 0, path
