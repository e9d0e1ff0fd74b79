"""The man page: the commands as roff, with the macros of man(7).

Every text is escaped here: roff would obey a backslash, a leading dot or a quote.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from textwrap import wrap

from pincli import __version__
from pincli.views.exit_codes import ExitCode
from pincli.views.manual import topics
from pincli.views.manual.page import Page

_WHAT_IT_IS = "check a caller's six-digit support PIN"
_SPECIAL = {
    "\\": "\\e",
    '"': "\\(dq",
    "'": "\\(aq",
    "`": "\\(ga",
    "~": "\\(ti",
    "^": "\\(ha",
}
_HYPHENS_OF_AN_OPTION = re.compile(r"(?<![\w-])-[\w-]*")
_CODE = re.compile(r"`([^`]+)`")
_PLACEHOLDER = re.compile(r"[A-Z]{2,}")
_COLUMNS = 78
_TYPED = re.compile(r"--?[a-z][a-z-]*")


def page(pages: Sequence[Page]) -> str:
    """The whole man page.

    Args:
        pages: Every command, pincli itself first.
    """
    return "".join(f"{line}\n" for line in _page(pages))


def literal(text: str) -> str:
    """Text as it is typed, in roff, with hyphens that can be copied."""
    return _escaped(text).replace("-", "\\-")


def prose(text: str) -> list[str]:
    """Sentences in roff. Options and `code` can be copied."""
    parts = _CODE.split(text)
    # Split leaves the text between two pieces of code at even places.
    marked = "".join(_bold(part) if i % 2 else _sentence(part) for i, part in enumerate(parts))
    return [
        _line(line)
        for line in wrap(marked, _COLUMNS, break_long_words=False, break_on_hyphens=False)
    ]


def _page(pages: Sequence[Page]) -> Iterator[str]:
    root, *commands = pages
    shared = _shared(commands)
    yield '.\\" Made by `pincli help man`; a change here is lost.'
    yield f'.TH PINCLI 1 "" "pincli {literal(__version__)}" "User Commands"'
    # Left-aligned and without hyphenation: readers search and type these words.
    yield ".nh"
    yield ".ad l"
    yield from _section("NAME", [f"pincli \\- {_sentence(_WHAT_IT_IS)}"])
    yield from _section("SYNOPSIS", [_typed(f"pincli {root.usage}")])
    yield from _section("DESCRIPTION", _paragraphs(root.description))
    yield from _section("OPTIONS", _definitions(root.options))
    yield from _paragraphs(["Every command has these two:"])
    yield from _definitions(shared)
    for audience, of_audience in groupby(commands, lambda each: each.audience):
        body = [line for each in of_audience if each.exits for line in _command(each, shared)]
        yield from _section(f"COMMANDS: {audience.upper()}", body)
    codes = [(str(int(code)), code.meaning) for code in ExitCode]
    yield from _section("EXIT STATUS", _definitions(codes))
    yield from _section("JSON", _paragraphs(topics.JSON))
    yield from _section("ENVIRONMENT", _definitions(topics.ENVIRONMENT))
    yield from _section("FILES", _definitions(topics.FILES))
    yield from _section("EXAMPLES", _examples(each for each in commands if each.exits))
    yield from _section("TOPICS", _topics())
    yield from _section("SEE ALSO", [".BR sudo (8),", ".BR sudoers (5)"])


def _topics() -> Iterator[str]:
    yield from prose("`pincli help TOPIC` shows a chapter of the manual:")
    yield from _definitions(topics.CHAPTERS.items())


def _section(heading: str, body: Iterable[str]) -> Iterator[str]:
    yield f".SH {literal(heading)}"
    # A paragraph right after a heading is one blank line too many.
    for number, line in enumerate(body):
        if number or line != ".PP":
            yield line


def _shared(pages: Sequence[Page]) -> list[tuple[str, str]]:
    """The options that every command has."""
    doing = [each.options for each in pages if each.exits]
    return [option for option in doing[0] if all(option in options for options in doing)]


def _command(page: Page, shared: Sequence[tuple[str, str]]) -> Iterator[str]:
    yield f'.SS "pincli {literal(page.command)} {literal(page.usage)}"'
    first, *further = page.description
    yield from prose(first)
    yield from _paragraphs(further)
    own = [option for option in page.options if option not in shared]
    yield from _definitions([*page.arguments, *own])
    yield from _paragraphs(page.notes)
    yield from _paragraphs([f"Exit status: {', '.join(str(int(code)) for code in page.exits)}."])


def _paragraphs(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        yield ".PP"
        if text.startswith("{"):
            yield from _verbatim([text])
        else:
            yield from prose(text)


def _definitions(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    for name, means in rows:
        yield ".TP"
        yield _typed(name)
        yield from prose(means)


def _examples(pages: Iterable[Page]) -> Iterator[str]:
    for each in pages:
        yield from _paragraphs([each.summary])
        yield from _verbatim(each.examples)


def _verbatim(lines: Iterable[str]) -> Iterator[str]:
    yield ".RS 4"
    yield ".nf"
    yield from (_line(literal(line)) for line in lines)
    yield ".fi"
    yield ".RE"


def _typed(text: str) -> str:
    """An option or argument; what is typed is bold, placeholders are not."""
    parts = re.split(r"(\s+)", text)
    return _line(
        "".join(
            _bold(part)
            if _TYPED.fullmatch(part.strip(",")) or part == "pincli"
            else _PLACEHOLDER.sub(r"\\fI\g<0>\\fR", literal(part))
            for part in parts
        )
    )


def _bold(text: str) -> str:
    return f"\\fB{literal(text)}\\fR"


def _sentence(text: str) -> str:
    return _HYPHENS_OF_AN_OPTION.sub(lambda found: found[0].replace("-", "\\-"), _escaped(text))


def _escaped(text: str) -> str:
    return "".join(
        _SPECIAL.get(character, character) if character.isascii() else f"\\[u{ord(character):04X}]"
        for character in text
    )


def _line(text: str) -> str:
    """A line that roff reads as text, even if it begins with a dot or a quote."""
    return f"\\&{text}" if text.startswith((".", "'")) else text
