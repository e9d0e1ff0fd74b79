"""Copies of a store and its keys, with the mark that pincli needs to accept a copy."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from pincli.store.mark import Mark, place_of
from tests.support.desk import Desk


def copied_to(desk: Desk, store: Path, keys: Path) -> Desk:
    """Copy a store and its keys into these folders."""
    copy = replace(desk, store=store, keys=keys, pins=dict(desk.pins))
    shutil.copytree(desk.store, store, dirs_exist_ok=True)
    shutil.copytree(desk.keys, keys)
    marked_here(copy.database, keys)
    return copy


def marked_here(database: Path, keys: Path) -> None:
    """Let the marks beside the keys name the place of this database."""
    for path in keys.glob("mark-*"):
        store_id = bytes.fromhex(path.name.removeprefix("mark-"))
        mark = Mark.open(keys, store_id)
        assert mark is not None
        seen = mark.read()
        if seen is not None:
            mark.write(seen._replace(place=place_of(database)), restored=True)
        mark.close()
