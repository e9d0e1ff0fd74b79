"""Running commands that obey file modes, even as root."""

from __future__ import annotations

import os

_WITHOUT_PRIVILEGE = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
"""Root without the right to open every file."""


def unprivileged(*words: str) -> list[str]:
    """Return a command line that obeys file modes."""
    return [*(_WITHOUT_PRIVILEGE if os.geteuid() == 0 else ()), *words]
