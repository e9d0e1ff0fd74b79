"""Run pincli once with other sizes: python -m tests.support.drive_bulk_app SETTINGS PLAN ARGS...

SETTINGS is a JSON object: the value for each `module:name`, and under `slow` the seconds by
which each bulk step is put off, before it takes any lock.
"""

from __future__ import annotations

import json
import sys
import time
from importlib import import_module
from typing import Any

from pincli.__main__ import main
from pincli.store.sqlite.engine import SqliteStore
from pincli.store.steps import imports, people, pins
from tests.support.failpoints import Plan, install

_BULK = (pins.withdraw, pins.issue, imports.take_in, people.set_active)


def drive() -> None:
    """Take settings and plan off the command line, and let pincli have the rest of it."""
    settings: dict[str, Any] = json.loads(sys.argv.pop(1))
    slow = settings.pop("slow", 0.0)
    for place, value in settings.items():
        module, _, name = place.partition(":")
        setattr(import_module(module), name, value)
    if slow:
        _put_off_bulk_steps(slow)
    install(Plan.load(sys.argv.pop(1)))
    sys.argv[0] = "pincli"
    main()


def _put_off_bulk_steps(seconds: float) -> None:
    write = SqliteStore.write

    def late(store: SqliteStore, step: Any, *arguments: Any, **options: Any) -> Any:
        if step in _BULK:
            time.sleep(seconds)
        return write(store, step, *arguments, **options)

    setattr(SqliteStore, "write", late)  # noqa: B010 - mypy takes no assignment to a method


if __name__ == "__main__":
    drive()
