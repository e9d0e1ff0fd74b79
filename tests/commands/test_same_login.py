"""`--account` on every command that takes a user."""

from __future__ import annotations

import json
import re

import pytest

from tests.support.as_sudo import call_by_sudo, deploy, read_instead
from tests.support.contract import answer_of, call, error_of
from tests.support.desk import Desk
from tests.support.floor import RIGHT

LINES = {
    "verify alice --pin-stdin": 0,
    "status alice": 0,
    "lock alice --reason odd": 0,
    "unlock alice --reason why": 7,
    "reset alice --yes": 0,
    "pin show alice": 0,
    "pin change alice --pin-stdin": 7,
    "user show alice": 0,
    "user edit alice --name Al": 0,
    "user rename alice al": 0,
    "user erase alice --yes": 7,
    "user deactivate alice": 0,
    "user activate alice bob": 0,
    "audit list --user alice": 0,
}


@pytest.fixture
def twins(floor: Desk) -> Desk:
    """The floor, with another alice in globex, and bob in acme."""
    assert call(floor, "user add alice --account globex").code == 0
    assert call(floor, "user add bob --account acme").code == 0
    return floor


@pytest.mark.parametrize("line", LINES)
def test_a_login_of_two_accounts(twins: Desk, line: str) -> None:
    """A login of two accounts is exit 6 with both; `--account` chooses one."""
    ran = call(twins, line, RIGHT)
    assert ran.code == 6
    message, hint = error_of(ran)
    assert "several accounts have a user alice" in message
    assert "acme, globex" in hint
    assert answer_of(call(twins, f"{line} --json", RIGHT))["error"]["code"] == "ambiguous_user"
    ran = call(twins, f"{line} --account ACME --json", RIGHT)
    assert ran.code == LINES[line]
    assert answer_of(ran).get("account", "acme") == "acme"


@pytest.mark.parametrize(
    ("line", "printed"),
    [
        ("pin show vera", "pincli verify vera"),
        ("pin show alice --account acme", "pincli verify alice --account acme"),
        ("user add uma --account globex", "pincli pin show uma --account globex"),
        ("reset --from-file -", "pincli pin show alice --account globex"),
        ("user edit alice --account acme --move-to newco", "pincli pin show alice --account newco"),
        ("pin show otto", "pincli status otto"),
        ("pin show otto --account acme", "pincli status otto --account acme"),
        ("user erase alice --account acme --yes", "pincli user deactivate alice --account acme"),
        ("user rename bob alice --account acme", "pincli user show alice --account acme"),
        ("user add alice --account globex", "pincli user show alice --account globex"),
        ("status alice --account acme", ""),
    ],
)
def test_a_printed_command_names_the_account(twins: Desk, line: str, printed: str) -> None:
    """A printed command has `--account` if the login is ambiguous or this line had it."""
    if line.startswith("user edit"):
        call(twins, "reset alice --account acme --yes")
    ran = call(twins, line + " --yes" * line.startswith("reset"), "alice\tglobex\n")
    commands = re.findall(r"(?:next: |`)(pincli .*?)(?:`|   |$)", ran.out + ran.err, re.MULTILINE)
    assert commands == [printed] * bool(printed)


def test_events_are_those_of_the_account_that_is_named(twins: Desk) -> None:
    """The filter finds events from before a move too; an unknown account is exit 6."""
    call(twins, "user edit alice --account acme --move-to newco")
    for account, code in (("acme", 0), ("newco", 0), ("globex", 0), ("nowhere", 6)):
        ran = call(twins, f"audit list --user alice --account {account} --json")
        assert (ran.code, account in ran.out) == (code, True)


def test_a_reset_of_one_in_an_account(twins: Desk) -> None:
    """`reset alice --account acme` withdraws only her PIN."""
    receipt = answer_of(call(twins, "reset alice --account acme --yes --json"))
    assert receipt["users"] == [{"user": "alice", "account": "acme", "state": "uncollected"}]
    assert twins.user("vera").question is not None
    assert call(twins, "reset alice vera nobody --account globex --yes").code == 6
    assert twins.user("vera").question is not None


def test_a_file_names_accounts(twins: Desk) -> None:
    """A file names accounts after a tab or in JSON; they win over the option."""
    rows = [
        "bob",
        "alice\tGlobex",
        json.dumps({"user": "Vera", "account": "acme"}),
        '{"user":"uma"}',
    ]
    ran = call(twins, "reset --from-file - --account acme --dry-run --json", "\n".join(rows))
    users = [(user["user"], user["account"]) for user in answer_of(ran)["users"]]
    assert sorted(users) == [
        ("alice", "globex"),
        ("bob", "acme"),
        ("uma", "acme"),
        ("vera", "acme"),
    ]
    for bad in (
        '{"user": 1}',
        '{"user": "a", "account": 2}',
        '{"usr": "a"}',
        '{"',
        "\tacme",
        "a\tb\tc",
    ):
        ran = call(twins, "reset --from-file - --yes", f"bob\n{bad}\n")
        assert (ran.code, "line 2" in ran.err) == (2, True), bad


@pytest.mark.parametrize("roles", ["portal", "agent portal"])
def test_the_portal_gets_no_other_names(
    twins: Desk, tmp_path: object, monkeypatch: pytest.MonkeyPatch, roles: str
) -> None:
    """The portal gets neither the accounts of a login nor near logins; an agent does."""
    path = twins.store.parent / "pincli.toml"
    read_instead(path, monkeypatch)
    deploy(twins, path, *roles.split())
    shown = roles != "portal"
    for line, name in (("status alice", "globex"), ("pin show vira", "vera")):
        ran = call_by_sudo(twins, line)
        assert (ran.code, name in ran.err) == (6, shown)
