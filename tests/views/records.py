"""Records as the store would give them, and texts that mean no good."""

from __future__ import annotations

from typing import Any

from pincli.models import PinOrigin, StoredPin, User, UserType

PIN = StoredPin("$verifier", "vkey", b"sealed", "pkey", "2026-01-02T03:04:05Z", PinOrigin.CUSTOMER)

ALICE = User(
    id=1,
    login="alice",
    account="acme",
    display_name="Alice Example",
    type=UserType.CLOUD,
    active=True,
    added_at="2026-01-01T00:00:00Z",
    pin=PIN,
    pin_version=1,
    failed_attempts=0,
    open_attempt=None,
    locked_since=None,
    last_locked_at=None,
    last_attempt_at=None,
    last_attempt_by=None,
    last_verified_at=None,
    last_verified_by=None,
    locks_total=0,
    attempts_total=0,
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
    """A user with a PIN and nothing remarkable, but for these changes."""
    return ALICE._replace(**changes)
