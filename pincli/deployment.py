"""/etc/pincli/pincli.toml: where a shared store is, and who may do what there.

Under sudo it alone counts. Without sudo, it says who may act for a customer. Anything in doubt
about it ends the command.
"""

from __future__ import annotations

import grp
import os
import pwd
import re
import stat
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from pincli.errors import ConfigUnavailable, UsageProblem
from pincli.models import Fault
from pincli.rules.calls import LONGEST_SAYING, SAYINGS
from pincli.rules.roles import DEPLOYMENT, Role
from pincli.rules.texts import all_printable
from pincli.store.location import Location, Server, location_of

if TYPE_CHECKING:
    from pincli.rules.profiles import Profile

_LARGEST = 64 * 1024
_WRITABLE_BY_OTHERS = 0o022
_HIGHEST_BOUND = 1_000_000

_VALUES = frozenset({"store", "keys", "mark"})
_TABLES: Mapping[str, Collection[str] | None] = {
    "roles": tuple(Role),
    "hooks": ("on_lock",),
    "tickets": ("pattern",),
    "say": tuple(SAYINGS),
    "alerts": None,
    "profiles": None,
}
"""The keys that each table may have; None for a table whose reader checks them."""
_NOT_A_LOGIN = re.compile(r"ALL|[!#+].*|%[#:].*", re.DOTALL)
"""Everybody, everybody but, numbers and netgroups: in sudoers, but not here."""


