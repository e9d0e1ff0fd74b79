"""What each role can do by sudo, and the name in the trail."""

from __future__ import annotations

import pytest

from tests.support.desk import Ran
from tests.support.floor import RIGHT, WRONG
from tests.support.floor_of_agents import AMY, BEN, EVE, LEA, WWW, AgentFloor

pytestmark = pytest.mark.system


def refused(ran: Ran, command: str) -> None:
    """Fail unless pincli refused the command for the lack of a role."""
    assert ran.code == 7, ran
    assert ran.out == ""
    assert f"you may not run `pincli {command}` here" in ran.err


@pytest.mark.parametrize("login", [AMY, BEN])
def test_an_agent_verifies(floor: AgentFloor, login: str) -> None:
    """An agent verifies, by a primary or a further group."""
    right = floor.verify(login, "alice", RIGHT)
    assert (right.code, right.answer["outcome"]) == (0, "verified")
    wrong = floor.verify(login, "alice", WRONG)
    assert (wrong.code, wrong.answer["attempts_left"]) == (3, 5)
    assert [each.agent for each in floor.desk.events("alice")[-4:]] == [login] * 4
    assert floor.verify(login, "lara", RIGHT).code == 4
    assert floor.verify(login, "nobody-here", RIGHT).code == 6


def test_an_agent_does_no_more(floor: AgentFloor) -> None:
    """An agent gets exit 7 for other roles' commands, each with one event."""
    refused(floor.pincli(AMY, "reset alice --yes"), "reset")
    refused(floor.pincli(AMY, "pin show alice"), "pin show")
    assert floor.refusals() == [(AMY, "reset"), (AMY, "pin show")]


@pytest.mark.parametrize(
    "environment",
    [
        {"USER": LEA, "LOGNAME": LEA},
        {"SUDO_USER": LEA, "SUDO_UID": "0", "SUDO_GID": "0"},
        {"SUDO_UID": ""},
        {"USER": "", "LOGNAME": "", "USERNAME": "root", "LNAME": "root"},
    ],
)
def test_the_trail_names_the_invoking_login(floor: AgentFloor, environment: dict[str, str]) -> None:
    """Events name the invoking login, not what the environment says."""
    verified = floor.pincli(AMY, "verify alice --pin-stdin", f"{RIGHT}\n", environment)
    assert verified.code == 0
    refused(floor.pincli(AMY, "reset alice --yes", "", environment), "reset")
    assert {each.agent for each in floor.desk.events()[-3:]} == {AMY}
    assert floor.desk.user("alice").last_verified_by == AMY


def test_an_admin_does_all_but_pins(floor: AgentFloor) -> None:
    """An admin may do everything but show or change a PIN."""
    assert floor.verify(LEA, "alice", RIGHT).code == 0
    for line in (
        "status",
        "user add bea --account acme",
        "user list",
        "user rename bea beatrix",
        "user deactivate beatrix",
        "user erase beatrix --yes",
        "unlock lara --reason rang",
        "reset alice --yes --reason overheard",
        "audit list",
        "audit verify",
        "doctor",
        "keys list",
        "complete -- status --account=",
    ):
        ran = floor.pincli(LEA, line)
        assert ran.code == 0, (line, ran)
    people = "user,account,name,type\ncarl,acme,Carl,cloud\n"
    assert floor.pincli(LEA, "import -", people).code == 0
    assert floor.refusals() == []
    refused(floor.pincli(LEA, "pin show alice"), "pin show")
    refused(floor.pincli(LEA, "pin change alice --pin-stdin", "333197\n"), "pin change")
    assert floor.refusals() == [(LEA, "pin show"), (LEA, "pin change")]


def test_the_portal_acts_for_one_customer(floor: AgentFloor) -> None:
    """The portal shows, changes and unlocks, and sees one user's card."""
    shown = floor.pincli(WWW, "pin show uma --json")
    assert shown.code == 0
    assert floor.verify(AMY, "uma", shown.answer["pin"]).code == 0
    assert floor.pincli(WWW, "pin change alice --pin-stdin", "333197\n").code == 0
    assert floor.verify(AMY, "alice", "333197").code == 0
    assert floor.pincli(WWW, "unlock lara --reason 'in the portal'").code == 0
    assert floor.pincli(WWW, "status lara --json").answer["state"] == "active"
    assert floor.refusals() == []


def test_the_portal_does_no_more(floor: AgentFloor) -> None:
    """The portal may not list or verify."""
    refused(floor.pincli(WWW, "status"), "status")
    refused(floor.pincli(WWW, "verify alice --pin-stdin", f"{RIGHT}\n"), "verify")
    assert floor.refusals() == [(WWW, "status"), (WWW, "verify")]


@pytest.mark.parametrize("login", [EVE, "root"])
def test_without_a_role_nothing_is_shown(floor: AgentFloor, login: str) -> None:
    """Without a role everything is refused, also for root."""
    commands = ("verify", "status", "pin show", "unlock")
    for command, rest in zip(
        commands, ("alice --pin-stdin", "alice", "alice", "lara --reason rang"), strict=True
    ):
        refused(floor.pincli(login, f"{command} {rest}", f"{RIGHT}\n"), command)
    assert floor.refusals() == [(login, command) for command in commands]
    assert floor.desk.user("alice").attempts_total == 0
