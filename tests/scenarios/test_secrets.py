"""Wrong or unsafe keys, and verifiers in the wrong record."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pincli.models import EventKind, Outcome
from tests.support.desk import Desk, Ran
from tests.support.driving import OTHER, RIGHT, asked, count, guess_wrong

ANOTHER_KEY = "5a" * 32
Breaking = Callable[[Desk, str], None]


def _wrong(desk: Desk, name: str) -> None:
    (desk.keys / name).write_text(f"{ANOTHER_KEY}\n")


def _missing(desk: Desk, name: str) -> None:
    (desk.keys / name).unlink()


def _exposed(desk: Desk, name: str) -> None:
    (desk.keys / name).chmod(0o644)


def _a_link(desk: Desk, name: str) -> None:
    folder = desk.keys / "of-all"  # where others may put another key
    folder.mkdir()
    folder.chmod(0o777)
    path = desk.keys / name
    path.symlink_to(path.rename(folder / name))


def _unavailable(ran: Ran, name: str) -> None:
    """Exit 8, which names the key file and shows nothing of what it holds."""
    assert ran.code == 8, ran
    error = ran.answer["error"]
    assert error["code"] == "unavailable"
    assert name in error["message"]
    assert ANOTHER_KEY not in ran.out + ran.err


BREAKINGS = [_wrong, _missing, _exposed, _a_link]


@pytest.mark.parametrize("name", ["verify.key", "audit.key"])
@pytest.mark.parametrize("breaking", BREAKINGS)
def test_a_desk_without_its_keys_locks_nobody_out(
    desk: Desk, name: str, breaking: Breaking
) -> None:
    """At a misconfigured desk the right PIN is exit 8, and nothing is charged."""
    desk.collected("alice")
    guess_wrong(desk, "alice", 5)
    before = desk.sql("SELECT * FROM people"), desk.sql("SELECT count(*) FROM trail")
    saved = (desk.keys / name).read_bytes()
    breaking(desk, name)
    ran = desk.verify("alice", RIGHT)
    _unavailable(ran, name)
    assert ran.answer["error"]["message"].startswith("not verified: ")
    assert (desk.sql("SELECT * FROM people"), desk.sql("SELECT count(*) FROM trail")) == before
    _repair(desk, name, saved)
    assert asked(desk, "alice", RIGHT) is Outcome.VERIFIED


def _repair(desk: Desk, name: str, content: bytes) -> None:
    path = desk.keys / name
    path.unlink(missing_ok=True)
    path.write_bytes(content)
    path.chmod(0o600)


@pytest.mark.parametrize("breaking", [_wrong, _missing, _a_link])
def test_a_desk_host_without_portal_key(desk: Desk, breaking: Breaking) -> None:
    """A host without portal.key verifies and changes PINs, and can't show one."""
    desk.collected("alice")
    breaking(desk, "portal.key")
    assert desk.verify("alice", RIGHT).code == 0
    _unavailable(desk.run("pin", "show", "alice", "--json"), "portal.key")
    change = desk.run("pin", "change", "alice", "--pin-stdin", "--json", stdin=f"{OTHER}\n")
    assert change.code == 0
    assert desk.verify("alice", OTHER).code == 0
    assert count(desk.events(), EventKind.PIN_SHOWN) == 0
