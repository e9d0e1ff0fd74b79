"""What agents do to a store whose writers may do everything: by steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pincli.errors import Unavailable
from pincli.models import Answered, NewEvent, User, Verdict
from pincli.store.steps import attempts

if TYPE_CHECKING:
    from pincli.results import Notice
    from pincli.store.contract import Store


class StepAttempts:
    """contract.Attempts by steps."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def attempt(self, asked: User, answer: bytes | None, *, ticket: str | None) -> Answered | None:
        """Charge an answer and settle it, in two durable transactions."""
        with self._store.uninterrupted():
            charged = self._charged(asked, answer, ticket)
            if isinstance(charged, attempts.Charged):
                return Answered(self._settled(charged))
            return None if charged is None else Answered(charged)

    def refuse_unless_active(self, user: User, *, ticket: str | None) -> Verdict | None:
        """Record and return the refusal if this user's state allows no attempt; else None."""
        return self._store.write(attempts.refuse_unless_active, user, ticket=ticket)

    def finish(self, user: User) -> None:
        """End an attempt of this user that was left open, if nobody else is writing now."""
        self._store.write_at_once(attempts.finish, user)

    def lock(self, user: User, *, reason: str) -> tuple[User, bool]:
        """Lock a user by hand, in any state."""
        from pincli.store.steps import pins

        return self._store.write(pins.lock, user, reason=reason)

    def begin_call(self, user: User, *, ref: str | None) -> User:
        """Let the portal show that this agent is calling a user; return the new record."""
        from pincli.store.steps import calls

        return self._store.write(calls.begin, user, ref=ref)

    def end_call(self, user: User, *, any_agents: bool) -> tuple[User, bool]:
        """End the call with a user; return the new record, and whether there was a call."""
        from pincli.store.steps import calls

        result = self._store.write(calls.end, user, any_agents=any_agents)
        if isinstance(result, tuple):
            return result
        raise result

    def record(self, *events: NewEvent) -> None:
        """Record what changes no user."""
        from pincli.store.steps.people import record  # no verdict waits for it

        self._store.write(record, *events)

    def next_notice(self) -> Notice | None:
        """The oldest lock that waits for the hook, unless another run is delivering."""
        from pincli.store.steps import alerts

        return self._store.write(alerts.next_notice)

    def delivered(self, number: int, failure: str | None) -> None:
        """Record that the hook took a lock, or how it failed."""
        from pincli.store.steps import alerts

        self._store.write(alerts.delivered, number, failure)

    def _charged(
        self, asked: User, answer: bytes | None, ticket: str | None
    ) -> attempts.Charged | Verdict | None:
        try:
            return self._store.write(attempts.charge, asked, answer, ticket=ticket)
        except Unavailable as error:
            error.charge = "may be charged" if error.unsure else "not charged"
            raise

    def _settled(self, charged: attempts.Charged) -> Verdict:
        try:
            return self._store.write(attempts.settle, charged)
        except Unavailable as error:
            error.charge = "charged"
            raise
