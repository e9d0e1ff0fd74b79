"""The doctor: every check fails in its turn, says what to do, and stops no other."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, tzinfo
from pathlib import Path
from typing import NamedTuple

import pytest

from pincli.commands import doctor as command
from pincli.models import EventKind, NewEvent, Origin
from pincli.operations import doctor, keys
from pincli.operations.doctor import deployment_checks, examine
from pincli.operations.keys import KeyKind
from pincli.operations.session import Need
from pincli.results import Check
from pincli.store.sqlite import transaction, upkeep
from pincli.store.steps.people import record
from tests.support.contract import call
from tests.support.desk import Desk
from tests.support.floor import content

ALL = [
    "SQLite",
    "store folder",
    "free space",
    "leftovers",
    "lock file",
    "integrity",
    "keys folder",
    "keys apart",
    "schema",
    "clock",
    "mark",
    "audit not due yet",
    "verify.key",
    "audit.key",
    "portal.pub",
    "portal.key",
]


@pytest.fixture
def well(desk: Desk) -> Desk:
    """A store as `init` leaves it, with somebody in it."""
    desk.collected("alice")
    for path in desk.store.iterdir():
        path.chmod(0o600)
    return desk


@pytest.fixture(autouse=True)
def no_deployment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No shared deployment, whatever is on this machine."""
    monkeypatch.setattr(command, "PATH", tmp_path / "none.toml")


def examined(desk: Desk) -> list[Check]:
    """What the doctor finds."""
    return list(examine(desk.store, desk.keys, origin=Origin("lea", "doctor")))


def sick(desk: Desk) -> dict[str, Check]:
    """What is wrong, by what it is."""
    return {check.what: check for check in examined(desk) if check.finding is not None}


def test_all_is_well(well: Desk) -> None:
    """Every check is made, and none finds anything."""
    checks = examined(well)
    assert [check.what.split(" 3.")[0] for check in checks] == ALL
    assert sick(well) == {}
    assert call(well, "doctor").code == 0


def test_all_is_well_after_rotations(well: Desk) -> None:
    """Old keys beside the present ones are no finding."""
    for kind in KeyKind:
        with well.session() as session:
            keys.rotate(session, kind)
    assert sick(well) == {}


def test_a_desk_host_without_the_private_key_is_well(well: Desk) -> None:
    """It is meant to be absent there, and that is said."""
    (well.keys / "portal.key").unlink()
    assert sick(well) == {}
    assert "PINs can't be shown here" in examined(well)[-1].what
    assert call(well, "doctor").code == 0


class Illness(NamedTuple):
    """Something that is wrong, and what the doctor says.

    Attributes:
        what: The check that fails.
        finding: What stands in its finding.
        hint: What stands in its hint.
        others: Checks that may fail with it.
    """

    cause: Callable[[Desk], object]
    what: str
    finding: str
    hint: str
    others: frozenset[str] = frozenset()


def _damage(desk: Desk) -> None:
    data = bytearray(desk.database.read_bytes())
    size = int.from_bytes(data[16:18], "big")
    data[3 * size : 4 * size] = b"\xa5" * size
    desk.database.write_bytes(data)


def _link_lock(desk: Desk) -> None:
    (desk.store / "pincli.lock").rename(desk.store / "elsewhere")
    (desk.store / "pincli.lock").symlink_to(desk.store / "elsewhere")


def _wrong(name: str) -> Callable[[Desk], object]:
    return lambda desk: (desk.keys / name).write_text("ab" * 32 + "\n")


def _malformed(name: str) -> Callable[[Desk], object]:
    return lambda desk: (desk.keys / name).write_text("no key\n")


def _missing(name: str) -> Callable[[Desk], object]:
    return lambda desk: (desk.keys / name).unlink()


