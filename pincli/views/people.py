"""The answers of `user add`, `user show` and the other commands about records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pincli.models import Change, State, User
from pincli.results import Erased
from pincli.rules.lockout import state_of
from pincli.views.answer import Answer
from pincli.views.blocks import Block, Fields, Headline, Note, Table, Tone, counted
from pincli.views.sanitiser import command
from pincli.views.times import relative_time
from pincli.views.verdict import caller, collect_next, login_of, who

_REMAINS = (
    "their events, about a random number",
    "archives, backups and copies of the store",
    "the logs of sudo and the histories of shells, where the login was typed",
    "files that were handed out",
    "the login as an unknown name, until `audit archive` drops it after 30 days",
    "on PostgreSQL, the old rows until a vacuum",
)
_EDITED = ("account", "login", "display_name", "email", "type")


def person_of(user: User) -> dict[str, object]:
    """The JSON keys that every answer about a user has."""
    return {
        "user": user.login,
        "account": user.account,
        "name": user.display_name,
        "email": user.email,
        "type": user.type.value,
        "active": user.active,
        "state": state_of(user).value,
    }


def state_facts(user: User) -> dict[str, object]:
    """The JSON keys of an answer about a user's state."""
    return {"user": user.login, "account": user.account, "state": state_of(user).value}


def record_of(user: User) -> dict[str, object]:
    """The JSON keys of a user's record."""
    return {**person_of(user), "added_at": user.added_at}


def added(user: User) -> Answer:
    """The answer of `user add`."""
    return Answer(record_of(user), lambda: [Headline(Tone.GOOD, "added", who(user)), *_next(user)])


def record(user: User) -> Answer:
    """The answer of `user show`."""
    return Answer(
        record_of(user),
        lambda: [
            Headline(Tone.NEUTRAL, login_of(user), user.display_name),
            Fields(
                [
                    ("account", user.account),
                    *([("e-mail", user.email)] if user.email else []),
                    ("type", user.type.value),
                    ("active", "yes" if user.active else "no"),
                    ("state", state_of(user).value),
                    ("added", relative_time(user.added_at)),
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
                ("user", "account", "name", "e-mail", "type", "state"),
                ([_row(user) for user in page] for page in pages),
                "no such users; `pincli user add USER --account ACCOUNT` adds one",
                folding=("user", "account", "name", "e-mail"),
            )
        ],
    )


def _row(user: User) -> tuple[str, ...]:
    named = login_of(user), user.account, user.display_name, user.email or ""
    return (*named, user.type.value, state_of(user).value)


def activity(change: Change) -> Answer:
    """The answer of `user deactivate` and `user activate`."""
    user = change.after
    word = "active" if user.active else "deactivated"
    changed = change.before.active != user.active
    sentence = f"{who(user)} is {'now' if changed else 'already'} {word}"
    return Answer({**record_of(user), "changed": changed}, lambda: [Note(sentence), *_next(user)])


def edited(change: Change) -> Answer:
    """The answer of `user edit` and `user rename`."""
    before, user = change
    changed = any(getattr(before, field) != getattr(user, field) for field in _EDITED)
    named = (before.login, before.account) != (user.login, user.account)
    was = f", was {caller(before)}" if named else ""
    taken = before.question is not None and user.question is None
    return Answer(
        {**record_of(user), "changed": changed},
        lambda: [
            Headline(Tone.GOOD, "changed" if changed else "unchanged", who(user) + was),
            *([Note("the PIN is withdrawn: this type has none")] if taken else []),
            *_next(user),
        ],
    )


def erasing(user: User) -> list[Block]:
    """The user to be erased, shown before the command is confirmed."""
    return [Headline(Tone.WARNING, "erase", who(user)), *record(user).screen()[1:]]


def erased(result: Erased) -> Answer:
    """The answer of `user erase`, with what remains elsewhere."""
    user, old, day = result
    remains = [*_REMAINS]
    if old:
        way = command("audit", "archive", "--before", day or "DATE", "--output", "FILE")
        remains.append(f"the login in {counted(old, 'event')} of pincli 1, until `{way}`")
    return Answer(
        {**record_of(user), "old_events": old, "remains": remains},
        lambda: [
            Headline(Tone.GOOD, "erased", f"the trail calls them {user.login}"),
            Note("what remains:"),
            *(Note(f"  {each}") for each in remains),
        ],
    )


def several(matched: int, changed: int, word: str) -> Answer:
    """The answer of `user deactivate`, `user activate` and `lock` for several users."""
    rest = matched - changed
    return Answer(
        {"matched": matched, "changed": changed, "unchanged": rest},
        lambda: [Headline(Tone.GOOD, f"{changed} {word}", f"{rest} were already")],
    )


def _next(user: User) -> list[Block]:
    return [collect_next(user)] if state_of(user) is State.UNCOLLECTED else []
