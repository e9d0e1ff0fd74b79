"""Keys that are wrong or unsafe, and verifiers put where they don't belong."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from pincli.models import EventKind, Outcome
from pincli.operations import pins
from tests.support.desk import Desk, Ran
from tests.support.driving import OTHER, RIGHT, asked, guess_wrong
from tests.support.trail import count, play

ANOTHER_KEY = "5a" * 32
SWAP = (
    "CREATE TABLE saved AS SELECT * FROM users",
    "UPDATE users SET (verifier, verify_key, sealed, portal_key, pin_set_at, pin_set_by, "
    "pin_version) = (SELECT verifier, verify_key, sealed, portal_key, pin_set_at, pin_set_by, "
    "pin_version FROM saved WHERE saved.id <> users.id)",
    "DROP TABLE saved",
)
"""Exchange the whole PINs of two users."""

Breaking = Callable[[Desk, str], None]


def _wrong(desk: Desk, name: str) -> None:
    (desk.keys / name).write_text(f"{ANOTHER_KEY}\n")


def _missing(desk: Desk, name: str) -> None:
    (desk.keys / name).unlink()


def _exposed(desk: Desk, name: str) -> None:
    (desk.keys / name).chmod(0o644)


def _a_link(desk: Desk, name: str) -> None:
    path = desk.keys / name
    path.symlink_to(path.rename(desk.keys / f"real-{name}"))


def _malformed(desk: Desk, name: str) -> None:
    (desk.keys / name).write_text("not a key\n")


def _a_pipe(desk: Desk, name: str) -> None:
    _missing(desk, name)
    os.mkfifo(desk.keys / name, 0o600)


def _a_folder(desk: Desk, name: str) -> None:
    _missing(desk, name)
    (desk.keys / name).mkdir()


def _unavailable(ran: Ran, name: str) -> None:
    """Exit 8, which names the key file and shows nothing of what it holds."""
    assert ran.code == 8, ran
    error = ran.answer["error"]
    assert error["code"] == "unavailable"
    assert name in error["message"]
    assert ANOTHER_KEY not in ran.out + ran.err
    assert "not a key" not in ran.out + ran.err


BREAKINGS = [_wrong, _missing, _exposed, _a_link, _malformed, _a_pipe, _a_folder]


@pytest.mark.parametrize("name", ["verify.key", "audit.key"])
@pytest.mark.parametrize("breaking", BREAKINGS)
def test_a_desk_without_its_keys_locks_nobody_out(
    desk: Desk, name: str, breaking: Breaking
) -> None:
    """The right PIN at a misconfigured desk: exit 8, and not one attempt is charged."""
    desk.collected("alice")
    guess_wrong(desk, "alice", 5)
    before = desk.sql("SELECT * FROM users"), desk.sql("SELECT count(*) FROM events")
    saved = (desk.keys / name).read_bytes()
    breaking(desk, name)
    ran = desk.verify("alice", RIGHT)
    _unavailable(ran, name)
    assert ran.answer["error"]["message"].startswith("not verified: ")
    assert (desk.sql("SELECT * FROM users"), desk.sql("SELECT count(*) FROM events")) == before
    _repair(desk, name, saved)
    assert asked(desk, "alice", RIGHT) is Outcome.VERIFIED


def _repair(desk: Desk, name: str, content: bytes) -> None:
    path = desk.keys / name
    if path.is_dir():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)
    path.write_bytes(content)
    path.chmod(0o600)


@pytest.mark.parametrize("breaking", [_wrong, _missing, _a_link])
def test_a_desk_host_without_portal_key(desk: Desk, breaking: Breaking) -> None:
    """It verifies and changes as ever, and can read no PIN back."""
    desk.collected("alice")
    breaking(desk, "portal.key")
    assert desk.verify("alice", RIGHT).code == 0
    _unavailable(desk.run("pin", "show", "alice", "--json"), "portal.key")
    change = desk.run("pin", "change", "alice", "--pin-stdin", "--json", stdin=f"{OTHER}\n")
    assert change.code == 0
    assert desk.verify("alice", OTHER).code == 0
    assert count(desk.events(), EventKind.PIN_SHOWN) == 0


def test_a_host_without_portal_pub_sets_no_pin(desk: Desk) -> None:
    """Nothing to seal a PIN to: nothing is changed; verifying needs it not."""
    desk.collected("alice")
    desk.add("bob")
    (desk.keys / "portal.pub").unlink()
    change = desk.run("pin", "change", "alice", "--pin-stdin", "--json", stdin=f"{OTHER}\n")
    _unavailable(change, "portal.pub")
    _unavailable(desk.run("pin", "show", "bob", "--json"), "portal.pub")
    assert desk.user("bob").pin is None
    assert desk.verify("alice", RIGHT).code == 0


def test_pins_swapped_between_users_verify_nobody(desk: Desk) -> None:
    """Whole PINs, seal and version included, exchanged by SQL: each is bound to its user."""
    desk.collected("alice")
    desk.collected("mallory", pin=OTHER)
    for statement in SWAP:
        desk.sql(statement)
    assert desk.verify("alice", OTHER).code == 3
    assert desk.verify("alice", RIGHT).code == 3
    assert desk.verify("mallory", RIGHT).code == 3
    assert desk.run("pin", "show", "alice", "--json").code == 8
    assert count(desk.events(), EventKind.VERIFIED) == 0


def test_an_older_verifier_put_back_verifies_nobody(desk: Desk) -> None:
    """The verifier of a PIN that was changed away, in the present row: bound to its version."""
    desk.collected("alice")
    ((older,),) = desk.sql("SELECT verifier FROM users")
    with desk.session() as session:
        pins.change(session, "alice", OTHER)
    desk.sql("UPDATE users SET verifier = ?", older)
    assert desk.verify("alice", RIGHT).code == 3
    assert desk.verify("alice", OTHER).code == 3
    play(desk.events())


def test_a_verifier_that_is_none_is_not_verified(desk: Desk) -> None:
    """A damaged verifier: exit 8, and what was charged stays charged."""
    desk.collected("alice")
    desk.sql("UPDATE users SET verifier = 'nonsense'")
    ran = desk.verify("alice", RIGHT)
    assert (ran.code, ran.answer["error"]["code"]) == (8, "unavailable")
    assert "Traceback" not in ran.err
    assert desk.user("alice").failed_attempts == 1


def test_a_verifier_under_an_unknown_key_is_not_charged(desk: Desk) -> None:
    """It names a key that this desk has not: exit 8 before anything is charged."""
    desk.collected("alice")
    desk.sql("UPDATE users SET verify_key = '0123456789abcdef'")
    ran = desk.verify("alice", RIGHT)
    assert (ran.code, ran.answer["error"]["code"]) == (8, "unavailable")
    assert desk.user("alice").attempts_total == 0
