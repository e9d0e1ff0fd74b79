"""Reprs: a traceback or a log line that shows one of these shows no secret."""

from __future__ import annotations

from typing import Any

import pytest

from pincli.models import (
    Change,
    EventKind,
    NewEvent,
    NewPin,
    Outcome,
    PinOrigin,
    State,
    User,
    UserType,
    Verdict,
)
from pincli.operations.pins import Sealed
from pincli.results import ResetUser, ShownPin
from pincli.store.steps.keys import Resealed
from pincli.vault.answers import StoredAnswer
from pincli.vault.keyring import Key
from pincli.vault.rotation import NewKeys

PIN = "444159"
RAW = b"0123456789-raw-key-0123456789-ab"
QUESTION = "$argon2id$v=19$the-question"
CHECK, PROOF, SEALED = b"check-bytes", b"proof-bytes", b"sealed-bytes"
ANSWER = b"answer-bytes"
SECRETS = (PIN, *(each.decode() for each in (RAW, CHECK, PROOF, SEALED, ANSWER)))

ALICE = User(
    1, b"uid", b"blind-bytes", "acme", "alice", "Alice", None, UserType.CLOUD, True, "t",
    question=QUESTION, pin_check=CHECK, pin_proof=PROOF, sealed=SEALED, attempt_answer=ANSWER,
    barred_check=CHECK,
)  # fmt: skip

HOLDERS: list[Any] = [
    Key(RAW, "fingerprint"),
    NewKeys("fingerprint", {"verify.key": Key(RAW, "new")}),
    NewPin(QUESTION, CHECK, PROOF, "vk", SEALED, "pk", PinOrigin.CUSTOMER, 2),
    StoredAnswer(QUESTION, CHECK, PROOF),
    Sealed(SEALED, "pk"),
    Resealed(1, 2, SEALED, "pk"),
    ShownPin(ALICE, PIN, first=True),
    ResetUser(Change(ALICE, ALICE), PIN),
    ALICE,
    Change(ALICE, ALICE),
    NewEvent(EventKind.ATTEMPT, ALICE),
    Verdict(Outcome.VERIFIED, ALICE, State.ACTIVE),
]


@pytest.mark.parametrize("holder", HOLDERS, ids=lambda holder: type(holder).__name__)
def test_no_repr_holds_a_secret(holder: Any) -> None:
    """No form of printing shows a PIN, key, check, proof, seal or answer."""
    for text in (repr(holder), str(holder), f"{holder}", repr([holder])):
        assert all(secret not in text for secret in SECRETS)


def test_a_key_s_repr_is_its_name() -> None:
    """A key may be shown by its fingerprint only."""
    assert "0123456789abcdef" in repr(Key(RAW, "0123456789abcdef"))
