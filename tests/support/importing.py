"""What tests of `import` share: a file next to the store, and the figures of an answer."""

from __future__ import annotations

from typing import Any

from tests.support.desk import Desk, Ran

HEADER = "user,account,name,type"
GOOD = f"{HEADER}\nnew,acme,New,cloud\nalice,acme,Alice,cloud\numa,acme,Another,cloud\n"
"""For the floor: one added, one updated, one unchanged."""


def put(desk: Desk, text: str, name: str = "people.csv") -> str:
    """Write a file next to the store; return its path."""
    path = desk.store.parent / name
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return str(path)


def figures(answer: dict[str, Any]) -> tuple[int, ...]:
    """The totals: rows, added, updated, unchanged, deactivated, pins."""
    words = ("rows", "added", "updated", "unchanged", "deactivated", "pins")
    return tuple(answer[word] for word in words)


def done(ran: Ran) -> dict[str, Any]:
    """The answer of an import that succeeds."""
    assert (ran.code, ran.err) == (0, ""), ran
    return ran.answer
