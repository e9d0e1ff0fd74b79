"""Text output, plain and on a terminal: hostile data stays text, and nothing gets lost."""

from __future__ import annotations

import re

import pytest

from pincli.config import read_display
from pincli.views.blocks import Block, Chart, Fields, Headline, Next, Note, Table, Tone
from tests.support.terminal import cells
from tests.views.records import HOSTILE
from tests.views.screens import ASCII, COLOURED, UNCOLOURED, drawn, letters, piped, without_styles

WIDTHS = (20, 60, 80, 200)


def blocks_with(text: str) -> list[Block]:
    """Every kind of block, with this text wherever data goes."""
    return [
        Headline(Tone.BAD, "NOT VERIFIED", text),
        Fields([("user", text), ("why", "the PIN is incorrect")]),
        Note(text, Tone.QUIET),
        Next(text, text),
        Table(("user", "name"), iter([[("alice", text)], [(text, "second page")]]), "nobody"),
        Table(("user",), iter([]), text),
        Chart([(text[:20], [0, 1, 7], "8")]),
    ]


def stray_controls(text: str) -> list[str]:
    """Characters that a terminal would act on, other than line ends."""
    return [c for c in text if not c.isprintable() and c not in "\n\u200c\u200d"]


@pytest.mark.parametrize("text", HOSTILE, ids=repr)
@pytest.mark.parametrize("unicode", [True, False])
def test_hostile_text_is_harmless_in_a_pipe(text: str, unicode: bool) -> None:
    """No control character, no extra line, ASCII if asked for, markup as text."""
    out = piped(blocks_with(text), UNCOLOURED if unicode else ASCII)
    assert stray_controls(out) == []
    assert out.count("\n") == piped(blocks_with("harmless")).count("\n")
    assert unicode or out.isascii()
    if text.isprintable():
        assert out.count(text[:20]) == 9


@pytest.mark.parametrize("text", HOSTILE, ids=repr)
@pytest.mark.parametrize("unicode", [True, False])
@pytest.mark.parametrize("color", [True, False])
def test_hostile_text_is_harmless_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, text: str, unicode: bool, color: bool
) -> None:
    """No control character but our own colours, and markup as text."""
    display = COLOURED._replace(unicode=unicode, color=color)
    out = drawn(blocks_with(text), display, monkeypatch, columns=200)
    assert ("\x1b[" in out) is color
    plain = without_styles(out)
    assert stray_controls(plain) == []
    assert unicode or plain.isascii()
    if text.isprintable():
        assert plain.count(text[:20]) == 9


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize(
    "text",
    [
        "Alice Example",
        "a name that is a good deal longer than a narrow terminal is wide, with many words in it",
        "x" * 150,
        "\u5f20\u4f1f" * 30,
    ],
    ids=len,
)
def test_no_width_loses_a_character(
    monkeypatch: pytest.MonkeyPatch, columns: int, text: str
) -> None:
    """Text is wrapped or folded, never cut."""
    out = drawn(blocks_with(text), UNCOLOURED, monkeypatch, columns=columns)
    assert letters(out) == letters(piped(blocks_with(text)))


