"""A small model of one user: no table, no event, no SQL, and no rule imported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

SIX = 6


@dataclass
class Model:
    """One user's PIN as DESIGN.md describes it.

    Attributes:
        version: Grows when a PIN is set or withdrawn.
        barred: The PIN that was withdrawn last, until the customer chooses one.
        open: The answer of an attempt that nobody has ended yet; empty for none.
        ended: How the last attempt that somebody ended came out.
    """

    pin: str | None = None
    version: int = 0
    barred: str | None = None
    counter: int = 0
    active: bool = True
    open: str = ""
    ended: str = ""
    attempts: int = 0
    locks: int = 0
    retired: set[str] = field(default_factory=set)

    @property
    def locked(self) -> bool:
        """A sixth answer in flight is not a lock yet."""
        return self.counter == SIX and not self.open

    @property
    def state(self) -> str:
        if not self.active:
            return "inactive"
        if self.locked:
            return "locked"
        return "active" if self.pin else "uncollected"

    def end(self) -> None:
        """End an open attempt as its own process would have."""
        if not self.open:
            return
        right, self.open = self.open == self.pin, ""
        if right:
            self.counter = 0
        self.ended = "verified" if right else "incorrect"
        self.locks += self.locked

    def change(self, act: Callable[[], None], *, withdraws: bool, refused: bool = False) -> None:
        """End what is open, then act; a right answer doesn't verify if its PIN goes."""
        right = bool(self.open) and self.open == self.pin
        self.end()
        if refused:
            return
        act()
        if right and withdraws:
            self.ended = "incorrect" if self.state == "active" else self.state

    def charge(self, answer: str) -> bool:
        """Charge an attempt, if the state allows it."""
        self.end()
        if self.state != "active":
            return False
        self.attempts += 1
        self.counter += 1
        self.open = answer
        return True

    def verify(self, answer: str) -> str:
        """Charge and end an attempt; return the outcome's word."""
        if not self.charge(answer):
            return self.state
        self.end()
        return self.ended

    def told_to_owner(self, version: int) -> str:
        """What the owner of an attempt hears if somebody else ended it."""
        if self.ended != "verified" or (self.state == "active" and self.version == version):
            return self.ended
        return "incorrect" if self.state == "active" else self.state

    def reset(self, *, unlock: bool, pin: str | None = None) -> None:
        """Reset the user, and issue a PIN if one is given."""
        if self.counter < SIX or unlock:
            self.counter = 0
        if pin or self.pin:
            self.withdraw(pin)

    def choose(self, pin: str) -> None:
        self.counter = 0
        self.barred = None
        self.replace_pin(pin)

    def switch(self, *, active: bool) -> None:
        if self.active and not active and self.pin:
            self.withdraw(None)
        self.active = active

    def unlock(self) -> None:
        self.counter = 0

    def withdraw(self, new: str | None) -> None:
        """Withdraw the PIN, which can't be chosen again; maybe set another."""
        self.barred = self.pin or self.barred
        self.replace_pin(new)

    def replace_pin(self, pin: str | None) -> None:
        """Set another PIN or none; the old one must not verify any more."""
        if self.pin is not None:
            self.retired.add(self.pin)
        self.retired.discard(pin or "")
        self.pin = pin
        self.version += 1
