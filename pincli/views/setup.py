"""A store just made."""

from __future__ import annotations

from pathlib import Path

from pincli.views.blocks import Answer, Fields, Headline, Next, Tone


def initialised(store: Path, keys: Path) -> Answer:
    """The answer of `init`."""
    return Answer(
        {"store": str(store), "keys": str(keys)},
        lambda: [
            Headline(Tone.GOOD, "store made"),
            Fields(
                [("store", str(store)), ("keys", f"{keys}  (back them up apart from the store)")]
            ),
            Next("pincli user add USER --account ACCOUNT", "the first user"),
        ],
    )
