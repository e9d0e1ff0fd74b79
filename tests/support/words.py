"""A check that a store's index of words agrees with its records."""

from __future__ import annotations

from collections import defaultdict

from pincli.rules.words import Sought, words_of
from pincli.store.contract import Store


def require_true_index(store: Store) -> None:
    """Fail unless each word finds exactly the users who have it."""
    rows: dict[str, set[int]] = defaultdict(set)
    for page in store.people.pages():
        for user in page:
            for word in words_of(user.login, user.display_name, user.email, user.account):
                rows[word].add(user.id)
    assert rows
    for word, expected in rows.items():
        assert set(store.people.with_words([Sought((word,), whole=True)], 10_000)) == expected, word