@pytest.mark.parametrize("columns", WIDTHS)
def test_a_chart_is_never_cut(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    """Next to a long account name every hour and every digit is there."""
    chart = [Chart([("account-with-quite-a-long-name", list(range(24)), "1234")])]
    out = drawn(chart, UNCOLOURED, monkeypatch, columns=columns)
    assert letters(out) == letters(piped(chart))


def test_a_charts_bars_begin_in_one_column() -> None:
    """Labels of any length; each row has its own scale if asked for."""
    rows = [("not verified", [0, 8], "8 a day"), ("locked", [0, 1], "1 a day")]
    long, short = piped([Chart(rows, scaled_by_row=True)]).splitlines()
    assert long.index("█") == short.index("█")
    assert piped([Chart(rows)]).count("█") == 1


@pytest.mark.parametrize("columns", WIDTHS)
def test_a_long_list_keeps_every_cell_on_every_page(
    monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    """The second page loses nothing either."""
    columns_of_it = ("user", "account", "name", "state", "used", "last attempt")

    def rows(first: str) -> list[tuple[str, ...]]:
        name = f"{first}-with-a-rather-long-login"
        return [(name, "account-" * 4, "Some Long Display Name", "locked", "6/6", "2026-01-02")]

    def table() -> list[Block]:
        return [Table(columns_of_it, iter([rows("one"), [], rows("two")]), "nobody")]

    out = drawn(table(), UNCOLOURED, monkeypatch, columns=columns)
    assert letters(out) == letters(piped(table()))


def test_a_table_has_one_head(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several pages are one table; without rows it is a sentence."""
    pages = [[("alice", "1")], [], [("bob", "2")]]
    for out in (
        piped([Table(("user", "n"), iter(pages), "nobody")]),
        drawn([Table(("user", "n"), iter(pages), "nobody")], UNCOLOURED, monkeypatch),
    ):
        assert [line.split() for line in out.splitlines()] == [
            ["user", "n"],
            ["alice", "1"],
            ["bob", "2"],
        ]
    no_pages: list[list[list[tuple[str, str]]]] = [[], [[]]]
    for none in no_pages:
        assert piped([Table(("user", "n"), iter(none), "nobody")]) == "nobody\n"


def test_the_verdict_is_a_sign_and_a_word_before_it_is_a_colour() -> None:
    """It can be read without colours, and without UTF-8."""
    good, bad = Headline(Tone.GOOD, "VERIFIED"), Headline(Tone.BAD, "NOT VERIFIED")
    assert piped([good, bad]) == "\u2714 VERIFIED\n\u2718 NOT VERIFIED\n"
    assert piped([good, bad], ASCII) == "[ok] VERIFIED\n[!!] NOT VERIFIED\n"


def test_the_colours_can_be_read_on_light_and_on_dark(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only colours that are neither near white nor near black."""
    for tone in Tone:
        out = drawn([Headline(tone, "word", "about"), Note("note", tone)], COLOURED, monkeypatch)
        codes = {
            int(code) for run in re.findall(r"\x1b\[([0-9;]*)m", out) for code in run.split(";")
        }
        assert codes <= {0, 1, 2, 31, 32, 34, 35, 36}, (tone, codes)


def test_wide_characters_keep_columns_aligned() -> None:
    """Chinese characters and emoji take two columns, a combining accent none; in a pipe too."""
    names = ("Alice", "\u4f50\u85e4 \u5149", "Frank \U0001f98a", "Jose\u0301")
    out = piped([Table(("name", "state"), [[(name, "active") for name in names]], "nobody")])
    assert {cells(line.partition("active")[0]) for line in out.splitlines()[1:]} == {10}
    labelled = piped([Fields([(name, "value") for name in names])])
    assert len({cells(line.partition("value")[0]) for line in labelled.splitlines()}) == 1


def test_a_time_is_never_folded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A narrow table folds its texts; if that is not enough, rows flow."""
    time = "2026-11-24T13:30:12Z"
    row = ("a-login-of-some-length", time, "and a reason that has a number of words in it")
    for columns in (30, 40, 60, 80):
        table = Table(("user", "at", "why"), [[row]], "nothing", folding=("user", "why"))
        assert time in drawn([table], UNCOLOURED, monkeypatch, columns=columns)


def test_a_later_page_widens_the_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long name on the second page is not folded if the terminal has room."""
    long = "somebody-with-a-long-login"
    table = Table(("user", "state"), iter([[("al", "active")], [(long, "locked")]]), "nobody")
    assert f"{long}  locked" in drawn([table], UNCOLOURED, monkeypatch)


@pytest.mark.parametrize("blank", ["\u00a0", "\u2028", "\x1c", "\x85", "\t"])
def test_only_spaces_at_the_end_are_dropped(blank: str) -> None:
    """Other blanks at the end of a name are escaped: two names must look different."""
    ending = f"alice{blank}"
    for block in (
        Headline(Tone.GOOD, "VERIFIED", ending),
        Fields([("user", ending)]),
        Table(("user",), iter([[(ending,)]]), ""),
    ):
        assert "\\" in piped([block]), block


@pytest.mark.parametrize("value", ["1", "0", "anything"])
def test_no_color_gives_no_colour_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    """NO_COLOR with any value prevents every escape sequence."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", value)
    out = drawn(blocks_with("Alice"), read_display(), monkeypatch)
    assert "\x1b" not in out
    assert "Alice" in out


@pytest.mark.parametrize("no_color", [None, ""])
def test_without_no_color_a_terminal_gets_colours(
    monkeypatch: pytest.MonkeyPatch, no_color: str | None
) -> None:
    """An empty NO_COLOR counts as unset."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color is not None:
        monkeypatch.setenv("NO_COLOR", no_color)
    assert "\x1b[" in drawn(blocks_with("Alice"), read_display(), monkeypatch)
