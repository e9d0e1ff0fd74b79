"""Queries about users.

On SQLite an open read holds up writers, so every query is short and read to its end at once: a
page of users, or counts from an index.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pincli.models import State, User, UserType
from pincli.rules.lockout import state_from, state_of
from pincli.rules.names import one_slip_away
from pincli.store.sql.rows import (
    NAME_COLUMNS,
    USER,
    Row,
    Rows,
    SpoiltRow,
    login_in,
    place_in_order,
    placeholders,
    user_to_show,
)

if TYPE_CHECKING:
    from pincli.results import Candidate

PAGE = 500
_NEAR_AT_MOST = 5
_LAST_CHARACTER = "\U0010ffff"

_IN_CELL = "active = ? AND type = ? AND (question IS NULL) = ?"
_LOCKED = "locked_since IS NOT NULL"
_NOT_LOCKED = "locked_since IS NULL"


class _Cell(NamedTuple):
    """A range of the index people_by_state: users with the same facts.

    rules/lockout.py alone knows what a state is. It is asked for each combination of facts, which
    gives the ranges that belong to a state.
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
            locked=self.locked,
            has_pin=self.has_pin,
        )

    @property
    def parameters(self) -> tuple[int, str, bool]:
        return int(self.active), self.user_type.value, not self.has_pin


_CELLS = tuple(
    _Cell(active, user_type, has_pin, locked)
    for active in (True, False)
    for user_type in UserType
    for has_pin in (True, False)
    for locked in (True, False)
)


