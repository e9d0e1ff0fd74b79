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
_PINS = frozenset({"pin_changed", "pin_generated", "pin_withdrawn"})
_BESIDE = frozenset({"attempt", "refused", "viewed", "ticket_added"})
"""Kinds of events that may come while an attempt is open: they change no record."""
_QUERY = "SELECT number, kind, uid, attempt, outcome, counter, pin_version FROM trail ORDER BY 1"
_RECORDS = "SELECT uid, failed_attempts, attempt, event, locked_since FROM people"


class _Story:
    """One user's events, followed; None is what nobody can know from the events so far."""

    def __init__(self, wrong: list[str]) -> None:
        self.counter = 0
        self.charges = 0
        self.open: int | None = None
        self.outcomes: dict[int, str] = {}
        self.last = 0
        self._wrong = wrong
        self._version: int | None = None
        self._asked: int | None = None
        self._has_pin: bool | None = None
        self._active: bool | None = None

    def follow(self, number: int, kind: str, attempt: int | None, outcome: str | None, used: int,
               version: int) -> None:  # fmt: skip
        before = self.counter
        ends = attempt is not None and kind in _OUTCOMES
        if self.open is not None and kind not in _BESIDE and not ends:
            self._is_wrong(number, f"{kind} while an attempt is open")
        if kind == "attempt":
            self._begin(number)
        elif attempt is not None and ends:
            self._end(number, kind, attempt, outcome or kind, version)
        elif kind in _CLEARING:
            self._clear()
        elif kind == "locked_by_hand":
            self.counter = SIX
        elif kind in _RESETTING and used == 0 and before < SIX:
            self._clear()
        elif kind in ("restored", "migrated"):
            if kind == "restored" and used < before:
                self._is_wrong(number, "a restore lowered the counter")
            self.counter = used
        if kind in ("locked", "unlocked") and before != SIX:
            self._is_wrong(number, f"{kind} at {before}")
        if self.charges > SIX:
            self._is_wrong(number, "a seventh charge")
        if used != self.counter or not 0 <= used <= SIX:
            self._is_wrong(number, f"{kind} leaves {used}, not {self.counter}")
        self._know(number, kind, version)
        self.last = number

    def _know(self, number: int, kind: str, version: int) -> None:
        """Keep up with the PIN, and with whether the user is active."""
        if kind in ("user_added", "restored", "migrated"):
            self._version, self._active = version, None
            self._has_pin = False if kind == "user_added" else None
        elif kind in _PINS:
            if self._version is not None and version != self._version + 1:
                self._is_wrong(number, f"PIN {version} follows {self._version}")
            self._version, self._has_pin = version, kind != "pin_withdrawn"
        elif kind in ("activated", "deactivated"):
            self._active = kind == "activated"

    def _begin(self, number: int) -> None:
        if self.open is not None:
            self._is_wrong(number, "two attempts are open")
        if self._has_pin is False or self._active is False:
            self._is_wrong(number, "an attempt without a PIN, or of an inactive user")
        self.open, self.counter, self.charges = number, self.counter + 1, self.charges + 1
        self._asked = self._version

    def _end(self, number: int, kind: str, attempt: int, outcome: str, version: int) -> None:
        if kind == "not_told":
            if self.outcomes.get(attempt) != "verified":
                self._is_wrong(number, "not told what was not verified")
        else:
            if attempt != self.open:
                self._is_wrong(number, "an outcome without its charge")
            if kind == "verified" and not self._asked == self._version == version:
                self._is_wrong(number, "verified by a PIN that was not asked for")
            self.open = None
            if kind != "incorrect":
                self._clear()
        self.outcomes[attempt] = outcome

    def _clear(self) -> None:
        self.counter = self.charges = 0

    def _is_wrong(self, number: int, what: str) -> None:
        self._wrong.append(f"{number}: {what}")


def replay(ask: Ask, answers: Iterable[dict[str, Any]] = ()) -> list[str]:
    """What is impossible in the whole trail of a store, or in what it comes to, in words.

    Args:
        ask: Runs SQL in its database.
        answers: What callers were told: answers of `verify --json`.
    """
    events, records = ask(_QUERY), ask(_RECORDS)
    logins = dict(ask("SELECT login, uid FROM people"))
    wrong: list[str] = []
    stories: dict[bytes, _Story] = defaultdict(lambda: _Story(wrong))
    expected = None
    for number, kind, uid, attempt, outcome, used, version in events:
        if expected is not None and number != expected:
            wrong.append(f"{number}: a gap in the trail")
        expected = number + 1
        if uid is not None:
            stories[uid].follow(number, kind, attempt, outcome, used, version)
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
