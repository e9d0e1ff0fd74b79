"""Verifiers: what the store keeps in place of a PIN. The only importer of passlib.

A verifier is argon2id over HMAC-SHA256(verify.key, user, version, PIN). Without the key a
copied database gives nothing to try PINs against. With user and version inside, a verifier
copied to another user, or an old one put into the present row, matches nothing.
"""

from __future__ import annotations

import hmac
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from pincli.errors import VerifierDamaged
from pincli.rules.framing import framed
from pincli.vault.keyring import Key

if TYPE_CHECKING:
    from passlib.context import CryptContext

_DOMAIN = b"pincli/v1"


class HashCost(NamedTuple):
    """What one argon2id hash costs. Only tests use other figures than these.

    Attributes:
        memory_kib: Memory, in KiB.
        passes: Passes over that memory.
        lanes: Lanes; one, so that a hash keeps one core busy and starts no thread.
    """

    memory_kib: int = 19456
    passes: int = 2
    lanes: int = 1


PRODUCTION_COST = HashCost()


class Verifiers:
    """Makes verifiers and compares PINs with them, at one hash cost."""

    def __init__(self, cost: HashCost = PRODUCTION_COST) -> None:
        self._cost = cost

    def prepare(self) -> None:
        """Do the slow imports now, in a thread while something else waits."""
        self._context.handler("argon2").set_backend()

    def warm_up(self) -> None:
        """Prepare, and hash once: a process's first hash costs three times the next."""
        self.prepare()
        self._context.hash("")

    def make(self, key: Key, user: str, version: int, pin: str) -> str:
        """A fresh verifier for one user's PIN of one version."""
        return self._context.hash(_secret(key, user, version, pin))

    def matches(self, verifier: str, key: Key, user: str, version: int, pin: str) -> bool:
        """Compare a PIN with a verifier; the one place in pincli where that happens.

        Raises:
            VerifierDamaged: The stored text is no argon2id verifier.
        """
        from passlib.exc import PasslibSecurityError

        try:
            return self._context.verify(_secret(key, user, version, pin), verifier)
        except (ValueError, TypeError, PasslibSecurityError):
            raise VerifierDamaged(user) from None

    def is_outdated(self, verifier: str) -> bool:
        """Whether a verifier was made at another cost than this."""
        return self._context.needs_update(verifier)

    @cached_property
    def _context(self) -> CryptContext:
        with _spared_imports():
            from passlib.context import CryptContext

        return CryptContext(
            schemes=["argon2"],
            argon2__type="ID",
            argon2__memory_cost=self._cost.memory_kib,
            argon2__time_cost=self._cost.passes,
            argon2__parallelism=self._cost.lanes,
        )


@contextmanager
def _spared_imports() -> Iterator[None]:
    """Keep passlib from importing, at its own import, what it does not need here.

    It imports crypt, for schemes that we don't use: 4 ms, and a warning. And it asks for
    argon2's version, for one debug message: argon2 would look that up in the package's
    metadata, which takes 15 ms, and warn.
    """
    import argon2

    vars(argon2).setdefault("__version__", "not asked for")
    absent = {} if "crypt" in sys.modules else {"crypt": None}
    sys.modules.update(absent)  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


def _secret(key: Key, user: str, version: int, pin: str) -> str:
    message = framed(_DOMAIN, user.encode(), str(version).encode(), pin.encode())
    return hmac.digest(key.raw, message, "sha256").hex()
