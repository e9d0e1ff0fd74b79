"""The verdict, in text and in JSON, for each outcome."""

from __future__ import annotations

import pytest

from pincli.config import Display
from pincli.models import Outcome, State, User, UserType, Verdict
from pincli.rules.sayings import SAYINGS
from pincli.views.answer import Answer
from pincli.views.times import relative_time
from pincli.views.verdict import verdict
from tests.store.attempting import NO_PIN
from tests.views.records import HOSTILE, alice
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
CODES = {
    "verified": 0,
    "incorrect": 3,
    "sixth miss": 3,
    "locked": 4,
    "uncollected": 5,
    "inactive": 5,
    "ineligible": 5,
}
every_case = pytest.mark.parametrize("name", CASES)


def answer_of(name: str) -> Answer:
    """The answer for one of the cases."""
    return verdict(CASES[name])


@every_case
def test_the_exit_code_of_each_outcome(name: str) -> None:
    """Only `verified` is 0; the sixth wrong answer is 3 like the others."""
    assert answer_of(name).exit_code == CODES[name]


@every_case
def test_json_has_every_key_for_every_outcome(name: str) -> None:
    """The keys of DESIGN.md, and an error exactly if the caller is not verified."""
    answer, result = answer_of(name), CASES[name]
    assert answer.facts == {
        "user": "alice",
        "account": "acme",
        "name": "Alice Example",
        "outcome": result.outcome.value,
        "state": result.state.value,
        "attempts_left": 6 - result.user.failed_attempts,
        "locked_since": result.user.locked_since,
        "ticket_masked": False,
        "say": SAYINGS["just_locked" if name == "sixth miss" else name],
    }
    assert (answer.problem is None) is (name == "verified")
    if answer.problem is not None:
        assert answer.problem.code == result.outcome.value
        assert answer.problem.message.startswith("not verified: ")
        assert answer.problem.hint


@every_case
def test_the_first_line_is_the_verdict(name: str) -> None:
    """Alone on its line; then the login and the account."""
    first, second, *_ = piped(answer_of(name).screen()).splitlines()
    expected = "\u2714 VERIFIED" if name == "verified" else "\u2718 NOT VERIFIED"
    assert first == expected
    assert second.split() == ["user", "alice,", "acme"]


@every_case
def test_only_a_verified_caller_is_called_verified(name: str) -> None:
    """Any other screen has the word only after NOT."""
    out = piped(answer_of(name).screen())
    assert out.count("VERIFIED") == 1
    assert ("NOT VERIFIED" in out) is (name != "verified")


@every_case
def test_the_screen_says_what_to_say(name: str) -> None:
    """Every screen has a sentence for the caller."""
    lines = piped(answer_of(name).screen()).splitlines()
    assert any(line.strip().startswith("say") for line in lines)


@pytest.mark.parametrize("name", ["sixth miss", "locked"])
def test_a_locked_caller_is_sent_to_the_portal(name: str) -> None:
    """To the page that unlocks, on the screen and in the hint; support can't unlock."""
    answer = answer_of(name)
    assert answer.problem is not None
    for text in (piped(answer.screen()), answer.problem.hint):
        for word in ("portal", "User Management", "Unlock", "upport can't do it"):
            assert word in text
    assert relative_time(AT) in piped(answer.screen())


def test_the_sixth_wrong_answer_says_that_the_pin_is_locked() -> None:
    """So that the agent stops asking."""
    answer = answer_of("sixth miss")
    assert answer.problem is not None
    assert "locked" in answer.problem.message
    assert "again" not in piped(answer.screen())
    assert "left" not in piped(answer.screen())


@pytest.mark.parametrize("counter", range(1, 6))
def test_a_wrong_answer_says_how_many_attempts_are_left(counter: int) -> None:
    """On the screen and in the hint."""
    result = Verdict(Outcome.INCORRECT, alice(failed_attempts=counter), State.ACTIVE)
    answer = verdict(result)
    assert answer.problem is not None
    assert f"{6 - counter} of 6 left" in piped(answer.screen())
    assert f"{6 - counter} of 6 left" in answer.problem.hint


def test_the_way_to_a_first_pin_is_shown() -> None:
    """The screen has the command, and the hint names the portal."""
    answer = answer_of("uncollected")
    assert answer.problem is not None
    assert "pincli pin show alice" in piped(answer.screen())
    assert "portal" in answer.problem.hint


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


@every_case
@pytest.mark.parametrize("hostile", HOSTILE, ids=repr)
def test_a_hostile_name_can_not_fake_a_verdict(
    monkeypatch: pytest.MonkeyPatch, name: str, hostile: str
) -> None:
    """The first line is always ours, and there is no control character."""
    result = CASES[name]
    user: User = result.user._replace(display_name=hostile)
    screen = verdict(result._replace(user=user)).screen()
    first_word = "\u2714 VERIFIED" if name == "verified" else "\u2718 NOT VERIFIED"
    for out in (piped(screen), drawn(screen, UNCOLOURED, monkeypatch, columns=200)):
        first, *rest = out.splitlines()
        assert first.rstrip() == first_word
        assert all(not line.startswith("VERIFIED") for line in rest)
        assert all(c.isprintable() or c == "\n" for c in out)
