"""Finding people by words of login, display name, e-mail and account; names for completion."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Literal, NamedTuple

from pincli.errors import MalformedName
from pincli.models import EventKind, NewEvent, User
from pincli.operations.people import require_account
from pincli.operations.session import Session
from pincli.results import Candidate, Found
from pincli.rules.caller_line import CallerLine, names_in, read_line
from pincli.rules.names import ERASED, canonical_account, canonical_user, one_slip_away
from pincli.rules.texts import all_printable
from pincli.rules.words import Sought, sought_in, whole_words, words_of
from pincli.store.contract import Store
from pincli.store.questions import People

NOT_FOUND = "not_found"
"""The outcome of a search without a hit."""
CANDIDATES = 1000
"""How many hits are ranked at most."""
NAMES_AT_MOST = 50
"""How many names completion offers at once."""
_NEAR_AT_MOST = 5
_SHORTEST_WITH_SLIPS = 3


def find(session: Session, words: str, *, account: str | None = None, limit: int = 20) -> Found:
    """Find people by words, each the beginning of a word of theirs.

    An exact login or e-mail address comes first, then those with most whole words, the active
    before the inactive. The first one is certain if nobody else has that login or address, or
    if it is the only hit and has all words as whole words: a beginning could be a namesake's.
    """
    account = None if account is None else require_account(session, account)
    search = _Search(session.store.people, account)
    names, text = names_in(words)
    exact = {user.id: user for name in names for user in search.exactly(name)}
    # A whole address is enough: nobody else has its words by chance.
    sought = [] if exact and "@" in words else sought_in(text)
    fitting, all_counted = search.fitting(sought)
    ranked = sorted(
        (-whole, not user.active, user.login, user.account, user.id)
        for user, whole in fitting
        if user.id not in exact
    )
    number = len(exact) + len(ranked)
    only_hit = number == 1 and all_counted and ranked and -ranked[0][0] == len(sought)
    people = [*exact.values(), *search.read([row for *_, row in ranked[:limit]])]
    return Found(
        tuple(people[:limit]),
        more=max(number - limit, 0),
        all_counted=all_counted,
        certain=len(exact) == 1 or bool(only_hit and people),
        near=() if number else search.near(sought),
    )


def find_caller(
    session: Session, text: str, *, pattern: str | None = None
) -> tuple[CallerLine, Found]:
    """Find the caller in a typed or pasted line, and the ticket that matches `pattern`.

    Text that looks like a ticket is a word instead if a login that is found begins with it.
    """
    line = read_line(text, pattern=pattern)
    if line.ticket is not None and f"#{line.ticket}" not in text:
        found = find(session, text)
        if any(user.login.startswith(line.ticket.lower()) for user in found.people):
            return CallerLine(None, text.strip()), found
    return line, find(session, line.words)


def accounts_with(store: Store, logins: Sequence[str]) -> list[str]:
    """Return the accounts that have a user of one of these logins, sorted."""
    found = store.people.named([canonical_user(login) for login in logins])
    return sorted({user.account for user in found if all_printable(user.account)})


def names_beginning(store: Store, column: Literal["login", "account"], text: str) -> list[str]:
    """Return up to NAMES_AT_MOST names of users or accounts that begin with a text."""
    canonical = canonical_user if column == "login" else canonical_account
    begun = canonical(text) if text.strip() else ""
    found = store.people.with_prefix(column, begun, limit=NAMES_AT_MOST)
    # A name that was written behind pincli's back may hold anything.
    return [name for name in found if all_printable(name) and not name.startswith(ERASED)]


def note_nobody(session: Session) -> None:
    """Record a search without a hit, as somebody may be fishing; the words are never kept."""
    session.attempts.record(NewEvent(EventKind.REFUSED, outcome=NOT_FOUND))


def note_viewed(session: Session, user: User) -> None:
    """Record that an agent looked at a user without asking for the PIN."""
    session.attempts.record(NewEvent(EventKind.VIEWED, user))


class _Search(NamedTuple):
    """A search among the people of an account, or of all. It never trusts the index."""

    people: People
    account: str | None

    def exactly(self, name: str) -> list[User]:
        """Return the users with this login or e-mail address."""
        found = []
        with suppress(MalformedName):
            found += self.people.find(canonical_user(name), self.account)
        if "@" in name:
            there = self.read(self._rows(sought_in(name, whole=True)))
            found += [user for user in there if (user.email or "").casefold() == name.casefold()]
        return found

    def read(self, rows: Sequence[int]) -> list[User]:
        """Read records in this order, without unreadable ones and those of other accounts."""
        found = {user.id: user for user in self.people.in_rows(rows, [])}
        users = [found[row] for row in rows if row in found]
        return [user for user in users if self.account in (None, user.account)]

    def fitting(self, sought: Sequence[Sought]) -> tuple[list[tuple[Candidate, int]], bool]:
        """Return users who have these words, each with its number of whole words.

        Also return whether these are all. If there are too many, those with only whole words
        come first.
        """
        rows = self._rows([each._replace(whole=True) for each in sought])
        if len(rows) <= CANDIDATES:
            begun = self._beginning_so(sought)
            rows, all_counted = [*dict.fromkeys([*rows, *begun])], len(begun) <= CANDIDATES
        else:
            all_counted = False
        hits = []
        for user in self.people.candidates(rows[:CANDIDATES]):
            whole_ones = whole_words(sought, _words(user))
            if whole_ones is not None and self.account in (None, user.account):
                hits.append((user, whole_ones))
        return hits, all_counted

    def _beginning_so(self, sought: Sequence[Sought]) -> list[int]:
        """Return rows of users who may have these words, at most one more than are ranked.

        The index is slow for a beginning that nearly everybody has, such as their addresses'
        domain. If the other words leave few users, those words alone decide here.
        """
        others = [
            each for each in sought if len(self._rows([each._replace(whole=True)])) <= CANDIDATES
        ]
        rows = self._rows(others)
        return rows if others and len(rows) <= CANDIDATES else self._rows(sought)

    def near(self, sought: Sequence[Sought]) -> tuple[str, ...]:
        """Return words that find somebody if they replace one of these."""
        near: dict[str, None] = {}
        for place, ((word, *_), whole) in enumerate(sought):
            others = [*sought[:place], *sought[place + 1 :]]
            if len(word) < _SHORTEST_WITH_SLIPS or whole or (others and not self._rows(others, 1)):
                continue
            slips = one_slip_away(word)
            near_ones = Sought(tuple(each for each in slips if each.isalnum()), whole=True)
            for user in self.read(self._rows([near_ones, *others], _NEAR_AT_MOST)):
                near |= dict.fromkeys(each for each in _words(user) if each in slips)
        return tuple(near)[:_NEAR_AT_MOST]

    def _rows(self, sought: Sequence[Sought], limit: int = CANDIDATES + 1) -> list[int]:
        of_account = sought_in(self.account or "", whole=True)
        return self.people.with_words([*of_account, *sought], limit) if sought else []


def _words(user: User | Candidate) -> list[str]:
    return words_of(user.login, user.display_name, user.email, user.account)
