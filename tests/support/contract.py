"""The contract of every answer: exit codes, roles, JSON and errors."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import typer
from typer.core import TyperGroup
from typer.testing import CliRunner

from pincli.cli import app
from tests.support.desk import Desk, Ran

EXIT_OF = {
    "internal": 1,
    "usage": 2,
    "malformed_pin": 2,
    "incorrect": 3,
    "locked": 4,
    "inactive": 5,
    "ineligible": 5,
    "uncollected": 5,
    "unknown_user": 6,
    "unknown_account": 6,
    "ambiguous_user": 6,
    "refused": 7,
    "unavailable": 8,
    "rolled_back": 8,
    "tampered": 8,
    "interrupted": 130,
}
"""DESIGN.md, section 7, written down again: the tests must not read the program's own table."""

# DESIGN.md, section 6, written down again.
AGENT = frozenset({"verify", "find", "status", "lock", "call", "alerts", "desk"})
ADMIN = (
    AGENT
    | {"alerts ack", "import", "reset", "unlock", "report", "backup", "restore", "doctor"}
    | {f"user {word}" for word in ("add", "list", "show", "edit", "rename", "erase")}
    | {f"user {word}" for word in ("deactivate", "activate")}
    | {f"audit {word}" for word in ("list", "verify", "seal", "archive")}
    | {"keys list", "keys rotate", "store upgrade", "store move"}
)
PORTAL = frozenset({"status USER", "pin show", "pin change", "unlock"})
WITHOUT_ROLE = frozenset({"init", "demo", "pin check", "completion", "help"})
COMPLETING = "complete"
"""For agents and admins, who may see names in a list."""
COMMANDS = tuple(sorted((ADMIN | PORTAL | WITHOUT_ROLE) - {"status USER"}))
GROUPS = ("pin", "user", "audit", "keys", "store")

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_BEGAN = datetime.now(UTC)


def call(desk: Desk, line: str | list[str], stdin: str | bytes = "", **env: str) -> Ran:
    """Run a command line in this process, without a terminal.

    Args:
        desk: The store and keys.
        line: What follows `pincli`, as typed in a shell or as a list.
        stdin: What is piped in.
        env: Variables to set.
    """
    umask = os.umask(0o022)
    try:
        result = CliRunner().invoke(
            app,
            shlex.split(line) if isinstance(line, str) else line,
            input=stdin,
            env={
                "PINCLI_STORE": str(desk.location),
                "PINCLI_KEYS": str(desk.keys),
                "LANG": "C.UTF-8",
                **dict.fromkeys(("LC_ALL", "LC_CTYPE", "NO_COLOR", "SUDO_UID"), None),
                **env,
            },
        )
    finally:
        os.umask(umask)
    return Ran(result.exit_code, result.stdout, result.stderr)


def answer_of(ran: Ran) -> dict[str, Any]:
    """The one JSON object of an answer, which must keep to the envelope."""
    assert ran.err == "", ran
    assert ran.out.isascii(), ran
    assert ran.out.endswith("}\n"), ran
    assert ran.out.count("\n") == 1, ran
    answer = json.loads(ran.out, object_pairs_hook=_without_twins)
    assert isinstance(answer, dict), ran
    assert answer["pincli"] == 1, ran
    assert answer["command"] in (None, *COMMANDS, *GROUPS), ran
    assert answer["ok"] is ("error" not in answer), ran
    if "error" in answer:
        assert set(answer["error"]) == {"code", "message", "hint"}, ran
        assert ran.code == EXIT_OF[answer["error"]["code"]], ran
        _require_sentences(answer["error"]["message"], answer["error"]["hint"])
    else:
        assert ran.code in (0, 4), ran
    for time in times_in(answer):
        assert _TIME.fullmatch(time), ran
        moment, second = datetime.fromisoformat(time), timedelta(seconds=1)
        assert _BEGAN - second < moment < datetime.now(UTC) + second, ran
    return answer


def error_of(ran: Ran) -> tuple[str, str]:
    """The sentence and the hint of an error in plain text; stdout must be empty."""
    assert ran.code != 0, ran
    assert ran.out == "", ran
    assert ran.err.endswith("\n"), ran
    lines = ran.err[:-1].split("\n")
    assert len(lines) == 2, ran
    assert lines[0].startswith("pincli: error: "), ran
    assert lines[1].startswith("hint: "), ran
    message, hint = lines[0].removeprefix("pincli: error: "), lines[1].removeprefix("hint: ")
    _require_sentences(message, hint)
    return message, hint


def times_in(value: object, key: str = "") -> list[str]:
    """Everything in an answer that is a time by the name of its key."""
    if isinstance(value, dict):
        return [time for k, v in value.items() for time in times_in(v, k)]
    if isinstance(value, list):
        return [time for each in value for time in times_in(each, key)]
    is_time = key in ("at", "locked_since") or key.endswith("_at")
    return [str(value)] if is_time and value is not None else []


def _require_sentences(message: str, hint: str) -> None:
    for text in (message, hint):
        assert text.strip() == text != "", (message, hint)
        assert "\n" not in text, (message, hint)
        assert "Traceback" not in text, (message, hint)
        assert "bug in pincli" not in text, (message, hint)
        assert not text.endswith("."), (message, hint)


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    assert len(keys) == len(set(keys)), keys
    return dict(pairs)


def existing_commands() -> frozenset[str]:
    """The commands by the names that the help gives them, such as `pin show`."""
    return frozenset(_below(typer.main.get_command(app), ()))


def _below(command: Any, path: tuple[str, ...]) -> Iterator[str]:
    if not isinstance(command, TyperGroup) or command.invoke_without_command:
        yield " ".join(path)
    if not isinstance(command, TyperGroup):
        return
    ctx: Any = typer.Context(command)
    for name in command.list_commands(ctx):
        yield from _below(command.get_command(ctx, name), (*path, name))
