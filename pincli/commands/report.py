"""`pincli report`: what happened in the last days."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pincli.commands.invocation import Invocation
from pincli.commands.options import option
from pincli.operations import report as operation
from pincli.operations.alerts import find_alerts
from pincli.operations.output_file import OutputFile
from pincli.operations.verify import end_left_open
from pincli.rules.signs import Bounds
from pincli.rules.times import since
from pincli.views import report as view
from pincli.views.alerts import found
from pincli.views.answer import Answer


def report(
    invocation: Invocation,
    since_when: Annotated[str, option("--since", "Such as 24h, 7d, or 2026-11-24.", "WHEN")] = "7d",
    html: Annotated[
        Path | None,
        option("--html", "Also write an HTML page; never over an existing file.", "FILE"),
    ] = None,
) -> Answer:
    """Show what happened in the last days. Signs, totals, accounts, agents, admins.

    Example:
      pincli report
      pincli report --since 30d --html "$HOME/report-$(date +%F).html"

    A span of more than a day begins at a midnight. Figures are compared with a span of the same
    length before it. The page loads nothing, and has names of accounts and agents.
    """
    moment = since(since_when)
    session = invocation.open()
    config = invocation.config
    file = None
    if html is not None:
        file = invocation.enter(OutputFile(html, forbidden=config.secret_folders))
    end_left_open(session)
    alerts = find_alerts(session, bounds=Bounds(**config.own_bounds))
    signs = found(alerts, invocation.may_run, exit_code=False, everything=False)
    result = operation.report(session, moment, by=config.agent, signs=view.names_in(signs))
    if file is not None:
        file.begin(view.page(result, signs).encode())
        file.finish()
    return view.answer(result, signs, html)
