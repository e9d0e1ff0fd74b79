"""What is unsafe about a shared deployment, if there is one."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from pathlib import Path

from pincli.deployment import read_deployment
from pincli.errors import Unavailable
from pincli.operations.doctor.people import people_checks
from pincli.operations.doctor.places import hook_check, kept_on_disk, unchanged
from pincli.operations.doctor.program import program_checks
from pincli.operations.doctor.sudo import sudoers_check
from pincli.results import Check, unchecked
from pincli.store.location import Location, Server


def deployment_checks(
    path: Path, location: Location, keys: Path, *, marks: Path | None = None
) -> Iterator[Check]:
    """Every check of a deployment.

    Args:
        path: The deployment's file.
        location: Where the store is.
        keys: The folder of the keys.
        marks: The folder of this host's mark, if it is not that of the keys.
    """
    if not os.path.lexists(path):
        return
    try:
        deployment = read_deployment(path)
    except Unavailable as error:
        yield Check("configuration", f"{path}: {error.summary}", "see `pincli help deployment`")
        return
    try:
        service = keys.stat().st_uid
    except OSError as error:
        yield unchecked("service account", f"{keys}: {error.strerror}")
        return
    owners = {0, service}
    yield unchanged("configuration", path, {0})
    folders = {
        "keys": keys,
        "mark": marks,
        "store": None if isinstance(location, Server) else location,
    }
    named = {what: folder for what, folder in folders.items() if folder is not None}
    for what, folder in named.items():
        yield unchanged(f"way to the {what}", folder, owners)
    if not isinstance(location, Server):
        yield kept_on_disk(location)
    yield from people_checks(deployment.members, service, named.values())
    yield from program_checks()
    if deployment.on_lock:
        yield hook_check(deployment.on_lock, owners)
    yield sudoers_check(_login(service))


def _login(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"#{uid}"
