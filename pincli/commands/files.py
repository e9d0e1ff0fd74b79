"""Files that are named on the command line."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pincli.config import Config
from pincli.errors import FileUnreadable, MalformedName, UsageProblem
from pincli.operations.named_files import require_elsewhere
from pincli.operations.people import Named, named

STANDARD = Path("-")
"""Standard input or output."""
_LONGEST_LINE = 1024
_ONE_A_LINE = "write one user a line, the account after a tab; a comment begins with `# `"


@contextmanager
def input_file(path: Path, config: Config) -> Iterator[BinaryIO]:
    """A file opened for reading bytes; `-` is standard input.

    Raises:
        Refused: It is in the store's or the keys' folder. Error messages about it could show
            it to callers who may run pincli but not open the file.
        FileUnreadable: It can't be opened.
    """
    if path == STANDARD:
        yield sys.stdin.buffer
        return
    secret = config.secret_folders
    require_elsewhere(path, secret)
    try:
        file = path.open("rb")
    except OSError as error:
        raise FileUnreadable(f"{path}: {error.strerror}") from None
    with file:
        # Checked again for the opened file: a link may have been replaced in between.
        require_elsewhere(path, secret, real=Path(f"/proc/self/fd/{file.fileno()}").resolve())
        yield file


def names_in(users: Sequence[str] | None, path: Path | None, config: Config) -> list[Named] | None:
    """The users named on the command line and in a file; None if there is neither."""
    if not users and path is None:
        return None
    return [*map(Named, users or ()), *names_from(path, config)]


def names_from(path: Path | None, config: Config) -> Iterator[Named]:
    """The users in a file, one a line; blank lines and comments are skipped.

    A line is a login; a login, a tab and an account; or a JSON object with `user` and `account`.
    A bad line raises UsageProblem, which gives its number and not its text.
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
                text = line.decode("utf-8-sig").rstrip()
                if text and not f"{text.lstrip()} ".startswith("# "):
                    yield named(_in_line(text.lstrip(" ")))
        except MalformedName as error:
            problem = f"line {number} is not a valid user name: {error.rule}"
            raise UsageProblem(problem, _ONE_A_LINE) from None
        except UnicodeDecodeError:
            raise UsageProblem(f"line {number} is not UTF-8", "save the file as UTF-8") from None
        except OSError as error:
            raise FileUnreadable(f"{path}: {error.strerror}") from None


def _in_line(line: str) -> Named:
    """The user that a line names. No login begins like JSON, since it has no `"`."""
    if not line.startswith('{"'):
        login, tab, account = line.partition("\t")
        return Named(login, account if tab else None)
    import json

    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        row = {}
    login, account = row.get("user"), row.get("account")
    if isinstance(login, str) and isinstance(account, str | None):
        return Named(login, account)
    raise MalformedName("user name", "a row of JSON needs `user`, and may have `account`")
