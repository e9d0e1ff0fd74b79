"""Answers that let something happen while a hash is computed."""

from __future__ import annotations

from collections.abc import Callable

from pincli.vault.answers import Answers, HashCost
from pincli.vault.keyring import Key
from tests.support.desk import CHEAP


class WatchingAnswers(Answers):
    """Counts the hashes of answers, and calls a function before each."""

    def __init__(self, during: Callable[[], object] = lambda: None, cost: HashCost = CHEAP) -> None:
        super().__init__(cost)
        self.hashed = 0
        self._during = during

    def answer(self, question: str, key: Key, uid: bytes, version: int, pin: str) -> bytes:
        self.hashed += 1
        self._during()
        return super().answer(question, key, uid, version, pin)
