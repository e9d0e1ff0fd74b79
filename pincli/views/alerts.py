"""Signs of an attack: the figures, the command to run, and a chart of the last day."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from itertools import groupby

from pincli.results import Acknowledged, Alert, Alerts
from pincli.views.answer import Answer
from pincli.views.blocks import Block, Chart, Headline, Note, Table, Tone, counted
from pincli.views.exit_codes import ExitCode
from pincli.views.sanitiser import command
from pincli.views.times import relative_time

_CHARTED_AT_MOST = 5
_TICKETS_SHOWN = 3
_UNRESOLVED = "gave wrong answers and no right one"
_SIGNS = {
    ("user", "locked_again"): "locked {} times in 30 days",
    ("user", "unresolved"): "{} wrong answers in a week, no right one after them",
    ("user", "failing_after_unlock"): "{} wrong answers after an unlock",
    ("account", "day"): f"{{}} users {_UNRESOLVED} in a day",
    ("account", "week"): f"{{}} users {_UNRESOLVED} in a week",
    ("agent", "day"): f"with this agent {{}} users {_UNRESOLVED} in a day",
    ("agent", "week"): f"with this agent {{}} users {_UNRESOLVED} in a week",
    ("agent", "burst"): "with this agent {} wrong answers in half an hour",
    ("agent", "any_wrong"): "with this agent {} users gave a wrong answer in a day",
    ("agent", "any_wrong_week"): "with this agent {} users gave a wrong answer in a week",
    ("agent", "names"): "this agent asked for {} unknown users in a day",
    ("floor", "day"): f"{{}} users {_UNRESOLVED} in a day, on the whole floor",
    ("floor", "names"): "{} unknown users were asked for within an hour",
}
_MayRun = Callable[[str], bool]


def found(alerts: Alerts, may_run: _MayRun, *, exit_code: bool, everything: bool) -> Answer:
    """The answer of `alerts`.

    Args:
        alerts: The signs.
        may_run: Whether the caller's roles allow a command line.
        exit_code: Whether to end with 4 if there are any signs.
        everything: Whether to show acknowledged signs too.
    """
    facts: dict[str, object] = {
        name: [_facts(each, may_run) for each in alerts.signs if each.kind == kind]
        for name, kind in (
            *(("accounts", "account"), ("agents", "agent")),
            *(("users", "user"), ("floor", "floor")),
        )
    }
    if everything:
        facts["acknowledged"] = [each._asdict() for each in alerts.acknowledged]
    code = ExitCode.LOCKED if exit_code and alerts.signs else ExitCode.DONE
    shown = alerts.acknowledged if everything else []
    return Answer(facts, lambda: _screen(alerts, shown, may_run), exit_code=code)


def acknowledged(sign: str) -> Answer:
    """The answer of `alerts ack`."""
    about = f"{sign}; counting starts again"
    return Answer({"id": sign}, lambda: [Headline(Tone.GOOD, "acknowledged", about)])


def _facts(alert: Alert, may_run: _MayRun) -> dict[str, object]:
    """The JSON of a sign; each kind has some keys of its own."""
    own: dict[str, dict[str, object]] = {
        "user": {"user": alert.name, "account": alert.account, "times": alert.counted},
        "account": {"account": alert.name},
        "agent": {"agent": alert.name},
    }
    names = alert.counted if alert.sign == "names" else 0
    figures = {"users_failed": alert.users, "failures": alert.failures, "unknown_users": names}
    return {
        "id": alert.id,
        "sign": alert.sign,
        **own.get(alert.kind, {}),
        **({} if alert.kind == "user" else figures),
        "count": alert.counted,
        "bound": round(alert.bound, 1),
        "since": alert.since,
        "latest": alert.latest,
        "by": alert.agents,
        "tickets": alert.tickets,
        "command": _command(alert, may_run),
    }


def _screen(alerts: Alerts, shown: list[Acknowledged], may_run: _MayRun) -> list[Block]:
    chart = _chart(alerts)
    blocks: list[Block] = [Headline(Tone.GOOD, "no signs of an attack")]
    if alerts.signs:
        rows = [
            row
            for _, its in groupby(alerts.signs, lambda sign: (sign.id, sign.account))
            for row in _rows([*its], may_run)
        ]
        blocks = [
            Headline(Tone.BAD, f"{counted(len(rows), 'sign')} of an attack"),
            Table(("sign", "what", "run"), [rows], "", folding=("what",)),
        ]
        if may_run("pincli alerts ack"):
            blocks.append(Note("once one is dealt with: pincli alerts ack SIGN --reason TEXT"))
    if shown:
        rows = [(each.id, f"{relative_time(each.at)} by {each.by}", each.reason) for each in shown]
        blocks += [Note(""), Table(("acknowledged", "when", "why"), [rows], "")]
    return [*blocks, *([Note("")] if chart and len(blocks) > 1 else []), *chart]


def _rows(signs: list[Alert], may_run: _MayRun) -> list[tuple[str, str, str]]:
    """One row for all signs of a user, account or agent: the remedy is the same."""
    first = signs[0]
    what = "; ".join(_SIGNS[sign.kind, sign.sign].format(sign.counted) for sign in signs)
    since = relative_time(min(sign.since for sign in signs))
    facts = [f"since {since}"]
    if first.kind != "agent":
        facts.append(f"by {', '.join(_some(first.agents))}")
    if first.tickets:
        facts.append(", ".join(_some(first.tickets)))
    return [(first.id, f"{what} ({'; '.join(facts)})", _command(first, may_run))]


def _some(names: list[str]) -> list[str]:
    more = len(names) - _TICKETS_SHOWN
    return [*names[:_TICKETS_SHOWN], *([f"and {more} more"] if more > 0 else [])]


def _command(alert: Alert, may_run: _MayRun) -> str:
    """The first command against a sign that the caller may run, or an empty string."""
    where = ("--account", alert.account or "")
    against = {
        "user": [command("reset", alert.name, *where), command("lock", alert.name, *where)],
        "account": [command("reset", *where)],
        "agent": [command("audit", "list", "--agent", alert.name, "--since", "24h")],
        "floor": [command("audit", "list", "--since", "24h")],
    }
    return next((line for line in against[alert.kind] if may_run(line)), "")


def _chart(alerts: Alerts) -> list[Block]:
    """Failed attempts an hour over the last day, of the accounts with the most."""
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
    return [Note("failed attempts an hour, the last 24 hours up to now", Tone.QUIET), Chart(rows)]
