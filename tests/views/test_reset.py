"""The answers of `reset`: the preview and the receipt, with PINs only if asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from pincli.models import Change, State, User
from pincli.results import ResetUser
from pincli.rules.lockout import after, counter_reset, withdrawn
from pincli.views import reset
from pincli.views.answer import Answer
from pincli.views.blocks import Block
from pincli.views.reset import ResetTally
from tests.store.attempting import NO_PIN
from tests.views.records import alice
from tests.views.screens import piped


def user(name: str, row: int = 1, *, misses: int = 0, **fields: Any) -> User:
    """A user with a PIN and this number of misses."""
    since = "2026-11-24T11:00:00Z" if misses == 6 else None
    return alice(id=row, login=name, failed_attempts=misses, locked_since=since, **fields)


def reset_of(before: User, *, unlock: bool = False, pin: str | None = None) -> ResetUser:
    """What a reset makes of a user."""
    if pin is None:
        step = withdrawn(before, unlock=unlock, reason=None)
        return ResetUser(Change(before, after(before, step)))
    version = before.pin_version + 1
    issued = counter_reset(before, unlock=unlock)._replace(pin_version=version)
    return ResetUser(Change(before, issued), pin)


def receipt(
    *results: ResetUser, keep: bool = False, reveal: bool = False, file: str | None = None
) -> Answer:
    """The receipt of some results."""
    tally = ResetTally()
    tally.add(results, keep_pins=keep)
    return reset.receipt(tally, pages_of(results), reveal=reveal, file=file)


def pages_of(results: Sequence[ResetUser]) -> Iterator[list[User]]:
    """The users as they are afterwards, page by page."""
    for result in results:
        yield [result.change.after]


def text(blocks: Sequence[Block]) -> str:
    """What a person sees, with single blanks."""
    return " ".join(piped(blocks).split())


def test_the_figures_add_up() -> None:
    """`matched` is the sum of `reset` and `unchanged`; locked users are counted apart."""
    none = user("dave")._replace(**NO_PIN)
    answer = receipt(
        reset_of(user("alice")),
        reset_of(user("lara", misses=6)),
        reset_of(user("lou", misses=6), unlock=True),
        reset_of(none),
        reset_of(user("kim", misses=6)._replace(**NO_PIN)),
    )
    words = ("matched", "reset", "unchanged", "kept_locked", "unlocked")
    assert [answer.facts[word] for word in words] == [5, 3, 2, 2, 1]
    assert text(answer.screen()).startswith(
        "\u2714 reset 3 users 2 unchanged, 2 stay locked, 1 unlocked"
    )


@pytest.mark.parametrize("count", [1, 3, 25])
def test_pins_are_shown_only_with_reveal(count: int) -> None:
    """With it every PIN, without it none."""
    results = [reset_of(user(f"u{n}", n), pin=f"23481{n % 10}") for n in range(count)]
    revealed = text(receipt(*results, keep=True, reveal=True).screen())
    assert revealed.count("23481") == count
    hidden = receipt(*results, file="pins.csv")
    assert "23481" not in text(hidden.screen())
    assert "23481" not in repr(hidden.facts)
    assert "pins.csv" in text(hidden.screen())
    assert hidden.facts["file"] == "pins.csv"


def test_a_few_users_are_listed() -> None:
    """Each with what became of the PIN and the lock."""
    answer = receipt(
        reset_of(user("alice")),
        reset_of(user("lara", misses=6)),
        reset_of(user("lou", misses=6), unlock=True),
        reset_of(user("mia", misses=3)._replace(**NO_PIN)),
        reset_of(user("ned")._replace(**NO_PIN)),
        reset_of(user("olga"), pin="234811"),
    )
    words = text(answer.screen())
    for row in (
        "alice acme uncollected PIN withdrawn",
        "lara acme locked PIN withdrawn, stays locked",
        "lou acme uncollected unlocked, PIN withdrawn",
        "mia acme uncollected counter at 0",
        "ned acme uncollected unchanged",
        "olga acme active new PIN",
    ):
        assert row in words
    assert "234811" not in words


@pytest.mark.parametrize(("count", "listed"), [(20, True), (21, False), (5000, False)])
def test_more_than_twenty_users_are_not_listed(count: int, listed: bool) -> None:
    """The totals are enough."""
    results = [reset_of(user(f"u{number}", number)) for number in range(count)]
    assert ("u7 acme" in text(receipt(*results).screen())) == listed


def test_the_next_step_is_shown() -> None:
    """It says how the customer gets the next PIN, and names the user if there is only one."""
    assert "pincli pin show alice" in text(receipt(reset_of(user("alice"))).screen())
    both = receipt(reset_of(user("alice")), reset_of(user("bob", 2)))
    assert "pincli pin show USER" in text(both.screen())
    assert "pin show" not in text(receipt(reset_of(user("alice"), pin="234811")).screen())


STATES = dict.fromkeys(State, 0) | {State.ACTIVE: 7, State.LOCKED: 2}


@pytest.mark.parametrize(
    ("unlock", "issue", "words"),
    [
        (False, False, ["locks 2 stay", "in the portal"]),
        (True, False, ["locks 2 are released", "in the portal"]),
        (False, True, ["locks 2 stay", "made at once"]),
    ],
)
def test_the_preview_says_what_will_happen(unlock: bool, issue: bool, words: list[str]) -> None:
    """The number of users, by state, and what becomes of PINs and locks."""
    shown = text(reset.preview(9, STATES, unlock=unlock, issue=issue))
    assert shown.startswith("! reset 9 users locked 2 active 7 PINs")
    for word in words:
        assert word in shown
    assert "stop working" in shown


def test_the_preview_mentions_locks_only_if_there_are_any() -> None:
    """And uses the singular for one user."""
    shown = text(reset.preview(1, {State.ACTIVE: 1}, unlock=False, issue=False))
    assert shown.startswith("! reset 1 user active 1")
    assert "locks" not in shown


def test_no_repr_shows_a_pin() -> None:
    """A result in a traceback hides its PIN."""
    assert "234811" not in repr(reset_of(user("alice"), pin="234811"))


def test_the_preview_mentions_pins_only_if_there_are_any() -> None:
    """By the states of many users, or by the records of a few named ones."""
    none, some = user("alice")._replace(**NO_PIN, active=False), user("bob", 2)
    for states, named, stops in (
        ({State.UNCOLLECTED: 3, State.INELIGIBLE: 2}, [], False),
        ({State.UNCOLLECTED: 3, State.LOCKED: 2}, [], True),
        ({State.INACTIVE: 1}, [none], False),
        ({State.INACTIVE: 1, State.ACTIVE: 1}, [none, some], True),
    ):
        total = sum(states.values())
        shown = text(reset.preview(total, states, named=named, unlock=False, issue=False))
        assert ("stop working" in shown) == stops, states


def test_only_a_receipt_with_pins_is_secret() -> None:
    """Other long answers may go through a file."""
    results = [reset_of(user("alice"), pin="234811")]
    assert receipt(*results, keep=True, reveal=True).secret
    assert not receipt(*results, file="pins.csv").secret
