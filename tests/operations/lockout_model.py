"""What should become of a user, in a few lines: no table, no event, no SQL, no rule imported."""

from __future__ import annotations

from dataclasses import dataclass, field

SIX = 6


@dataclass
class Model:
    """One user's PIN as DESIGN.md describes it.

    Attributes:
        open: Whether a process died between charge and settle, and nobody has noticed yet.
        lock_noted: Whether the present lock has been counted among the locks.
    """

    pin: str | None = None
    counter: int = 0
    active: bool = True
    open: bool = False
    lock_noted: bool = False
    attempts: int = 0
    locks: int = 0
    retired: set[str] = field(default_factory=set)

    @property
    def state(self) -> str:
        """The state's word."""
        if not self.active:
            return "inactive"
        if self.counter == SIX:
            return "locked"
        return "active" if self.pin else "uncollected"

    def take_lock(self) -> None:
        """Whoever takes the user's lock closes what a dead process left open."""
        self.open = False
        self.note_lock()

    def note_lock(self) -> None:
        """Count the present lock, once."""
        if self.counter == SIX and not self.lock_noted:
            self.locks += 1
            self.lock_noted = True

    def clear(self) -> None:
        """Set the counter to 0, and with it end the lock if there is one."""
        self.counter = 0
        self.lock_noted = False

    def charge(self) -> bool:
        """Pay for an attempt, if the state allows one."""
        self.take_lock()
        if self.state != "active":
            return False
        self.attempts += 1
        self.counter += 1
        return True

    def verify(self, answer: str) -> str:
        """An attempt from beginning to end; the outcome's word."""
        if not self.charge():
            return self.state
        if answer == self.pin:
            self.clear()
            return "verified"
        self.note_lock()
        return "incorrect"

    def withdraw(self, *, unlock: bool) -> None:
        """A reset, without the user's lock."""
        if self.counter < SIX or unlock:
            self.clear()
        self.replace_pin(None)

    def replace_pin(self, pin: str | None) -> None:
        """Another PIN, or none; the one before must not verify any more."""
        if self.pin is not None:
            self.retired.add(self.pin)
        self.retired.discard(pin or "")
        self.pin = pin
