"""Where things are and who is there: the only reader of the environment."""

import os
import pwd
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from pincli.errors import Refused, Rule, UsageProblem
from pincli.rules.roles import DEPLOYMENT, Role
from pincli.store.location import Location, Server, location_of

if TYPE_CHECKING:
    import re

    from pincli.rules.profiles import Profile

_NOBODY_KNOWN = 2**32 - 1
_LONGEST_UID = len(str(_NOBODY_KNOWN))
_PROCESSES = Path("/proc")


class Config(NamedTuple):
    """The settings of one invocation; from `on_lock` on, those of the deployment's file.

    Attributes:
        agent: OS login of who runs the command; under sudo, of who invoked sudo.
        roles: Under sudo, the caller's roles; otherwise None: anybody who can open the files may
            do everything.
    """

    store: Location
    keys: Path
    agent: str
    roles: frozenset[Role] | None = None
    on_lock: tuple[str, ...] = ()
    mark: Path | None = None
    profiles: "Mapping[str, Profile]" = MappingProxyType({})
    tickets: "re.Pattern[str] | None" = None
    say: "Mapping[str, str]" = MappingProxyType({})
    own_bounds: "Mapping[str, int]" = MappingProxyType({})

    @property
    def marks(self) -> Path:
        """The folder of this host's mark."""
        return self.mark or self.keys

    def roles_without_sudo(self) -> frozenset[Role] | None:
        """The roles of the caller without sudo; None if no roles are given out.

        Raises:
            ConfigUnavailable: The deployment's file exists, but can't be used.
        """
        from pincli.deployment import roles_without_sudo

        return roles_without_sudo(self.store, self.keys)

    @property
    def secret_folders(self) -> tuple[Path, ...]:
        """The folders that no other file may be read from or written to."""
        stores = () if isinstance(self.store, Server) else (self.store,)
        return (*stores, self.keys, self.marks)


class Process(NamedTuple):
    """Another process: the agent who started it, and whether it is stopped."""

    agent: str
    stopped: bool


class Display(NamedTuple):
    """What the person's terminal can show.

    Attributes:
        unicode: Whether signs outside ASCII may be used.
        color: Whether ANSI styles may be used on a terminal.
        addressable: Whether the cursor can be put anywhere on it.
    """

    unicode: bool
    color: bool
    addressable: bool = True


def read_config(store: Location | None, keys: Path | None) -> Config:
    """The configuration: --store and --keys first, then PINCLI_*, then the user's XDG folders.

    Under sudo only the deployment's file counts, as the caller controls everything else.

    Raises:
        Refused: Under sudo, something else names store or keys.
        ConfigUnavailable: Under sudo, the deployment's file can't be used.
    """
    caller = _sudo_caller()
    if caller is not None:
        from pincli.deployment import read_deployment, roles_of

        deployment = read_deployment()
        named = ("PINCLI_STORE", "PINCLI_KEYS")
        if store or keys or any(os.environ.get(variable) for variable in named):
            raise Refused(Rule.CONFIGURED_ELSEWHERE)
        if isinstance(deployment.store, Server):
            _keep_libpq_from_the_caller()
        settings = deployment._asdict()
        del settings["members"]
        return Config(agent=_login(caller), roles=roles_of(caller, deployment), **settings)
    if store is None:
        location = os.environ.get("PINCLI_STORE")
        store = location_of(location) if location else _folder("XDG_DATA_HOME", ".local/share")
    if keys is None:
        folder = os.environ.get("PINCLI_KEYS")
        keys = Path(folder) if folder else _folder("XDG_CONFIG_HOME", ".config")
    return Config(store, keys, read_agent(), mark=_deployed_mark(store, keys))


def _deployed_mark(store: Location, keys: Path) -> Path | None:
    """A host has one mark, whether sudo runs pincli or cron does."""
    if not os.path.lexists(DEPLOYMENT):
        return None
    from pincli.deployment import mark_without_sudo

    return mark_without_sudo(store, keys)


