"""Envelopes: what waits in a temporary file is noise to everybody else."""

from __future__ import annotations

import pytest
from cryptography.exceptions import InvalidTag

from pincli.vault.envelopes import Envelope

PIN = "444159"


def test_what_was_closed_can_be_opened() -> None:
    """By the same object, as often as needed, in any order."""
    envelope = Envelope()
    closed = {pin: envelope.close(pin) for pin in (PIN, "012345", "", PIN[::-1])}
    for pin, content in reversed(closed.items()):
        assert envelope.open(content) == pin
        assert envelope.open(content) == pin


def test_equal_pins_do_not_look_equal() -> None:
    """Who reads the file can't even see that two users have the same."""
    envelope = Envelope()
    assert len({envelope.close(PIN) for _ in range(100)}) == 100


def test_no_length_tells_anything_but_the_length() -> None:
    """Nonce, digits and tag: six digits are always as long, and the PIN is not among them."""
    envelope = Envelope()
    assert {len(envelope.close(pin)) for pin in (PIN, "000111", "987321")} == {12 + 6 + 16}
    assert PIN.encode() not in envelope.close(PIN)


def test_nobody_else_can_open_it() -> None:
    """Each object has a key of its own, which dies with it."""
    content = Envelope().close(PIN)
    with pytest.raises(InvalidTag):
        Envelope().open(content)


@pytest.mark.parametrize("place", range(34))
def test_not_a_bit_can_be_changed(place: int) -> None:
    """Nor can a nonce or a tag be swapped for another's."""
    envelope = Envelope()
    content = bytearray(envelope.close(PIN))
    content[place] ^= 1
    with pytest.raises(InvalidTag):
        envelope.open(bytes(content))


def test_its_repr_shows_no_key() -> None:
    """It may stand in a traceback."""
    envelope = Envelope()
    envelope.close(PIN)
    assert repr(envelope).startswith("<pincli.vault.envelopes.Envelope object")
