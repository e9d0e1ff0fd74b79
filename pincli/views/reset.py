"""A reset: what it would do, and the receipt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from pincli.models import ResetUser, State, User
from pincli.rules.lockout import is_locked
from pincli.rules.states import state_of
from pincli.views.blocks import Answer, Block, Fields, Headline, Note, Table, Tone
from pincli.views.verdict import collect_next

_LISTED_AT_MOST = 20


class _Row(NamedTuple):
    """One user's share in a receipt or a preview."""

    user: User
    reset: bool
    kept_locked: bool
    unlocked: bool
    pin: str | None = None

    @property
    def became(self) -> str:
        """What became of the user, in words."""
        words = []
        if self.unlocked:
            words.append("unlocked")
        if self.pin is not None:
            words.append("new PIN")
        elif self.reset:
            words.append("PIN withdrawn" if self.user.pin is None else "new PIN")
        if self.kept_locked:
            words.append("stays locked")
        return ", ".join(words) or "unchanged"


def preview(users: Sequence[User], *, unlock: bool, issue: bool) -> list[Block]:
    """What a reset of these users would do, shown before it is confirmed."""
    states = Counter(state_of(user) for user in users)
    locked = sum(is_locked(user.failed_attempts) for user in users)
    pairs = [(state.value, str(states[state])) for state in State if states[state]]
    then = "a new PIN is issued at once" if issue else "the customer opens a new one in the portal"
    pairs.append(("PIN", f"the present one stops working; {then}"))
    if locked:
        pairs.append(("locked", f"{locked} {'are unlocked' if unlock else 'stay locked'}"))
    names = ", ".join(user.user for user in users[:_LISTED_AT_MOST])
    more = len(users) - _LISTED_AT_MOST
    about = names + (f" and {more} more" if more > 0 else "")
    return [Headline(Tone.WARNING, f"reset {_people(len(users))}", about), Fields(pairs)]


def dry_run(users: Sequence[User], *, unlock: bool, issue: bool) -> Answer:
    """The answer of `reset --dry-run`: the receipt's keys, with what would be."""
    rows = []
    for user in users:
        locked = is_locked(user.failed_attempts)
        can_issue = issue and state_of(user) not in (State.INACTIVE, State.INELIGIBLE)
        counts = (locked and unlock) or (user.failed_attempts > 0 and not locked)
        rows.append(
            _Row(
                user,
                reset=user.pin is not None or counts or can_issue,
                kept_locked=locked and not unlock,
                unlocked=locked and unlock,
            )
        )
    return Answer(
        {"dry_run": True, **_facts(rows, reveal=False)},
        lambda: [*preview(users, unlock=unlock, issue=issue), Note("dry run: nothing was changed")],
    )


def receipt(results: Sequence[ResetUser], *, reveal: bool) -> Answer:
    """The answer of `reset`.

    Args:
        results: What became of each user.
        reveal: Whether the issued PINs are shown.
    """
    rows = [
        _Row(
            result.change.after,
            reset=result.change.before != result.change.after,
            kept_locked=is_locked(result.change.after.failed_attempts),
            unlocked=is_locked(result.change.before.failed_attempts)
            and not is_locked(result.change.after.failed_attempts),
            pin=result.pin,
        )
        for result in results
    ]
    return Answer(_facts(rows, reveal=reveal), lambda: _receipt_screen(rows, reveal=reveal))


def _facts(rows: Sequence[_Row], *, reveal: bool) -> dict[str, object]:
    return {
        "matched": len(rows),
        "reset": sum(row.reset for row in rows),
        "kept_locked": sum(row.kept_locked for row in rows),
        "unlocked": sum(row.unlocked for row in rows),
        "unchanged": sum(not row.reset for row in rows),
        "users": [
            {
                "user": row.user.user,
                "account": row.user.account,
                "state": state_of(row.user).value,
                **({"pin": row.pin} if reveal and row.pin is not None else {}),
            }
            for row in rows
        ],
    }


def _receipt_screen(rows: Sequence[_Row], *, reveal: bool) -> list[Block]:
    changed = sum(row.reset for row in rows)
    columns = ["user", "account", "state", "became"]
    cells = [[r.user.user, r.user.account, state_of(r.user).value, r.became] for r in rows]
    if reveal:
        columns.append("PIN")
        for row, line in zip(rows, cells, strict=True):
            line.append(row.pin or "")
    blocks: list[Block] = [
        Headline(Tone.GOOD, f"reset {_people(changed)}", f"{len(rows) - changed} unchanged"),
        Table(columns, [cells], ""),
    ]
    uncollected = [row.user for row in rows if state_of(row.user) is State.UNCOLLECTED]
    if uncollected:
        name = uncollected[0].user if len(uncollected) == 1 else "USER"
        blocks.append(collect_next(name))
    return blocks


def _people(count: int) -> str:
    return f"{count} user" if count == 1 else f"{count} users"
