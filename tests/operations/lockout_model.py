"""What should become of a user, in a few lines: no table, no event, no SQL, no rule imported."""

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
        """The state's word."""
        if not self.active:
            return "inactive"
        if self.locked:
            return "locked"
        return "active" if self.pin else "uncollected"

    def end(self) -> None:
        """Whoever comes next ends what is open, as its own process would have."""
        if not self.open:
            return
        right, self.open = self.open == self.pin, ""
        if right:
            self.counter = 0
        self.ended = "verified" if right else "incorrect"
        self.locks += self.locked

    def change(self, act: Callable[[], None], *, withdraws: bool, refused: bool = False) -> None:
        """End what is open, and do something; a right answer to a PIN that goes is not told."""
        right = bool(self.open) and self.open == self.pin
        self.end()
        if refused:
            return
        act()
        if right and withdraws:
            self.ended = "incorrect" if self.state == "active" else self.state

    def charge(self, answer: str) -> bool:
        """Pay for an attempt, if the state allows one."""
        self.end()
        if self.state != "active":
            return False
        self.attempts += 1
        self.counter += 1
        self.open = answer
        return True

    def verify(self, answer: str) -> str:
        """An attempt from beginning to end; the outcome's word."""
        if not self.charge(answer):
            return self.state
        self.end()
        return self.ended

    def told(self, version: int) -> str:
        """What the owner of an attempt that others have ended is told of it."""
        if self.ended != "verified" or (self.state == "active" and self.version == version):
            return self.ended
        return "incorrect" if self.state == "active" else self.state

    def reset(self, *, unlock: bool, pin: str | None = None) -> None:
        """A reset, and a new PIN if one is issued."""
        if self.counter < SIX or unlock:
            self.counter = 0
        if pin or self.pin:
            self.withdraw(pin)

    def choose(self, pin: str) -> None:
        """The customer's choice."""
        self.counter = 0
        self.barred = None
        self.replace_pin(pin)

    def switch(self, *, active: bool) -> None:
        """Deactivating withdraws the PIN."""
        if self.active and not active and self.pin:
            self.withdraw(None)
        self.active = active

    def unlock(self) -> None:
        """A lock is released."""
        self.counter = 0

    def withdraw(self, new: str | None) -> None:
        """The PIN goes, and can't be chosen again; maybe another comes."""
        self.barred = self.pin or self.barred
        self.replace_pin(new)

    def replace_pin(self, pin: str | None) -> None:
        """Another PIN, or none; the one before must not verify any more."""
        if self.pin is not None:
            self.retired.add(self.pin)
        self.retired.discard(pin or "")
        self.pin = pin
        self.version += 1
