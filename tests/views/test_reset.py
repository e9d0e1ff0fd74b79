"""A reset's preview and receipt: figures that add up, and PINs only where asked for."""

from __future__ import annotations

import io
import json

from pincli.models import Change, ResetUser, State, User
from pincli.views.json_output import envelope, write
from pincli.views.reset import ResetTally, dry_run, preview, receipt
from tests.store.attempting import NO_PIN
from tests.views.records import alice
from tests.views.screens import piped

PIN = "234811"
LOCKED = {"failed_attempts": 6, "locked_since": "2026-01-02T03:04:05Z"}


def changed(before: User, pin: str | None = None, **changes: object) -> ResetUser:
    """What a reset made of a user."""
    return ResetUser(Change(before, before._replace(**changes)), pin)  # type: ignore[arg-type]


def withdrawn(result: ResetUser) -> ResetUser:
    """The same, with the PIN gone."""
    before, after = result.change
    return ResetUser(Change(before, after._replace(**NO_PIN, pin_version=2)))


ALL = [
    withdrawn(changed(alice(id=1, login="plain", failed_attempts=2), failed_attempts=0)),
    changed(alice(id=2, login="issued"), PIN, pin_version=2),
    withdrawn(changed(alice(id=3, login="kept", **LOCKED))),
    withdrawn(changed(alice(id=4, login="freed", **LOCKED), failed_attempts=0, locked_since=None)),
    changed(alice(id=5, login="done", **NO_PIN)),
]


def tallied(*, keep_pins: bool) -> ResetTally:
    """The tally of all of them."""
    tally = ResetTally()
    for result in ALL:
        tally.add([result], keep_pins=keep_pins)
    return tally


def told(*, reveal: bool, file: str | None = None) -> tuple[dict[str, object], str]:
    """The receipt as a program and as a person reads it."""

    def pages() -> list[list[User]]:
        return [[result.change.after for result in ALL]]

    tally = tallied(keep_pins=reveal)
    stream = io.StringIO()
    facts = receipt(tally, iter(pages()), reveal=reveal, file=file).facts
    write(envelope("reset", facts, None), stream)
    screen = piped(receipt(tally, iter(pages()), reveal=reveal, file=file).screen())
    return json.loads(stream.getvalue()), screen


def test_the_figures_add_up() -> None:
    """Matched is reset and unchanged; locked users are kept or unlocked, and counted so."""
    facts, _ = told(reveal=False)
    figures = ("matched", "reset", "kept_locked", "unlocked", "unchanged")
    assert [facts[each] for each in figures] == [5, 4, 1, 1, 1]


def test_a_pin_is_told_only_where_it_is_to_be_revealed() -> None:
    """Without --reveal it stands neither in the JSON nor on the screen."""
    facts, screen = told(reveal=False)
    assert PIN not in json.dumps(facts)
    assert PIN not in screen
    facts, screen = told(reveal=True)
    assert PIN in screen
    users = facts["users"]
    assert isinstance(users, list)
    assert [user.get("pin") for user in users] == [None, PIN, None, None, None]
    assert [set(user) - {"pin"} for user in users] == [{"user", "account", "state"}] * 5


def test_the_screen_says_what_became_of_each() -> None:
    """In words, one line a user."""
    _, screen = told(reveal=False)
    became = {
        "plain": "PIN withdrawn",
        "issued": "new PIN",
        "kept": "PIN withdrawn, stays locked",
        "freed": "unlocked, PIN withdrawn",
        "done": "unchanged",
    }
    lines = {line.split()[0]: line for line in screen.splitlines() if line.split()}
    for user, words in became.items():
        assert lines[user].endswith(words)
    assert "4 users" in screen
    assert "pincli pin show" in screen


def test_the_file_of_pins_is_named() -> None:
    """Where they were written stands in both."""
    facts, screen = told(reveal=False, file="/root/pins.csv")
    assert facts["file"] == "/root/pins.csv"
    assert "/root/pins.csv" in screen


def test_the_preview_says_what_would_happen_to_locks_and_pins() -> None:
    """Before anything is confirmed: how many, in which state, and what becomes of them."""
    states = {State.ACTIVE: 3, State.LOCKED: 2, State.INACTIVE: 0}
    stays = piped(preview(5, states, unlock=False, issue=False))
    freed = piped(preview(5, states, unlock=True, issue=True))
    assert "5 users" in stays
    assert "2 stay" in stays
    assert "portal" in stays
    assert "2 are released" in freed
    assert "at once" in freed
    assert "inactive" not in stays


def test_a_dry_run_says_that_it_is_one() -> None:
    """In the JSON and on the screen, with the receipt's figures."""
    tally = tallied(keep_pins=False)
    answer = dry_run(tally, iter([]), [])
    assert answer.facts["dry_run"] is True
    assert (answer.facts["matched"], answer.facts["reset"]) == (5, 4)
    assert "dry run" in piped(answer.screen())
    assert "4 would change, 1 would not" in piped(answer.screen())
