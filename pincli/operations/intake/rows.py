"""One row of an import: checked field by field, everything that is wrong with it told."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NoReturn, TypeVar

from pincli.errors import MalformedName
from pincli.models import UserType
from pincli.operations.intake.formats import RawRow
from pincli.operations.intake.lines import Tell
from pincli.results import RowProblem
from pincli.rules.names import canonical_account, canonical_user, clean_display_name
from pincli.rules.spreadsheets import as_written
from pincli.store.scratch import StagedRow

_TYPES = {kind.value: kind for kind in UserType}
_TRUE = frozenset({"true", "yes", "1"})
_FALSE = frozenset({"false", "no", "0"})

T = TypeVar("T")

_known_account = lru_cache(maxsize=4096)(canonical_account)  # a few accounts, many users


class _Bad(Exception):
    """A field is not as it must be; says what it must be, never what it is."""


class RowChecker:
    """Turns raw rows into staged ones.

    Args:
        tell: Told what is wrong.
    """

    def __init__(self, tell: Tell) -> None:
        self._tell = tell

    def check(self, raw: RawRow) -> StagedRow | None:
        """The row, or None once all that is wrong with it has been told."""
        user = self._field(raw, "user", _user)
        account = self._field(raw, "account", _account)
        name = self._field(raw, "name", _display_name)
        kind = self._field(raw, "type", _type)
        active = self._field(raw, "active", _active)
        if user is None or account is None or name is None:
            return None
        if kind is None or active is None:
            return None
        is_active = None if active == "" else active == "yes"
        return StagedRow(user, raw.line, account, name, kind, is_active)

    def _field(self, raw: RawRow, column: str, parse: Callable[[object], T]) -> T | None:
        try:
            return parse(raw.fields.get(column))
        except _Bad as bad:
            self._tell(RowProblem(raw.line, column, str(bad)))
            return None


def _user(value: object) -> str:
    return _name(value, canonical_user)


def _account(value: object) -> str:
    return _name(value, _known_account)


def _display_name(value: object) -> str:
    return _name(value, clean_display_name)


def _name(value: object, clean: Callable[[str], str]) -> str:
    if not isinstance(value, str):
        raise _Bad("it is not text")
    try:
        return clean(as_written(value))
    except MalformedName as error:
        raise _Bad(f"not a valid {error.what}: {error.rule}") from None


def _type(value: object) -> UserType:
    try:
        return _TYPES[str(value).strip().casefold()]
    except KeyError:
        _none_of(list(_TYPES))


def _active(value: object) -> str:
    """`yes`, `no`, or empty where the file doesn't say."""
    word = "" if value is None else str(value).strip().casefold()
    if word == "":
        return ""
    if word not in _TRUE | _FALSE:
        _none_of(["true", "false"])
    return "yes" if word in _TRUE else "no"


def _none_of(words: list[str]) -> NoReturn:
    raise _Bad(f"it is none of {', '.join(words)}") from None
