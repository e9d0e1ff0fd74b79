"""Every command, run by every role: DESIGN.md, section 6.

In this process, as sudo would start it; tests/scenarios/sudo has the real one.
"""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from pincli.deployment import roles_without_sudo
from pincli.models import EventKind
from tests.support.as_sudo import NOBODY, Deploy, call_by_sudo, read_instead
from tests.support.contract import (
    ADMIN,
    AGENT,
    COMPLETING,
    PORTAL,
    WITHOUT_ROLE,
    answer_of,
    call,
    error_of,
    existing_commands,
)
from tests.support.desk import Desk
from tests.support.floor import RIGHT, content

MAY: dict[str, frozenset[str]] = {
    "agent": AGENT,
    "admin": ADMIN,
    "portal": PORTAL,
    "agent portal": AGENT | PORTAL,
    "": frozenset(),
}
"""Who may run what, by the roles of the caller."""

LINES = {
    "verify": "verify alice --pin-stdin",
    "status": "status",
    "status USER": "status alice",
    "find": "find alice",
    "alerts": "alerts",
    "alerts ack": "alerts ack agent:tester --reason trained",
    "lock": "lock alice --reason odd",
    "call": "call alice --ref T-4711",
    "unlock": "unlock lara --reason rang",
    "reset": "reset alice --yes",
    "pin show": "pin show alice",
    "pin change": "pin change alice --pin-stdin",
    "user add": "user add bea --account acme",
    "user list": "user list",
    "user show": "user show alice",
    "user edit": "user edit alice --name Al",
    "user rename": "user rename alice al",
    "user erase": "user erase ina --yes",
    "user deactivate": "user deactivate alice",
    "user activate": "user activate ina",
    "import": "import - --dry-run",
    "report": "report",
    "audit list": "audit list",
    "audit verify": "audit verify",
    "audit seal": "audit seal",
    "audit archive": "audit archive --before 400d --output /nowhere/at/all",
    "backup": "backup /nowhere/at/all",
    "restore": "restore /nowhere/at/all --yes",
    "doctor": "doctor",
    "keys list": "keys list",
    "keys rotate": "keys rotate --verify",
    "store upgrade": "store upgrade",
    "store move": "store move postgresql://admin1@127.0.0.1:1/pincli --yes",
}
"""One line for each command with a role."""

NEEDS_A_TERMINAL = frozenset({"desk"})
STDIN = {"verify": RIGHT, "pin change": "333197", "import": "user,account,name,type\n"}
PRESENT = sorted(set(LINES) & (existing_commands() | {"status USER"}))
LISTS = ("status --locked", "status --account acme", "status --state active", "status --exit-code")


def refusals(floor: Desk) -> list[tuple[str, str]]:
    """The refusals by role: agent and command."""
    return [(each.agent, each.command) for each in floor.events() if each.outcome == "role"]


def test_there_is_a_line_for_every_command() -> None:
    """Every command has a line here, or needs no role."""
    rest = existing_commands() - WITHOUT_ROLE - NEEDS_A_TERMINAL - {COMPLETING}
    assert rest <= set(LINES)


@pytest.mark.parametrize("command", PRESENT)
def test_every_role_has_its_commands(floor: Desk, give: Deploy, command: str) -> None:
    """A refusal is one event and changes nothing; with --json it is one object."""
    name = command.removesuffix(" USER")
    refused = f"you may not run `pincli {name}` here"
    for roles, allowed in MAY.items():
        give(*roles.split())
        before, people = floor.events(), floor.sql("SELECT * FROM people")
        json = "" if roles else " --json"
        ran = call_by_sudo(floor, LINES[command] + json, STDIN.get(command, ""))
        new = floor.events()[len(before) :]
        if {command, name} & allowed:
            assert refused not in ran.err, (roles, ran)
            assert [event for event in new if event.outcome == "role"] == [], roles
            continue
        assert ran.code == 7, roles
        if json:
            assert set(ran.answer) == {"pincli", "command", "ok", "error"}
            assert (ran.answer["ok"], ran.answer["error"]["code"]) == (False, "refused")
            said = ran.answer["error"]["message"], ran.answer["error"]["hint"]
        else:
            said = error_of(ran)
        assert said[0] == refused
        assert "audit trail" in said[1]
        (event,) = new
        assert event.kind is EventKind.REFUSED
        assert (event.agent, event.command, event.outcome) == (NOBODY.pw_name, name, "role")
        assert floor.sql("SELECT * FROM people") == people


@pytest.mark.parametrize("line", LISTS)
def test_the_portal_gets_no_list(floor: Desk, give: Deploy, line: str) -> None:
    """The portal may not list users."""
    give("portal")
    ran = call_by_sudo(floor, line)
    assert ran.code == 7
    assert "alice" not in ran.out + ran.err
    assert refusals(floor) == [(NOBODY.pw_name, "status")]


