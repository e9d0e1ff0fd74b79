"""Whether sudo lets agents do more than run pincli, or logs what they type."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

from pincli.results import Check, unchecked

_WHAT = "sudoers"
_FILE = "/etc/sudoers"
_CONVERT = ("/usr/bin/cvtsudoers", "-e", "-f", "json", _FILE)
_LONGEST = 30.0
# sudo's logs of input and output hold every PIN that is typed or shown.
_LOGS = [
    f"log_{what}" for what in ("input", "output", "stdin", "stdout", "stderr", "ttyin", "ttyout")
]
_LINE = "Defaults!{} env_reset, !setenv, always_set_home, use_pty, !log_input, !log_output"


def sudoers_check(service: str) -> Check:
    """What sudo lets people do as the service account; only root can check."""
    if os.geteuid() != 0:
        return unchecked(_WHAT, f"only root may read {_FILE}: run doctor as root too")
    try:
        done = subprocess.run(  # noqa: S603
            _CONVERT, capture_output=True, timeout=_LONGEST, check=True
        )
        table = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        return unchecked(_WHAT, f"cvtsudoers, which comes with sudo, can't read {_FILE}: {error}")
    return judged(table, service)


def judged(table: Mapping[str, Any], service: str) -> Check:
    """What is unsafe in sudoers, as cvtsudoers writes them in JSON."""
    granted = [*_granted(table, service)]
    if not granted:
        return unchecked(_WHAT, f"no line lets anybody run a command as {service}")
    for command, options in granted:
        if command == "ALL":
            return Check(_WHAT, f"somebody may run any command as {service}", "allow only pincli")
        line = f"use this line: {_LINE.format(command)}"
        settings = {**_defaults(table, command), **options}
        if settings.get("setenv"):
            return Check(
                _WHAT, f"SETENV lets callers of {command} set any variable", "remove SETENV"
            )
        for log in _LOGS:
            if settings.get(log):
                return Check(_WHAT, f"{log} writes the PINs of {command} into sudo's logs", line)
        if not settings.get("use_pty"):
            finding = f"without use_pty, {command} can type into the caller's terminal"
            return Check(_WHAT, finding, line)
    return Check(_WHAT, None, "")


def _granted(table: Mapping[str, Any], service: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each command that sudo runs as that account, with its tags."""
    for user in table.get("User_Specs", ()):
        for spec in user.get("Cmnd_Specs", ()):
            if {"username": service} not in spec.get("runasusers", ()):
                continue
            tags = _options(spec)
            for command in spec.get("Commands", ()):
                if "command" in command and not command.get("negated"):
                    yield str(command["command"]).split()[0], tags


def _defaults(table: Mapping[str, Any], command: str) -> dict[str, Any]:
    """The Defaults for a command; its own come last, as sudo has it.

    Those for some users, accounts or hosts count for everybody: they may be its callers.
    """
    bound = [each for each in table.get("Defaults", ()) if "Binding" in each]
    of_command = [each for each in bound if any("command" in to for to in each["Binding"])]
    settings: dict[str, Any] = {}
    for entry in table.get("Defaults", ()):
        if entry not in of_command:
            settings |= _options(entry)
    for entry in of_command:
        if {"command": command} in entry["Binding"]:
            settings |= _options(entry)
    return settings


def _options(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for option in entry.get("Options", ()) for name, value in option.items()}
