"""What a command hands to be written: its answer, or a problem.

Apart from the blocks, which JSON doesn't need. Annotations are not postponed here, as in models.py.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from pincli.views.exit_codes import ExitCode

if TYPE_CHECKING:
    from pincli.views.blocks import Block


class Problem(NamedTuple):
    """An error as shown: a code for scripts, a sentence, and what to do."""

    code: str
    message: str
    hint: str


class Answer(NamedTuple):
    """The answer of a command, for programs and for people.

    Attributes:
        facts: The JSON keys; an iterator is written as an array.
        screen: Makes the blocks; not called for JSON.
        text: What people get in place of a screen, as it is.
        complaints: Makes the lines on stderr before the problem, for an answer without a
            screen; not called for JSON.
        problem: The JSON `error`, for an answer that is a failure, as "incorrect" is.
        exit_code: The exit code if all of it can be written.
        secret: Whether PINs are among the facts, which then may not touch the disk.
    """

    facts: dict[str, object]
    screen: Callable[[], "Sequence[Block]"] = tuple
    text: str | None = None
    complaints: Callable[[], Sequence[str]] | None = None
    problem: Problem | None = None
    exit_code: ExitCode = ExitCode.DONE
    secret: bool = False

    @property
    def is_long(self) -> bool:
        """Whether it comes page by page, so that a person may want to stop it."""
        return any(isinstance(value, Iterator) for value in self.facts.values())
