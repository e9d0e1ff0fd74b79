"""The part of a store that both engines share: queries, and who seals.

Modules that only some commands need are imported where they are used: callers wait for imports.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pincli.store.sealing import Sealers

if TYPE_CHECKING:
    from pincli.store.sql.signs import SqlSigns
    from pincli.store.sql.trail import SqlTrail

# See notices.py, which is not imported here, so that callers needn't wait for it.
_WAITING = "SELECT number FROM notices ORDER BY number LIMIT 2"


class SqlStore(ABC):
    """The part of contract.Store that both engines share."""

    _has_old_trail: bool
    _sealers: Sealers | None = None

    @cached_property
    def trail(self) -> SqlTrail:
        """Queries about events."""
        from pincli.store.sql.trail import SqlTrail

        return SqlTrail(self._rows, with_old=self._has_old_trail)

    @cached_property
    def signs(self) -> SqlSigns:
        """Queries about signs of an attack."""
        from pincli.store.sql.signs import SqlSigns

        return SqlSigns(self._rows, with_old=self._has_old_trail)

    def notices(self) -> bool | None:
        """Whether locks wait for a hook; None if no host has ever had one."""
        numbers = [number for (number,) in self._rows(_WAITING)]
        return len(numbers) > 1 if 0 in numbers else None

    def seal_with(self, sealers: Sealers) -> None:
        """Set what seals the trail; without it, the store is only for reading."""
        self._sealers = sealers

    @abstractmethod
    def _rows(
        self,
        query: str,
        parameters: Sequence[Any] = (),
        make: Callable[[Sequence[Any]], Any] | None = None,
    ) -> list[Any]:
        """Return all rows of a query, each passed through `make` if given."""
