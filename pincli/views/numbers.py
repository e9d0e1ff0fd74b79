"""Numbers of things, in words."""

from __future__ import annotations


def count(number: int, thing: str) -> str:
    """How many of something there are: `1 user`, `2 users`.

    Args:
        number: How many.
        thing: One of them.
    """
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
