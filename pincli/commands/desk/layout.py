"""The windows of the desk's screen, by prompt_toolkit.

They are few, since a caller waits while the verdict is drawn, and each window costs time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from prompt_toolkit.application import get_app
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.data_structures import Point
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.formatted_text.utils import fragment_list_width
from prompt_toolkit.layout import (
    BufferControl,
    ConditionalContainer,
    FormattedTextControl,
    HSplit,
    Layout,
    UIContent,
    Window,
    WindowRenderInfo,
)
from prompt_toolkit.layout.margins import Margin
from prompt_toolkit.layout.processors import Processor, Transformation, TransformationInput

from pincli.commands.desk import rendering
from pincli.commands.desk.controller import Controller
from pincli.commands.desk.state import Listing
from pincli.config import Display
from pincli.rules.pins import PIN_LENGTH
from pincli.views import desk as view
from pincli.views.blocks import Block, Menu
from pincli.views.folding import cut

_LABEL_COLUMNS = 8
_COLOURS = {
    "black": "ansiblack",
    "red": "ansired",
    "green": "ansigreen",
    "magenta": "ansimagenta",
    "white": "ansigray",
}
"""Rich's colours by prompt_toolkit's names."""


class DeskLayout:
    """The windows, drawn from the controller's shift.

    Attributes:
        whole: All of them.
    """

    def __init__(self, controller: Controller, display: Display, line: Buffer) -> None:
        self._controller = controller
        self._display = display
        self.whole = self._arranged(line)

    def _arranged(self, line: Buffer) -> Layout:
        listed = Condition(lambda: isinstance(self._controller.shift.message, Listing))
        entry = BufferControl(
            line,
            input_processors=[_Entry(self._controller, self._display)],
            include_default_input_processors=False,
        )
        people = FormattedTextControl(self._people, get_cursor_position=self._chosen)
        # A roomy screen's blank rows belong to the windows beside them.
        rows = [
            Window(FormattedTextControl(self._head), height=lambda: 2 * _is_framed() + _is_roomy()),
            Window(
                entry,
                height=lambda: 1 + _is_roomy(),
                get_line_prefix=self._label,
                right_margins=[_Ticket(self._ticket)],
            ),
            Window(FormattedTextControl(self._message), dont_extend_height=listed),
            ConditionalContainer(Window(people), listed),
            Window(FormattedTextControl(self._foot), height=lambda: _is_framed() + _is_roomy()),
        ]
        return Layout(HSplit(rows))

    def _styled(self, parts: Iterable[view.Part]) -> StyleAndTextTuples:
        return [(style if self._display.color else "", text) for style, text in parts]

    def _drawn(self, blocks: Sequence[Block]) -> StyleAndTextTuples:
        parts: list[view.Part] = []
        for line in view.message_lines(blocks, self._display, _width(), _rows()):
            parts += [("", "\n"), *((style_of(style), text) for text, style in line)]
        return self._styled(parts[1:])

    def _head(self) -> StyleAndTextTuples:
        return self._styled(view.head(self._controller.shift.tally, self._display, _width()))

    def _foot(self) -> StyleAndTextTuples:
        blank = [("", "\n")] if _is_roomy() else []
        return self._styled([*blank, *view.foot(rendering.keys(self._controller.shift), _width())])

    def _label(self, _line: int, _wrapped: int) -> StyleAndTextTuples:
        label = " caller" if self._controller.shift.caller is None else " PIN"
        return [("", label.ljust(_LABEL_COLUMNS))]

    def _ticket(self) -> StyleAndTextTuples:
        ticket = rendering.ticket(self._controller.shift)
        return self._styled([("bold", cut(ticket, _width() - _LABEL_COLUMNS, ""))])

    def _message(self) -> StyleAndTextTuples:
        return self._drawn(rendering.message(self._controller.shift, roomy=_is_roomy()))

    def _people(self) -> StyleAndTextTuples:
        listing = self._controller.shift.message
        if not isinstance(listing, Listing):
            return []
        menu = Menu(view.people_rows(listing.found, _width()), listing.chosen)
        return self._drawn([menu])

    def _chosen(self) -> Point:
        listing = self._controller.shift.message
        return Point(0, listing.chosen if isinstance(listing, Listing) else 0)


class _Entry(Processor):
    """The line, without a PIN that is typed in the place of a name; or the marks of a PIN."""

    def __init__(self, controller: Controller, display: Display) -> None:
        self._controller = controller
        self._display = display

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        """What is shown; the line keeps its length, so that the cursor stays in place."""
        shift = self._controller.shift
        style = "bold" if self._display.color else ""
        if shift.caller is None:
            shift = shift._replace(line=transformation_input.document.text)
            return Transformation([(style, rendering.masked(shift))])
        marks = view.pin_marks(len(shift.pin), self._display)
        cursor = 2 * min(len(shift.pin), PIN_LENGTH)
        # The blank is for the cursor after the last digit.
        return Transformation([(style, marks), ("", " ")], source_to_display=lambda _: cursor)


class _Ticket(Margin):
    """The ticket in the line, at the right end of the part of the screen that is used."""

    def __init__(self, text: Callable[[], StyleAndTextTuples]) -> None:
        self._text = text

    def get_width(self, get_ui_content: Callable[[], UIContent]) -> int:
        """Its columns, and those that are not used."""
        return fragment_list_width(self._text()) + _columns() - _width()

    def create_margin(
        self, window_render_info: WindowRenderInfo, width: int, height: int
    ) -> StyleAndTextTuples:
        """Its text."""
        return self._text()


def style_of(words: str) -> str:
    """A style in Rich's words, in those of prompt_toolkit."""
    text, _, ground = words.partition(" on ")
    style = " ".join(_COLOURS.get(word, word) for word in text.split())
    return f"{style} bg:{_COLOURS[ground]}" if ground else style


def _is_roomy() -> bool:
    return _rows() >= view.ROOMY


def _is_framed() -> bool:
    return _rows() > view.ROOMY // 2


def _rows() -> int:
    return get_app().output.get_size().rows


def _columns() -> int:
    return get_app().output.get_size().columns


def _width() -> int:
    # The last column stays free: some terminals wrap as soon as it is written.
    return max(1, min(_columns() - 1, view.WIDEST))