SCHEMA = frozenset({"schema"})
ILLNESSES = {
    "others enter the store": Illness(
        lambda d: d.store.chmod(0o750), "store folder", "others can enter", "chmod 700"
    ),
    "others enter the keys": Illness(
        lambda d: d.keys.chmod(0o701), "keys folder", "others can enter", "chmod 700"
    ),
    "others read the database": Illness(
        lambda d: d.database.chmod(0o640), "store folder", "others may read pincli.db", "chmod 600"
    ),
    "others read a key": Illness(
        lambda d: (d.keys / "verify.key").chmod(0o604),
        "keys folder",
        "others may read verify.key",
        "chmod 600",
        frozenset({"verify.key"}),
    ),
    "no lock file": Illness(
        lambda d: (d.store / "pincli.lock").unlink(),
        "lock file",
        "missing",
        "touch",
        frozenset({"integrity"}),
    ),
    "the lock file a link": Illness(
        _link_lock,
        "lock file",
        "a link",
        "restore it",
        frozenset({"store folder", "integrity"}),
    ),
    "a copy of a killed restore": Illness(
        lambda d: (d.store / "pincli.db.0123abcd.pincli-part").mkdir(0o700),
        "leftovers",
        "pincli.db.0123abcd.pincli-part",
        "next restore",
    ),
    "a damaged page": Illness(_damage, "integrity", "", "pincli restore", SCHEMA | {"clock"}),
    "no database": Illness(
        lambda d: os.truncate(d.database, 0), "integrity", "not a store", "restore", SCHEMA
    ),
    "something else": Illness(
        lambda d: d.database.write_text("some text\n" * 500), "integrity", "", "restore", SCHEMA
    ),
    "a newer schema": Illness(
        lambda d: d.sql("PRAGMA user_version = 99"), "integrity", "newer", "upgrade", SCHEMA
    ),
    "no schema": Illness(
        lambda d: d.sql("PRAGMA user_version = 0"), "integrity", "not a store", "restore", SCHEMA
    ),
    **{
        f"{name} {how}": Illness(cause(name), name, finding, "")
        for name in ("verify.key", "audit.key", "portal.pub", "portal.key")
        for how, cause, finding in (
            ("wrong", _wrong, "not the store's key"),
            ("malformed", _malformed, "malformed"),
            ("missing", _missing, "missing"),
        )
        if (name, how) != ("portal.key", "missing")
    },
}


@pytest.mark.parametrize("name", ILLNESSES)
def test_what_is_wrong_is_found(well: Desk, name: str) -> None:
    """That check alone fails, with its finding and what to do; the command ends with 8."""
    illness = ILLNESSES[name]
    illness.cause(well)
    found = sick(well)
    assert illness.what in found
    assert found.keys() <= {illness.what, *illness.others}
    check = found[illness.what]
    assert illness.finding in (check.finding or "")
    assert check.hint
    assert illness.hint in check.hint
    ran = call(well, "doctor")
    assert ran.code == 8
    assert check.finding is not None
    assert check.finding in ran.out
    assert check.hint in ran.out
    answer = call(well, "doctor --json").answer
    assert answer["healthy"] is answer["ok"] is False
    assert check._asdict() in answer["checks"]


def test_a_missing_store_and_missing_keys(well: Desk) -> None:
    """Neither ends the examination before the other is looked at."""
    shutil.rmtree(well.store)
    shutil.rmtree(well.keys)
    assert {"store folder", "keys folder", "lock file", "integrity", "schema"} <= sick(well).keys()
    assert call(well, "doctor").code == 8


def test_keys_beside_the_store(well: Desk) -> None:
    """In the same folder, or in one inside the other, by a link as well."""
    inside = well.store / "keys"
    shutil.copytree(well.keys, inside)
    link = well.store.parent / "link"
    link.symlink_to(inside)
    for place in (inside, link, well.store):
        found = sick(Desk(well.store, place))
        assert "lie with the database" in (found["keys apart"].finding or "")
        assert found["keys apart"].hint == "move them elsewhere"
    assert "keys apart" in sick(Desk(inside, well.store))


