"""The file of bad rows, as the imported file has them, to be corrected and imported again."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from pincli.errors import FileUnwritable, Refused, Rule
from pincli.files import sync_folder
from pincli.operations.named_files import require_elsewhere
from pincli.store.scratch import StagedImport

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def require_new(path: Path, forbidden: Iterable[Path]) -> None:
    """Refuse a file that exists, or would be in a forbidden folder; nothing is written."""
    folder = Path(os.path.realpath(path.absolute().parent))
    require_elsewhere(path, forbidden, real=folder / path.name)
    if os.path.lexists(path):
        raise Refused(Rule.FILE_EXISTS, str(path))


def write_rejects(path: Path, staged: StagedImport, forbidden: Iterable[Path]) -> None:
    """Write the bad rows, before any good row is imported; durable when this returns.

    Raises:
        Refused: The file exists.
        FileUnwritable: It can't be written; what there is of it is removed.
    """
    require_new(path, forbidden)
    try:
        descriptor = os.open(path, _NEW, 0o600)
    except FileExistsError:
        raise Refused(Rule.FILE_EXISTS, str(path)) from None
    except OSError as error:
        raise FileUnwritable(f"{path}: {error.strerror}") from None
    try:
        with open(descriptor, "wb") as file:
            file.write(staged.preamble.encode())
            for text in staged.rejected():
                file.write(text if text.endswith(b"\n") else text + b"\n")
            file.flush()
            os.fsync(descriptor)
        sync_folder(path.absolute().parent)
    except BaseException as error:
        path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise FileUnwritable(f"{path}: {error.strerror}") from None
        raise
