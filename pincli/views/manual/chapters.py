"""The chapters of the manual: Markdown in `pincli/docs/`, drawn for a terminal of any width."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import ClassVar

from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Heading, Markdown, TableElement
from rich.table import Table
from rich.text import Text
from rich.theme import Theme

from pincli.config import Display
from pincli.views.sanitiser import shown
from pincli.views.text_output import console_for

FOLDER = Path(__file__).parents[2] / "docs"
_PICTURE = re.compile(r"^!\[.*\]\(.*\)\n", re.MULTILINE)
_LINK = re.compile(r"\[[a-z]+\]\(([a-z]+)\.md\)")
# Rich's own code is cyan on black, which can't be read on every background.
_THEME = Theme(
    {
        "markdown.h1": "bold underline",
        "markdown.h2": "bold",
        "markdown.code": "bold",
        "markdown.code_block": "bold",
    }
)
_FENCED = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_IN_ASCII = str.maketrans({"\u2022": "*", "\u2500": "-", "\u2501": "-"})


class _Heading(Heading):
    """A heading at the left, where Rich centres it; in plain text with a line below."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self.text
        if console.no_color:
            yield Text(("=" if self.tag == "h1" else "-") * self.text.cell_len)


class _Code(CodeBlock):
    """Code as it is: a line that is wrapped can't be copied."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in str(self.text).rstrip().split("\n"):
            yield Text(f"  {line}", style="markdown.code_block", no_wrap=True, overflow="ignore")


class _Table(TableElement):
    """A table in which a long word is folded; Rich cuts it."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for table in super().__rich_console__(console, options):
            if isinstance(table, Table):
                for column in table.columns:
                    column.overflow = "fold"
            yield table


class _Chapter(Markdown):
    elements: ClassVar = {
        **Markdown.elements,
        "heading_open": _Heading,
        "fence": _Code,
        "table_open": _Table,
    }


def chapter(name: str, columns: int, display: Display) -> str:
    """A chapter as text, with colours if the display has them.

    Args:
        name: One of `topics.CHAPTERS`.
        columns: The width; only code is wider.
        display: Where it is shown.
    """
    source = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    source = _LINK.sub(r"`pincli help \1`", _PICTURE.sub("", source))
    if not display.color:
        source = _with_backticks(source)
    if not display.unicode:
        source = "\n".join(shown(line, unicode=False) for line in source.split("\n"))
    stream = io.StringIO()
    console = console_for(display, stream, columns, _THEME)
    console.print(_Chapter(source, hyperlinks=False), crop=False)
    text = "".join(f"{line.rstrip()}\n" for line in stream.getvalue().splitlines())
    return text if display.unicode else text.translate(_IN_ASCII)


def _with_backticks(source: str) -> str:
    """The source with code in visible backticks, for text that can't be bold."""
    parts = _FENCED.split(source)
    # Split leaves the text between two fenced blocks at even places.
    return "".join(
        part if i % 2 else _CODE.sub(r"`` `\1` ``", part) for i, part in enumerate(parts)
    )
