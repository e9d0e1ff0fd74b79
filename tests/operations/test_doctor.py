"""The doctor: every check fails in its turn, says what to do, and stops no other."""

from __future__ import annotations

import grp
import json
import os
import shutil
import sqlite3
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, tzinfo
from pathlib import Path
from typing import NamedTuple

import pytest

from pincli.commands import store as command
from pincli.models import Origin
from pincli.operations import keys
from pincli.operations.doctor import examination
from pincli.operations.doctor.deployment import deployment_checks
from pincli.operations.doctor.examination import examine
from pincli.operations.doctor.places import file_system
from pincli.operations.doctor.sudo import judged, sudoers_check
from pincli.operations.keys import KeyKind
from pincli.results import Check
from pincli.store.sqlite import health
from tests.support.contract import call
from tests.support.desk import Desk
from tests.support.floor import content

ALL = [
    "SQLite",
    "store folder",
    "free space",
    "leftovers",
    "backups nearby",
    "lock file",
    "integrity",
    "keys folder",
    "keys apart",
    "schema",
    "clock",
    "mark",
    "audit not due yet",
    "notices",
    "keys' age",
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
    """No shared deployment, even if this machine has one."""
    monkeypatch.setattr(command, "DEPLOYMENT", tmp_path / "none.toml")


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
    """Old keys are not a finding."""
    for kind in KeyKind:
        with well.session() as session:
            keys.rotate(session, kind)
    assert sick(well) == {}


def test_a_desk_host_without_the_private_key_is_well(well: Desk) -> None:
    """It is meant to be absent there, and the check says so."""
    (well.keys / "portal.key").unlink()
    assert sick(well) == {}
    assert "PINs can't be shown here" in examined(well)[-1].what
    assert call(well, "doctor").code == 0


class Illness(NamedTuple):
    """Something that is wrong, and what the doctor says.

    Attributes:
        what: The check that fails.
        finding: A part of its finding.
        hint: A part of its hint.
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


ACL = struct.pack(
    "<I" + "HHI" * 5,
    *(2, 0x01, 7, NO_ID := 2**32 - 1, 0x02, 4, 1, 0x04, 0, NO_ID, 0x10, 4, NO_ID, 0x20, 0, NO_ID),
)
"""As `setfacl -d -m u:1:r` writes it: the user with uid 1 can read new files."""


def _readable_backup(desk: Desk) -> None:
    backup = desk.store.parent / "b.db"
    shutil.copy(desk.database, backup)
    backup.chmod(0o644)


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
        "the next one",
    ),
    "a copy of a killed backup": Illness(
        lambda d: (d.store.parent / "b.db.0123abcd.pincli-part").touch(0o600),
        "leftovers",
        "a killed backup left b.db.0123abcd.pincli-part",
        "clears it away",
    ),
    "a default ACL": Illness(
        lambda d: os.setxattr(d.store, "system.posix_acl_default", ACL),
        "store folder",
        "a default ACL",
        "setfacl -k",
    ),
    "a backup that others may read": Illness(
        _readable_backup,
        "backups nearby",
        "others may read",
        "chmod 600",
    ),
    "a backup beside the keys": Illness(
        lambda d: shutil.copy(d.database, d.keys / "b.db"),
        "backups nearby",
        "a key lies beside",
        "apart",
    ),
    "old keys": Illness(
        lambda d: os.utime(d.keys / "verify.key", (time.time() - 400 * 86400 - 9,) * 2),
        "keys' age",
        "verify.key is 400 days old",
        "keys rotate",
    ),
    "a trigger": Illness(
        lambda d: d.sql("CREATE TRIGGER t AFTER UPDATE ON people BEGIN SELECT 1; END"),
        "schema",
        "",
        "",
    ),
    "a changed schema": Illness(
        lambda d: d.sql("CREATE INDEX more ON people (login)"), "schema", "", ""
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
    failed = f"{len(found)} of {len(answer['checks'])} checks failed"
    assert answer["error"]["message"] == failed
    assert check._asdict() in answer["checks"]


def test_a_missing_store_and_missing_keys(well: Desk) -> None:
    """Both are found at once."""
    shutil.rmtree(well.store)
    shutil.rmtree(well.keys)
    assert {"store folder", "keys folder", "lock file", "integrity", "schema"} <= sick(well).keys()
    assert call(well, "doctor").code == 8


def test_keys_beside_the_store(well: Desk) -> None:
    """In the same folder, or one inside the other, also by a link."""
    inside = well.store / "keys"
    shutil.copytree(well.keys, inside)
    link = well.store.parent / "link"
    link.symlink_to(inside)
    for place in (inside, link, well.store):
        found = sick(Desk(well.store, place))
        assert "kept with the database" in (found["keys apart"].finding or "")
        assert found["keys apart"].hint == "move them elsewhere"
    assert "keys apart" in sick(Desk(inside, well.store))


def test_little_space(well: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under 100 MiB, or less than the database takes; the finding is in MiB."""
    usage = shutil._ntuple_diskusage
    least = health.LEAST_FREE
    for free, healthy in ((least, True), (least - 1, False), (0, False)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: usage(0, 0, free))
        assert ("free space" not in sick(well)) is healthy
    assert sick(well)["free space"].finding == "0 MiB left"


def test_a_clock_at_the_end_of_time(well: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last minutes that Python can count are a finding about the clock, not a bug."""

    class Late(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.max.replace(tzinfo=tz)

    monkeypatch.setattr(examination, "datetime", Late)
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
    """It is not called a bug in pincli, and `audit verify` finds it."""
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
    """No event can follow it: exit 8, nobody is verified or added."""
    well.sql(
        "UPDATE trail SET number = ? WHERE number = (SELECT max(number) FROM trail)", 2**63 - 1
    )
    ran = call(well, line, "444159\n")
    assert ran.code == 8
    assert "tampered with" in ran.err
    assert well.sql("SELECT login, failed_attempts FROM people") == [("alice", 0)]


def test_what_a_killed_writer_left_is_no_illness(well: Desk) -> None:
    """The next command rolls its journal back: the store is not damaged."""
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
    """Not one byte of store and keys."""
    before = content(well.store), content(well.keys)
    examined(well)
    assert (content(well.store), content(well.keys)) == before


@pytest.fixture
def deployed(well: Desk, tmp_path: Path) -> Path:
    """A deployment's file that names the store, and an admin who does not exist."""
    path = tmp_path / "pincli.toml"
    deployed_as(path, well, 'admin = ["pincli-t-none"]')
    return path


def deployed_as(path: Path, desk: Desk, roles: str) -> None:
    """Write a deployment's file with these roles."""
    path.write_text(f'store = "{desk.store}"\nkeys = "{desk.keys}"\n[roles]\n{roles}\n')
    path.chmod(0o644)


def found_in(path: Path, desk: Desk) -> dict[str, Check]:
    """What the doctor says of a deployment, by what it looked at."""
    return {check.what: check for check in deployment_checks(path, desk.store, desk.keys)}


def test_a_file_of_a_deployment_that_can_not_be_used(well: Desk, deployed: Path) -> None:
    """That is the finding; without a file, there is no deployment."""
    deployed.chmod(0o666)
    check = found_in(deployed, well)["configuration"]
    assert "readable by others" in (check.finding or "")
    deployed.chmod(0o644)
    deployed.write_text("store = 7\n")
    check = found_in(deployed, well)["configuration"]
    assert "malformed" in (check.finding or "")
    deployed.unlink()
    assert found_in(deployed, well) == {}
    deployed.symlink_to("none")
    assert [*found_in(deployed, well)] == ["configuration"]


@pytest.mark.parametrize(
    ("roles", "what", "named"),
    [
        ('admin = ["pincli-t-none"]', "roles", "pincli-t-none"),
        ('admin = ["%pincli-t-none", "root"]', "roles", "%pincli-t-none"),
        ('agent = ["nobody"]\nportal = ["daemon"]', "portal apart", None),
        ('agent = ["nobody"]\nportal = ["nobody"]', "portal apart", "nobody"),
    ],
)
def test_who_has_roles(
    well: Desk, deployed: Path, roles: str, what: str, named: str | None
) -> None:
    """An unknown login or group is named, and so is one that checks PINs and sees them."""
    deployed_as(deployed, well, roles)
    finding = found_in(deployed, well)[what].finding
    assert (named or "") in (finding or "")
    assert (finding is None) is (named is None)


def test_agents_in_the_files_own_group(well: Desk, deployed: Path) -> None:
    """They could read the files without pincli."""
    group = grp.getgrgid(well.store.stat().st_gid).gr_name
    deployed_as(deployed, well, f'agent = ["%{group}"]')
    check = found_in(deployed, well)["agents outside"]
    assert group in (check.finding or "")
    assert check.hint


def test_what_can_not_be_looked_at_is_not_called_well(
    well: Desk, deployed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither sudoers, which only root may read, nor the way to a missing folder."""
    gone = well.store.parent / "gone"
    checks = {c.what: c for c in deployment_checks(deployed, well.store, well.keys, marks=gone)}
    assert not checks["way to the mark"].checked
    assert [c.what for c in deployment_checks(deployed, well.store, gone) if not c.checked]
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert not sudoers_check("pincli").checked


MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:21 / /dev/shm rw,nosuid shared:2 master:1 - tmpfs tmpfs rw
"""


@pytest.mark.parametrize(
    ("device", "kind"), [((8, 1), "ext4"), ((0, 21), "tmpfs"), ((8, 2), None)], ids=str
)
def test_the_file_system_of_a_device(device: tuple[int, int], kind: str | None) -> None:
    """It is found by the device's number in the kernel's list."""
    assert file_system(MOUNTS, os.makedev(*device)) == kind


LINE = "env_reset, !setenv, always_set_home, use_pty, !log_input, !log_output"


@pytest.mark.parametrize(
    ("lines", "finding"),
    [
        (["Defaults!/p/pincli " + LINE, "%a ALL = (pincli) NOPASSWD: /p/pincli"], None),
        (["Defaults log_output", "Defaults!/p/pincli " + LINE, "a ALL = (pincli) /p/pincli"], None),
        (
            ["Defaults!/p/pincli use_pty", "Defaults log_output", "a ALL = (pincli) /p/pincli"],
            "log_",
        ),
        (["Defaults use_pty, log_input", "a ALL = (pincli) /p/pincli"], "log_input"),
        (["Defaults use_pty", "Defaults:a log_output", "a ALL = (pincli) /p/pincli"], "log_output"),
        (["Defaults use_pty", "a ALL = (pincli) LOG_INPUT: /p/pincli"], "log_input"),
        (["a ALL = (pincli) /p/pincli"], "use_pty"),
        (["Defaults!/p/pincli use_pty, !use_pty", "a ALL = (pincli) /p/pincli"], "use_pty"),
        (["Defaults use_pty", "a ALL = (pincli) SETENV: /p/pincli"], "SETENV"),
        (["Defaults use_pty, setenv", "a ALL = (pincli) /p/pincli"], "SETENV"),
        (["Defaults use_pty", "Cmnd_Alias P = /p/pincli", "a ALL = (pincli) SETENV: P"], "SETENV"),
        (["Defaults use_pty", "a ALL = (pincli) ALL"], "any command"),
        (["Defaults use_pty", "root ALL = (ALL:ALL) ALL", "a ALL = (pincli) /p/pincli"], None),
        (["root ALL = (ALL:ALL) ALL"], "unchecked"),
    ],
    ids=str,
)
def test_what_sudoers_let_through(tmp_path: Path, lines: list[str], finding: str | None) -> None:
    """As sudo's own parser reads them; only what runs as pincli's account counts."""
    if shutil.which("cvtsudoers") is None:
        pytest.skip("cvtsudoers is not installed; CI installs sudo")
    path = tmp_path / "sudoers"
    path.write_text("\n".join([*lines, ""]))
    read = subprocess.run(["cvtsudoers", "-e", "-f", "json", path], capture_output=True, check=True)
    check = judged(json.loads(read.stdout), "pincli")
    assert check.checked is (finding != "unchecked")
    assert finding == "unchecked" or (finding is None) is (check.finding is None)
    assert finding in (None, "unchecked") or finding in (check.finding or "")


def test_files_that_vanish_while_it_looks(well: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal or a killed copy may be there for a moment: that is no finding."""
    listed = Path.iterdir

    def with_more(folder: Path) -> Iterator[Path]:
        yield from (folder / "pincli.db-journal", folder / "b.12345678.pincli-part")
        yield from listed(folder)

    monkeypatch.setattr(Path, "iterdir", with_more)
    assert sick(well) == {}