@pytest.mark.parametrize(
    ("roles", "sees"), [("agent", True), ("admin", True), ("portal", False), ("", False)]
)
@pytest.mark.parametrize("json", ["", " --json"])
@pytest.mark.parametrize("what", ["users", "accounts"])
def test_completion_offers_names_by_role(
    floor: Desk, give: Deploy, what: str, json: str, roles: str, sees: bool
) -> None:
    """Without a role, completion offers no name, prints no error and records nothing."""
    give(*roles.split())
    before = floor.events()
    line = "verify ''" if what == "users" else "status --account ''"
    ran = call_by_sudo(floor, f"{COMPLETING}{json} -- {line}")
    assert (ran.code, ran.err) == (0, "")
    assert (("alice" if what == "users" else "acme") in ran.out) is sees
    assert floor.events() == before


def test_what_needs_no_role_works_without_one(floor: Desk, give: Deploy) -> None:
    """Commands without a role work for everybody; `init` refuses an existing store."""
    give()
    exists = call_by_sudo(floor, "init")
    assert exists.code == 7
    assert "there is a store already" in exists.err
    assert call_by_sudo(floor, "pin check --pin-stdin", RIGHT).code == 0
    assert call_by_sudo(floor, "completion zsh").code == 0
    assert call_by_sudo(floor, "demo --json").code == 0
    assert refusals(floor) == []


def test_completion_writes_no_files_under_sudo(floor: Desk, give: Deploy, tmp_path: Path) -> None:
    """Under sudo nobody writes completion scripts as the service account."""
    give("admin", "agent", "portal")
    (tmp_path / "evil").mkdir()
    (tmp_path / "evil/pincli.bash").symlink_to(floor.database)
    before = content(floor.store) | content(floor.keys)
    ran = call_by_sudo(floor, f"completion --write {tmp_path / 'evil'}")
    assert ran.code in (2, 7), ran
    assert sorted(each.name for each in (tmp_path / "evil").iterdir()) == ["pincli.bash"]
    assert content(floor.store) | content(floor.keys) == before


@pytest.mark.parametrize(
    "line",
    [
        "verify",
        "verify alice",
        "verify alice --pin-stdin --nonsense",
        "status alice vera",
        "status --state asleep",
        "unlock lara",
        "unlock lara --reason ''",
        "reset",
        "reset alice",
        "pin peek alice",
        "user add bea",
        "audit list --limit 0",
        "verify 'al ice' --pin-stdin",
        "status 'al ice'",
        "pin show 'al ice'",
        "reset 'al ice' --yes",
        "user show 'al ice'",
        "user add 'b ea' --account acme",
        "unlock 'la ra' --reason rang",
    ],
)
def test_wrong_usage_comes_before_all_else(
    floor: Desk, give: Deploy, tmp_path: Path, line: str
) -> None:
    """Exit 2 before 8 and before 7: DESIGN.md, section 7."""
    give()
    assert call_by_sudo(floor, line, RIGHT).code == 2
    assert refusals(floor) == []
    (tmp_path / "pincli.toml").unlink()
    assert call_by_sudo(floor, line, RIGHT).code == 2


@pytest.mark.parametrize("line", ["status nobody-here", "pin show nobody-here", "reset all --yes"])
def test_unavailable_comes_before_the_role(floor: Desk, give: Deploy, line: str) -> None:
    """Exit 8 comes before 7: a refusal that can't be recorded is unavailable."""
    give()
    key = floor.keys / "audit.key"
    key.rename(floor.keys / "elsewhere")
    assert call_by_sudo(floor, line).code == 8
    (floor.keys / "elsewhere").rename(key)
    assert call_by_sudo(floor, line).code == 7
    floor.database.unlink()
    assert call_by_sudo(floor, line).code == 8


@pytest.mark.parametrize(
    ("roles", "line", "code"),
    [
        ("agent", "pin show nobody-here", 7),
        ("agent", "reset nobody-here --yes", 7),
        ("agent", "status nobody-here", 6),
        ("agent", "verify nobody-here --pin-stdin", 6),
        ("portal", "verify nobody-here --pin-stdin", 7),
        ("portal", "status nobody-here", 6),
        ("portal", "pin show nobody-here", 6),
        ("admin", "pin show nobody-here", 7),
        ("admin", "reset nobody-here --yes", 6),
        ("", "status --account nowhere", 7),
        ("agent", "status --account nowhere", 6),
    ],
)
def test_the_role_comes_before_who_is_unknown(
    floor: Desk, give: Deploy, roles: str, line: str, code: int
) -> None:
    """Exit 7 comes before 6: without the role nobody learns who exists."""
    give(*roles.split())
    ran = call_by_sudo(floor, line, RIGHT)
    assert ran.code == code
    assert (code == 7) == ("you may not run" in ran.err)


