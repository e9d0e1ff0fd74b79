"""Whether others could change the program, which holds the keys while it runs."""

from __future__ import annotations

import os
import stat
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

from pincli.files import real_place
from pincli.results import Check, unchecked

_ROOT = (0,)
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_CAPABILITIES = "security.capability"


def program_checks() -> Iterator[Check]:
    """Only root may change program, environment and Python, and Python has no capabilities."""
    import pincli

    package = Path(pincli.__file__).parent
    tree = package if sys.prefix == sys.base_prefix else Path(sys.prefix)
    python = Path(sys.executable)
    yield unchanged_program((tree, package, python, Path(sysconfig.get_path("stdlib"))), tree)
    yield without_capabilities(python)


def unchanged_program(places: Iterable[Path], tree: Path) -> Check:
    """Whether only root can change these places, and everything in a tree.

    Not even the service account may: an intruder who got in once could stay.
    """
    what = "program"
    try:
        for path in places:
            place, is_safe = real_place(path, _ROOT)
            if not is_safe:
                break
        else:
            found = next(_changeable(tree), None)
            if found is None:
                return Check(what, None, "")
            place = found
    except OSError as error:
        return unchecked(what, f"{error.filename}: {error.strerror}")
    hint = f"chown -R root:root {tree} && chmod -R go-w {tree}"
    if not place.is_relative_to(tree):
        hint = f"chown root {place} && chmod go-w {place}"
    return Check(what, f"users other than root can change {place}", hint)


def without_capabilities(python: Path) -> Check:
    """Whether a Python has no rights that its caller lacks."""
    try:
        os.getxattr(python, _CAPABILITIES)
    except OSError:
        return Check("Python", None, "")
    real = python.resolve()
    return Check("Python", f"{real} has capabilities", f"setcap -r {real}")


def _changeable(tree: Path) -> Iterator[Path]:
    """What others than root can change in a tree."""
    for folder, folders, files in os.walk(tree):
        for name in (*folders, *files):
            path = Path(folder, name)
            try:
                facts = path.lstat()
            except FileNotFoundError:  # it was there for a moment
                continue
            is_link = stat.S_ISLNK(facts.st_mode)
            if facts.st_uid != 0 or (facts.st_mode & _WRITABLE_BY_OTHERS and not is_link):
                yield path
