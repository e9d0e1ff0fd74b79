"""Reprs: a traceback or a log line that shows one of these shows no secret."""

from __future__ import annotations

from typing import Any

import pytest

from pincli.models import (
    Change,
    NewPin,
    PinOrigin,
    ResetUser,
    ShownPin,
    StoredPin,
    User,
    UserType,
)
from pincli.store.steps.attempts import Charged, RenewedVerifier
from pincli.vault.keyring import Key

PIN = "444159"
RAW = b"0123456789-raw-key-0123456789-ab"
VERIFIER = "$argon2id$v=19$the-verifier"
SEALED = b"sealed-bytes"
SECRETS = (PIN, RAW.decode(), VERIFIER, SEALED.decode())

STORED = StoredPin(VERIFIER, "vk", SEALED, "pk", "2026-01-02T03:04:05Z", PinOrigin.GENERATED)
ALICE = User(
    1, "alice", "acme", "Alice", UserType.CLOUD, True, "2026-01-01T00:00:00Z", STORED, 1, 0, None,
    None, None, None, None, None, None, 0, 0,
)  # fmt: skip

HOLDERS: list[Any] = [
    Key(RAW, "fingerprint"),
    STORED,
    NewPin(VERIFIER, "vk", SEALED, "pk", PinOrigin.CUSTOMER, 2),
    ShownPin(ALICE, PIN, first=True),
    ResetUser(Change(ALICE, ALICE), PIN),
    ALICE,
    Charged(7, ALICE, STORED, "cafe"),
    RenewedVerifier(VERIFIER, "vk"),
]


@pytest.mark.parametrize("holder", HOLDERS, ids=lambda holder: type(holder).__name__)
def test_no_repr_holds_a_secret(holder: Any) -> None:
    """Neither PIN, key, verifier nor seal is in it, in whatever form Python would print it."""
    for text in (repr(holder), str(holder), f"{holder}", repr([holder])):
        assert all(secret not in text for secret in SECRETS)


def test_a_key_s_repr_is_its_name() -> None:
    """The fingerprint is what may be shown of a key."""
    assert "0123456789abcdef" in repr(Key(RAW, "0123456789abcdef"))
