"""Wrong or unsafe keys, and verifiers in the wrong record."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from pincli.models import EventKind, NewEvent, Outcome, User
from pincli.operations import pins
from pincli.store.contract import Transaction
from tests.support.desk import Desk, Ran
from tests.support.driving import OTHER, RIGHT, asked, guess_wrong, nothing_impossible
from tests.support.trail import count

ANOTHER_KEY = "5a" * 32
PIN = ("question", "pin_check", "pin_proof", "verify_key", "sealed", "portal_key", "pin_version")

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
    if path.is_dir():
        path.rmdir()
    else:
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


def test_a_host_without_portal_pub_sets_no_pin(desk: Desk) -> None:
    """Without portal.pub no PIN is set; verifying works."""
    desk.collected("alice")
    desk.add("bob")
    (desk.keys / "portal.pub").unlink()
    change = desk.run("pin", "change", "alice", "--pin-stdin", "--json", stdin=f"{OTHER}\n")
    _unavailable(change, "portal.pub")
    _unavailable(desk.run("pin", "show", "bob", "--json"), "portal.pub")
    assert desk.user("bob").question is None
    assert desk.verify("alice", RIGHT).code == 0


def _forge(desk: Desk, change: Callable[[list[User]], list[User]]) -> None:
    """Write records as an attacker with audit.key, but without verify.key."""

    def forged(transaction: Transaction) -> None:
        users = transaction.users([1, 2])
        transaction.save([NewEvent(EventKind.RENEWED, user) for user in change(users)])

    with desk.session() as session:
        session.store.write(forged)


def _pin_of(user: User) -> dict[str, Any]:
    return {name: getattr(user, name) for name in PIN}


def _refused_uncharged(desk: Desk, user: str, pin: str) -> None:
    before = desk.user(user).attempts_total
    ran = desk.verify(user, pin)
    assert (ran.code, ran.answer["error"]["code"]) == (8, "unavailable"), ran
    assert ran.answer["error"]["message"].startswith("not verified: ")
    assert "Traceback" not in ran.err
    assert desk.user(user).attempts_total == before
    assert count(desk.events(), EventKind.VERIFIED) == 0
    nothing_impossible(desk)


def test_pins_swapped_between_users_verify_nobody(desk: Desk) -> None:
    """PINs exchanged between users verify nobody: each is bound to its user."""
    desk.collected("alice")
    desk.collected("mallory", pin=OTHER)
    _forge(
        desk,
        lambda users: [
            one._replace(**_pin_of(other)) for one, other in zip(users, users[::-1], strict=True)
        ],
    )
    for user in ("alice", "mallory"):
        for pin in (RIGHT, OTHER):
            _refused_uncharged(desk, user, pin)
    assert desk.run("pin", "show", "alice", "--json").code == 8


def test_an_older_pin_put_back_verifies_nobody(desk: Desk) -> None:
    """An older PIN under the present version verifies nobody."""
    desk.collected("alice")
    desk.add("bob")
    older = _pin_of(desk.user("alice"))
    with desk.session() as session:
        pins.change(session, "alice", OTHER)
    del older["pin_version"]
    _forge(desk, lambda users: [users[0]._replace(**older)])
    for pin in (RIGHT, OTHER):
        _refused_uncharged(desk, "alice", pin)


@pytest.mark.parametrize(
    "damage",
    [
        {"question": "nonsense"},
        {"question": "$argon2id$v=19$m=9999999,t=2,p=1$c2FsdHNhbHRzYWx0"},
        {"pin_check": bytes(32)},
        {"pin_proof": bytes(32)},
        {"verify_key": "0123456789abcdef"},
    ],
    ids=str,
)
def test_a_forged_pin_is_not_charged(desk: Desk, damage: dict[str, Any]) -> None:
    """A forged question, check, proof or key is exit 8 before anything is charged."""
    desk.collected("alice")
    desk.add("bob")
    _forge(desk, lambda users: [users[0]._replace(**damage)])
    _refused_uncharged(desk, "alice", RIGHT)
