"""`pincli help`: the help of a command, and what concerns all of them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from pincli.commands.options import JsonOption, example
from pincli.commands.pages import context_of, page_of, pages
from pincli.commands.running import deliver, new_app, write_out
from pincli.commands.suggestions import did_you_mean, nearest
from pincli.errors import UsageProblem
from pincli.rules.names import mask_pins
from pincli.views.blocks import Answer
from pincli.views.exit_codes import ExitCode
from pincli.views.help import man, page, topics

app = new_app()

_MAN = "man"


@app.command(
    "help",
    epilog=example("pincli help pin show", "pincli help exit-codes")
    + f"\n\nTopics: {', '.join(topics.TOPICS)}; and {_MAN}, the whole manual as a man page:"
    f" `pincli help {_MAN} | man -l -`.",
)
def show_help(
    ctx: typer.Context,
    topic: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TOPIC...]", help="A command, or one of the topics below.", show_default=False
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the help of a command, or about a topic."""
    words = topic or []
    text, facts = _told(ctx, words)
    if as_json:
        facts = {"topic": " ".join(words) or None, **facts, "text": text}
        deliver(ctx, Answer(facts), as_json=True)
    else:
        write_out(text.removesuffix("\n"))


def _told(ctx: typer.Context, words: list[str]) -> tuple[str, dict[str, object]]:
    """The text about a topic, and what of it a program could want by keys."""
    front, columns = ctx.find_root().command, ctx.make_formatter().width
    if words == [_MAN]:
        return man.page(pages(front)), {}
    if words == ["exit-codes"]:
        codes = [{"code": int(c), "name": c.short, "means": c.meaning} for c in ExitCode]
        return topics.exit_codes(columns), {"exit_codes": codes}
    if len(words) == 1 and words[0] in topics.TOPICS:
        return topics.TOPICS[words[0]](columns), {}
    found = context_of(front, words)
    if found is None:
        raise _no_such_topic(front, words)
    told = pages(front) if not words else [page_of(found)]
    return f"{found.get_help()}\n", {"commands": [page.facts(each) for each in told]}


def _no_such_topic(front: Any, words: list[str]) -> UsageProblem:
    typed = " ".join(words)
    names = [each.command for each in pages(front) if each.command]
    near = nearest(typed, [*names, *topics.TOPICS, _MAN])
    return UsageProblem(
        f"there is no help about {mask_pins(typed)!r}",
        did_you_mean([f"pincli help {name}" for name in near])
        if near
        else "`pincli --help` lists the commands, `pincli help --help` the topics",
    )
