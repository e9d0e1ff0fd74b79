"""What a step's events come to, before any database hears of it: records that differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from pincli.errors import StaleRecord
from pincli.models import NewEvent, User

Row = Sequence[Any]


def records_left(events: Iterable[NewEvent]) -> dict[str, User]:
    """The record that each user is left with, by login, in the order of their first events."""
    return {event.user.login: event.user for event in events if event.user is not None}


def differing(
    columns: Sequence[str], pairs: Iterable[tuple[int, Row, Row]]
) -> Iterator[tuple[tuple[str, ...], list[Row]]]:
    """What to write of some records: only columns that differ, as others' indexes stay as are.

    Args:
        columns: The names of the columns.
        pairs: For each record its row number, and its columns before and after.

    Yields:
        The names of columns, and for each record that differs in just these: the new values,
        and the row number at the end.
    """
    changed: list[tuple[tuple[str, ...], list[Any]]] = []
    for number, before, after in pairs:
        places = [place for place, old in enumerate(before) if old != after[place]]
        if places:
            names = tuple(columns[place] for place in places)
            changed.append((names, [*(after[place] for place in places), number]))
    changed.sort(key=lambda change: (change[0], change[1][-1]))
    for names, group in groupby(changed, key=lambda change: change[0]):
        yield names, [values for _, values in group]


def require_read(read: Mapping[str, User], user: User) -> User:
    """The record as this transaction read it.

    Raises:
        StaleRecord: It did not: what was read before says nothing of the present.
    """
    before = read.get(user.login)
    if before is None or before.id != user.id:
        raise StaleRecord(user.login)
    return before
