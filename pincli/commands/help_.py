"""`pincli help`: the help of a command, and topics about all of them."""

from __future__ import annotations

import sys
from typing import Annotated, Any

from pincli.commands.command_tree import columns, page, pages
from pincli.commands.invocation import Invocation
from pincli.commands.options import argument
from pincli.commands.registry import visible_names
from pincli.commands.suggestions import did_you_mean, nearest
from pincli.config import read_display
from pincli.errors import UsageProblem
from pincli.rules.texts import mask_pins
from pincli.views.answer import Answer
from pincli.views.exit_codes import ExitCode
from pincli.views.manual import man, topics
from pincli.views.manual.page import facts

_MAN = "man"


def show_help(
    invocation: Invocation,
    topic: Annotated[
        list[str] | None, argument("[TOPIC...]", "A command, or one of the topics below.")
    ] = None,
) -> Answer:
    """Show the help of a command, or about a topic.

    Example:
      pincli help pin show
      pincli help deployment
      pincli help man | man -l -

    Topics: exit-codes, json, environment, deployment, hosts, portal, people, cron, attacks,
    upkeep, security; and man, the commands as a man page.
    """
    words = topic or []
    text, keys = _text_and_keys(invocation.program, words)
    return Answer({"topic": " ".join(words) or None, **keys, "text": text}, text=text)


def _text_and_keys(program: Any, words: list[str]) -> tuple[str, dict[str, object]]:
    """The text about a topic, and its JSON keys."""
    if words == [_MAN]:
        return man.page(pages(program)), {}
    if words == ["exit-codes"]:
        codes = [{"code": int(c), "name": c.short, "means": c.meaning} for c in ExitCode]
        return topics.exit_codes(columns(program)), {"exit_codes": codes}
    name = words[0] if len(words) == 1 else ""
    if name in topics.REFERENCES:
        return topics.REFERENCES[name](columns(program)), {}
    if name in topics.CHAPTERS:
        return _chapter(program, name), {}
    found = page(program, words)
    if found is None:
        raise _unknown_topic(words)
    own, text = found
    return f"{text}\n", {"commands": [facts(each) for each in ([own] if words else pages(program))]}


def _chapter(program: Any, name: str) -> str:
    """A chapter for a terminal, or as plain text."""
    from pincli.views.manual.chapters import chapter

    display = read_display()
    on_terminal = sys.stdout.isatty() and display.color
    return chapter(name, columns(program), display._replace(color=on_terminal))


def _unknown_topic(words: list[str]) -> UsageProblem:
    typed = " ".join(words)
    near = nearest(typed, [*visible_names(), *topics.ABOUT, _MAN])
    return UsageProblem(
        f"there is no help about {mask_pins(typed)!r}",
        did_you_mean([f"pincli help {name}" for name in near])
        if near
        else "`pincli help` lists the commands and topics",
    )
