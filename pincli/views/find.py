"""The answer of `find`: people who may be the caller."""

from __future__ import annotations

from pincli.models import State
from pincli.results import Found
from pincli.rules.lockout import state_of
from pincli.views.answer import Answer
from pincli.views.blocks import Block, Next, Note, Table, Tone
from pincli.views.people import record_of
from pincli.views.sanitiser import command
from pincli.views.verdict import login_of


def found(result: Found) -> Answer:
    """The answer of `find`."""
    facts: dict[str, object] = {
        "users": [{**record_of(user), "email": user.email} for user in result.people],
        "more": result.more,
        "all_counted": result.all_counted,
        "certain": result.certain,
        "near": list(result.near),
    }
    return Answer(facts, lambda: _screen(result))


def _screen(result: Found) -> list[Block]:
    # The name comes last: it can say anything, and the login before it stays true.
    rows = [(login_of(u), u.account, state_of(u).value, u.display_name) for u in result.people]
    columns = ("user", "account", "state", "name")
    blocks: list[Block] = [
        Table(columns, [rows], "nobody fits", folding=("user", "account", "name"))
    ]
    if result.near:
        blocks.append(Note(f"near words: {', '.join(result.near)}", Tone.QUIET))
    if result.more:
        number = f"{result.more}" if result.all_counted else f"more than {result.more}"
        blocks.append(Note(f"and {number} more: add a first name or the company", Tone.QUIET))
    elif result.certain:
        user = result.people[0]
        if state_of(user) is State.ACTIVE:
            verify = command("verify", user.login, "--account", user.account)
            blocks.append(Next(verify, "checks the PIN"))
    return blocks
