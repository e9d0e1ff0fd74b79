"""The users of a bulk command: by name, by account, from a file, or all."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import islice

from pincli.models import State, User
from pincli.operations.chunks import PAUSE
from pincli.operations.people import (
    Named,
    choose,
    named,
    note_unknown,
    refuse_unless_chosen,
    require_account,
)
from pincli.operations.session import Session
from pincli.rules.lockout import lacks_pin, state_of
from pincli.store.scratch import StagedUsers

_PAGE = 1000


class Selection:
    """Users, each once, in storage order; read page by page as they are now.

    Attributes:
        word: What to type as confirmation: an account's name, or ALL; empty for single users.
    """

    def __init__(self, session: Session, staged: StagedUsers | None, word: str) -> None:
        self._session = session
        self._staged = staged
        self.word = word

    def __len__(self) -> int:
        if self._staged is not None:
            return len(self._staged)
        return sum(self._session.store.people.totals().values())

    def following(self, row: int | None, limit: int) -> list[int]:
        """Return up to `limit` row numbers after one; after None, the first."""
        if self._staged is not None:
            return self._staged.after(row or 0, limit)
        return self._session.store.people.rows_after(row or 0, limit)

    def uids(self, rows: Sequence[int]) -> dict[int, bytes]:
        """The uids that these rows had when they were chosen; empty for all users."""
        return {} if self._staged is None else self._staged.uids(rows)

    def pages(self) -> Iterator[list[User]]:
        """The users as they are now."""
        last: int | None = None
        while rows := self.following(last, _PAGE):
            yield self._session.store.people.in_rows(rows, self._session.left_out)
            last = rows[-1]

    def require_none_left_out(self) -> None:
        """Raise StoreTampered for the users that could not be read."""
        self._session.require_none_left_out()

    def totals(self) -> dict[State, int]:
        """How many of them are in each state."""
        if self._staged is None:
            return self._session.store.people.totals()
        found = Counter(state_of(user) for page in self.pages() for user in page)
        return {state: found[state] for state in State}


@contextmanager
def select(
    session: Session,
    *,
    names: Iterable[str | Named] | None = None,
    account: str | None = None,
    everybody: bool = False,
) -> Iterator[Selection]:
    """Select users by name, an account's users, or everybody, after checking the names.

    With names, `account` is theirs, unless a name has its own.

    Raises:
        UnknownUser: Some names are unknown; carries all of them.
        AmbiguousUser: Several accounts have a user of one name.
        UnknownAccount: The account has no users.
    """
    account = None if account is None else require_account(session, account)
    with ExitStack() as stack:
        staged = stack.enter_context(StagedUsers())
        if names is not None:
            _stage_names(session, staged, names, account)
        if everybody:
            yield Selection(session, None, "ALL")
            return
        if names is None and account is not None:
            for page in session.store.people.pages(account=account, spoilt=session.left_out):
                staged.add((user.id, user.uid) for user in page)
        yield Selection(session, staged, "" if names is not None else account or "")


@contextmanager
def select_staged(
    session: Session, users: Iterable[tuple[int, bytes]], word: str
) -> Iterator[Selection]:
    """Select users by row and uid; `word` is what to type as confirmation."""
    with StagedUsers() as staged:
        staged.add(users)
        yield Selection(session, staged, word)


def without_pin(selection: Selection) -> Iterator[tuple[int, bytes]]:
    """Row and uid of the selected users who could have a PIN and have none."""
    return ((user.id, user.uid) for page in selection.pages() for user in page if lacks_pin(user))


def _stage_names(
    session: Session, staged: StagedUsers, names: Iterable[str | Named], account: str | None
) -> None:
    """Stage named users; look for all unknown names before refusing any."""
    unknown: dict[Named, None] = {}
    ambiguous = None
    wanted = (named(name, account) for name in names)
    while page := list(islice(wanted, _PAGE)):
        found = session.store.people.named([name.login for name in page], session.left_out)
        chosen = choose(found, page)
        staged.add((user.id, user.uid) for user in chosen.users)
        spoilt = set(session.left_out)
        unknown.update(dict.fromkeys(n for n in chosen.unknown if n.login not in spoilt))
        ambiguous = ambiguous or chosen.ambiguous
    missing = list(unknown)
    for start in range(0, len(missing), _PAGE):
        note_unknown(session, [name.login for name in missing[start : start + _PAGE]])
        time.sleep(PAUSE)
    refuse_unless_chosen(session, missing, ambiguous)
