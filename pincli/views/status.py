"""One user's card, lists of users, and the totals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pincli.models import PinOrigin, State, User
from pincli.rules.lockout import ATTEMPTS_ALLOWED, attempts_left, state_of
from pincli.views.answer import Answer
from pincli.views.blocks import Block, Fields, Headline, Note, Table, Tone, counted
from pincli.views.call import facts_of_call
from pincli.views.exit_codes import ExitCode
from pincli.views.people import person_of
from pincli.views.times import relative_time
from pincli.views.verdict import attempts, caller, collect_next, login_of, name_field, say

_TONES = {
    State.ACTIVE: Tone.GOOD,
    State.LOCKED: Tone.BAD,
    State.UNCOLLECTED: Tone.WARNING,
    State.INACTIVE: Tone.WARNING,
    State.INELIGIBLE: Tone.WARNING,
}
_CHOSEN = {PinOrigin.GENERATED: "generated", PinOrigin.CUSTOMER: "chosen by the customer"}
_ORDER = (State.LOCKED, State.ACTIVE, State.UNCOLLECTED, State.INACTIVE, State.INELIGIBLE)
"""The order of the totals: locked users first."""
_NEVER = "never"


def facts_of(user: User) -> dict[str, object]:
    """The JSON keys of a user, in a card and in a list."""
    return {
        **person_of(user),
        "attempts_used": user.failed_attempts,
        "attempts_left": attempts_left(user.failed_attempts),
        "attempt_open": user.attempt is not None,
        "locked_since": user.locked_since,
        "last_attempt_at": user.last_attempt_at,
        "last_attempt_by": user.last_attempt_by,
        "last_verified_at": user.last_verified_at,
        "last_verified_by": user.last_verified_by,
        "pin_set_at": user.pin_set_at,
        "pin_set_by": user.pin_set_by.value if user.pin_set_by else None,
        "locks_total": user.locks_total,
        "attempts_total": user.attempts_total,
    }


def card(user: User, *, exit_code: bool) -> Answer:
    """The answer of `status USER`."""
    found = exit_code and state_of(user) is State.LOCKED
    return Answer(
        {**facts_of(user), "call": facts_of_call(user)},
        lambda: _card_screen(user),
        exit_code=ExitCode.LOCKED if found else ExitCode.DONE,
    )


def listing(
    pages: Iterator[Sequence[User]],
    totals: dict[State, int],
    *,
    state: State | None,
    exit_code: bool,
) -> Answer:
    """The answer of `status` with a filter.

    Args:
        pages: The users, page by page.
        totals: Their totals by state.
        state: The state to which the list is limited, if it is.
        exit_code: Whether to end with 4 if one of them is locked.
    """
    shown = {each: n if state in (None, each) else 0 for each, n in totals.items()}
    found = exit_code and shown[State.LOCKED] > 0
    facts: dict[str, object] = {
        "users": (facts_of(user) for page in pages for user in page),
        "totals": {each.value: n for each, n in shown.items()},
    }
    return Answer(
        facts,
        lambda: [_users_table(pages), Note(_totals_sentence(shown))],
        exit_code=ExitCode.LOCKED if found else ExitCode.DONE,
    )


def overview(totals: dict[State, int], latest: Sequence[User], *, exit_code: bool) -> Answer:
    """The answer of `status` alone: the totals, and the latest locks."""
    found = exit_code and totals[State.LOCKED] > 0
    facts: dict[str, object] = {
        "totals": {state.value: n for state, n in totals.items()},
        "users": [facts_of(user) for user in latest],
    }
    return Answer(
        facts,
        lambda: _overview_screen(totals, latest),
        exit_code=ExitCode.LOCKED if found else ExitCode.DONE,
    )


def _card_screen(user: User) -> list[Block]:
    state = state_of(user)
    pairs = [
        ("user", caller(user)),
        ("type", user.type.value),
        ("attempts", attempts(user)),
        ("last attempt", when(user.last_attempt_at, user.last_attempt_by)),
        ("last verified", when(user.last_verified_at, user.last_verified_by)),
        ("PIN", _pin(user)),
        ("ever", f"{counted(user.attempts_total, 'attempt')}, {counted(user.locks_total, 'lock')}"),
        *([("e-mail", user.email)] if user.email else []),
        *_call(user),
        *([] if state is State.ACTIVE else [("say", say(state.value))]),
        *name_field(user),
    ]
    if user.locked_since:
        pairs.insert(3, ("locked since", relative_time(user.locked_since)))
    blocks: list[Block] = [Headline(_TONES[state], state.value), Fields(pairs)]
    if state is State.UNCOLLECTED:
        blocks.append(collect_next(user))
    return blocks


def _call(user: User) -> list[tuple[str, str]]:
    call = facts_of_call(user)
    if call is None:
        return []
    ticket = f", {call['ref']}" if call["ref"] else ""
    return [("call", f"{when(call['since'], call['agent'])}{ticket}")]


def _pin(user: User) -> str:
    if user.pin_set_by is None:
        return "none"
    return f"{_CHOSEN[user.pin_set_by]}, {when(user.pin_set_at)}"


def _overview_screen(totals: dict[State, int], latest: Sequence[User]) -> list[Block]:
    width = max(len(str(n)) for n in totals.values())
    blocks: list[Block] = [
        Headline(Tone.NEUTRAL, counted(sum(totals.values()), "user")),
        Fields([(state.value, f"{totals.get(state, 0):>{width}}") for state in _ORDER]),
    ]
    if latest:
        rows = [(when(u.locked_since), login_of(u), u.account, u.display_name) for u in latest]
        blocks += [Note(""), Note("latest locks", Tone.QUIET)]
        blocks.append(
            Table(
                ("locked since", "user", "account", "name"),
                [rows],
                "",
                folding=("user", "account", "name"),
            )
        )
    return blocks


def _users_table(pages: Iterator[Sequence[User]]) -> Table:
    return Table(
        ("user", "account", "name", "state", "used", "last attempt"),
        (
            [
                (
                    login_of(user),
                    user.account,
                    user.display_name,
                    state_of(user).value,
                    f"{user.failed_attempts}/{ATTEMPTS_ALLOWED}",
                    when(user.last_attempt_at),
                )
                for user in page
            ]
            for page in pages
        ),
        "no such users",
        folding=("user", "account", "name"),
    )


def _totals_sentence(totals: dict[State, int]) -> str:
    parts = [f"{n} {state.value}" for state, n in totals.items() if n]
    return counted(sum(totals.values()), "user") + (f": {', '.join(parts)}" if parts else "")


def when(at: str | None, by: str | None = None) -> str:
    """A time, and who did it; `never` for None."""
    return " by ".join(filter(None, (relative_time(at), by))) if at else _NEVER
