"""`python -m tests.support.redraw`: the golden screens and the README's pictures, written again."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from tests.support import gallery
from tests.support.badges import badges
from tests.support.desk import Desk
from tests.support.floor import copy_of

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "views" / "golden"
PICTURES = ROOT / ".pictures"
PICTURED = (
    "verified",
    "locked",
    "card",
    "totals",
    "reset-preview",
    "alerts",
    "audit-of-one",
    "doctor",
)
WIDTHS = (None, 60, 80, 200)

_THEME = TerminalTheme(
    (30, 30, 36),
    (220, 220, 224),
    [
        (30, 30, 36),
        (240, 96, 96),
        (96, 200, 120),
        (220, 180, 90),
        (110, 160, 240),
        (210, 140, 230),
        (100, 200, 210),
        (220, 220, 224),
    ],
)
# Rich's own form fetches its font from elsewhere; a README's picture must not.
_FORM = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">
<style>
.{unique_id}-matrix {{ font-family: monospace; font-size: {char_height}px;
line-height: {line_height}px; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix" xml:space="preserve">
{matrix}
</g>
</g>
</svg>
"""


def golden(desk: Desk, screen: str, folder: Path, clock: gallery.Clock) -> str:
    """A screen in a pipe and on terminals of every width, as text without styles.

    Args:
        desk: The furnished store, which is left as it is.
        screen: Which.
        folder: For copies of the store.
        clock: The clock.
    """
    parts = []
    for columns in WIDTHS:
        clock.at()
        copy = copy_of(desk, folder / f"{screen}-{columns}")
        text = Text.from_ansi(gallery.shown(copy, screen, columns=columns)).plain
        where = "in a pipe" if columns is None else f"{columns} columns"
        parts.append(f"$ pincli {gallery.SCREENS[screen]}   # {where}\n{text}\n")
    return "\n".join(parts)


def picture(desk: Desk, screen: str, folder: Path, clock: gallery.Clock) -> str:
    """A screen as SVG: what a terminal of 80 columns got, in its colours."""
    clock.at()
    shown = gallery.shown(copy_of(desk, folder / f"{screen}-picture"), screen, columns=80)
    console = Console(
        record=True, width=80, file=io.StringIO(), force_terminal=True, color_system="standard"
    )
    console.print(Text(f"$ pincli {gallery.SCREENS[screen]}", style="bold"))
    console.print(Text.from_ansi(shown), end="")
    return console.export_svg(
        title="", theme=_THEME, code_format=_FORM, unique_id=f"pincli-{screen}"
    )


def everything() -> Iterator[tuple[Path, str]]:
    """Each file, and what it should hold."""
    with tempfile.TemporaryDirectory() as made, gallery.clock() as clock:
        folder = Path(made)
        desk = gallery.furnished(folder / "store", clock)
        for screen in gallery.SCREENS:
            yield GOLDEN / f"{screen}.txt", golden(desk, screen, folder, clock)
        for screen in PICTURED:
            yield PICTURES / f"{screen}.svg", picture(desk, screen, folder, clock)
    for name, badge in badges().items():
        yield PICTURES / name, badge


def main() -> None:
    """Write all of them."""
    for path, text in everything():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o644)  # pincli's own umask was at work


if __name__ == "__main__":
    main()
