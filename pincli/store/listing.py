"""Lists and totals, read by index and page by page.

A reader holds up writers while it reads, so every query is read to its end at once and is
short: a page of users, or counts that an index holds.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from pincli.models import State, User, UserType
from pincli.rules.lockout import ATTEMPTS_ALLOWED
from pincli.rules.states import state_from, state_of
from pincli.store.rows import read_users

PAGE = 500


class _Cell(NamedTuple):
    """Users that the index users_by_state keeps together, and whether locked ones count.

    The rule that names a state stands in rules/states.py alone; here it is asked for each
    combination of facts, which gives the index ranges that hold a state.
    """

    active: bool
    user_type: UserType
    has_pin: bool
    locked: bool

    @property
    def state(self) -> State:
        return state_from(
            active=self.active,
            user_type=self.user_type,
            failed_attempts=ATTEMPTS_ALLOWED if self.locked else 0,
            has_pin=self.has_pin,
        )

    @property
    def parameters(self) -> tuple[int, str, int]:
        return int(self.active), self.user_type.value, int(not self.has_pin)


_CELLS = tuple(
    _Cell(active, user_type, has_pin, locked)
    for active in (True, False)
    for user_type in UserType
    for has_pin in (True, False)
    for locked in (True, False)
)
_IN_CELL = "active = ? AND type = ? AND (verifier IS NULL) = ?"
_LOCKED = f"failed_attempts = {ATTEMPTS_ALLOWED}"
_NOT_LOCKED = f"failed_attempts < {ATTEMPTS_ALLOWED}"


def user_pages(
    connection: sqlite3.Connection,
    *,
    account: str | None,
    state: State | None,
    user_type: UserType | None,
) -> Iterator[list[User]]:
    """The users of an account or of all, of one state and one type or of any, in pages.

    By name; but by state or type without an account, those of one type come before those
    of the next.
    """
    if account is not None:
        for page in _pages(connection, "account = ?", (account,)):
            yield [
                user
                for user in page
                if state in (None, state_of(user)) and user_type in (None, user.type)
            ]
    elif state is None and user_type is None:
        yield from _pages(connection, "TRUE", ())
    else:
        for cell in _CELLS:
            if state in (None, cell.state) and user_type in (None, cell.user_type):
                where, index = (
                    (f"{_IN_CELL} AND {_LOCKED}", "INDEXED BY users_locked")
                    if cell.locked
                    else (f"{_IN_CELL} AND {_NOT_LOCKED}", "INDEXED BY users_by_state")
                )
                yield from _pages(connection, where, cell.parameters, index)


def rows_after(connection: sqlite3.Connection, row: int, limit: int) -> list[int]:
    """The next row numbers of users above one, at most `limit`."""
    query = "SELECT id FROM users WHERE id > ? ORDER BY id LIMIT ?"
    return [found for (found,) in connection.execute(query, (row, limit)).fetchall()]


def latest_locks(connection: sqlite3.Connection, limit: int) -> list[User]:
    """The users in the state locked, the latest lock first.

    One whose sixth attempt is in flight is not among them.
    """
    types = [cell.user_type for cell in _CELLS if cell.state is State.LOCKED and cell.has_pin]
    marks = ", ".join("?" * len(types))
    return read_users(
        connection,
        f"INDEXED BY users_by_lock_time WHERE {_LOCKED} AND locked_since IS NOT NULL "
        f"AND active = 1 AND type IN ({marks}) "
        "ORDER BY locked_since DESC LIMIT ?",
        (*types, limit),
    )


def totals(connection: sqlite3.Connection, *, account: str | None) -> dict[State, int]:
    """How many users are in each state; every state is there, with 0 if need be."""
    where, parameters = ("account = ?", (account,)) if account is not None else ("TRUE", ())
    everybody = _counts(connection, where, parameters)
    locked = _counts(connection, f"{_LOCKED} AND {where}", parameters)
    found: Counter[State] = Counter()
    for cell in _CELLS:
        share = locked[cell.parameters]
        found[cell.state] += share if cell.locked else everybody[cell.parameters] - share
    return {state: found[state] for state in State}


def _pages(
    connection: sqlite3.Connection,
    where: str,
    parameters: tuple[str | int, ...],
    index: str = "",
) -> Iterator[list[User]]:
    last = ""
    while page := read_users(
        connection,
        f"{index} WHERE {where} AND user > ? ORDER BY user LIMIT ?",
        (*parameters, last, PAGE),
    ):
        yield page
        last = page[-1].login


def _counts(
    connection: sqlite3.Connection, where: str, parameters: tuple[str, ...]
) -> Counter[tuple[int, str, int]]:
    rows = connection.execute(
        f"SELECT active, type, verifier IS NULL, count(*) FROM users WHERE {where} "
        "GROUP BY 1, 2, 3",
        parameters,
    ).fetchall()
    return Counter({(active, kind, no_pin): n for active, kind, no_pin, n in rows})
