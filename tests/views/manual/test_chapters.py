"""The chapters: within the width, nothing lost, readable without colours and in ASCII."""

from __future__ import annotations

import re

import pytest

from pincli.config import Display
from pincli.views.manual.chapters import FOLDER, chapter
from pincli.views.manual.topics import CHAPTERS

PLAIN = Display(unicode=True, color=False)
_FENCE = re.compile(r"^```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_STYLE = re.compile(r"\x1b\[[\d;]*m")


def source(name: str) -> str:
    """The chapter's Markdown."""
    return (FOLDER / f"{name}.md").read_text(encoding="utf-8")


def code(name: str) -> set[str]:
    """The lines of its code, as they are shown."""
    blocks = _FENCE.findall(source(name))
    return {f"  {line}".rstrip() for block in blocks for line in block.splitlines()}


def test_every_file_is_a_topic() -> None:
    """`pincli help` knows each file, and no other."""
    assert {path.name for path in FOLDER.iterdir()} == {f"{name}.md" for name in CHAPTERS}


@pytest.mark.parametrize("columns", [60, 80])
@pytest.mark.parametrize("color", [False, True])
@pytest.mark.parametrize("name", CHAPTERS)
def test_only_code_is_wider(name: str, color: bool, columns: int) -> None:
    """Code stays on its line, so that it can be copied; everything else fits."""
    text = chapter(name, columns, PLAIN._replace(color=color))
    lines = [_STYLE.sub("", line).rstrip() for line in text.splitlines()]
    assert {line for line in lines if len(line) > columns} <= code(name)
    assert code(name) <= set(lines)


@pytest.mark.parametrize("name", CHAPTERS)
def test_no_word_is_lost(name: str) -> None:
    """Each word is shown as often as it is written; tables only change the order."""
    written = re.sub(r"^!\[.*\n|^```.*\n", "", source(name), flags=re.MULTILINE)
    written = re.sub(r"\[\w+\]\((\w+)\.md\)", r"pincli help \1", written)
    shown = chapter(name, 2000, PLAIN)
    assert sorted(re.findall(r"\w+", shown)) == sorted(re.findall(r"\w+", written))


@pytest.mark.parametrize("name", CHAPTERS)
def test_plain_text_has_no_styles(name: str) -> None:
    """Without colours it has no ANSI, and without UTF-8 it has ASCII only."""
    assert "\x1b" not in chapter(name, 80, PLAIN)
    assert chapter(name, 80, PLAIN._replace(unicode=False)).isascii()


@pytest.mark.parametrize("name", CHAPTERS)
def test_links_name_other_topics(name: str) -> None:
    """Each is written `[topic](topic.md)`, and shown as the command."""
    links = re.findall(r"(?<!!)\[([^\]]*)\]\((.*?)\)", source(name))
    assert all(topic in CHAPTERS and file == f"{topic}.md" for topic, file in links)
    shown = " ".join(chapter(name, 2000, PLAIN).split())
    assert all(f"`pincli help {topic}`" in shown for topic, _ in links)
