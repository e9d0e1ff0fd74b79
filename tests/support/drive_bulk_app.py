"""Run pincli once with other sizes: python -m tests.support.drive_bulk_app SETTINGS PLAN ARGS...

SETTINGS is a JSON object: the value for each `module:name`, and under `slow` the seconds by
which each bulk step is put off, before it takes any lock.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

from pincli.__main__ import main
from pincli.store.sqlite import Store
from tests.support.failpoints import Plan, install

_STEPS = ("withdraw_rows", "issue_many", "take_in", "set_active_rows")


def drive() -> None:
    """Take settings and plan off the command line, and let pincli have the rest of it."""
    settings: dict[str, Any] = json.loads(sys.argv.pop(1))
    slow = settings.pop("slow", 0.0)
    for place, value in settings.items():
        module, _, name = place.partition(":")
        setattr(import_module(module), name, value)
    for name in _STEPS if slow else ():
        setattr(Store, name, _put_off(getattr(Store, name), slow))
    install(Plan.load(sys.argv.pop(1)))
    sys.argv[0] = "pincli"
    main()


def _put_off(step: Callable[..., object], seconds: float) -> Callable[..., object]:
    def late(*arguments: object, **options: object) -> object:
        time.sleep(seconds)
        return step(*arguments, **options)

    return late


if __name__ == "__main__":
    drive()
