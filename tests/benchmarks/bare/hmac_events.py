"""An HMAC over every event by sqlite3 and hmac alone. Run as a script.

Each row after the mac before it, as pincli chains them, but joined in the plainest way, and
compared with nothing. Usage: python hmac_events.py DATABASE
"""

import hmac
import sqlite3
import sys

KEY = bytes(32)


def _main(database: str) -> None:
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    mac = b""
    for row in connection.execute("SELECT * FROM events ORDER BY seq"):
        mac = hmac.digest(KEY, mac + "|".join(map(str, row)).encode(), "sha256")
    print(mac.hex())


_main(*sys.argv[1:])
