"""The audit chain computed a second time, from the rows and the key file alone."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from tests.support.desk import Desk

_COLUMNS = (
    "seq, at, agent, command, kind, user, account, attempt, outcome, attempts_used, pin_version, "
    "reason, ticket"
)


def stored_macs(desk: Desk) -> list[str]:
    """The macs on disk, the first first."""
    return [mac for (mac,) in desk.sql("SELECT mac FROM events ORDER BY seq")]


def computed_macs(desk: Desk) -> list[str]:
    """What they should be: HMAC-SHA256 over the mac before (first the store's id) and the row."""
    key = bytes.fromhex((desk.keys / "audit.key").read_text())
    ((previous,),) = desk.sql("SELECT store_id FROM store")
    macs = []
    for row in desk.sql(f"SELECT {_COLUMNS} FROM events ORDER BY seq"):  # noqa: S608
        message = b"".join(
            len(part).to_bytes(8, "big") + part
            for part in (previous.encode(), *(_marked(value) for value in row))
        )
        previous = hmac.new(key, message, hashlib.sha256).hexdigest()
        macs.append(previous)
    return macs


def _marked(value: Any) -> bytes:
    if value is None:
        return b"-"
    return (b"i" if isinstance(value, int) else b"t") + str(value).encode()