def read_agent() -> str:
    """OS login of who runs the command; under sudo, of who invoked sudo."""
    caller = _sudo_caller()
    return _login(os.getuid() if caller is None else caller)


def read_process(number: int) -> Process | None:
    """Another process, by its number; None if it has ended.

    Its agent is who invoked sudo, if we may see that, else its owner.
    """
    folder = _PROCESSES / str(number)
    try:
        state = (folder / "stat").read_bytes().rpartition(b")")[2].split()[0]
        caller = folder.stat().st_uid
        with suppress(PermissionError):
            invoked_by = _sudo_caller(_environment_of(number))
            caller = caller if invoked_by is None else invoked_by
    except (OSError, IndexError):
        return None
    return Process(_login(caller), state in (b"T", b"t"))


def under_sudo() -> bool:
    """Whether sudo runs this, so that only the deployment's file counts."""
    return _sudo_caller() is not None


def read_display() -> Display:
    """What the terminal can show, by the locale, NO_COLOR and TERM."""
    addressable = (os.environ.get("TERM") or "dumb") != "dumb"
    return Display(
        unicode=_has_utf8(),
        color=addressable and not os.environ.get("NO_COLOR"),
        addressable=addressable,
    )


def _keep_libpq_from_the_caller() -> None:
    """Leave libpq nothing of the caller's: PGHOST or a service file could name another server.

    Its own files are then those in the home of pincli's account.
    """
    for variable in [each for each in os.environ if each.startswith("PG")]:
        del os.environ[variable]
    with suppress(KeyError):
        os.environ["HOME"] = pwd.getpwuid(os.geteuid()).pw_dir


def _folder(xdg_variable: str, xdg_default: str) -> Path:
    base = Path(os.environ.get(xdg_variable) or "")
    # The XDG specification: a relative path there is to be ignored.
    if not base.is_absolute():
        base = _home() / xdg_default
    return base / "pincli"


def _home() -> Path:
    home = os.environ.get("HOME")
    try:
        return Path(home or pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        raise UsageProblem(
            "there is no home folder to look for the store in", "give --store and --keys"
        ) from None


def _sudo_caller(environment: Mapping[str, str] = os.environ) -> int | None:
    """The uid of who invoked sudo, which sudo sets; None without sudo.

    A value that is not a uid counts as a caller whom nobody knows: sudo never sets one.
    """
    value = environment.get("SUDO_UID")
    if value is None:
        return None
    is_uid = value.isascii() and value.isdigit() and len(value) <= _LONGEST_UID
    return int(value) if is_uid else _NOBODY_KNOWN


def _login(uid: int) -> str:
    """By uid alone: LOGNAME and USER can say anything."""
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        return f"uid:{uid}"


def _has_utf8() -> bool:
    """Whether the locale says UTF-8.

    In the locale C, Python sets LC_CTYPE=C.UTF-8 for itself (PEP 538); that says nothing
    about the terminal, so it counts only if the process began with it.
    """
    everything, ctype, lang = (os.environ.get(v, "") for v in ("LC_ALL", "LC_CTYPE", "LANG"))
    if not everything and ctype == "C.UTF-8":
        ctype = _began_with("LC_CTYPE")
    effective = everything or ctype or lang
    codeset = effective.partition(".")[2].partition("@")[0]
    return codeset.lower().replace("-", "") == "utf8"


def _began_with(variable: str) -> str:
    """A variable as it was in the environment that the process was given."""
    try:
        return _environment_of("self").get(variable, "")
    except OSError:
        return ""


def _environment_of(process: int | str) -> dict[str, str]:
    """The environment that a process was given."""
    settings = (_PROCESSES / str(process) / "environ").read_bytes().split(b"\0")
    return dict(os.fsdecode(setting).partition("=")[::2] for setting in settings[::-1])
