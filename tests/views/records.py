"""Users as the store has them, and hostile texts."""

from __future__ import annotations

from typing import Any

from pincli.models import PinOrigin, User, UserType

ALICE = User(
    id=1,
    uid=b"u" * 16,
    blind=b"b" * 16,
    account="acme",
    login="alice",
    display_name="Alice Example",
    email=None,
    type=UserType.CLOUD,
    active=True,
    added_at="2026-01-01T00:00:00Z",
    question="$question",
    pin_check=b"check",
    pin_proof=b"proof",
    verify_key="vkey",
    sealed=b"sealed",
    portal_key="pkey",
    pin_set_at="2026-01-02T03:04:05Z",
    pin_set_by=PinOrigin.CUSTOMER,
    pin_version=1,
)

HOSTILE = (
    "\x1b]52;c;aGFja2Vk\x07",  # writes the clipboard
    "\x1b[2J\x1b[H",  # clears the screen
    "\x9b31m",  # the same in one byte
    "\u202egnp.exe",  # turns the text around
    "a\rVERIFIED",  # overwrites the line
    "a\nVERIFIED",  # makes a line of its own
    "\x00\x07\x08\x7f",
    "a\udc80b",  # a byte that was no UTF-8
    "\u2028\u2029",
    "[red]alice[/]",
    "[/]",
    "[link=https://example.com]x[/link]",
    ":boom:",
)


def alice(**changes: Any) -> User:
    """A user with a PIN, with these changes."""
    return ALICE._replace(**changes)
