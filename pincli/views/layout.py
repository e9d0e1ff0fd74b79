"""Blocks as lines of styled spans: one layout for pipes and terminals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pincli.config import Display
from pincli.views.blocks import Band, Block, Chart, Fields, Headline, Menu, Next, Note, Table, Tone
from pincli.views.folding import (
    GAP,
    Line,
    Span,
    columns_of,
    cut,
    flowing,
    folded,
    in_columns,
    padded,
    side_by_side,
    width_of,
    widths,
)
from pincli.views.sanitiser import shown

_SIGNS = {Tone.GOOD: ("\u2714", "[ok]"), Tone.BAD: ("\u2718", "[!!]"), Tone.WARNING: ("!", "!")}
_BARS = ("\u00b7\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588", ".:-=+*#%@")
_RULES = ("\u2501", "=")
_MARKERS = ("\u203a", ">")
_CUTS = ("\u2026", "")
_STYLES = {
    Tone.GOOD: "bold green",
    Tone.BAD: "bold red",
    Tone.WARNING: "bold magenta",  # yellow can't be read on white
    Tone.NEUTRAL: "",
    Tone.QUIET: "dim",
}
_QUIET = _STYLES[Tone.QUIET]
_BAND_STYLES = {Tone.GOOD: "bold black on green", Tone.BAD: "bold white on red"}
_CHOSEN_STYLE = "bold reverse"


def lines(blocks: Sequence[Block], display: Display, columns: int) -> Iterator[Line]:
    """The blocks as lines of this width at most; a table's rows as they come."""
    layout = _Layout(display, columns)
    for block in blocks:
        yield from layout.lines_of(block)


class _Layout:
    """Lines of one width, in Unicode or in ASCII."""

    def __init__(self, display: Display, columns: int) -> None:
        self._display = display
        self._columns = columns

    def lines_of(self, block: Block) -> Iterator[Line]:
        match block:
            case Headline():
                word = self._span(self._headline(block), _STYLES[block.tone] or "bold")
                yield from folded([word, self._span(f"  {block.about}")], self._columns)
            case Band():
                yield from self._band(block)
            case Fields():
                yield from self._rows(
                    [
                        (Span(""), self._span(label, _QUIET), self._span(value))
                        for label, value in block.pairs
                    ],
                    (False, False, True),
                )
            case Note():
                yield from folded([self._span(block.text, _STYLES[block.tone])], self._columns)
            case Next():
                yield from self._next(block)
            case Table():
                yield from self._table(block)
            case Chart():
                yield from self._rows(
                    [[*map(self._span, ("", *row))] for row in self._charted(block)],
                    (False, True, False, False),
                )
            case Menu():
                yield from self._menu(block)

    def _span(self, text: str, style: str = "") -> Span:
        """Text as the sanitiser shows it, without spaces at its end.

        Other blanks are escaped and stay: two names must look different.
        """
        return Span(shown(text, unicode=self._display.unicode).rstrip(" "), style)

    def _sign(self, signs: tuple[str, str]) -> str:
        return signs[0 if self._display.unicode else 1]

    def _headline(self, block: Headline) -> str:
        """The sign and the word: their meaning needs no colour."""
        sign = _SIGNS.get(block.tone)
        return f"{self._sign(sign)} {block.word}" if sign else block.word

    def _band(self, block: Band) -> Iterator[Line]:
        """Three rows in the tone's colour; without colours, between two rules."""
        tone, _, about = block.headline
        words = self._headline(block.headline).replace(" ", "  ", 1)
        text = self._span(f"{words}   {about}")
        parts = [part for (part,) in folded([text], self._columns - 2 * GAP)]
        style = _BAND_STYLES.get(tone, "reverse") if self._display.color else ""
        edge = Span((" " if style else self._sign(_RULES)) * self._columns, style)
        yield [edge]
        for part in parts:
            yield [Span(padded(f"{' ' * GAP}{part.text}", self._columns if style else 0), style)]
        yield [edge]

    def _next(self, block: Next) -> Iterator[Line]:
        """The command, and the reason beside or below it."""
        line = [Span("  next: ", _QUIET), self._span(block.command, "bold dim")]
        why = self._span(f"({block.why})", _QUIET)
        beside = [*line, Span("   ", _QUIET), why]
        if width_of(beside) <= self._columns:
            yield beside
            return
        yield from folded(line, self._columns)
        for part in folded([why], self._columns - GAP):
            yield [Span(" " * GAP), *part]

    def _table(self, table: Table) -> Iterator[Line]:
        """A head and its rows; a later page may need wider columns, never narrower ones."""
        folding = [table.folding is None or name in table.folding for name in table.columns]
        rows: list[Sequence[Span]] = [[self._span(name, _QUIET) for name in table.columns]]
        natural = [0] * len(table.columns)
        for page in table.pages:
            if page:
                rows += ([self._span(cell) for cell in row] for row in page)
                natural = [max(pair) for pair in zip(natural, _natural(rows), strict=True)]
                yield from self._rows(rows, folding, natural)
                rows = []
        if rows:
            yield from folded([self._span(table.empty)], self._columns)

    def _rows(
        self, rows: Sequence[Line], folding: Sequence[bool], natural: list[int] | None = None
    ) -> Iterator[Line]:
        """Rows, their cells side by side if they fit."""
        natural = natural or _natural(rows)
        wide = widths(natural, folding, self._columns)
        for row in rows:
            if wide == natural:
                yield in_columns(row, wide)
            elif wide:
                yield from side_by_side(row, wide)
            else:
                yield from flowing(row, self._columns)

    def _charted(self, chart: Chart) -> Iterator[tuple[str, str, str]]:
        """The labels, bars and closing words."""
        bars = self._sign(_BARS)
        of_all = max((value for _, values, _ in chart.rows for value in values), default=0)
        for label, values, closing in chart.rows:
            most = (max(values, default=0) if chart.scaled_by_row else of_all) or 1
            # Rounded up: a single failure shows.
            drawn = "".join(bars[-(-value * (len(bars) - 1) // most)] for value in values)
            yield label, drawn, closing

    def _menu(self, menu: Menu) -> Iterator[Line]:
        """A line for each row, cut where it is too wide."""
        rows = [[self._span(cell) for cell in row] for row in menu.rows]
        wide = _natural(rows)
        room = min(sum(wide) + GAP * len(wide) + 1, self._columns - 1)
        for number, row in enumerate(rows):
            chosen = number == menu.chosen
            cells = [Span(self._sign(_MARKERS) if chosen else " "), *row]
            text = "".join(span.text for span in in_columns(cells, [1, *wide]))
            text = cut(text, self._columns - 1, self._sign(_CUTS))
            yield [Span(" "), Span(padded(text, room), _CHOSEN_STYLE) if chosen else Span(text)]


def _natural(rows: Sequence[Line]) -> list[int]:
    """The widths of the columns of these rows, without folding."""
    return [max(columns_of(cell.text) for cell in column) for column in zip(*rows, strict=True)]
