"""What others do just before a step takes the writer lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pincli.store.sqlite.engine import SqliteStore


def overtake(
    patch: pytest.MonkeyPatch,
    step: Callable[..., object],
    act: Callable[[], object],
    *,
    time: int = 1,
) -> None:
    """Do something before a step is taken for the first time, or for that time."""
    write = SqliteStore.write
    left = [time]

    def late(store: SqliteStore, taken: Any, *arguments: Any, **options: Any) -> Any:
        if taken is step:
            left[0] -= 1
            if left[0] == 0:
                act()
        return write(store, taken, *arguments, **options)

    patch.setattr(SqliteStore, "write", late)
