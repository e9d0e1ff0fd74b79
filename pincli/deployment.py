"""/etc/pincli/pincli.toml: where a shared store is, and who may do what there.

Under sudo only this file counts. Without sudo, it says who may act for a customer. Any doubt
about it ends the command.
"""

from __future__ import annotations

import grp
import os
import pwd
import re
import stat
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from pincli.errors import ConfigUnavailable, UsageProblem
from pincli.models import Fault
from pincli.rules.roles import DEPLOYMENT, Role
from pincli.rules.texts import LONGEST_SAYING, SAYINGS, all_printable
from pincli.store.location import Location, Server, location_of

if TYPE_CHECKING:
    from pincli.rules.profiles import Profile

_LARGEST = 64 * 1024
_WRITABLE_BY_OTHERS = 0o022
_HIGHEST_BOUND = 1_000_000

_VALUES = ("store", "keys", "mark")
_TABLES: Mapping[str, Collection[str] | None] = {
    "roles": tuple(Role),
    "hooks": ("on_lock",),
    "tickets": ("pattern",),
    "say": tuple(SAYINGS),
    "alerts": None,
    "profiles": None,
}
"""The keys that each table may have; None if its reader checks them."""
_NOT_A_LOGIN = re.compile(r"ALL|[!#+].*|%[#:].*", re.DOTALL)
"""What only sudoers understands: everybody, all but somebody, numbers, netgroups."""


class _Malformed(Exception):
    """The file is not as it must be. What it holds is not repeated, but for names of keys."""


class Deployment(NamedTuple):
    """What the file says.

    Attributes:
        keys: The folder of the keys.
        members: For each role, logins and %groups, spelled as in sudoers.
        on_lock: The program to run after a lock, with its arguments; empty for none.
        mark: The folder of this host's mark; None for that of the keys.
        profiles: Kinds of exports that are imported here, by name.
        tickets: What tickets look like here.
        say: What agents say here instead of the default texts.
        own_bounds: Bounds for signs of an attack that differ from the defaults.
    """

    store: Location
    keys: Path
    members: dict[Role, tuple[str, ...]]
    on_lock: tuple[str, ...] = ()
    mark: Path | None = None
    profiles: Mapping[str, Profile] = MappingProxyType({})
    tickets: re.Pattern[str] | None = None
    say: Mapping[str, str] = MappingProxyType({})
    own_bounds: Mapping[str, int] = MappingProxyType({})


def read_deployment(path: Path = DEPLOYMENT) -> Deployment:
    """The deployment that a file describes.

    Raises:
        ConfigUnavailable: It is missing, malformed, a link, or others could have written
            it. The detail repeats names of keys, and no values.
    """
    import tomllib

    content = _read_safely(path)
    try:
        return _deployment(tomllib.loads(content.decode()))
    except _Malformed as error:
        why = str(error)
    except (ValueError, RecursionError):  # also of a number without an end
        why = "it is not valid TOML"
    raise ConfigUnavailable(Fault.MALFORMED, path, why)


def _deployment(table: dict[str, Any]) -> Deployment:
    _require_known(table)
    roles = table.get("roles")
    if not roles:
        raise _Malformed("it has no [roles]")
    return Deployment(
        store=_store(table),
        keys=_folder(table, "keys"),
        members={Role(name): _members(roles[name], name) for name in roles},
        on_lock=_hook(table),
        mark=_folder(table, "mark") if "mark" in table else None,
        profiles=_profiles(table["profiles"]) if "profiles" in table else {},
        tickets=_tickets(table["tickets"]) if "tickets" in table else None,
        say=_sayings(table.get("say", {})),
        own_bounds=_bounds(table["alerts"]) if "alerts" in table else {},
    )


def roles_of(uid: int, deployment: Deployment) -> frozenset[Role]:
    """The roles of a caller, by the system's own logins and groups; none if it has no login."""
    try:
        login = pwd.getpwuid(uid)
    except (KeyError, OverflowError):
        return frozenset()
    names = {login.pw_name}
    for gid in os.getgrouplist(login.pw_name, login.pw_gid):
        try:
            names.add(f"%{grp.getgrgid(gid).gr_name}")
        except KeyError:
            continue
    return frozenset(
        role for role, members in deployment.members.items() if names.intersection(members)
    )


def roles_without_sudo(store: Location, keys: Path) -> frozenset[Role] | None:
    """The roles of a caller without sudo: those of the login that runs this.

    doas and pkexec don't say who called them, nor does a shell of the service account.

    Returns:
        None if no deployment gives out roles, or if it is about another store and another
        account.

    Raises:
        ConfigUnavailable: The file exists, but can't be used.
    """
    try:
        deployment = read_deployment()
    except ConfigUnavailable as error:
        # The service account can read it, and nobody else can open its store.
        if error.fault in (Fault.MISSING, Fault.FORBIDDEN):
            return None
        raise
    caller = os.geteuid()
    if (
        _is_same(store, deployment.store)
        or _is_same(keys, deployment.keys)
        or (caller != 0 and caller == _owner(deployment.keys))
    ):
        return roles_of(caller, deployment)
    return None


