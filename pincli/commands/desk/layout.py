"""The windows of the desk's screen, by prompt_toolkit."""

from __future__ import annotations

from collections.abc import Sequence

from prompt_toolkit.application import get_app
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.data_structures import Point
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import ANSI, AnyFormattedText, StyleAndTextTuples
from prompt_toolkit.layout import (
    BufferControl,
    ConditionalContainer,
    FormattedTextControl,
    HSplit,
    Layout,
    VSplit,
    Window,
)
from prompt_toolkit.layout.processors import Processor, Transformation, TransformationInput

from pincli.commands.desk import rendering
from pincli.commands.desk.controller import Controller
from pincli.commands.desk.state import Listing
from pincli.config import Display
from pincli.rules.pins import PIN_LENGTH
from pincli.views import desk as view
from pincli.views.blocks import Block, Menu


class DeskLayout:
    """The windows, drawn from the controller's shift.

    Attributes:
        line: The window in which the caller is typed.
        marks: The one that is shown in its place while a PIN is typed.
        whole: All of them.
    """

    def __init__(self, controller: Controller, display: Display, line: Buffer) -> None:
        self._controller = controller
        self._display = display
        masking = _Masking(controller, "bold" if display.color else "")
        self.line = Window(BufferControl(line, input_processors=[masking]), height=1)
        pin = FormattedTextControl(self._pin, focusable=True, get_cursor_position=self._pin_cursor)
        self.marks = Window(pin, height=1)
        self.whole = self._arranged()

    def _arranged(self) -> Layout:
        asked = Condition(lambda: self._controller.shift.caller is not None)
        roomy = Condition(lambda: _rows() >= view.ROOMY)
        framed = Condition(lambda: _rows() > view.ROOMY // 2)
        entry = [
            Window(FormattedTextControl(self._label), height=1, width=8),
            ConditionalContainer(self.line, ~asked),
            ConditionalContainer(self.marks, asked),
            Window(FormattedTextControl(self._ticket), height=1, dont_extend_width=True),
            Window(width=lambda: _columns() - _width()),
        ]
        blank = ConditionalContainer(Window(height=1), roomy)
        people = FormattedTextControl(self._people, get_cursor_position=self._chosen)
        rows = [
            ConditionalContainer(Window(FormattedTextControl(self._head), height=2), framed),
            blank,
            VSplit(entry),
            blank,
            Window(FormattedTextControl(self._message), dont_extend_height=True),
            Window(people, dont_extend_height=True),
            Window(),
            blank,
            ConditionalContainer(Window(FormattedTextControl(self._foot), height=1), framed),
        ]
        return Layout(HSplit(rows), focused_element=self.line)

    def _styled(self, parts: Sequence[view.Part]) -> StyleAndTextTuples:
        return [(style if self._display.color else "", text) for style, text in parts]

    def _drawn(self, blocks: Sequence[Block]) -> AnyFormattedText:
        return ANSI("\n".join(view.message_rows(blocks, self._display, _width(), _rows())))

    def _head(self) -> AnyFormattedText:
        return self._styled(view.head(self._controller.shift.tally, self._display, _width()))

    def _foot(self) -> AnyFormattedText:
        return self._styled(view.foot(rendering.keys(self._controller.shift), _width()))

    def _label(self) -> AnyFormattedText:
        return " caller" if self._controller.shift.caller is None else " PIN"

    def _ticket(self) -> AnyFormattedText:
        return self._styled([("bold", rendering.ticket(self._controller.shift))])

    def _pin(self) -> AnyFormattedText:
        marks = view.pin_marks(len(self._controller.shift.pin), self._display)
        return self._styled([("bold", marks)])

    def _pin_cursor(self) -> Point:
        return Point(2 * min(len(self._controller.shift.pin), PIN_LENGTH), 0)

    def _message(self) -> AnyFormattedText:
        roomy = _rows() >= view.ROOMY
        return self._drawn(rendering.message(self._controller.shift, roomy=roomy))

    def _people(self) -> AnyFormattedText:
        listing = self._controller.shift.message
        if not isinstance(listing, Listing):
            return ""
        menu = Menu(view.people_rows(listing.found, _width()), listing.chosen)
        return self._drawn([menu])

    def _chosen(self) -> Point:
        listing = self._controller.shift.message
        return Point(0, listing.chosen if isinstance(listing, Listing) else 0)


class _Masking(Processor):
    """Hides a PIN that is typed in the place of a name."""

    def __init__(self, controller: Controller, style: str) -> None:
        self._controller = controller
        self._style = style

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        """The line, at the same length."""
        shift = self._controller.shift._replace(line=transformation_input.document.text)
        return Transformation([(self._style, rendering.masked(shift))])


def _rows() -> int:
    return get_app().output.get_size().rows


def _columns() -> int:
    return get_app().output.get_size().columns


def _width() -> int:
    # The last column stays free: some terminals wrap as soon as it is written.
    return max(1, min(_columns() - 1, view.WIDEST))
