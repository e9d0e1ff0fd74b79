"""A second check of trail and records, from rows and key file alone, without pincli's code."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from tests.support.desk import Desk

Named = dict[str, Any]


def framed(*parts: bytes) -> bytes:
    """Join parts, each after its length in eight bytes."""
    return b"".join(len(part).to_bytes(8, "big") + part for part in parts)


def canonical(row: Named, *without: str) -> bytes:
    """The values of a row that are not NULL, each after its name and a letter for its type."""
    parts = []
    for name, value in row.items():
        if value is None or name in without:
            continue
        if isinstance(value, bytes):
            marked = b"b" + value
        elif isinstance(value, str):
            marked = b"t" + value.encode()
        else:
            marked = b"i" + str(value).encode()
        parts += [name.encode(), marked]
    return framed(*parts)


def sha256(*parts: bytes) -> bytes:
    """SHA-256 of the joined parts."""
    return hashlib.sha256(b"".join(parts)).digest()


def rows_of(desk: Desk, table: str, order: str = "number") -> list[Named]:
    """The rows of a table by name."""
    names = [name for (name,) in desk.sql("SELECT name FROM pragma_table_info(?)", table)]
    query = f"SELECT {', '.join(names)} FROM {table} ORDER BY {order}"  # noqa: S608
    return [dict(zip(names, row, strict=True)) for row in desk.sql(query)]


def seal(desk: Desk, label: bytes, *parts: bytes) -> bytes:
    """An HMAC under audit.key for this store."""
    key = bytes.fromhex((desk.keys / "audit.key").read_text())
    ((store_id,),) = desk.sql("SELECT store_id FROM store")
    return hmac.new(key, framed(label, store_id.encode(), *parts), hashlib.sha256).digest()


def stored_links(desk: Desk) -> list[bytes]:
    """The links on disk, oldest first."""
    return [link for (link,) in desk.sql("SELECT link FROM trail ORDER BY number")]


def computed_links(desk: Desk) -> list[bytes]:
    """What they should be: SHA-256 over the link before (at first the store's id) and a row."""
    ((store_id,),) = desk.sql("SELECT store_id FROM store")
    link = sha256(framed(b"pincli/v2/first", store_id.encode()))
    links = []
    for row in rows_of(desk, "trail"):
        link = sha256(framed(b"pincli/v2/event", link), canonical(row, "link", "seal"))
        links.append(link)
    return links


def require_sound(desk: Desk) -> None:
    """Fail unless every link, seal, text and record is as the design says; no key was rotated."""
    assert stored_links(desk) == computed_links(desk)
    texts = {row["number"]: row for row in rows_of(desk, "texts")}
    newest: dict[bytes, Named] = {}
    trail = rows_of(desk, "trail")
    assert [event["number"] for event in trail] == list(range(1, len(trail) + 1))
    for event in trail:
        if event["seal"] is not None:
            number = b"%d" % event["number"]
            assert event["seal"] == seal(desk, b"pincli/v2/seal", number, event["link"]), event
        text = texts.pop(event["number"], None)
        expected = None
        if text is not None:
            blind = text.pop("blind")
            expected = sha256(framed(b"pincli/v2/texts", blind), canonical(text, "number"))
        assert event["texts"] == expected, event
        if event["record"] is not None:
            newest[event["uid"]] = event
    assert trail[-1]["seal"] is not None
    assert texts == {}
    for record in rows_of(desk, "people", "id"):
        event = newest.pop(record["uid"])
        digest = sha256(framed(b"pincli/v2/record"), canonical(record, "seal"))
        assert record["event"] == event["number"], record
        assert event["record"] == digest, record
        assert record["seal"] == seal(desk, b"pincli/v2/record-seal", digest), record
    assert newest == {}
