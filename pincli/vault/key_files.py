"""Key files on disk: made exclusively, opened without following links, refused when exposed."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pincli.errors import KeysUnavailable, Refused, Rule
from pincli.files import open_plain, open_to_others, real_place, sync_folder
from pincli.models import Fault

KEY_BYTES = 32
_LONGEST_FILE = 200
_ONE_LINE = re.compile(rb"[0-9a-fA-F]{%d}\n?" % (2 * KEY_BYTES))
_TRIES = 3


def read_key(path: Path) -> bytes:
    """The 256-bit key that a file holds as one line of hexadecimal.

    A link is followed only if nobody but root and we can change it and its target, as where
    Kubernetes mounts keys.

    Raises:
        KeysUnavailable: It is missing, a link of others, not a plain file, readable by others
            or malformed. What it holds is not repeated.
    """
    try:
        descriptor = _opened(path)
    except OSError as error:
        fault = Fault.MALFORMED if error.errno == errno.EINVAL else Fault.of(error)
        raise KeysUnavailable(fault, path, error.strerror or "") from None
    try:
        facts = os.fstat(descriptor)
        if open_to_others(facts):
            raise KeysUnavailable(Fault.EXPOSED, path, f"mode {stat.S_IMODE(facts.st_mode):04o}")
        content = os.read(descriptor, _LONGEST_FILE)
    except OSError as error:
        raise KeysUnavailable(Fault.IO, path, error.strerror or "") from None
    finally:
        os.close(descriptor)
    if _ONE_LINE.fullmatch(content) is None:
        raise KeysUnavailable(Fault.MALFORMED, path)
    return bytes.fromhex(content.decode("ascii"))


def _opened(path: Path) -> int:
    for _ in range(_TRIES):
        try:
            return open_plain(path)
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            link = error
        with suppress(FileNotFoundError):  # another set of keys has just taken its place
            place, is_ours = real_place(path, (0, os.geteuid()))
            if not is_ours:
                raise link
            return open_plain(place)
    raise link


def write_key(path: Path, key: bytes) -> None:
    """Write a key to a file that must not exist yet; file and name are durable on return."""
    write_content(path, key)
    try:
        sync_names(path.parent)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def write_content(path: Path, key: bytes) -> None:
    """Write a key to a file that must not exist yet; `sync_names` makes its name durable.

    Raises:
        Refused: Something exists at that path; it is left as it is.
        KeysUnavailable: It can't be written.
    """
    try:
        descriptor = os.open(
            path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
        )
    except FileExistsError:
        raise Refused(Rule.KEYS_EXIST, str(path)) from None
    except OSError as error:
        raise KeysUnavailable(Fault.of(error), path, error.strerror or "") from None
    try:
        with changing(path), os.fdopen(descriptor, "wb") as file:
            file.write(key.hex().encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise


@contextmanager
def changing(path: Path) -> Iterator[None]:
    """Turn what the system raises inside into KeysUnavailable about this path."""
    try:
        yield
    except OSError as error:
        raise KeysUnavailable(Fault.of(error), path, error.strerror or "") from None


def sync_names(folder: Path) -> None:
    """Make the names in a folder durable."""
    with changing(folder):
        sync_folder(folder)
