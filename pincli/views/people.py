"""Users as records: added, shown, listed, switched off and on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pincli.models import Change, State, User
from pincli.rules.states import state_of
from pincli.views.blocks import Answer, Block, Fields, Headline, Note, Table, Tone
from pincli.views.times import said
from pincli.views.verdict import collect_next, login_of, who


def record_of(user: User) -> dict[str, object]:
    """The JSON keys of a user's record."""
    return {
        "user": user.login,
        "account": user.account,
        "name": user.display_name,
        "type": user.type.value,
        "active": user.active,
        "state": state_of(user).value,
        "added_at": user.added_at,
    }


def added(user: User) -> Answer:
    """The answer of `user add`."""
    return Answer(
        record_of(user),
        lambda: [Headline(Tone.GOOD, "added", who(user)), *_next(user)],
    )


def record(user: User) -> Answer:
    """The answer of `user show`."""
    return Answer(
        record_of(user),
        lambda: [
            Headline(Tone.NEUTRAL, login_of(user), user.display_name),
            Fields(
                [
                    ("account", user.account),
                    ("type", user.type.value),
                    ("active", "yes" if user.active else "no"),
                    ("state", state_of(user).value),
                    ("added", said(user.added_at)),
                ]
            ),
        ],
    )


def listing(pages: Iterator[Sequence[User]]) -> Answer:
    """The answer of `user list`."""
    return Answer(
        {"users": (record_of(user) for page in pages for user in page)},
        lambda: [
            Table(
                ("user", "account", "name", "type", "state"),
                (
                    [
                        (login_of(u), u.account, u.display_name, u.type.value, state_of(u).value)
                        for u in page
                    ]
                    for page in pages
                ),
                "no such users; `pincli user add USER --account ACCOUNT` adds one",
                folding=("user", "account", "name"),
            )
        ],
    )


def activity(change: Change) -> Answer:
    """The answer of `user deactivate` and `user activate`."""
    user = change.after
    word = "active" if user.active else "deactivated"
    changed = change.before.active != user.active
    sentence = f"{who(user)} is {'now' if changed else 'already'} {word}"
    return Answer({**record_of(user), "changed": changed}, lambda: [Note(sentence), *_next(user)])


def activities(matched: int, changed: int, *, active: bool) -> Answer:
    """The answer of `user deactivate` and `user activate` for several users."""
    word = "activated" if active else "deactivated"
    return Answer(
        {"matched": matched, "changed": changed, "unchanged": matched - changed},
        lambda: [Headline(Tone.GOOD, f"{changed} {word}", f"{matched - changed} were already")],
    )


def _next(user: User) -> list[Block]:
    return [collect_next(user.login)] if state_of(user) is State.UNCOLLECTED else []
