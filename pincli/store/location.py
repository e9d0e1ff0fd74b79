"""Where a store is: a folder, or a database of a PostgreSQL server. No password is part of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from pincli.errors import UsageProblem


class Server(NamedTuple):
    """A database of a PostgreSQL server.

    Attributes:
        address: `postgresql://…`, as libpq reads it, and without a password.
    """

    address: str

    def __str__(self) -> str:
        return self.address


Location = Path | Server

_SCHEMES = ("postgresql://", "postgres://")
# Compiled only when used: most stores are in folders.
# As libpq reads it, login and password end before the first slash.
_USER = r"(?P<login>[^/@:]*)(?P<password>:[^/@]*)?@"
_HOST = r"(\[[0-9a-fA-F:.]+(%\w+)?\]|[^\s\[\]/@:?#,=&]*)(:[0-9]*)?"
_REST = rf"{_HOST}(,{_HOST})*(/(?P<database>[^\s/@?#=&]*))?(\?(?P<parameters>[^\s#]*))?"
_NOT_IN_AN_ADDRESS = "password|secret|^scram_"
_HINT = "write postgresql://LOGIN@HOST:PORT/DATABASE?sslmode=verify-full, or the path of a folder"


def location_of(text: str) -> Location:
    """Read a location. No error repeats it, as it may hold a password.

    libpq checks the rest of a server's address.

    Raises:
        UsageProblem: It holds a password, or looks like an address and is not one. Taken for a
            folder, it would be another, empty store.
    """
    if text.startswith(_SCHEMES):
        _require_address(text.partition("://")[2])
        return Server(text)
    if _is_near_miss(text):
        raise UsageProblem(
            "the store's location is neither a folder nor a postgresql:// address",
            f"{_HINT}; a folder whose name holds a colon or an equals sign is written ./NAME",
        )
    return Path(text)


def _is_near_miss(text: str) -> bool:
    first, _, further = text.partition("/")
    without_colon = first.lower() in ("postgresql", "postgres") and further.startswith("/")
    return "://" in text or ":" in first or "=" in first or without_colon


def _require_address(rest: str) -> None:
    user = re.match(_USER, rest)
    if user and user["password"]:
        raise _holds_password()
    found = re.fullmatch(_REST, rest[user.end() if user else 0 :])
    if found is None or (user and "?" in user["login"]) or _is_address(found["database"] or ""):
        raise _malformed()
    parameters = found["parameters"]
    for parameter in parameters.split("&") if parameters else ():
        name, equals, value = parameter.partition("=")
        name = _decoded(name)
        if re.search(_NOT_IN_AN_ADDRESS, name.lower()):
            raise _holds_password()
        if not equals or "=" in value or (name == "dbname" and _is_address(value)):
            raise _malformed()


def _is_address(database: str) -> bool:
    """Whether libpq would take a database's name for another whole address."""
    return bool(re.search("=|://", _decoded(database)))


def _decoded(text: str) -> str:
    from urllib.parse import unquote

    return unquote(text)


def _holds_password() -> UsageProblem:
    return UsageProblem(
        "the store's location holds a password, which others could read there",
        "leave it out, and change that password; libpq takes one from ~/.pgpass (mode 0600), from"
        " the file that PGPASSFILE names, or from a service file (?service=NAME)",
    )


def _malformed() -> UsageProblem:
    return UsageProblem("the store's location is not a valid postgresql:// address", _HINT)
