"""Two ways to think of inputs: guided by coverage (atheris), or by Hypothesis from the seeds."""

from __future__ import annotations

import sys
import time
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_GUIDED = ("pincli", "csv", "json", "tomllib", "sqlite_utils")
_LONGEST = 4096
_BATCH = 200


def is_guided() -> bool:
    """Whether atheris is installed; it is no dependency, as it exists for few Pythons."""
    return find_spec("atheris") is not None


def run_guided(name: str, seconds: int, corpus: Path, found: Path) -> None:
    """Fuzz one target with atheris, which ends the process: 0 if nothing was found.

    Args:
        name: The target.
        seconds: For how long.
        corpus: A folder of inputs, which grows.
        found: A folder where an input that breaks a promise is kept.
    """
    # Untyped, and mostly not there.
    atheris: Any = import_module("atheris")
    with atheris.instrument_imports(include=list(_GUIDED)):
        targets = import_module("tests.fuzz.targets")
    target = targets.TARGETS[name]
    for number, seed in enumerate(target.seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={_LONGEST}",
        f"-artifact_prefix={found}/",
        "-verbosity=1",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], target.run)
    atheris.Fuzz()


def run_unguided(name: str, seconds: int, found: Path) -> None:
    """Fuzz one target with Hypothesis: its seeds changed here and there, and any bytes.

    Args:
        name: The target.
        seconds: For how long; a batch that has begun is finished.
        found: A folder where the smallest input that breaks a promise is kept.
    """
    from hypothesis import HealthCheck, given, settings
    from hypothesis import strategies as st

    from tests.fuzz.targets import TARGETS

    target = TARGETS[name]
    edits = st.lists(
        st.tuples(st.integers(0, _LONGEST), st.integers(0, 8), st.binary(max_size=4)), max_size=8
    )
    smallest: list[bytes] = []
    tried = 0

    @settings(
        max_examples=_BATCH, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(st.sampled_from(target.seeds), edits, st.binary(max_size=100), st.booleans())
    def fuzz(seed: bytes, changes: list[tuple[int, int, bytes]], raw: bytes, edit: bool) -> None:
        nonlocal tried
        tried += 1
        content = bytearray(seed if edit else raw)
        for place, gone, come in changes if edit else ():
            at = place % (len(content) + 1)
            content[at : at + gone] = come
        smallest[:] = [bytes(content)]
        target.run(bytes(content))

    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            fuzz()
    except BaseException:
        (found / f"found-{name}").write_bytes(smallest[0])
        raise
    print(f"stat::number_of_executed_units: {tried}", file=sys.stderr)


if __name__ == "__main__":
    _, how, chosen, limit, grown, kept = sys.argv
    if how == "guided":
        run_guided(chosen, int(limit), Path(grown), Path(kept))
    else:
        run_unguided(chosen, int(limit), Path(kept))
