"""So many hashes on all cores by threads, and nothing else. Run as a script.

Usage: python hash_pins.py COUNT
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

from argon2.low_level import Type, hash_secret


def _hash(number: int) -> bytes:
    return hash_secret(b"%06d" % number, os.urandom(16), 2, 19456, 1, 32, Type.ID)


def _main(count: str) -> None:
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for _ in pool.map(_hash, range(int(count))):
            pass


_main(*sys.argv[1:])
