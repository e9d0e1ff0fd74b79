"""Verifiers that look around, or let something happen, in the middle of a comparison."""

from __future__ import annotations

from collections.abc import Callable

from pincli.vault.verifiers import HashCost, Verifiers

from pincli.vault.keyring import Key
from tests.support.desk import CHEAP


class WatchingVerifiers(Verifiers):
    """Counts comparisons, and calls a function before each."""

    def __init__(self, during: Callable[[], object] = lambda: None, cost: HashCost = CHEAP) -> None:
        super().__init__(cost)
        self.compared = 0
        self._during = during

    def matches(self, verifier: str, key: Key, user: str, version: int, pin: str) -> bool:
        """Compare, after the function has run."""
        self.compared += 1
        self._during()
        return super().matches(verifier, key, user, version, pin)