class Deployment(NamedTuple):
    """What the file says.

    Attributes:
        store: Where the store is.
        keys: The folder of the keys.
        members: For each role, logins and %groups, spelled as in sudoers.
        on_lock: The program to run after a lock, with its arguments; empty for none.
        mark: The folder of this host's mark; None for that of the keys.
        profiles: Kinds of exports that are imported here, by name.
        tickets: What tickets look like here; None if the file doesn't say.
        say: What agents say here instead of the usual.
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
            it; names of keys are repeated, what they hold is not.
    """
    import tomllib

    content = _read_safely(path)
    try:
        table = tomllib.loads(content.decode())
    except (ValueError, RecursionError):  # also of a number without an end
        raise ConfigUnavailable(Fault.MALFORMED, path, "it is not valid TOML") from None
    _require_known(table, path)
    roles = table.get("roles")
    if not isinstance(roles, dict) or not roles:
        raise ConfigUnavailable(Fault.MALFORMED, path, "it has no [roles]")
    return Deployment(
        store=_store(table, path),
        keys=_folder(table, "keys", path),
        members={Role(name): _names(roles, name, path) for name in roles},
        on_lock=_hook(table, path),
        mark=_folder(table, "mark", path) if "mark" in table else None,
        profiles=_profiles(table, path) if "profiles" in table else {},
        tickets=_tickets(table["tickets"], path) if "tickets" in table else None,
        say=_sayings(table.get("say", {}), path),
        own_bounds=_bounds(table["alerts"], path) if "alerts" in table else {},
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
    """The roles of a caller whom sudo does not name: those of the login that runs this.

    doas and pkexec don't say who called them, and neither does a shell of the service account.

    Args:
        store: The store that is going to be opened.
        keys: The keys, likewise.

    Returns:
        None where no deployment gives out roles, or where it is about another store and
        another account.

    Raises:
        ConfigUnavailable: The file exists, but can't be used.
    """
    try:
        deployment = read_deployment()
    except ConfigUnavailable as error:
        # Its service account can read it, and nobody else can open its store.
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
    """The folder of this host's mark for a caller without sudo, if a deployment names one.

    None where it is about other keys or another store, or can't be used.
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
        # Anybody who can write it can give themselves every role.
        if facts.st_uid not in (0, os.geteuid()) or facts.st_mode & _WRITABLE_BY_OTHERS:
            raise ConfigUnavailable(Fault.EXPOSED, path)
        content = os.read(descriptor, _LARGEST + 1)
    finally:
        os.close(descriptor)
    if len(content) > _LARGEST:
        raise ConfigUnavailable(Fault.MALFORMED, path, "it is too large")
    return content


def _require_known(table: dict[str, Any], path: Path) -> None:
    """Refuse what would silently do nothing: a misspelt role would be nobody's."""
    for name, inner in table.items():
        if name not in _VALUES and name not in _TABLES:
            known = ", ".join([*_VALUES, *(f"[{each}]" for each in _TABLES)])
            raise ConfigUnavailable(
                Fault.MALFORMED, path, f"`{name[:40]}` is unknown; known: {known}"
            )
        if name in _VALUES:
            continue
        if not isinstance(inner, dict):
            raise ConfigUnavailable(Fault.MALFORMED, path, f"[{name}] must be a table")
        keys = _TABLES[name]
        for key in inner:
            if keys is not None and key not in keys:
                why = f"`{name}.{key[:40]}` is unknown; known: {', '.join(keys)}"
                raise ConfigUnavailable(Fault.MALFORMED, path, why)


def _store(table: dict[str, Any], path: Path) -> Location:
    value = table.get("store")
    if isinstance(value, str) and "\0" not in value:
        try:
            location = location_of(value)
        except UsageProblem as problem:
            raise ConfigUnavailable(Fault.MALFORMED, path, problem.message) from None
        if isinstance(location, Server) or location.is_absolute():
            return location
    raise ConfigUnavailable(
        Fault.MALFORMED, path, "`store` must be an absolute path or a postgresql:// address"
    )


def _folder(table: dict[str, Any], name: str, path: Path) -> Path:
    value = table.get(name)
    if not isinstance(value, str) or not value.startswith("/") or "\0" in value:
        raise ConfigUnavailable(Fault.MALFORMED, path, f"`{name}` must be an absolute path")
    return Path(value)


def _hook(table: dict[str, Any], path: Path) -> tuple[str, ...]:
    command: object = table.get("hooks", {}).get("on_lock", [])
    words = command if isinstance(command, list) else [None]
    if not all(isinstance(word, str) and "\0" not in word for word in words) or not (
        _starts_absolute(words)
    ):
        raise ConfigUnavailable(
            Fault.MALFORMED, path, "hooks.on_lock must be a list: an absolute path and arguments"
        )
    return tuple(words)


def _profiles(table: dict[str, Any], path: Path) -> dict[str, Profile]:
    from pincli.rules.profiles import profile_of

    tables = table["profiles"]
    try:
        return {name: profile_of(each) for name, each in tables.items()}
    except ValueError as error:
        raise ConfigUnavailable(Fault.MALFORMED, path, f"[profiles]: {error}") from None


def _tickets(table: dict[str, Any], path: Path) -> re.Pattern[str]:
    with suppress(KeyError, TypeError, re.error, RecursionError, OverflowError):
        return re.compile(table["pattern"])
    raise ConfigUnavailable(Fault.MALFORMED, path, "tickets.pattern must be a regular expression")


def _sayings(table: dict[str, Any], path: Path) -> dict[str, str]:
    for word, text in table.items():
        is_line = isinstance(text, str) and text.strip() and all_printable(text)
        if not is_line or len(text) > LONGEST_SAYING:
            why = f"say.{word} must be 1 to {LONGEST_SAYING} printable characters"
            raise ConfigUnavailable(Fault.MALFORMED, path, why)
    return table


def _bounds(bounds: dict[str, Any], path: Path) -> dict[str, int]:
    from pincli.rules.signs import Bounds

    for name, value in bounds.items():
        if name not in Bounds._fields:
            names = ", ".join(Bounds._fields)
            raise ConfigUnavailable(Fault.MALFORMED, path, f"[alerts] knows {names}")
        if type(value) is not int or not 1 <= value <= _HIGHEST_BOUND:
            why = f"alerts.{name} must be a whole number from 1 to {_HIGHEST_BOUND}"
            raise ConfigUnavailable(Fault.MALFORMED, path, why)
    return bounds


def _starts_absolute(words: list[Any]) -> bool:
    return not words or str(words[0]).startswith("/")


def _names(table: dict[str, Any], role: str, path: Path) -> tuple[str, ...]:
    members: Sequence[object] = table[role] if isinstance(table[role], list) else [None]
    if not all(isinstance(name, str) and name.strip("%") for name in members):
        raise ConfigUnavailable(
            Fault.MALFORMED, path, f"roles.{role} must be a list of logins and %groups"
        )
    for name in map(str, members):
        if _NOT_A_LOGIN.fullmatch(name):
            raise ConfigUnavailable(
                Fault.MALFORMED,
                path,
                f"roles.{role} must name each login and %group, not ALL, !x, #uid, +x or %:x",
            )
    return tuple(map(str, members))
