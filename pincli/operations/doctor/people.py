"""Whether the people with roles exist, keep to them, and can't open the files themselves."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from pincli.results import Check, unchecked
from pincli.rules.roles import Role

Members = Mapping[Role, Sequence[str]]
_STAFF = {Role.AGENT, Role.ADMIN}


def people_checks(members: Members, service: int, folders: Collection[Path]) -> Iterator[Check]:
    """Check the members of the roles.

    Args:
        members: For each role, logins and %groups.
        service: The uid of the service account.
        folders: Those that only the service account may open.
    """
    roles, unknown = _logins(members)
    yield _existing(unknown)
    yield _separate(roles)
    yield _outside(members, roles, service, folders)


def _existing(unknown: Sequence[str]) -> Check:
    finding = f"unknown on this machine: {', '.join(unknown)}" if unknown else None
    return Check("roles", finding, "correct [roles]: a role for an unknown name does nothing")


def _separate(roles: Mapping[str, set[Role]]) -> Check:
    """Nobody may both check PINs and see them."""
    both = sorted(login for login, has in roles.items() if Role.PORTAL in has and has & _STAFF)
    finding = f"{', '.join(both)} can see PINs, and check callers too" if both else None
    return Check("portal apart", finding, "give the portal a login of its own")


def _outside(
    members: Members, roles: Mapping[str, set[Role]], service: int, folders: Collection[Path]
) -> Check:
    """Nobody with a role may be in a group of the files: they could bypass pincli."""
    what = "agents outside"
    gids = set()
    try:
        gids |= {pwd.getpwuid(service).pw_gid}
        gids |= {folder.stat().st_gid for folder in folders}
    except (KeyError, OSError) as error:
        return unchecked(what, f"the groups of the files can't be looked at: {error}")
    names = {name for each in members.values() for name in each}
    for gid in sorted(gids):
        with suppress(KeyError):
            group = grp.getgrgid(gid).gr_name
            if f"%{group}" in names:
                return Check(what, f"%{group} is the files' own group", "chgrp the files")
    for login in sorted(roles):
        entry = pwd.getpwnam(login)
        shared = gids & {*os.getgrouplist(login, entry.pw_gid)}
        if shared and entry.pw_uid not in (0, service):
            group = _name_of(min(shared))
            finding = f"{login} is in {group}, the files' own group"
            return Check(what, finding, f"gpasswd -d {login} {group}")
    return Check(what, None, "")


def _name_of(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def _logins(members: Members) -> tuple[dict[str, set[Role]], list[str]]:
    """The roles of every login, and the names that no login or group has."""
    everybody = pwd.getpwall()
    roles: dict[str, set[Role]] = {}
    unknown = []
    for role, names in members.items():
        for name in names:
            try:
                if name.startswith("%"):
                    group = grp.getgrnam(name[1:])
                    first = {each.pw_name for each in everybody if each.pw_gid == group.gr_gid}
                    known = {each.pw_name for each in everybody}
                    logins = first | {login for login in group.gr_mem if login in known}
                else:
                    logins = {pwd.getpwnam(name).pw_name}
            except KeyError:
                unknown.append(name)
                continue
            for login in logins:
                roles.setdefault(login, set()).add(role)
    return roles, unknown
