"""Files that are named on the command line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pincli.config import Config
from pincli.errors import FileUnreadable, MalformedName, UsageProblem
from pincli.operations.places import require_elsewhere
from pincli.rules.names import canonical_user

_STDIN = Path("-")
_LONGEST_LINE = 1024
_ONE_A_LINE = "write one user a line; a comment begins with `# `"


@contextmanager
def input_file(path: Path, config: Config) -> Iterator[BinaryIO]:
    """A file opened for reading bytes; `-` is standard input.

    Raises:
        Refused: It lies in the store's or the keys' folder: through an error message it
            could otherwise be read by callers who may run pincli but not open the file.
        FileUnreadable: It can't be opened.
    """
    if path == _STDIN:
        yield sys.stdin.buffer
        return
    secret = config.secret_folders
    require_elsewhere(path, secret)
    try:
        file = path.open("rb")
    except OSError as error:
        raise FileUnreadable(f"{path}: {error.strerror}") from None
    with file:
        # Asked again of what was really opened: a link may have been exchanged in between.
        require_elsewhere(path, secret, real=Path(f"/proc/self/fd/{file.fileno()}").resolve())
        yield file


def names_from(path: Path | None, config: Config) -> Iterator[str]:
    """The canonical user names in a file, one a line; blank lines and comments are skipped.

    Raises:
        UsageProblem: A line is not a user name, or is not UTF-8; it is not repeated.
    """
    if path is None:
        return
    with input_file(path, config) as file:
        number = 0
        try:
            while line := file.readline(_LONGEST_LINE + 1):
                number += 1
                if len(line) > _LONGEST_LINE:
                    raise UsageProblem(f"line {number} is too long", _ONE_A_LINE)
                name = line.decode("utf-8-sig").strip()
                if name and not f"{name} ".startswith("# "):
                    yield canonical_user(name)
        except MalformedName as error:
            problem = f"line {number} is not a valid user name: {error.rule}"
            raise UsageProblem(problem, _ONE_A_LINE) from None
        except UnicodeDecodeError:
            raise UsageProblem(f"line {number} is not UTF-8", "save the file as UTF-8") from None
        except OSError as error:
            raise FileUnreadable(f"{path}: {error.strerror}") from None