class SqlPeople:
    """contract.People on SQL."""

    def __init__(
        self,
        rows: Rows,
        at_one_moment: Callable[[], AbstractContextManager[None]],
        *,
        records: Rows | None = None,
        user: str = USER,
    ) -> None:
        """Read users.

        Args:
            rows: Runs a query.
            at_one_moment: Opens a read transaction.
            records: Runs a query for whole users, and allows text that is not UTF-8.
            user: The columns of a user, with NULL for those that the login may not read.
        """
        self._rows = rows
        self._at_one_moment = at_one_moment
        self._records = records or rows
        self._user = user

    def find(self, login: str, account: str | None = None) -> list[User]:
        """Return the users with that canonical login, in all accounts or in one."""
        if account is None:
            return self.named([login])
        query = "SELECT id FROM people WHERE login = ? AND account = ?"
        found = self.in_rows(self._rows(query, (login, account), _first))
        return [user for user in found if (user.login, user.account) == (login, account)]

    def named(self, logins: Sequence[str], spoilt: list[str] | None = None) -> list[User]:
        """Return the users with these canonical logins.

        The index only finds the row numbers. The logins in the rows are compared with those asked
        for: a forged index must not verify the wrong person.
        """
        if not logins:
            return []
        query = f"SELECT id FROM people WHERE login IN ({placeholders(logins)})"
        rows = self._rows(query, logins, _first)
        wanted = set(logins)
        return [user for user in self.in_rows(rows, spoilt) if user.login in wanted]

    def in_rows(self, rows: Sequence[int], spoilt: list[str] | None = None) -> list[User]:
        """Return the users in some rows, in storage order."""
        if not rows:
            return []
        return self._users(f"WHERE id IN ({placeholders(rows)}) ORDER BY id", rows, spoilt)

    def sealed_after(self, row: int, limit: int) -> list[tuple[User, bytes | None]]:
        """Return the next records after a row unchanged, for checking, each with its seal."""
        query = f"SELECT {self._user}, seal FROM people WHERE id > ? ORDER BY id LIMIT ?"
        return self._rows(query, (row, limit), _sealed)

    def rows_after(self, row: int, limit: int) -> list[int]:
        """Return the next row numbers after one, at most `limit`."""
        query = "SELECT id FROM people WHERE id > ? ORDER BY id LIMIT ?"
        return self._rows(query, (row, limit), _first)

    def pages(
        self,
        *,
        account: str | None = None,
        state: State | None = None,
        user_type: UserType | None = None,
        spoilt: list[str] | None = None,
    ) -> Iterator[list[User]]:
        """Yield users page by page, of any or one account, state and type."""
        if account is not None:
            for page in self._pages("account = ?", (account,), spoilt=spoilt):
                yield [
                    user
                    for user in page
                    if state in (None, state_of(user)) and user_type in (None, user.type)
                ]
        elif state is None and user_type is None:
            yield from self._pages("TRUE", ())
        else:
            for cell in _CELLS:
                if state in (None, cell.state) and user_type in (None, cell.user_type):
                    where, index = (
                        (f"{_IN_CELL} AND {_LOCKED}", "INDEXED BY people_locked")
                        if cell.locked
                        else (f"{_IN_CELL} AND {_NOT_LOCKED}", "INDEXED BY people_by_state")
                    )
                    yield from self._pages(where, cell.parameters, index)

    def latest_locks(self, limit: int) -> list[User]:
        """Return the users in the state locked, the latest lock first."""
        types = [cell.user_type for cell in _CELLS if cell.state is State.LOCKED and cell.has_pin]
        return self._users(
            f"INDEXED BY people_by_lock_time WHERE {_LOCKED} AND active = 1 "
            f"AND type IN ({placeholders(types)}) ORDER BY locked_since DESC LIMIT ?",
            (*types, limit),
        )

    def totals(self, *, account: str | None = None) -> dict[State, int]:
        """Count the users in each state; every state is a key."""
        where, parameters = ("account = ?", (account,)) if account is not None else ("TRUE", ())
        with self._at_one_moment():
            everybody = self._counts(where, parameters)
            locked = self._counts(f"{_LOCKED} AND {where}", parameters)
        found: Counter[State] = Counter()
        for cell in _CELLS:
            share = locked[cell.parameters]
            found[cell.state] += share if cell.locked else everybody[cell.parameters] - share
        return {state: found[state] for state in State}

    def account_exists(self, account: str) -> bool:
        """Whether the account has any user."""
        return bool(self._rows("SELECT 1 FROM people WHERE account = ? LIMIT 1", (account,)))

    def near(self, column: Literal["login", "account"], name: str) -> list[str]:
        """Return up to five names that begin with this one or are one slip away."""
        slips = sorted(one_slip_away(name))
        found = self._rows(
            f"SELECT DISTINCT {column} FROM people "
            f"WHERE {column} IN ({placeholders(slips)}) LIMIT ?",
            (*slips, _NEAR_AT_MOST),
            _first,
        )
        found += self._rows(
            f"SELECT DISTINCT {column} FROM people "
            f"WHERE {column} > ? AND {column} < ? ORDER BY {column} LIMIT ?",
            (name, name + _LAST_CHARACTER, _NEAR_AT_MOST),
            _first,
        )
        return list(dict.fromkeys(found))[:_NEAR_AT_MOST]

    def with_prefix(
        self, column: Literal["login", "account"], prefix: str, *, limit: int
    ) -> list[str]:
        """Return names with a prefix, in order; of more than `limit`, the last one too.

        Each name is one step through the index, however many users an account has.
        """
        past_prefix = prefix + _LAST_CHARACTER
        names: list[str] = []
        start, above = prefix, ">="
        with self._at_one_moment():
            while len(names) < limit:
                query = (
                    f"SELECT min({column}) FROM people WHERE {column} {above} ? AND {column} < ?"
                )
                (found,) = self._rows(query, (start, past_prefix), _first)
                if found is None:
                    return names
                names.append(found)
                start, above = found, ">"
            query = f"SELECT max({column}) FROM people WHERE {column} > ? AND {column} < ?"
            (last,) = self._rows(query, (start, past_prefix), _first)
        return names if last is None else [*names[:-1], last]

    def under_another(
        self, kind: Literal["verify", "portal"], fingerprint: str, row: int, limit: int
    ) -> list[User]:
        """Return the next users after a row whose PIN needs another key than this."""
        column = f"{kind}_key"
        return self._users(
            f"WHERE id > ? AND {column} IS NOT NULL AND {column} <> ? ORDER BY id LIMIT ?",
            (row, fingerprint, limit),
        )

    def unsealed_after(self, row: int, last: int, limit: int) -> list[int]:
        """Return the next rows without a seal, changed by no event after `last`."""
        query = "SELECT id FROM people WHERE id > ? AND event <= ? AND seal IS NULL ORDER BY id"
        return self._rows(f"{query} LIMIT ?", (row, last, limit), _first)

    def candidates(self, rows: Sequence[int]) -> list[Candidate]:
        """Return the names of the users in some rows; unreadable rows are left out."""
        from pincli.results import Candidate

        columns = ", ".join(("id", *NAME_COLUMNS, "active"))
        query = f"SELECT {columns} FROM people WHERE id IN ({placeholders(rows)})"
        found = self._records(query, rows, Candidate._make) if rows else []
        return [each for each in found if _is_text(each.login, each.display_name, each.account)]

    def open_up_to(self, number: int) -> bool:
        """Return whether the event of an open attempt is among those up to a number."""
        query = "SELECT 1 FROM people WHERE attempt IS NOT NULL AND attempt <= ? LIMIT 1"
        return bool(self._rows(query, (number,)))

    def open_since(self, before: str) -> list[int]:
        """Return the rows of users whose attempt was left open before a time."""
        query = "SELECT id FROM people WHERE attempt IS NOT NULL AND attempt_at < ?"
        return self._rows(query, (before,), _first)

    def key_uses(self) -> Mapping[str, Mapping[str, int]]:
        """Count the users whose verifier or sealed PIN needs each key, by kind and fingerprint."""
        return {
            kind: dict(
                self._rows(
                    f"SELECT {kind}_key, count(*) FROM people "
                    f"WHERE {kind}_key IS NOT NULL GROUP BY 1"
                )
            )
            for kind in ("verify", "portal")
        }

    def _users(
        self, tail: str, parameters: Sequence[Any], spoilt: list[str] | None = None
    ) -> list[User]:
        query = f"SELECT {self._user} FROM people {tail}"
        found = self._records(query, parameters, partial(_shown, spoilt=spoilt))
        return [user for user, _ in found if user is not None]

    def _pages(
        self,
        where: str,
        parameters: tuple[Any, ...],
        index: str = "",
        *,
        spoilt: list[str] | None = None,
    ) -> Iterator[list[User]]:
        last: Sequence[Any] = ("", "")
        query = (
            f"SELECT {self._user} FROM people {index} WHERE {where} AND (login, account) > "
            "(CAST(? AS TEXT), CAST(? AS TEXT)) ORDER BY login, account LIMIT ?"
        )
        while page := self._records(
            query, (*parameters, *last, PAGE), partial(_shown, spoilt=spoilt)
        ):
            yield [user for user, _ in page if user is not None]
            last = page[-1][1]

    def _counts(self, where: str, parameters: tuple[str, ...]) -> Counter[tuple[int, str, bool]]:
        query = f"SELECT active, type, question IS NULL, count(*) FROM people WHERE {where} "
        found = self._rows(f"{query} GROUP BY 1, 2, 3", parameters)
        return Counter({(active, kind, no_pin): n for active, kind, no_pin, n in found})


def _shown(row: Row, *, spoilt: list[str] | None) -> tuple[User | None, tuple[Any, Any]]:
    """Return the user in a row, or None if it is spoilt, and its place in the order."""
    try:
        user: User | None = user_to_show(row)
    except SpoiltRow:
        if spoilt is None:
            raise
        spoilt.append(login_in(row))
        user = None
    return user, place_in_order(row)


def _is_text(*values: object) -> bool:
    """Whether all are texts: neither NULL nor bytes that are not UTF-8."""
    return all(isinstance(value, str) for value in values)


def _first(row: Sequence[Any]) -> Any:
    return row[0]


def _sealed(row: Sequence[Any]) -> tuple[User, bytes | None]:
    return User._make(row[:-1]), row[-1]
