"""Every unsafe deployment, made for real, and what doctor says about it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.floor_of_agents import (
    AMY,
    CONFIG,
    HOME,
    LEA,
    SERVICE,
    SUDOERS,
    AgentFloor,
    sudoers,
)

pytestmark = pytest.mark.system

STORE, KEYS, VENV = HOME / "store", HOME / "keys", HOME / "venv"
HOOK = HOME / "marks-hook"


class Unsafe(NamedTuple):
    """A deployment that is not as the README has it.

    Attributes:
        cause: Makes it so, and notes how to undo what the floor does not.
        what: The check that names it.
        finding: What its finding says.
    """

    cause: Callable[[AgentFloor, ExitStack], object]
    what: str
    finding: str


def _run(*command: object) -> None:
    subprocess.run([str(word) for word in command], check=True, capture_output=True)


def _mode(path: Path, mode: int) -> Callable[[AgentFloor, ExitStack], object]:
    def cause(_: AgentFloor, undo: ExitStack) -> None:
        undo.callback(path.chmod, path.stat().st_mode & 0o7777)
        path.chmod(mode)

    return cause


def _owner(path: Path, login: str) -> Callable[[AgentFloor, ExitStack], object]:
    def cause(_: AgentFloor, undo: ExitStack) -> None:
        undo.callback(_run, "chown", "-h", "root", path)
        _run("chown", "-h", login, path)

    return cause


def _sudo(old: str, new: str) -> Callable[[AgentFloor, ExitStack], object]:
    def cause(floor: AgentFloor, undo: ExitStack) -> None:
        text = sudoers(floor.program)
        assert old in text
        undo.callback(SUDOERS.write_text, text)
        SUDOERS.write_text(text.replace(old, new))

    return cause


def _hook(mode: int | None) -> Callable[[AgentFloor, ExitStack], object]:
    def cause(floor: AgentFloor, undo: ExitStack) -> None:
        floor.configure(f'{floor.config()}[hooks]\non_lock = ["{HOOK}"]\n')
        if mode is not None:
            undo.callback(HOOK.unlink)
            HOOK.write_text("#!/bin/sh\n")
            HOOK.chmod(mode)

    return cause


def _in_memory(_: AgentFloor, undo: ExitStack) -> None:
    aside = shutil.copytree(STORE, HOME / "aside")
    undo.callback(shutil.rmtree, aside)
    _run("mount", "-t", "tmpfs", "-o", "mode=700,size=200m", "tmpfs", STORE)
    undo.callback(_run, "umount", STORE)
    shutil.copytree(aside, STORE, dirs_exist_ok=True)
    for path in (STORE, *STORE.iterdir()):
        shutil.chown(path, SERVICE, SERVICE)


def _capabilities(floor: AgentFloor, undo: ExitStack) -> None:
    python = floor.python.resolve()
    own = HOME / "python"
    shutil.copy(python, own)
    link = floor.python
    before = link.readlink()
    undo.callback(own.unlink)
    undo.callback(link.symlink_to, before)
    undo.callback(link.unlink)
    link.unlink()
    link.symlink_to(own)
    _run("setcap", "cap_net_bind_service+ep", own)


UNSAFE = {
    "its configuration's folder writable by others": Unsafe(
        _mode(CONFIG.parent, 0o777), "configuration", str(CONFIG.parent)
    ),
    "its configuration's folder an agent's": Unsafe(
        _owner(CONFIG.parent, AMY), "configuration", str(CONFIG.parent)
    ),
    "the store's parent an agent's": Unsafe(_owner(HOME, AMY), "way to the store", str(HOME)),
    "SETENV": Unsafe(_sudo("NOPASSWD:", "NOPASSWD: SETENV:"), "sudoers", "SETENV"),
    "no use_pty": Unsafe(_sudo(", use_pty", ", !use_pty"), "sudoers", "use_pty"),
    "log_input": Unsafe(_sudo("!log_input", "log_input"), "sudoers", "log_input"),
    "log_output for all": Unsafe(
        _sudo(", !log_output", "\nDefaults log_output"), "sudoers", "log_output"
    ),
    "the program's folder writable": Unsafe(_mode(VENV, 0o777), "program", str(VENV)),
    "the venv's bin writable": Unsafe(_mode(VENV / "bin", 0o775), "program", "bin"),
    "the program the service account's": Unsafe(
        _owner(VENV / "bin/pincli", SERVICE), "program", "bin/pincli"
    ),
    "Python the service account's": Unsafe(
        _owner(VENV / "bin/python", SERVICE), "program", "bin/python"
    ),
    "a hook writable by others": Unsafe(_hook(0o777), "hook", str(HOOK)),
    "a hook that is missing": Unsafe(_hook(None), "hook", "No such file"),
    "a hook that can't run": Unsafe(_hook(0o644), "hook", "can't be executed"),
    "the store on tmpfs": Unsafe(_in_memory, "store's disk", "tmpfs"),
    "capabilities on Python": Unsafe(_capabilities, "Python", "capabilities"),
}


@pytest.fixture
def undo() -> Iterator[ExitStack]:
    """What is undone after a test."""
    with ExitStack() as stack:
        yield stack


def examined(floor: AgentFloor) -> dict[str, dict[str, Any]]:
    """What root's doctor says, by what it looked at."""
    names = {"PINCLI_STORE": str(STORE), "PINCLI_KEYS": str(KEYS)}
    ran = floor.run("root", [str(floor.program), "doctor", "--json"], env=names)
    assert ran.code in (0, 8), ran
    return {check["what"]: check for check in ran.answer["checks"]}


def test_the_readmes_deployment_is_well(floor: AgentFloor) -> None:
    """Root's doctor checks everything; an admin's lists what it couldn't check."""
    checks = examined(floor)
    assert {what for what, check in checks.items() if check["finding"]} == set()
    assert [what for what, check in checks.items() if not check["checked"]] == []
    ran = floor.pincli(LEA, "doctor --json")
    assert ran.code == 0, ran
    assert [c["what"] for c in ran.answer["checks"] if not c["checked"]] == ["sudoers"]


@pytest.mark.parametrize("name", UNSAFE)
def test_an_unsafe_deployment_is_named(floor: AgentFloor, undo: ExitStack, name: str) -> None:
    """The right check reports it, with a hint."""
    unsafe = UNSAFE[name]
    unsafe.cause(floor, undo)
    check = examined(floor)[unsafe.what]
    assert unsafe.finding in (check["finding"] or ""), check
    assert check["finding"]
    assert check["hint"]
