"""The database's functions: functions.sql, with lists and numbers from models.py and rules/."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Any

from pincli.models import Texts, TrailEvent, User
from pincli.rules import canonical
from pincli.rules.calls import AHEAD_AT_MOST, CALL_LASTS
from pincli.rules.lockout import ATTEMPTS_ALLOWED, TYPES_WITH_PINS
from pincli.rules.times import NOTICE_RETRY_SECONDS

LEFT_OPEN_SECONDS = 10
LONGEST_TEXTS = 2000
"""Bytes in all texts of a call; an index takes no name much longer than that."""

# A SECURITY DEFINER function runs with its caller's settings, except for those that it sets. With
# debug_print_plan and client_min_messages a caller could read the values of its statements.
_SETTINGS = """SECURITY DEFINER
  SET search_path = pincli, pg_temp
  SET client_min_messages = error
  SET debug_print_parse = off
  SET debug_print_rewritten = off
  SET debug_print_plan = off"""

_DROP_ALL = """DO $$
DECLARE old regprocedure;
BEGIN
  FOR old IN SELECT oid FROM pg_proc WHERE pronamespace = 'pincli'::regnamespace LOOP
    EXECUTE 'DROP FUNCTION ' || old;
  END LOOP;
END $$"""

_PARTS = {
    bytes: "'b'::bytea || {}",
    int: "convert_to('i' || {}, 'UTF8')",
    str: "convert_to('t' || {}, 'UTF8')",
}
"""How a value of each kind is framed, as in rules/canonical.py."""

_READ_HEAD = """SELECT s.head_number, s.head_link, s.epoch INTO head_number, head_link, head_epoch
    FROM pincli.store AS s WHERE s.id = 1;"""
_MARK = "p_seen_number bigint, p_seen_link bytea, p_seen_epoch bigint"
"""The mark of the caller's host."""

_ATTEMPT = [name for name in User._fields if name == "attempt" or name.startswith("attempt_")]
_CALL = [name for name in User._fields if name.startswith("call_")]


def functions() -> list[str]:
    """Return the statements that replace all functions, for one transaction."""
    text = files("pincli.store.postgresql").joinpath("functions.sql").read_text("utf-8")
    for name, value in _values().items():
        text = text.replace(f"{{{{{name}}}}}", value)
    return [_DROP_ALL, text]


def _values() -> Mapping[str, str]:
    types = sorted(kind.value for kind in TYPES_WITH_PINS)
    return {
        "record_label": _label(canonical.RECORD),
        "record": _framed("u", User, User._fields),
        "event_label": _label(canonical.EVENT),
        "event": _framed("e", TrailEvent, TrailEvent._fields[:-2]),
        "texts_label": _label(canonical.TEXTS),
        "texts": _framed("x", Texts, Texts._fields[2:]),
        "attempts_allowed": str(ATTEMPTS_ALLOWED),
        "types_with_pins": ", ".join(f"'{word}'" for word in types),
        "no_attempt": "\n  ".join(f"u.{name} := NULL;" for name in _ATTEMPT),
        "attempt_and_call_as_in_u": ",\n      ".join(f"{n} = u.{n}" for n in _ATTEMPT + _CALL),
        "waiting": f"{_SETTINGS}\n  SET lock_timeout = '10s'",
        # It need not wait: the next process to look ends the attempt.
        "hardly_waiting": f"{_SETTINGS}\n  SET lock_timeout = '200ms'",
        "mark": _MARK,
        "caller_and_mark": f"p_agent text, p_command text, {_MARK}",
        "out_head": "OUT head_number bigint, OUT head_link bytea, OUT head_epoch bigint",
        "read_head": _READ_HEAD,
        "call_lasts": str(int(CALL_LASTS.total_seconds())),
        "ahead_at_most": str(int(AHEAD_AT_MOST.total_seconds())),
        "left_open": str(LEFT_OPEN_SECONDS),
        "again": str(NOTICE_RETRY_SECONDS),
        "longest": str(LONGEST_TEXTS),
    }


def _label(label: bytes) -> str:
    return f"int8send({len(label)}) || '{label.decode()}'::bytea"


def _framed(row: str, model: type[Any], names: Iterable[str]) -> str:
    names = list(names)
    quoted = ", ".join(f"'{name}'" for name in names)
    parts = ", ".join(
        _PARTS[_kind_of(model.__annotations__[name])].format(f"{row}.{name}") for name in names
    )
    return f"pincli._framed(ARRAY[{quoted}], ARRAY[{parts}])"


def _kind_of(annotation: Any) -> type:
    """Return the kind of value that a field holds; a bool is an int."""
    kinds = getattr(annotation, "__args__", (annotation,))
    return next(kind for kind in (bytes, int, str) if issubclass(kinds[0], kind))
