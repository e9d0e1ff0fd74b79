"""Commands in this process as sudo would start them, for a caller whose login is `nobody`."""

from __future__ import annotations

import pwd
from collections.abc import Callable
from pathlib import Path

import pytest

from pincli import deployment
from pincli.deployment import read_deployment
from tests.support.contract import call
from tests.support.desk import Desk, Ran

NOBODY = pwd.getpwnam("nobody")
Deploy = Callable[..., None]


def read_instead(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read this file in place of /etc/pincli/pincli.toml."""
    monkeypatch.setattr(deployment, "read_deployment", lambda: read_deployment(path))


def deploy(desk: Desk, path: Path, *roles: str) -> None:
    """Write a deployment's file that gives these roles to `nobody`; with none, to others."""
    lines = [f'{role} = ["{NOBODY.pw_name}"]' for role in roles] or ['admin = ["root"]']
    head = [f'store = "{desk.store}"', f'keys = "{desk.keys}"', "[roles]"]
    path.write_text("\n".join([*head, *lines]) + "\n")
    path.chmod(0o644)


def call_by_sudo(desk: Desk, line: str, stdin: str = "", **env: str) -> Ran:
    """Run a command line for `nobody`."""
    sudo = {"SUDO_UID": str(NOBODY.pw_uid), "PINCLI_STORE": "", "PINCLI_KEYS": ""}
    return call(desk, line, stdin, **{**sudo, **env})
