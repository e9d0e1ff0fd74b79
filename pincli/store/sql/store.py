"""What both engines' stores have in common: questions, and who seals.

What only some commands read is imported in its property: a caller waits for every import.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pincli.store.sealing import Sealers

if TYPE_CHECKING:
    from pincli.store.sql.signs import SqlSigns
    from pincli.store.sql.trail import SqlTrail

# As in notices.py, which a caller should not wait for.
_WAITING = "SELECT number FROM notices ORDER BY number LIMIT 2"


class SqlStore:
    """The part of contract.Store that is the same on both engines."""

    _has_old_trail: bool
    _sealers: Sealers | None = None

    @cached_property
    def trail(self) -> SqlTrail:
        """Questions about events."""
        from pincli.store.sql.trail import SqlTrail

        return SqlTrail(self._rows, with_old=self._has_old_trail)

    @cached_property
    def signs(self) -> SqlSigns:
        """Questions about attacks."""
        from pincli.store.sql.signs import SqlSigns

        return SqlSigns(self._rows, with_old=self._has_old_trail)

    def notices(self) -> bool | None:
        """Whether locks wait for a hook; None if no host has ever had one."""
        numbers = [number for (number,) in self._rows(_WAITING)]
        return len(numbers) > 1 if 0 in numbers else None

    def seal_with(self, sealers: Sealers) -> None:
        """Give the store what seals its trail; without it, it is for reading."""
        self._sealers = sealers

    def _rows(
        self,
        query: str,
        parameters: Sequence[Any] = (),
        make: Callable[[Sequence[Any]], Any] | None = None,
    ) -> list[Any]:
        """All rows of a query, each through `make` if that is given."""
        raise NotImplementedError
