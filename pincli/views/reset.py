"""The answers of `reset`: the preview, a dry run and the receipt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from pincli.models import Change, State, User
from pincli.results import ResetUser
from pincli.rules.lockout import is_locked, state_of
from pincli.views.answer import Answer
from pincli.views.blocks import Block, Fields, Headline, Note, Table, Tone, counted
from pincli.views.people import state_facts
from pincli.views.verdict import collect_next, login_of

_LISTED_AT_MOST = 20
_PINLESS = (State.UNCOLLECTED, State.INELIGIBLE)


class ResetTally:
    """Counts the results of a reset, and keeps the first ones to list."""

    def __init__(self) -> None:
        self.matched = self.reset = self.kept_locked = self.unlocked = 0
        self.first: list[ResetUser] = []
        self.pins: dict[int, str] = {}

    def add(self, results: Iterable[ResetUser], *, keep_pins: bool = False) -> None:
        """Count some results; keep their PINs if they will be revealed."""
        for result in results:
            before, after = result.change
            self.matched += 1
            self.reset += before != after
            self.kept_locked += is_locked(after)
            self.unlocked += _was_unlocked(result.change)
            if keep_pins and result.pin is not None:
                self.pins[after.id] = result.pin
            if len(self.first) <= _LISTED_AT_MOST:
                self.first.append(result)

    @property
    def unchanged(self) -> int:
        """The number of users who needed no reset."""
        return self.matched - self.reset


def preview(
    total: int,
    states: Mapping[State, int],
    *,
    named: Sequence[User] = (),
    unlock: bool,
    issue: bool,
) -> list[Block]:
    """What a reset will do, shown before it is confirmed.

    Args:
        total: The number of users.
        states: The number of users in each state.
        named: The users, if they were named one by one.
        unlock: Whether locked users are unlocked.
        issue: Whether new PINs are generated at once.
    """
    pairs = [(state.value, f"{n}") for state, n in states.items() if n]
    then = "new ones are made at once" if issue else "customers open new ones in the portal"
    have = [user for user in named if user.question is not None]
    none = not have if named else sum(states.get(state, 0) for state in _PINLESS) == total
    now = "there are none yet" if none else "the present ones stop working"
    pairs.append(("PINs", f"{now}; {then}"))
    if locked := states.get(State.LOCKED, 0):
        one = locked == 1
        released, stay = ("is released", "stays") if one else ("are released", "stay")
        pairs.append(("locks", f"{locked} {released if unlock else stay}"))
    return [
        Headline(
            Tone.WARNING, f"reset {counted(total, 'user')}", ", ".join(u.login for u in named)
        ),
        Fields(pairs),
    ]


def dry_run(tally: ResetTally, pages: Iterator[Sequence[User]], screen: Sequence[Block]) -> Answer:
    """The answer of `reset --dry-run`, with the keys of the receipt.

    Args:
        tally: The results that a reset would have.
        pages: The users as they are.
        screen: The preview.
    """
    return Answer(
        {"dry_run": True, **_facts(tally, pages)},
        lambda: [
            *screen,
            Note(f"dry run: {tally.reset} would change, {tally.unchanged} would not"),
        ],
    )


def receipt(
    tally: ResetTally, pages: Iterator[Sequence[User]], *, reveal: bool, file: str | None
) -> Answer:
    """The answer of `reset`.

    Args:
        tally: The results.
        pages: The users after the reset.
        reveal: Whether the issued PINs are shown.
        file: The file of the issued PINs, if there is one.
    """
    facts = _facts(tally, pages)
    if file is not None:
        facts["file"] = file
    return Answer(
        facts, lambda: _receipt_screen(tally, pages, reveal=reveal, file=file), secret=reveal
    )


def _facts(tally: ResetTally, pages: Iterator[Sequence[User]]) -> dict[str, object]:
    return {
        "matched": tally.matched,
        "reset": tally.reset,
        "kept_locked": tally.kept_locked,
        "unlocked": tally.unlocked,
        "unchanged": tally.unchanged,
        "users": (
            {**state_facts(user), **({"pin": tally.pins[user.id]} if user.id in tally.pins else {})}
            for page in pages
            for user in page
        ),
    }


def _receipt_screen(
    tally: ResetTally, pages: Iterator[Sequence[User]], *, reveal: bool, file: str | None
) -> list[Block]:
    details = {
        "unchanged": tally.unchanged,
        "stays locked" if tally.kept_locked == 1 else "stay locked": tally.kept_locked,
        "unlocked": tally.unlocked,
    }
    about = ", ".join(f"{number} {word}" for word, number in details.items() if number)
    blocks: list[Block] = [Headline(Tone.GOOD, f"reset {counted(tally.reset, 'user')}", about)]
    if file is not None:
        blocks.append(Fields([("new PINs", file)]))
    if reveal:
        blocks.append(_pins_table(tally, pages))
    elif tally.matched <= _LISTED_AT_MOST:
        blocks.append(_small_table(tally.first))
    uncollected = [
        result.change.after
        for result in tally.first
        if state_of(result.change.after) is State.UNCOLLECTED
    ]
    if uncollected:
        blocks.append(collect_next(uncollected[0] if tally.matched == 1 else None))
    return blocks


def _small_table(results: Sequence[ResetUser]) -> Table:
    rows = [
        (login_of(after), after.account, state_of(after).value, _became(result))
        for result in results
        for after in [result.change.after]
    ]
    return Table(
        ("user", "account", "state", "became"), [rows], "", folding=("user", "account", "became")
    )


def _pins_table(tally: ResetTally, pages: Iterator[Sequence[User]]) -> Table:
    return Table(
        ("user", "account", "state", "PIN"),
        (
            [(login_of(u), u.account, state_of(u).value, tally.pins.get(u.id, "")) for u in page]
            for page in pages
        ),
        "",
        folding=("user", "account"),
    )


def _became(result: ResetUser) -> str:
    """The result for one user, in words."""
    before, after = result.change
    words = ["unlocked"] if _was_unlocked(result.change) else []
    if result.pin is not None:
        words.append("new PIN")
    elif before.question is not None:
        words.append("PIN withdrawn")
    elif before.failed_attempts and not after.failed_attempts and not words:
        words.append("counter at 0")
    if is_locked(after):
        words.append("stays locked")
    return ", ".join(words) or "unchanged"


def _was_unlocked(change: Change) -> bool:
    return is_locked(change.before) and not is_locked(change.after)