@pytest.mark.parametrize(
    ("roles", "is_near"), [("portal", False), ("agent", True), ("agent portal", True)]
)
def test_only_agents_and_admins_see_near_names(
    floor: Desk, give: Deploy, roles: str, is_near: bool
) -> None:
    """A portal's customer learns of no other login."""
    give(*roles.split())
    ran = call_by_sudo(floor, "status alicee")
    assert (ran.code, "did you mean alice?" in ran.err) == (6, is_near), ran.err


def test_the_role_comes_before_the_lock(floor: Desk, give: Deploy) -> None:
    """Exit 7 comes before 4 and 5, and nothing is charged."""
    give("portal")
    for user in ("lara", "ina", "otto", "uma", "alice"):
        assert call_by_sudo(floor, f"verify {user} --pin-stdin", RIGHT).code == 7
    assert floor.user("alice").attempts_total == 0


@pytest.mark.parametrize(
    "line", ["pin show alice", "pin change alice --pin-stdin", "unlock lara --reason x"]
)
@pytest.mark.parametrize(
    ("named", "code"), [("", 7), ("agent", 7), ("portal", 0), ("another store", 0)]
)
def test_without_sudo_nobody_acts_for_a_customer(
    floor: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, named: str, code: int
) -> None:
    """Without sudo only an account with the role itself acts for a customer; else exit 7."""
    path = tmp_path / "pincli.toml"
    read_instead(path, monkeypatch)
    place = tmp_path / "another" if named == "another store" else floor.store.parent
    login = pwd.getpwuid(os.geteuid()).pw_name
    role = named if named in ("agent", "portal") else "admin"
    member = login if named == role else NOBODY.pw_name
    path.write_text(
        f'store = "{place}/store"\nkeys = "{place}/keys"\n[roles]\n{role} = ["{member}"]\n'
    )
    ran = call(floor, line, "333197")
    assert ran.code == code, ran
    command = " ".join(line.split()[: 2 if line.startswith("pin") else 1])
    unknown = [(e.agent, e.command) for e in floor.events() if e.outcome == "caller_unknown"]
    assert unknown == [(login, command)] * (code == 7)
    assert call(floor, "status alice").code == 0


@pytest.mark.parametrize(
    ("content", "code"), [(None, 0), ("not TOML at all", 8)], ids=["none", "spoilt"]
)
def test_a_deployment_in_doubt_shows_no_pin(
    floor: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None, code: int
) -> None:
    """A broken deployment file is exit 8; without one, roles don't count."""
    path = tmp_path / "pincli.toml"
    read_instead(path, monkeypatch)
    if content is not None:
        path.write_text(content)
    assert call(floor, "pin show alice").code == code
    assert call(floor, "status alice").code == 0


def test_the_service_account_shows_no_pin_of_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service account may not show PINs from a copy of the store either."""
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    keys = tmp_path / "keys"
    keys.mkdir()
    os.chown(keys, NOBODY.pw_uid, -1)
    path = tmp_path / "pincli.toml"
    path.write_text(f'store = "{tmp_path}/store"\nkeys = "{keys}"\n[roles]\nagent = ["x"]\n')
    read_instead(path, monkeypatch)
    for caller, roles in ((NOBODY.pw_uid, frozenset()), (NOBODY.pw_uid - 1, None)):
        monkeypatch.setattr(os, "geteuid", lambda caller=caller: caller)
        os.chown(path, caller, -1)
        assert roles_without_sudo(tmp_path / "copy", tmp_path / "other") == roles
        # Anybody else's are none where its keys or its store are used.
        assert roles_without_sudo(tmp_path / "copy", keys) == frozenset()
        assert roles_without_sudo(tmp_path / "store", tmp_path / "other") == frozenset()


def test_an_admin_ends_anothers_call_and_an_agent_does_not(floor: Desk, give: Deploy) -> None:
    """A call is shown until an admin ends it; another agent can't."""
    assert call(floor, "call alice --ref T-4711").code == 0
    give("agent", "portal")
    ran = call_by_sudo(floor, "call alice --end")
    assert ran.code == 7
    assert "another agent is calling alice" in ran.err
    calling = answer_of(call_by_sudo(floor, "status alice --json"))["call"]
    assert (calling["ref"], calling["agent"]) == ("T-4711", floor.events()[-2].agent)
    give("admin")
    ended = answer_of(call_by_sudo(floor, "call alice --end --json"))
    assert (ended["call"], ended["changed"]) == (None, True)
