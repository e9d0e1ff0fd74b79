"""The answers of `status`: a card, a list and the totals."""

from __future__ import annotations

import io
import json
import re

import pytest

from pincli.models import State, UserType
from pincli.rules.times import present, written
from pincli.views import status
from pincli.views.answer import Answer
from pincli.views.json_output import envelope, write
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
