"""An independent replay of a trail, from the database alone: no module of pincli is used.

It knows the promise and not the program: at most six charges between two events that set the
counter to 0, never an outcome without its charge, no counter that does not follow from the
events before it, and a record for every user that is as the last event left it. Given the answers
that callers got, it also checks that no answer says more than what is on disk.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from typing import Any

Ask = Callable[[str], list[Any]]

SIX = 6
_OUTCOMES = frozenset({"verified", "incorrect", "refused", "not_told"})
_CLEARING = frozenset({"verified", "unlocked", "pin_changed"})
_RESETTING = frozenset({"reset", "pin_withdrawn", "pin_generated"})
_QUERY = "SELECT number, kind, uid, attempt, outcome, counter FROM trail ORDER BY 1"
_RECORDS = "SELECT uid, failed_attempts, attempt, event, locked_since FROM people"


class _Story:
    """One user's events, followed."""

    def __init__(self) -> None:
        self.counter = 0
        self.charges = 0
        self.open: int | None = None
        self.outcomes: dict[int, str] = {}
        self.last = 0

    def follow(self, number: int, kind: str, attempt: int | None, outcome: str | None, used: int,
               wrong: list[str]) -> None:  # fmt: skip
        before = self.counter
        if kind == "attempt":
            if self.open is not None:
                wrong.append(f"{number}: two attempts are open")
            self.open, self.counter, self.charges = number, before + 1, self.charges + 1
        elif attempt is not None and kind in _OUTCOMES:
            self._end(number, kind, attempt, outcome or kind, wrong)
        elif kind in _CLEARING:
            self._clear()
        elif kind == "locked_by_hand":
            self.counter = SIX
        elif kind in _RESETTING and used == 0 and before < SIX:
            self._clear()
        elif kind in ("restored", "migrated"):
            if kind == "restored" and used < before:
                wrong.append(f"{number}: a restore lowered the counter")
            self.counter = used
        if self.charges > SIX:
            wrong.append(f"{number}: a seventh charge")
        if used != self.counter:
            wrong.append(f"{number}: {kind} leaves {used}, not {self.counter}")
        self.last = number

    def _end(self, number: int, kind: str, attempt: int, outcome: str, wrong: list[str]) -> None:
        if kind == "not_told":
            if self.outcomes.get(attempt) != "verified":
                wrong.append(f"{number}: not told what was not verified")
        else:
            if attempt != self.open:
                wrong.append(f"{number}: an outcome without its charge")
            self.open = None
            if kind != "incorrect":
                self._clear()
        self.outcomes[attempt] = outcome

    def _clear(self) -> None:
        self.counter = self.charges = 0


def replay(ask: Ask, answers: Iterable[dict[str, Any]] = ()) -> list[str]:
    """What is impossible in the whole trail of a store, or in what it comes to, in words.

    Args:
        ask: Runs SQL in its database.
        answers: What callers were told: answers of `verify --json`.
    """
    events, records = ask(_QUERY), ask(_RECORDS)
    logins = dict(ask("SELECT login, uid FROM people"))
    wrong: list[str] = []
    stories: dict[bytes, _Story] = defaultdict(_Story)
    expected = None
    for number, kind, uid, attempt, outcome, used in events:
        if expected is not None and number != expected:
            wrong.append(f"{number}: a gap in the trail")
        expected = number + 1
        if uid is not None:
            stories[uid].follow(number, kind, attempt, outcome, used, wrong)
    for uid, counter, attempt, event, locked_since in records:
        story = stories[uid]
        if (counter, attempt) != (story.counter, story.open):
            wrong.append(f"{uid.hex()}: the record has {counter}, {attempt}")
        if event > story.last:
            wrong.append(f"{uid.hex()}: the record is newer than the trail")
        if (locked_since is not None) != (counter == SIX and attempt is None):
            wrong.append(f"{uid.hex()}: six and the lock do not agree")
    return wrong + _more_told(stories, logins, answers)


def _more_told(
    stories: dict[bytes, _Story], logins: dict[str, bytes], answers: Iterable[dict[str, Any]]
) -> list[str]:
    """Users whose answers say more than the trail does."""
    said: dict[str, Counter[str]] = defaultdict(Counter)
    for answer in answers:
        outcome = answer.get("outcome") or (answer.get("error") or {}).get("code")
        if "user" in answer:
            said[answer["user"]][str(outcome)] += 1
    wrong = []
    for user, counts in said.items():
        on_disk = Counter(stories[logins[user]].outcomes.values())
        for outcome in ("verified", "incorrect"):
            if counts[outcome] > on_disk[outcome]:
                wrong.append(f"{user}: told {outcome} {counts[outcome]} times, not on disk")
    return wrong
