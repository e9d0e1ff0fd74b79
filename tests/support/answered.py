"""A verify with the renewal after it, as the command does it."""

from __future__ import annotations

from pincli.models import Verdict
from pincli.operations.session import Session
from pincli.operations.verify import renew
from pincli.operations.verify import verify as verdict_of


def verify(session: Session, name: str, pin: str, ticket: str | None) -> Verdict:
    """The verdict, after the renewal."""
    verdict = verdict_of(session, name, pin, ticket)
    renew(session, verdict, pin)
    return verdict
