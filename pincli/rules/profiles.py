"""Profiles: which columns of a directory's export an import reads, and words for yes and no."""

from __future__ import annotations

from typing import Any, NamedTuple

from pincli.models import UserType

FIELDS = ("user", "account", "name", "type", "email", "active")
REQUIRED = FIELDS[:4]
FALLING_BACK = ("name", "email")
"""Fields that may come from another column if the first is empty. An identity may not."""

YES = frozenset(
    {"true", "yes", "y", "1", "active", "enabled", "ja", "wahr", "oui", "vrai", "sí", "si"}
)
NO = frozenset({"false", "no", "n", "0", "inactive", "disabled", "nein", "falsch", "non", "faux"})

Choices = tuple[tuple[str, ...], ...]
"""The first choice that is not empty counts; the columns of a choice are joined by a blank."""


class Profile(NamedTuple):
    """A kind of export.

    Attributes:
        columns: The columns of each field; paths into JSON have dots.
        known_by: Columns by which it is recognised.
        yes: Its words for active users, in lower case.
        no: Its words for users who are not.
        type: The type of everybody in it; None if an option has to say it.
    """

    columns: dict[str, Choices]
    known_by: frozenset[str]
    yes: frozenset[str] = frozenset()
    no: frozenset[str] = frozenset()
    type: str | None = None


def profile_of(table: Any) -> Profile:
    """The profile that a table describes; ValueError says why it is none."""
    keys = {"known_by", "user", "name", "email", "active", "yes", "no", "type"}
    if not isinstance(table, dict) or not {"user", "name"} <= set(table) <= keys:
        raise ValueError("it needs user and name, and may have known_by email active yes no type")
    kind = table.get("type")
    kinds = [each.value for each in UserType]
    if kind is not None and kind not in kinds:
        raise ValueError(f"type must be one of {', '.join(kinds)}")
    fields = [field for field in FIELDS if field in table and field != "type"]
    return Profile(
        {field: _choices(field, table[field]) for field in fields},
        _words(table, "known_by"),
        _words(table, "yes"),
        _words(table, "no"),
        kind,
    )


def _choices(field: str, value: object) -> Choices:
    choices = value if isinstance(value, list) else [value]
    listed = [choice if isinstance(choice, list) else [choice] for choice in choices]
    names = [name for each in listed for name in each or [None]]
    if not names or not all(isinstance(name, str) and name for name in names):
        raise ValueError(f"{field} must be a column, or a list of columns")
    if field not in FALLING_BACK and (len(listed) > 1 or len(listed[0]) > 1):
        raise ValueError(f"{field} must be one column")
    return tuple(map(tuple, listed))


def _words(table: dict[str, Any], key: str) -> frozenset[str]:
    words = table.get(key, [])
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ValueError(f"{key} must be a list of words")
    return frozenset(word.strip().casefold() for word in words)