def test_little_space(well: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under 100 MiB, or less than the database takes: told in MiB."""
    usage = shutil._ntuple_diskusage
    least = upkeep._LEAST_FREE
    for free, healthy in ((least, True), (least - 1, False), (0, False)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: usage(0, 0, free))
        assert ("free space" not in sick(well)) is healthy
    assert sick(well)["free space"].finding == "0 MiB left"


@pytest.mark.parametrize(
    ("at", "healthy"), [("2999-01-01T00:00:00Z", False), ("2001-01-01T00:00:00Z", True)]
)
def test_an_event_from_the_future(
    well: Desk, monkeypatch: pytest.MonkeyPatch, at: str, healthy: bool
) -> None:
    """The clock had jumped ahead, or has jumped back: told until it is right again."""
    monkeypatch.setattr(transaction, "utc_now", lambda: at)
    with well.session(Need.WRITE) as session:
        event = NewEvent(EventKind.REFUSED, name="nobody", outcome="unknown_user")
        session.store.write(record, event)
    assert ("clock" not in sick(well)) is healthy
    if not healthy:
        assert "1 event is dated in the future" in (sick(well)["clock"].finding or "")
        assert "clock" in sick(well)["clock"].hint


def test_a_clock_at_the_end_of_time(well: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last minutes that can be told are an illness of the clock, not a bug."""

    class Late(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.max.replace(tzinfo=tz)

    monkeypatch.setattr(doctor, "datetime", Late)
    assert "9999" in (sick(well)["clock"].finding or "")


@pytest.mark.parametrize(
    ("column", "value", "check"),
    [
        ("at", "yesterday", "clock"),
        ("at", "", None),
        ("at", "2026-11-24", None),
        ("kind", "coffee", None),
        ("number", 2**63 - 1, "mark"),
    ],
)
def test_an_event_that_somebody_spoilt(
    well: Desk, column: str, value: object, check: str | None
) -> None:
    """Nothing takes it for a bug in pincli, and `audit verify` finds it."""
    well.sql(
        f"UPDATE trail SET {column} = ? WHERE number = (SELECT max(number) FROM trail)",  # noqa: S608
        value,
    )
    for line in ("doctor", "audit list", "audit verify", "audit list --json", "alerts"):
        assert call(well, line).code in (0, 8), line
    assert list(sick(well)) == [check] * (check is not None)
    assert call(well, "audit verify").code == 8


@pytest.mark.parametrize("line", ["user add bea --account acme", "verify alice --pin-stdin"])
def test_after_the_largest_number_nothing_is_written(well: Desk, line: str) -> None:
    """No event can follow it: exit 8, nobody verified, nobody added."""
    well.sql(
        "UPDATE trail SET number = ? WHERE number = (SELECT max(number) FROM trail)", 2**63 - 1
    )
    ran = call(well, line, "444159\n")
    assert ran.code == 8
    assert "tampered with" in ran.err
    assert well.sql("SELECT login, failed_attempts FROM people") == [("alice", 0)]


def test_what_a_killed_writer_left_is_no_illness(well: Desk) -> None:
    """A journal that the next command rolls back: the store is not damaged."""
    journal = well.database.with_name("pincli.db-journal")
    with closing(sqlite3.connect(well.database, isolation_level=None)) as connection:
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE people SET display_name = hex(randomblob(4000))")
        connection.execute("UPDATE trail SET note = hex(randomblob(4000))")
        hot, half = journal.read_bytes(), well.database.read_bytes()
        connection.execute("ROLLBACK")
    well.database.write_bytes(half)
    journal.write_bytes(hot)
    journal.chmod(0o600)
    assert all("restore a backup" not in check.hint for check in sick(well).values())
    assert sick(well) == {}
    assert well.user("alice").display_name == "Alice"


def test_the_doctor_changes_nothing(well: Desk) -> None:
    """Not one byte of store and keys, well or sick."""
    before = content(well.store), content(well.keys)
    examined(well)
    assert (content(well.store), content(well.keys)) == before


def test_a_deployment_is_looked_at(well: Desk, tmp_path: Path) -> None:
    """A file that can't be used is a finding; a good one is fine; none is not mentioned."""
    path = tmp_path / "pincli.toml"
    assert list(deployment_checks(path, well.store, well.keys)) == []
    text = f'store = "{well.store}"\nkeys = "{well.keys}"\n[roles]\nadmin = ["lea"]\n'
    path.write_text(text)
    path.chmod(0o644)
    assert [check.finding for check in deployment_checks(path, well.store, well.keys)] == [
        None,
        None,
    ]
    path.chmod(0o666)
    (check,) = deployment_checks(path, well.store, well.keys)
    assert check.what == "configuration"
    assert "readable by others" in (check.finding or "")
    path.chmod(0o644)
    path.write_text("store = 7\n")
    (check,) = deployment_checks(path, well.store, well.keys)
    assert "malformed" in (check.finding or "")
    path.unlink()
    path.symlink_to(tmp_path / "none")
    assert [check.what for check in deployment_checks(path, well.store, well.keys)] == [
        "configuration"
    ]


def test_agents_in_the_store_s_own_group(well: Desk, tmp_path: Path) -> None:
    """They could read the files past pincli."""
    import grp

    group = grp.getgrgid(well.store.stat().st_gid).gr_name
    path = tmp_path / "pincli.toml"
    text = f'store = "{well.store}"\nkeys = "{well.keys}"\n[roles]\nagent = ["%{group}"]\n'
    path.write_text(text)
    path.chmod(0o644)
    findings = {check.what: check for check in deployment_checks(path, well.store, well.keys)}
    assert group in (findings["agents outside"].finding or "")
    assert findings["agents outside"].hint
