"""What others do just before a step takes the writer lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pincli.store.postgresql.engine import PostgresStore
from pincli.store.sqlite.engine import SqliteStore


def overtake(
    patch: pytest.MonkeyPatch,
    step: Callable[..., object],
    act: Callable[[], object],
    *,
    time: int = 1,
) -> None:
    """Do something before a step is taken for the first time, or for that time."""
    left = [time]

    def overtaken(write: Callable[..., object]) -> Callable[..., object]:
        def late(store: object, taken: object, *arguments: Any, **options: Any) -> object:
            if taken is step:
                left[0] -= 1
                if left[0] == 0:
                    act()
            return write(store, taken, *arguments, **options)

        return late

    for engine in (SqliteStore, PostgresStore):
        patch.setattr(engine, "write", overtaken(engine.write))
