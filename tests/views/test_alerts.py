"""The answer of `alerts`: figures, commands, and a chart that a terminal of any kind can show."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pincli.results import Acknowledged, Alert, Alerts, HourlyFailures
from pincli.views.alerts import found
from pincli.views.answer import Answer
from pincli.views.exit_codes import ExitCode
from pincli.views.times import local_time
from tests.views.records import HOSTILE
from tests.views.screens import ASCII, UNCOLOURED, drawn, piped

AT = "2026-11-24T11:30:00Z"
HOURS = [f"2026-11-24T{hour:02}" for hour in range(24)]


def alert(kind: str, sign: str, name: str, counted: int, account: str | None = None) -> Alert:
    """A sign."""
    figures = (counted, 2.5, AT, AT, 3, 7)
    return Alert(f"{kind}:{name}", kind, sign, name, account, *figures, ["amy", "ben"], ["T-1"])


ACCOUNT = alert("account", "day", "acme", 3, "acme")
AGENT = alert("agent", "names", "amy", 5)
USER = alert("user", "locked_again", "alice", 2, "acme")
AGAIN = alert("user", "failing_after_unlock", "alice", 4, "acme")
FLOOR = alert("floor", "day", "all", 30)
ACKNOWLEDGED = Acknowledged("agent:cas", None, AT, "lea", "T-9: a training")
QUIET = Alerts([], [], HOURS, [ACKNOWLEDGED])
LOUD = QUIET._replace(signs=[USER, AGAIN, ACCOUNT, AGENT, FLOOR])


def answer(
    alerts: Alerts, *, may: str = "", exit_code: bool = False, everything: bool = False
) -> Answer:
    """The answer for an admin, or for a caller who may run one command only."""

    def may_run(line: str) -> bool:
        return line.startswith(f"pincli {may}")

    return found(alerts, may_run, exit_code=exit_code, everything=everything)


def bars(failures: list[tuple[int, int]], *, unicode: bool = True) -> str:
    """The bars of one account, as they are drawn, for failures by hour."""
    hourly = [HourlyFailures("acme", HOURS[hour], count) for hour, count in failures]
    screen = answer(QUIET._replace(failures=hourly)).screen()
    text = piped(screen, UNCOLOURED if unicode else ASCII)
    label, chart, total = text.splitlines()[-1].split()
    assert label == "acme"
    assert int(total) == sum(count for _, count in failures)
    return chart


def test_json_has_the_figures_and_the_commands() -> None:
    """Every key of every kind of sign."""
    facts = answer(LOUD).facts
    shared = {"bound": 2.5, "since": AT, "latest": AT, "by": ["amy", "ben"], "tickets": ["T-1"]}
    figures = {"users_failed": 3, "failures": 7, "unknown_users": 0}
    assert facts == {
        "accounts": [
            {"id": "account:acme", "sign": "day", "account": "acme", **figures, "count": 3,
             **shared, "command": "pincli reset --account acme"}
        ],
        "agents": [
            {"id": "agent:amy", "sign": "names", "agent": "amy", **figures, "unknown_users": 5,
             "count": 5, **shared, "command": "pincli audit list --agent amy --since 24h"}
        ],
        "users": [
            {"id": "user:alice", "sign": sign, "user": "alice", "account": "acme", "times": times,
             "count": times, **shared, "command": "pincli reset alice --account acme"}
            for sign, times in (("locked_again", 2), ("failing_after_unlock", 4))
        ],
        "floor": [
            {"id": "floor:all", "sign": "day", **figures, "count": 30, **shared,
             "command": "pincli audit list --since 24h"}
        ]
    }  # fmt: skip


def test_json_has_every_key_without_signs() -> None:
    """Empty lists, so that a script needs no `if`; acknowledged signs only if asked for."""
    lists: dict[str, object] = {"accounts": [], "agents": [], "users": [], "floor": []}
    assert answer(QUIET).facts == lists
    acknowledged = {"id": "agent:cas", "account": None, "at": AT, "by": "lea",
                    "reason": "T-9: a training"}  # fmt: skip
    assert answer(QUIET, everything=True).facts == {**lists, "acknowledged": [acknowledged]}


@pytest.mark.parametrize("sign", [USER, ACCOUNT, AGENT, FLOOR])
def test_exit_code_is_4_for_each_kind_of_sign(sign: Alert) -> None:
    """Only with --exit-code, and never with an error."""
    one = QUIET._replace(signs=[sign])
    assert answer(one, exit_code=True).exit_code is ExitCode.LOCKED
    assert answer(one).exit_code is ExitCode.DONE
    assert answer(QUIET, exit_code=True).exit_code is ExitCode.DONE
    assert answer(one, exit_code=True).problem is None


def test_the_screen_shows_signs_and_commands() -> None:
    """A line for each user, account or agent, with figures and a command."""
    text = piped(answer(LOUD, everything=True).screen())
    assert "\u2718 4 signs of an attack\n" in text
    for words in (
        "locked 2 times in 30 days; 4 wrong answers after an unlock",
        "3 users gave wrong answers and no right one in a day",
        "this agent asked for 5 unknown users in a day",
        "on the whole floor",
        f"(since {local_time(AT)}; T-1)",
        "pincli reset --account acme",
        "pincli reset alice --account acme",
        "pincli audit list --agent amy --since 24h",
        "pincli alerts ack SIGN --reason TEXT",
        "T-9: a training",
    ):
        assert text.count(words) == 1, words


def test_a_long_login_leaves_the_sign_legible(monkeypatch: pytest.MonkeyPatch) -> None:
    """The id and the command stay whole for copying; the text keeps a readable width."""
    long = alert("user", "locked_again", "alice.smith@acme.example", 2, "acme gmbh")
    lines = drawn(answer(QUIET._replace(signs=[long])).screen(), UNCOLOURED, monkeypatch)
    assert "user:alice.smith@acme.example\n    locked 2 times in 30 days" in lines
    assert "pincli reset alice.smith@acme.example --account 'acme gmbh'" in lines


def test_every_command_is_one_that_the_caller_may_run() -> None:
    """An agent is advised to lock, where an admin is advised to reset."""
    text = piped(answer(LOUD, may="lock").screen())
    assert "pincli lock alice --account acme" in text
    assert "reset" not in text
    assert "alerts ack" not in text
    assert "'command': ''" in str(answer(LOUD, may="lock").facts["accounts"])


def test_the_highest_bar_is_the_highest_figure() -> None:
    """In eight steps, from nothing to all."""
    assert bars([(hour, hour) for hour in range(1, 9)])[:10] == (
        "\u00b7\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588\u00b7"
    )
    assert bars([(hour, hour) for hour in range(1, 9)], unicode=False)[:10] == ".:-=+*#%@."


@given(st.dictionaries(st.integers(0, 23), st.integers(1, 10_000), min_size=1))
def test_a_single_failure_is_visible(figures: dict[int, int]) -> None:
    """Even next to thousands; an hour without failures is a dot."""
    for unicode, signs in (
        (True, "\u00b7\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588"),
        (False, ".:-=+*#%@"),
    ):
        chart = bars(sorted(figures.items()), unicode=unicode)
        assert len(chart) == 24
        heights = [signs.index(sign) for sign in chart]
        for hour, height in enumerate(heights):
            assert (height == 0) is (hour not in figures)
            assert height <= 8
        ordered = sorted(figures, key=lambda hour: figures[hour])
        assert [heights[hour] for hour in ordered] == sorted(heights[hour] for hour in ordered)
        assert heights[ordered[-1]] == 8


def test_the_worst_five_accounts_are_charted() -> None:
    """On one scale, the worst first."""
    failures = [HourlyFailures(f"a{n}", HOURS[n], n) for n in range(1, 8)]
    text = piped(answer(QUIET._replace(failures=failures)).screen())
    labels = [line.split()[0] for line in text.splitlines()[2:]]
    assert labels == ["a7", "a6", "a5", "a4", "a3"]
    assert text.splitlines()[-1].count("\u2588") == 0


@pytest.mark.parametrize("text", HOSTILE, ids=repr)
def test_hostile_names_stay_on_their_line(text: str) -> None:
    """No name breaks a line."""
    alerts = LOUD._replace(
        signs=[alert("agent", "day", text, 5)], failures=[HourlyFailures(text, HOURS[3], 4)]
    )
    for display in (UNCOLOURED, ASCII):
        out = piped(answer(alerts).screen(), display)
        assert all(line.isprintable() for line in out.split("\n"))
