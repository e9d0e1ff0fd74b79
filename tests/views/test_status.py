"""The answers of `status`: a card, a list and the totals."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Sequence

import pytest

from pincli.models import State, User, UserType
from pincli.rules.times import present, written
from pincli.views import status
from pincli.views.answer import Answer
from pincli.views.json_output import envelope, write
from pincli.views.times import relative_time
from tests.commands.table import CARD
from tests.store.attempting import NO_PIN
from tests.views.records import alice
from tests.views.screens import piped

AT = "2026-01-02T03:04:05Z"
LOCKED = alice(failed_attempts=6, locked_since=AT, locks_total=2)
USERS = {
    State.ACTIVE: alice(failed_attempts=2),
    State.LOCKED: LOCKED,
    State.UNCOLLECTED: alice(**NO_PIN),
    State.INACTIVE: LOCKED._replace(active=False),
    State.INELIGIBLE: alice(type=UserType.DATAPIPE, **NO_PIN),
}


def json_of(answer: Answer) -> dict[str, object]:
    """The answer as a program reads it."""
    stream = io.StringIO()
    write(envelope("status", answer.facts, answer.problem), stream)
    read: dict[str, object] = json.loads(stream.getvalue())
    return read


def totals(**counts: int) -> dict[State, int]:
    """Totals with every state, most of them 0."""
    return {state: counts.get(state.value, 0) for state in State}


@pytest.mark.parametrize("state", State)
def test_a_card_has_every_key_and_nothing_secret(state: State) -> None:
    """Exactly the keys of DESIGN.md, and no value tells about the PIN."""
    user = USERS[state]
    facts = json_of(status.card(user, exit_code=False))
    assert set(facts) == {"pincli", "command", "ok", *CARD, "call"}
    assert facts["state"] == state.value
    assert facts["attempts_used"] == user.failed_attempts
    assert facts["attempts_left"] == 6 - user.failed_attempts
    assert facts["attempt_open"] is False
    assert facts["call"] is None
    assert facts["pin_set_by"] == ("customer" if user.question else None)
    text = json.dumps(facts) + piped(status.card(user, exit_code=False).screen())
    for secret in ("$question", "check", "proof", "sealed"):
        assert secret not in text


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("exit_code", [True, False])
def test_the_exit_code_of_a_card(state: State, exit_code: bool) -> None:
    """4 for a locked user, with --exit-code; a deactivated user is not locked."""
    answer = status.card(USERS[state], exit_code=exit_code)
    assert answer.exit_code == (4 if exit_code and state is State.LOCKED else 0)
    assert answer.problem is None


@pytest.mark.parametrize("state", State)
def test_a_card_shows_the_state_first(state: State) -> None:
    """Then the login, the rest, and the name last; a next step if there is one."""
    out = piped(status.card(USERS[state], exit_code=False).screen())
    first, second, *rest = [line.split() for line in out.splitlines()]
    assert state.value in first
    assert second == ["user", "alice,", "acme"]
    assert ["name", "Alice", "Example"] in rest[-2:]
    assert ("pincli pin show alice" in out) is (state is State.UNCOLLECTED)


def test_totals_of_an_empty_store() -> None:
    """Every state has the total 0."""
    answer = status.overview(totals(), [], exit_code=True)
    assert answer.exit_code == 0
    assert json_of(answer)["totals"] == {state.value: 0 for state in State}
    assert "0 users" in piped(answer.screen())


@pytest.mark.parametrize(
    ("counts", "latest", "code"),
    [
        ({"active": 3}, [], 0),
        ({"active": 3, "locked": 1}, [LOCKED], 4),
        # The sixth attempt is in flight, or its process died: locked, and not yet on record.
        ({"locked": 1}, [], 4),
        # Six misses, then deactivated: the state is inactive.
        ({"inactive": 1}, [USERS[State.INACTIVE]], 0),
    ],
    ids=["nobody", "somebody", "not yet on record", "deactivated"],
)
def test_the_exit_code_of_the_overview(
    counts: dict[str, int], latest: Sequence[User], code: int
) -> None:
    """4 exactly if the totals count a locked user."""
    assert status.overview(totals(**counts), latest, exit_code=True).exit_code == code
    assert status.overview(totals(**counts), latest, exit_code=False).exit_code == 0


def test_the_overview_shows_totals_and_latest_locks() -> None:
    """Every state with its number, and the latest locked users."""
    answer = status.overview(totals(active=12, locked=1), [LOCKED], exit_code=False)
    out = piped(answer.screen())
    assert "13 users" in out
    for word in ("active", "12", "locked", relative_time(AT), "alice"):
        assert word in out
    facts = json_of(answer)
    users = facts["users"]
    assert isinstance(users, list)
    assert [set(user) for user in users] == [CARD]


@pytest.mark.parametrize(
    ("state", "shown", "code"),
    [
        (None, totals(active=3, locked=1), 4),
        (State.LOCKED, totals(locked=1), 4),
        (State.ACTIVE, totals(active=3), 0),
    ],
)
def test_a_list_counts_only_the_users_it_shows(
    state: State | None, shown: dict[State, int], code: int
) -> None:
    """Users that are filtered out affect neither totals nor exit code."""
    answer = status.listing(
        iter([[LOCKED]]), totals(active=3, locked=1), state=state, exit_code=True
    )
    assert answer.exit_code == code
    facts = json_of(answer)
    assert facts["totals"] == {each.value: n for each, n in shown.items()}
    users = facts["users"]
    assert isinstance(users, list)
    assert [set(user) for user in users] == [CARD]


def test_an_empty_list() -> None:
    """A sentence in place of the table, and the totals."""
    answer = status.listing(iter([]), totals(), state=State.LOCKED, exit_code=True)
    out = piped(answer.screen())
    assert "no such users" in out
    assert "0 users" in out
    assert answer.exit_code == 0


@pytest.mark.parametrize(("count", "words"), [(0, "0 locks"), (1, "1 lock"), (2, "2 locks")])
def test_singular_and_plural(count: int, words: str) -> None:
    """Of attempts and locks."""
    user = alice(locks_total=count, attempts_total=count)
    lines = piped(status.card(user, exit_code=False).screen()).splitlines()
    (ever,) = [line for line in lines if line.strip().startswith("ever")]
    assert ever.endswith(words)
    assert ("1 attempt," in ever) is (count == 1)


def test_a_card_shows_a_call() -> None:
    """In text and in JSON; a call that is over is not shown."""
    user = USERS[State.ACTIVE]._replace(call_agent="eva", call_ref="T-4711")
    now = user._replace(call_since=written(present()))
    answer = status.card(now, exit_code=False)
    assert json_of(answer)["call"] == {"agent": "eva", "ref": "T-4711", "since": now.call_since}
    assert re.search(r"  call +just now \(\S+\) by eva, T-4711\n", piped(answer.screen()))
    over = status.card(user._replace(call_since="2026-01-01T00:00:00Z"), exit_code=False)
    assert json_of(over)["call"] is None
    assert "eva" not in piped(over.screen())
