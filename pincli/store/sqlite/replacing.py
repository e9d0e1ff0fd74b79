"""Putting a checked candidate in the store's place, and what was there aside."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from pincli.errors import Refused, Rule
from pincli.files import give_name, sync_file, sync_folder
from pincli.store.sqlite.connection import connect
from pincli.store.sqlite.copies import copy, copy_to_file
from pincli.store.sqlite.errors import from_os, translated
from pincli.store.sqlite.leftovers import ASIDE, holding, leftovers
from pincli.store.sqlite.remains import free_name, put_aside


def replace(connection: sqlite3.Connection, path: Path) -> Path:
    """Write a candidate over the present store, page by page; where that was put aside.

    Over it, not in its place by a rename: open desks go on with what they have open.
    """
    with closing(connect(path)) as present:
        _finish_asides(path)
        aside = free_name(path, "before-restore")
        on_the_way = aside.with_name(aside.name + ASIDE)
        copy_to_file(present, on_the_way)
        with holding(on_the_way):
            try:
                with translated(path):
                    copy(connection, present)
            except BaseException:
                on_the_way.unlink(missing_ok=True)  # nothing was replaced
                raise
            return _keep(on_the_way)


def place(candidate: Path, path: Path) -> Path | None:
    """Make a candidate the store where there is none that can be read; what was put aside."""
    aside = put_aside(path)
    try:
        sync_file(candidate)
        give_name(candidate, path)
        sync_folder(path.parent)
    except FileExistsError:
        raise Refused(Rule.STORE_EXISTS, str(path)) from None
    except OSError as error:
        raise from_os(error, path) from None
    return aside


def _finish_asides(path: Path) -> None:
    """Keep what killed restores set aside: the store may have been replaced by then."""
    for on_the_way in leftovers(path.parent, ASIDE):
        _keep(on_the_way)


def _keep(on_the_way: Path) -> Path:
    """Give what was set aside its name; where it is."""
    aside = on_the_way.with_name(on_the_way.name.removesuffix(ASIDE))
    try:
        give_name(on_the_way, aside)
    except OSError:
        return on_the_way
    with suppress(OSError):
        sync_folder(aside.parent)
    return aside
