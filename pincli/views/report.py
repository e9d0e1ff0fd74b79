"""The answer of `report`: on a terminal, as JSON, and as an HTML page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from pathlib import Path
from string import Template

from pincli.models import State
from pincli.results import Activity, Day, Done, Report
from pincli.rules.times import moment_of
from pincli.views.answer import Answer
from pincli.views.blocks import Block, Chart, Fields, Headline, Note, Table, Tone, counted
from pincli.views.sanitiser import shown
from pincli.views.times import local_time

_TOTALS = (
    ("verified", "verified"),
    ("incorrect", "not verified"),
    ("locked", "PINs locked"),
    ("unlocked", "unlocked"),
)
_BARS = (("verified", "ok"), ("incorrect", "no"), ("locked", "lock"))
_FIGURES = ("verified", "not verified", "unresolved", "locked", "sign")
_DONE = ("times", "users", "who", "why")
_FOLDING = ("account", "agent", "who", "why")
_UNRESOLVED = "unresolved: users with a wrong answer and no right one within 15 minutes"
_WIDTH, _HEIGHT = 640, 150


def answer(report: Report, signs: Answer, path: Path | None) -> Answer:
    """The answer of `report`.

    Args:
        report: The figures.
        signs: The answer of `alerts`.
        path: The HTML page, if one was written.
    """
    facts: dict[str, object] = {
        "since": report.since,
        "until": report.until,
        "made_by": report.by,
        "sealed": report.sealed,
        "signs": signs.facts,
        "totals": _counts(report.now),
        "before": _counts(report.before),
        "days": [{"day": each.day, **_counts(each.activity)} for each in report.days],
        "accounts": [{"account": name, **row._asdict()} for name, row in report.accounts],
        "agents": [{"agent": name, **row._asdict()} for name, row in report.agents],
        "done": [
            {**each._asdict(), "by": [{"agent": who, "times": n} for who, n in each.by]}
            for each in report.done
        ],
        "states": {state.value: number for state, number in report.states.items()},
        "file": None if path is None else str(path),
    }
    return Answer(facts, lambda: _screen(report, signs, path))


def names_in(signs: Answer) -> tuple[set[str], set[str]]:
    """The accounts and agents with a sign."""
    return tuple(  # type: ignore[return-value]
        {str(each[key]) for each in _listed(signs.facts, f"{key}s")} for key in ("account", "agent")
    )


def page(report: Report, signs: Answer) -> str:
    """The report as one HTML file that loads nothing."""
    table = next((each for each in signs.screen() if isinstance(each, Table)), None)
    rows = [] if table is None else [row for rows in table.pages for row in rows]
    count = f"{len(rows)} open" if rows else "none"
    columns = ("who", "what", "against it") if table is None else table.columns
    signed = names_in(signs)
    return _PAGE.substitute(
        span=_text(_span(report)),
        made=_text(_made(report)),
        signs=_table(columns, rows, ()) if rows else "",
        count=count,
        tiles="".join(_tile(report, name, label) for name, label in _TOTALS) + _uncollected(report),
        chart=_chart(report.days),
        accounts=_table(("account", *_FIGURES), _rows(report.accounts, signed[0]), signed[0]),
        agents=_table(("agent", *_FIGURES), _rows(report.agents, signed[1]), signed[1]),
        unresolved=_UNRESOLVED,
        done=_table(("what", *_DONE), [_done(each) for each in report.done], ()),
    )


def _screen(report: Report, signs: Answer, path: Path | None) -> list[Block]:
    signed = names_in(signs)
    sums = [
        (label, f"{getattr(report.now, name):,}  {_change(report, name)}")
        for name, label in _TOTALS
    ]
    days = [each.activity for each in report.days]
    bars = [
        (label, values, f"at most {max(values):,} a day")
        for name, label in _TOTALS[:3]
        if any(values := [getattr(day, name) for day in days])
    ]
    none, eligible = _without_pin(report)
    return [
        Headline(Tone.NEUTRAL, "report", _span(report)),
        Note(""),
        *(each for each in signs.screen() if isinstance(each, Headline | Table)),
        Note(""),
        Fields([*sums, ("no PIN yet", f"{none:,}  of {eligible:,} who may have one")]),
        Note(""),
        Note(f"a bar a day, {report.days[0].day} to {report.days[-1].day}", Tone.QUIET),
        *([Chart(bars, scaled_by_row=True)] if bars else []),
        Note(""),
        _figures("account", report.accounts, signed[0]),
        Note(""),
        _figures("agent", report.agents, signed[1]),
        Note(_UNRESOLVED, Tone.QUIET),
        Note(""),
        Table(
            ("what admins did", *_DONE),
            [[_done(each) for each in report.done]] if report.done else [],
            "admins did nothing",
            folding=_FOLDING,
        ),
        Note(""),
        Note(_made(report), Tone.QUIET),
        *([Headline(Tone.GOOD, "written", str(path))] if path else []),
    ]


def _figures(what: str, rows: list[tuple[str, Activity]], signed: set[str]) -> Table:
    pages = [_rows(rows, signed)] if rows else []
    nobody = f"no {what} has a sign or anything unresolved"
    return Table((what, *_FIGURES), pages, nobody, folding=_FOLDING)


def _rows(rows: Iterable[tuple[str, Activity]], signed: set[str]) -> list[tuple[str, ...]]:
    return [
        (
            name,
            *(f"{n:,}" for n in (row.verified, row.incorrect, row.unresolved, row.locked)),
            "yes" if name in signed else "",
        )
        for name, row in rows
    ]


def _done(done: Done) -> tuple[str, ...]:
    who = ", ".join(name if len(done.by) == 1 else f"{name} {n}" for name, n in done.by)
    users = f"{done.users:,}" if done.users else ""
    return done.what, f"{done.times:,}", users, who, done.reason or ""


def _span(report: Report) -> str:
    return f"{local_time(report.since)[:-3]} to {local_time(report.until)[:-3]}"


def _made(report: Report) -> str:
    moment = moment_of(report.until) or datetime.now().astimezone()
    offset = moment.astimezone().strftime("%z")
    zone = f"UTC{offset[:3]}:{offset[3:]}"
    return (
        f"made {local_time(report.until)[:-3]} by {report.by}; times are local ({zone}); "
        f"the trail is sealed up to event {report.sealed:,}"
    )


def _change(report: Report, name: str) -> str:
    now, before = getattr(report.now, name), getattr(report.before, name)
    if not before:
        return f"({before} in the span before)"
    return f"({(now - before) / before:+.0%} on the span before)"


def _without_pin(report: Report) -> tuple[int, int]:
    """The number of users without a PIN yet, and of those who may have one."""
    able = (State.ACTIVE, State.LOCKED, State.UNCOLLECTED)
    return report.states.get(State.UNCOLLECTED, 0), sum(report.states.get(s, 0) for s in able)


def _counts(activity: Activity) -> dict[str, int]:
    """The figures that are not about users."""
    return dict(zip(Activity._fields[:4], activity[:4], strict=True))


def _listed(facts: dict[str, object], name: str) -> list[dict[str, object]]:
    value = facts.get(name)
    return value if isinstance(value, list) else []


def _text(text: str) -> str:
    """Text as HTML: printable, and never markup."""
    return escape(shown(text, unicode=True))


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], marked: Iterable[str]) -> str:
    """A table; rows whose first cell is in `marked` are bold."""
    if not rows:
        return "<p class=sub>none</p>"
    marked = set(marked)
    styles = [" class=num" if _are_numbers(column) else "" for column in zip(*rows, strict=True)]

    def cells(tag: str, row: Sequence[str]) -> str:
        styled = zip(styles, row, strict=True)
        return "".join(f"<{tag}{style}>{_text(cell)}</{tag}>" for style, cell in styled)

    body = "".join(
        f"<tr{' class=warn' if row[0] in marked else ''}>{cells('td', row)}</tr>" for row in rows
    )
    return (
        f"<div class=wide><table><thead><tr>{cells('th', columns)}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def _are_numbers(cells: Sequence[str]) -> bool:
    """Whether a column has figures, and nothing else."""
    figures = [cell for cell in cells if cell]
    return bool(figures) and all(cell.replace(",", "").isdecimal() for cell in figures)


def _tile(report: Report, name: str, label: str) -> str:
    figure = f"{getattr(report.now, name):,}"
    change = _change(report, name).strip("()")
    return f"<div class=tile>{label}<b>{figure}</b><small>{_text(change)}</small></div>"


def _uncollected(report: Report) -> str:
    none, eligible = _without_pin(report)
    small = f"of {eligible:,} who may have one"
    return f"<div class=tile>no PIN yet<b>{none:,}</b><small>{small}</small></div>"


def _chart(days: Sequence[Day]) -> str:
    """A bar a day: verified, not verified and locked."""
    most = max(sum(each.activity[:3]) for each in days) or 1
    step = _WIDTH / len(days)
    gap = min(10.0, step / 6)
    every = len(days) // 8 + 1
    parts = []
    for number, (day, activity) in enumerate(days):
        left, top = number * step + gap, float(_HEIGHT)
        for name, style in _BARS:
            value = getattr(activity, name)
            high = max(value / most * (_HEIGHT - 10), 1.0 if value else 0.0)
            top -= high
            parts.append(
                f'<rect class="{style}" x="{left:.1f}" y="{top:.1f}" '
                f'width="{step - 2 * gap:.1f}" height="{high:.1f}"/>'
            )
        if number % every == 0:
            middle = left + step / 2 - gap
            label = f"{datetime.fromisoformat(day):%a %d}"
            figure = f"{sum(activity[:3]):,}"
            parts.append(f'<text x="{middle:.1f}" y="{_HEIGHT + 19}">{label}</text>')
            parts.append(f'<text x="{middle:.1f}" y="{top - 4:.1f}">{figure}</text>')
    box = f"-14 -14 {_WIDTH + 28} {_HEIGHT + 40}"
    label = f"answers a day, {counted(len(days), 'day')}"
    return f'<svg viewBox="{box}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


_PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Support PIN checks, $span</title>
<style>
:root{color-scheme:light dark;--ok:#2a7f62;--no:#d9882b;--lock:#b3372f;--line:#8886}
body{font:15px/1.45 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.3rem;margin:0}h2{font-size:1rem;margin:1.6rem 0 .4rem}.sub{opacity:.75}
.tiles{display:flex;gap:.8rem;flex-wrap:wrap;margin:1rem 0}
.tile{border:1px solid var(--line);border-radius:8px;padding:.6rem .9rem;flex:1 0 8.5rem}
.tile b{display:block;font-size:1.5rem}.tile small{opacity:.75}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid var(--line)}
td{overflow-wrap:anywhere;min-width:3.5rem}td.num,th.num{text-align:right;font-variant-numeric:tabular-nums}
tr.warn td{font-weight:600}
rect.ok{fill:var(--ok)}rect.no{fill:var(--no)}rect.lock{fill:var(--lock)}
svg{width:100%;height:auto}
svg text{font:11px system-ui,sans-serif;text-anchor:middle;fill:currentColor}
.key i{display:inline-block;width:.8em;height:.8em;margin:0 .3em 0 1em;vertical-align:-.05em}
@media(max-width:30rem){body{margin:1rem auto}table{font-size:.8rem}th,td{padding:.3rem .2rem}\
td{min-width:2rem}svg text{font-size:18px}}
@media print{body{margin:0}}
</style></head><body>
<h1>Support PIN checks, $span</h1><p class=sub>$made</p>
<h2>Signs of an attack: $count</h2>$signs
<div class=tiles>$tiles</div>
<h2>Answers a day</h2>$chart
<p class=key><i style="background:var(--ok)"></i>verified<i style="background:var(--no)"></i>\
not verified<i style="background:var(--lock)"></i>locked</p>
<h2>Accounts</h2>$accounts
<h2>Agents</h2>$agents
<p class=sub>$unresolved. Those with a sign come first,
then those with the most unresolved, ten at most.</p>
<h2>What admins did</h2>$done
</body></html>
""")
