"""The answer of `alerts`: figures, commands, and a chart that a terminal of any kind can show."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pincli.results import AccountAlert, AgentAlert, Alerts, HourlyFailures, UserAlert
from pincli.views.alerts import found
from pincli.views.exit_codes import ExitCode
from tests.views.records import HOSTILE
from tests.views.screens import ASCII, UNCOLOURED, piped

AT = "2026-11-24T11:30:00Z"
HOURS = [f"2026-11-24T{hour:02}" for hour in range(24)]
QUIET = Alerts([], [], [], [], HOURS)
LOUD = Alerts(
    accounts=[AccountAlert("acme", 3, 7, AT)],
    agents=[AgentAlert("amy", 5, 0), AgentAlert("ben", 0, 3), AgentAlert("cas", 6, 4)],
    users=[
        UserAlert("locked_again", "alice", "acme", 2, AT),
        UserAlert("failing_after_unlock", "bob", "acme", 3, AT),
    ],
    failures=[],
    hours=HOURS,
)


def bars(failures: list[tuple[int, int]], *, unicode: bool = True) -> str:
    """The bars of one account, as they are drawn, for failures by hour."""
    hourly = [HourlyFailures("acme", HOURS[hour], count) for hour, count in failures]
    screen = found(QUIET._replace(failures=hourly), exit_code=False).screen()
    text = piped(screen, UNCOLOURED if unicode else ASCII)
    label, chart, total = text.splitlines()[-1].split()
    assert label == "acme"
    assert int(total) == sum(count for _, count in failures)
    return chart


def test_the_facts_are_the_figures_and_the_commands() -> None:
    """Three lists, each entry with what was counted and what to run."""
    facts = found(LOUD, exit_code=False).facts
    assert facts == {
        "accounts": [
            {
                "account": "acme",
                "users_failed": 3,
                "failures": 7,
                "latest": AT,
                "command": "pincli reset --account acme",
            }
        ],
        "agents": [
            {
                "agent": agent,
                "users_failed": failed,
                "unknown_users": unknown,
                "command": f"pincli audit list --agent {agent} --since 24h",
            }
            for agent, failed, unknown in (("amy", 5, 0), ("ben", 0, 3), ("cas", 6, 4))
        ],
        "users": [
            {
                "sign": sign,
                "user": user,
                "account": "acme",
                "times": times,
                "latest": AT,
                "command": f"pincli reset {user}",
            }
            for sign, user, times in (
                ("locked_again", "alice", 2),
                ("failing_after_unlock", "bob", 3),
            )
        ],
    }


def test_the_keys_are_there_when_all_is_quiet() -> None:
    """Empty lists, so that a script needs no `if`."""
    assert found(QUIET, exit_code=True).facts == {"accounts": [], "agents": [], "users": []}


@pytest.mark.parametrize(
    "alerts",
    [
        LOUD._replace(accounts=[], users=[]),
        LOUD._replace(agents=[], users=[]),
        LOUD._replace(accounts=[], agents=[]),
        LOUD,
    ],
)
def test_each_kind_makes_the_exit_code(alerts: Alerts) -> None:
    """4, if it is asked for, and never an error."""
    assert found(alerts, exit_code=True).exit_code is ExitCode.LOCKED
    assert found(alerts, exit_code=False).exit_code is ExitCode.DONE
    assert found(QUIET, exit_code=True).exit_code is ExitCode.DONE
    assert found(alerts, exit_code=True).problem is None


def test_the_screen_says_what_and_what_to_run() -> None:
    """A line for each, with its figures in words and its command."""
    text = piped(found(LOUD, exit_code=False).screen())
    assert "\u2718 6 signs of an attack\n" in text
    for words in (
        "3 users failed, 7 times",
        "locked 2 times in 30 days",
        "3 wrong answers within an hour of an unlock",
        "with this agent: 5 users failed",
        "with this agent: 3 unknown users",
        "with this agent: 6 users failed, 4 unknown users",
        "pincli reset --account acme",
        "pincli reset bob",
        "pincli audit list --agent cas --since 24h",
    ):
        assert text.count(words) >= 1, words
    one = found(LOUD._replace(accounts=[], agents=LOUD.agents[:1], users=[]), exit_code=False)
    assert "1 sign of an attack\n" in piped(one.screen())


def test_quiet_is_said() -> None:
    """In a word, and without a chart where nobody failed."""
    assert piped(found(QUIET, exit_code=False).screen()) == "\u2714 no signs of an attack\n"
    assert piped(found(QUIET, exit_code=False).screen(), ASCII) == "[ok] no signs of an attack\n"


def test_the_highest_bar_is_the_highest_figure() -> None:
    """In eight steps, from nothing to all."""
    assert bars([(hour, hour) for hour in range(1, 9)])[:10] == (
        "\u00b7\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588\u00b7"
    )
    assert bars([(hour, hour) for hour in range(1, 9)], unicode=False)[:10] == ".:-=+*#%@."


@given(st.dictionaries(st.integers(0, 23), st.integers(1, 10_000), min_size=1))
def test_a_single_failure_shows(figures: dict[int, int]) -> None:
    """However high the others are; an hour without any is a dot, and more is never lower."""
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
    text = piped(found(QUIET._replace(failures=failures), exit_code=False).screen())
    labels = [line.split()[0] for line in text.splitlines()[2:]]
    assert labels == ["a7", "a6", "a5", "a4", "a3"]
    assert text.splitlines()[-1].count("\u2588") == 0


@pytest.mark.parametrize("text", HOSTILE, ids=repr)
def test_hostile_names_stay_on_their_line(text: str) -> None:
    """An agent's login is whatever the system says."""
    alerts = LOUD._replace(
        agents=[AgentAlert(text, 5, 3)], failures=[HourlyFailures(text, HOURS[3], 4)]
    )
    for display in (UNCOLOURED, ASCII):
        out = piped(found(alerts, exit_code=False).screen(), display)
        assert all(line.isprintable() for line in out.split("\n"))
