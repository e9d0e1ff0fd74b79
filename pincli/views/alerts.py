"""Signs of an attack: the figures, the command to run, and a chart of the last day."""

from __future__ import annotations

from collections import Counter, defaultdict

from pincli.results import AccountAlert, AgentAlert, Alerts, UserAlert
from pincli.views.blocks import Answer, Block, Chart, Headline, Note, Table, Tone, counted
from pincli.views.exit_codes import ExitCode
from pincli.views.shell import command

_CHARTED_AT_MOST = 5
_SIGNS = {
    "locked_again": "locked {} times in 30 days",
    "failing_after_unlock": "{} wrong answers within an hour of an unlock",
}


def found(alerts: Alerts, *, exit_code: bool) -> Answer:
    """The answer of `alerts`."""
    facts: dict[str, object] = {
        "accounts": [{**a._asdict(), "command": _account_command(a)} for a in alerts.accounts],
        "agents": [{**a._asdict(), "command": _agent_command(a)} for a in alerts.agents],
        "users": [{**u._asdict(), "command": _user_command(u)} for u in alerts.users],
    }
    code = ExitCode.LOCKED if exit_code and alerts.any else ExitCode.DONE
    return Answer(facts, lambda: _screen(alerts), exit_code=code)


def _screen(alerts: Alerts) -> list[Block]:
    chart = _chart(alerts)
    if not alerts.any:
        return [Headline(Tone.GOOD, "no signs of an attack"), *chart]
    rows = [
        *(
            (
                a.account,
                f"{counted(a.users_failed, 'user')} failed, {counted(a.failures, 'time')}",
                _account_command(a),
            )
            for a in alerts.accounts
        ),
        *((u.user, _SIGNS[u.sign].format(u.times), _user_command(u)) for u in alerts.users),
        *((a.agent, _agent_figures(a), _agent_command(a)) for a in alerts.agents),
    ]
    return [
        Headline(Tone.BAD, f"{counted(len(rows), 'sign')} of an attack"),
        Table(("who", "what", "run"), [rows], "", folding=("who", "what")),
        *([Note(""), *chart] if chart else []),
    ]


def _chart(alerts: Alerts) -> list[Block]:
    """Failed attempts an hour over the last day, for the accounts with the most."""
    totals: Counter[str] = Counter()
    hourly: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for account, hour, failures in alerts.failures:
        totals[account] += failures
        hourly[account][hour] += failures
    rows = [
        (account, [hourly[account][hour] for hour in alerts.hours], str(total))
        for account, total in totals.most_common(_CHARTED_AT_MOST)
    ]
    if not rows:
        return []
    return [
        Note("failed attempts an hour, the last 24 hours up to now", Tone.QUIET),
        Chart(rows),
    ]


def _agent_figures(alert: AgentAlert) -> str:
    parts = [f"{alert.users_failed} users failed"] if alert.users_failed else []
    if alert.unknown_users:
        parts.append(f"{alert.unknown_users} unknown users")
    return "with this agent: " + ", ".join(parts)


def _account_command(alert: AccountAlert) -> str:
    return command("reset", "--account", alert.account)


def _user_command(alert: UserAlert) -> str:
    return command("reset", alert.user)


def _agent_command(alert: AgentAlert) -> str:
    return command("audit", "list", "--agent", alert.agent, "--since", "24h")
