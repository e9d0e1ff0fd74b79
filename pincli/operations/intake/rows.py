"""Check one row of an import field by field, and report everything that is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache, partial
from typing import NoReturn, TypeVar

from pincli.errors import MalformedName
from pincli.models import UserType
from pincli.operations.intake.formats import RawRow
from pincli.operations.intake.layout import Layout, label
from pincli.results import RowProblem
from pincli.rules.names import canonical_account, canonical_user
from pincli.rules.profiles import NO, YES
from pincli.rules.texts import clean_display_name, clean_email, mask_pins, unescape_formula
from pincli.store.scratch import StagedRow

_TYPES = {kind.value: kind for kind in UserType}

T = TypeVar("T")

_known_account = lru_cache(maxsize=4096)(canonical_account)  # a few accounts, many users


class _Bad(Exception):
    """A field is bad; the message says what it must be, never what it is."""


class RowChecker:
    """Turns raw rows into staged ones."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._words = dict.fromkeys(NO, False) | dict.fromkeys(YES, True)
        self._words |= dict.fromkeys(layout.no, False) | dict.fromkeys(layout.yes, True)
        self._examples = sorted(layout.yes | layout.no) or ["true", "false"]

    def check(self, raw: RawRow) -> StagedRow | list[RowProblem]:
        """The row, or all that is wrong with it."""
        if raw.wrong:
            return [raw.wrong]
        wrong: list[RowProblem] = []
        user = self._field(raw, "user", partial(_name, canonical_user), wrong)
        account = self._field(raw, "account", partial(_name, _known_account), wrong)
        name = self._field(raw, "name", partial(_name, clean_display_name), wrong)
        kind = self._field(raw, "type", _type, wrong)
        email = self._field(raw, "email", _email, wrong) if "email" in raw.fields else None
        active = self._field(raw, "active", self._active, wrong) if "active" in raw.fields else None
        if user is None or account is None or name is None or kind is None or wrong:
            return wrong
        return StagedRow(user, raw.line, account, name, kind, active, email, raw.number)

    def _field(
        self, raw: RawRow, field: str, parse: Callable[[object], T], wrong: list[RowProblem]
    ) -> T | None:
        value = raw.fields.get(field)
        try:
            return parse(value)
        except _Bad as bad:
            column = label(self._layout.label(field))
            wrong.append(RowProblem(raw.line, column, str(bad), _shown(value)))
            return None

    def _active(self, value: object) -> bool:
        word = "" if value is None else str(value).strip().casefold()
        if word not in self._words:
            _none_of(self._examples)
        return self._words[word]


def _shown(value: object) -> str:
    """A value as it can be shown: cut short, and without what could be a PIN."""
    text = value if isinstance(value, str) else json.dumps(value)
    return label(mask_pins(text.strip()))


def _name(clean: Callable[[str], str], value: object) -> str:
    if not isinstance(value, str):
        raise _Bad("it is not text")
    try:
        return clean(unescape_formula(value))
    except MalformedName as error:
        raise _Bad(f"not a valid {error.what}: {error.rule}") from None


def _type(value: object) -> UserType:
    try:
        return _TYPES[str(value).strip().casefold()]
    except KeyError:
        _none_of(list(_TYPES))


def _email(value: object) -> str:
    return "" if value is None else _name(clean_email, value)


def _none_of(words: list[str]) -> NoReturn:
    raise _Bad(f"it is none of {', '.join(words)}") from None
