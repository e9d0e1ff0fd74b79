"""`pincli help`: the help of a command, and topics about all of them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from pincli.commands.command_tree import columns, page, pages
from pincli.commands.invocation import Invocation
from pincli.commands.registry import visible_names
from pincli.commands.suggestions import did_you_mean, nearest
from pincli.errors import UsageProblem
from pincli.rules.names import mask_pins
from pincli.views.blocks import Answer
from pincli.views.exit_codes import ExitCode
from pincli.views.manual import man, topics
from pincli.views.manual.page import facts

_MAN = "man"


def show_help(
    invocation: Invocation,
    topic: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TOPIC...]", help="A command, or one of the topics below.", show_default=False
        ),
    ] = None,
) -> Answer:
    """Show the help of a command, or about a topic.

    Example:
      pincli help pin show
      pincli help exit-codes

    Topics: exit-codes, json, environment; and man, the whole manual as a man page:
    `pincli help man | man -l -`.
    """
    words = topic or []
    text, keys = _text_and_keys(invocation.front, words)
    return Answer({"topic": " ".join(words) or None, **keys, "text": text}, text=text)


def _text_and_keys(front: Any, words: list[str]) -> tuple[str, dict[str, object]]:
    """The text about a topic, and its JSON keys."""
    if words == [_MAN]:
        return man.page(pages(front)), {}
    if words == ["exit-codes"]:
        codes = [{"code": int(c), "name": c.short, "means": c.meaning} for c in ExitCode]
        return topics.exit_codes(columns(front)), {"exit_codes": codes}
    if len(words) == 1 and words[0] in topics.TOPICS:
        return topics.TOPICS[words[0]](columns(front)), {}
    found = page(front, words)
    if found is None:
        raise _unknown_topic(words)
    own, text = found
    return f"{text}\n", {"commands": [facts(each) for each in ([own] if words else pages(front))]}


def _unknown_topic(words: list[str]) -> UsageProblem:
    typed = " ".join(words)
    near = nearest(typed, [*visible_names(), *topics.TOPICS, _MAN])
    return UsageProblem(
        f"there is no help about {mask_pins(typed)!r}",
        did_you_mean([f"pincli help {name}" for name in near])
        if near
        else "`pincli --help` lists the commands, `pincli help --help` the topics",
    )
