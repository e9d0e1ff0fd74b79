"""File modes that count, also where root runs the tests."""

from __future__ import annotations

import os

_WITHOUT_PRIVILEGE = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
"""Root minus the right to open everything."""


def unprivileged(*words: str) -> list[str]:
    """A command line that may open only what the files' modes let it."""
    return [*(_WITHOUT_PRIVILEGE if os.geteuid() == 0 else ()), *words]