def mark_without_sudo(store: Location, keys: Path) -> Path | None:
    """The folder of this host's mark for a caller without sudo; None for that of the keys.

    A deployment that can't be used, or has another store or other keys, does not count.
    """
    with suppress(ConfigUnavailable):
        deployment = read_deployment()
        if _is_same(keys, deployment.keys) and _is_same(store, deployment.store):
            return deployment.mark
    return None


def _is_same(one: Location, other: Location) -> bool:
    if isinstance(one, Server) or isinstance(other, Server):
        return one == other
    return os.path.realpath(one) == os.path.realpath(other)


def _owner(folder: Path) -> int | None:
    with suppress(OSError):
        return folder.stat().st_uid
    return None


def _read_safely(path: Path) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise ConfigUnavailable(Fault.MISSING, path) from None
    except OSError as error:
        raise ConfigUnavailable(Fault.FORBIDDEN, path, error.strerror or "") from None
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise ConfigUnavailable(Fault.MALFORMED, path, "it is not a plain file")
        # Anybody who can write it can take every role.
        if facts.st_uid not in (0, os.geteuid()) or facts.st_mode & _WRITABLE_BY_OTHERS:
            raise ConfigUnavailable(Fault.EXPOSED, path)
        content = os.read(descriptor, _LARGEST + 1)
    finally:
        os.close(descriptor)
    if len(content) > _LARGEST:
        raise ConfigUnavailable(Fault.MALFORMED, path, "it is too large")
    return content


def _require_known(table: dict[str, Any]) -> None:
    """Refuse what would silently do nothing, such as a misspelt role."""
    for name, inner in table.items():
        if name in _VALUES:
            continue
        if name not in _TABLES:
            known = ", ".join([*_VALUES, *(f"[{each}]" for each in _TABLES)])
            raise _Malformed(f"`{name[:40]}` is unknown; known: {known}")
        if not isinstance(inner, dict):
            raise _Malformed(f"[{name}] must be a table")
        keys = _TABLES[name]
        for key in inner:
            if keys is not None and key not in keys:
                raise _Malformed(f"`{name}.{key[:40]}` is unknown; known: {', '.join(keys)}")


def _store(table: dict[str, Any]) -> Location:
    value = table.get("store")
    if isinstance(value, str) and "\0" not in value:
        try:
            location = location_of(value)
        except UsageProblem as problem:
            raise _Malformed(problem.message) from None
        if isinstance(location, Server) or location.is_absolute():
            return location
    raise _Malformed("`store` must be an absolute path or a postgresql:// address")


def _folder(table: dict[str, Any], name: str) -> Path:
    value = table.get(name)
    if not isinstance(value, str) or not value.startswith("/") or "\0" in value:
        raise _Malformed(f"`{name}` must be an absolute path")
    return Path(value)


def _members(names: object, role: str) -> tuple[str, ...]:
    members = _texts(names)
    if members is None or not all(name.strip("%") for name in members):
        raise _Malformed(f"roles.{role} must be a list of logins and %groups")
    if any(map(_NOT_A_LOGIN.fullmatch, members)):
        raise _Malformed(
            f"roles.{role} must name each login and %group, not ALL, !x, #uid, +x or %:x"
        )
    return members


def _hook(table: dict[str, Any]) -> tuple[str, ...]:
    words = _texts(table.get("hooks", {}).get("on_lock", []))
    if words is None or "\0" in "".join(words) or (words and not words[0].startswith("/")):
        raise _Malformed("hooks.on_lock must be a list: an absolute path and arguments")
    return words


def _texts(value: object) -> tuple[str, ...] | None:
    """A list of texts; None for anything else."""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return tuple(value)
    return None


def _profiles(tables: dict[str, Any]) -> dict[str, Profile]:
    from pincli.rules.profiles import profile_of

    try:
        return {name: profile_of(each) for name, each in tables.items()}
    except ValueError as error:
        raise _Malformed(f"[profiles]: {error}") from None


def _tickets(table: dict[str, Any]) -> re.Pattern[str]:
    with suppress(KeyError, TypeError, re.error, RecursionError, OverflowError):
        return re.compile(table["pattern"])
    raise _Malformed("tickets.pattern must be a regular expression")


def _sayings(table: dict[str, Any]) -> dict[str, str]:
    for word, text in table.items():
        is_line = isinstance(text, str) and text.strip() and all_printable(text)
        if not is_line or len(text) > LONGEST_SAYING:
            raise _Malformed(f"say.{word} must be 1 to {LONGEST_SAYING} printable characters")
    return table


def _bounds(bounds: dict[str, Any]) -> dict[str, int]:
    from pincli.rules.signs import Bounds

    for name, value in bounds.items():
        if name not in Bounds._fields:
            raise _Malformed(f"[alerts] knows {', '.join(Bounds._fields)}")
        if type(value) is not int or not 1 <= value <= _HIGHEST_BOUND:
            raise _Malformed(f"alerts.{name} must be a whole number from 1 to {_HIGHEST_BOUND}")
    return bounds
