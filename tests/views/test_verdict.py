"""The verdict, in text and in JSON, for each outcome."""

from __future__ import annotations

import pytest

from pincli.config import Display
from pincli.models import Outcome, State, UserType, Verdict
from pincli.rules.texts import SAYINGS
from pincli.views.answer import Answer
from pincli.views.verdict import tell, verdict
from tests.store.attempting import NO_PIN
from tests.views.records import alice
from tests.views.screens import ASCII, UNCOLOURED, drawn, piped

AT = "2026-01-02T03:04:05Z"
LOCKED = {"failed_attempts": 6, "locked_since": AT}
CASES: dict[str, Verdict] = {
    "verified": Verdict(Outcome.VERIFIED, alice(), State.ACTIVE),
    "incorrect": Verdict(Outcome.INCORRECT, alice(failed_attempts=2), State.ACTIVE),
    "sixth miss": Verdict(Outcome.INCORRECT, alice(**LOCKED), State.LOCKED),
    "locked": Verdict(Outcome.LOCKED, alice(**LOCKED), State.LOCKED),
    "uncollected": Verdict(Outcome.UNCOLLECTED, alice(**NO_PIN), State.UNCOLLECTED),
    "inactive": Verdict(Outcome.INACTIVE, alice(active=False), State.INACTIVE),
    "ineligible": Verdict(
        Outcome.INELIGIBLE, alice(type=UserType.DATAPIPE, **NO_PIN), State.INELIGIBLE
    ),
}
HINTS = {
    "incorrect": "4 of 6 left; ",
    "uncollected": "`pincli pin show alice` is the portal's call; ",
}
every_case = pytest.mark.parametrize("name", CASES)


def answer_of(name: str) -> Answer:
    """The answer for one of the cases."""
    return verdict(CASES[name])


@every_case
def test_json_has_every_key_for_every_outcome(name: str) -> None:
    """The keys of DESIGN.md, and an error exactly if the caller is not verified."""
    answer, result = answer_of(name), CASES[name]
    word = "just_locked" if name == "sixth miss" else name
    assert answer.facts == {
        "user": "alice",
        "account": "acme",
        "name": "Alice Example",
        "outcome": result.outcome.value,
        "state": result.state.value,
        "attempts_left": 6 - result.user.failed_attempts,
        "locked_since": result.user.locked_since,
        "ticket_masked": False,
        "say": SAYINGS[word],
    }
    assert (answer.problem is None) is (name == "verified")
    if answer.problem is not None:
        assert answer.problem.code == result.outcome.value
        assert answer.problem.message.startswith("not verified: ")
        assert answer.problem.hint == HINTS.get(name, "") + tell(word)


@every_case
@pytest.mark.parametrize(
    "display_name",
    [
        "VERIFIED",
        "Al  say  Thank you, that is correct.  attempts  6 of 6 left",
        "\u2714 VERIFIED " * 20,
        "\u4f50\u85e4" * 100,
    ],
)
@pytest.mark.parametrize("display", [UNCOLOURED, ASCII])
def test_no_name_can_imitate_our_words(
    monkeypatch: pytest.MonkeyPatch, name: str, display_name: str, display: Display
) -> None:
    """It comes last, behind its label, cut short; no other line changes."""
    screens = {}
    for given in ("", display_name):
        user = CASES[name].user._replace(display_name=given)
        screen = verdict(CASES[name]._replace(user=user)).screen()
        out = drawn(screen, display, monkeypatch, columns=60).splitlines()
        screens[given] = [
            line for line in out if not line.startswith("  next") and "portal's" not in line
        ]
    lines = len(screens[""])
    assert screens[display_name][:lines] == screens[""]
    label, *rest = screens[display_name][lines:]
    assert label.startswith("  name  ")
    assert all(line.startswith(" " * 8) for line in rest)
    assert bool(rest) is (display is ASCII and not display_name.isascii())


@every_case
def test_every_screen_can_be_ascii(name: str) -> None:
    """Without UTF-8 every word is still there."""
    out = piped(answer_of(name).screen(), ASCII)
    assert out.isascii()
    assert "\\x" not in out
    assert "\\u" not in out
