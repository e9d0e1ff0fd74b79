"""The mark of a store that a test has copied: a copy at another place is refused."""

from __future__ import annotations

from pathlib import Path

from pincli.store.mark import Mark, place_of


def marked_here(database: Path, keys: Path) -> None:
    """Let the marks beside some keys name a database's place, as if it was always there."""
    for path in keys.glob("mark-*"):
        store_id = bytes.fromhex(path.name.removeprefix("mark-"))
        mark = Mark.open(keys, store_id)
        assert mark is not None
        seen = mark.read()
        if seen is not None:
            mark.write(seen._replace(place=place_of(database)), restored=True)
        mark.close()
