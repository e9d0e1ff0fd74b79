"""The answer as one JSON object."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TextIO

from pincli.views.answer import Problem

CONTRACT = 1
"""The version of the JSON contract: keys are only ever added to it."""

_IN_MEMORY = 8 * 1024 * 1024


def envelope(
    command: str | None, facts: dict[str, object], problem: Problem | None
) -> dict[str, object]:
    """The object that every command answers with; `ok` is false exactly if there is an `error`."""
    result: dict[str, object] = {
        "pincli": CONTRACT,
        "command": command,
        "ok": problem is None,
        **facts,
    }
    if problem is not None:
        result["error"] = {"code": problem.code, "message": problem.message, "hint": problem.hint}
    return result


def write(
    answer: dict[str, object],
    stream: TextIO,
    *,
    secret: bool = False,
    whole: Callable[[], None] = lambda: None,
) -> None:
    """Write the object and a newline, ASCII only.

    Rows that come page by page are collected first, many of them in a file: an error
    among them must not leave half an object behind.

    Args:
        answer: The object; an iterator in it is written as an array.
        stream: Where to write.
        secret: Whether it holds PINs, which never go to a file.
        whole: Called just before the first character is written; from then on nothing may
            interrupt the output.
    """
    if not any(isinstance(value, Iterator) for value in answer.values()):
        whole()
        stream.write(json.dumps(answer) + "\n")
        return
    import shutil
    import tempfile

    limit = 0 if secret else _IN_MEMORY  # 0 is for any size
    with tempfile.SpooledTemporaryFile(limit, mode="w+", encoding="ascii") as spool:
        opening = "{"
        for key, value in answer.items():
            spool.write(f"{opening}{json.dumps(key)}: ")
            if isinstance(value, Iterator):
                _write_array(value, spool)  # type: ignore[arg-type]
            else:
                spool.write(json.dumps(value))
            opening = ", "
        spool.write("}\n")
        spool.seek(0)
        whole()
        shutil.copyfileobj(spool, stream)


def _write_array(values: Iterator[object], stream: TextIO) -> None:
    opening = "["
    for value in values:
        stream.write(opening + json.dumps(value))
        opening = ", "
    stream.write("[]" if opening == "[" else "]")
