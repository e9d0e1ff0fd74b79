"""Who may run what: the one table, against DESIGN.md, section 6, spelled again."""

from __future__ import annotations

from itertools import chain, combinations

import pytest

from pincli.rules.roles import MAY_RUN, Role, may_run
from tests.support.all_commands import (
    ADMIN,
    AGENT,
    COMPLETING,
    PORTAL,
    WITHOUT_ROLE,
    existing_commands,
)

WITH_LIST = frozenset({"status USER"})
SPELLED = {
    Role.AGENT: AGENT | {COMPLETING},
    Role.ADMIN: ADMIN | {COMPLETING},
    Role.PORTAL: PORTAL,
}
COMMANDS = sorted((ADMIN | PORTAL | WITHOUT_ROLE | {COMPLETING} | existing_commands()) - WITH_LIST)
EVERY_MIX = [frozenset(mix) for mix in chain.from_iterable(combinations(Role, n) for n in range(4))]


def test_the_table_is_the_designs() -> None:
    """Each role has exactly the commands that DESIGN.md gives it."""
    assert dict(MAY_RUN) == SPELLED


def test_the_roles_are_those_three() -> None:
    """The words that a configuration may use."""
    assert {role.value for role in Role} == {"agent", "admin", "portal"}


@pytest.mark.parametrize("command", sorted(existing_commands()))
def test_every_command_is_some_roles_or_nobodys(command: str) -> None:
    """A new command must be put into the table, or needs no role on purpose."""
    in_table = any(command in {name.removesuffix(" USER") for name in MAY_RUN[r]} for r in Role)
    assert in_table != (command in WITHOUT_ROLE)


@pytest.mark.parametrize("about_one_user", [False, True])
@pytest.mark.parametrize("command", COMMANDS)
def test_nobody_may_run_anything(command: str, about_one_user: bool) -> None:
    """Without a role no command is allowed, whomever it is about."""
    assert not may_run(frozenset(), command, about_one_user=about_one_user)


@pytest.mark.parametrize("about_one_user", [False, True])
@pytest.mark.parametrize("command", COMMANDS)
def test_several_roles_add_up_and_no_more(command: str, about_one_user: bool) -> None:
    """Whoever has several roles may do what one of them may, and nothing beyond."""
    names = {command, f"{command} USER"} if about_one_user else {command}
    for roles in EVERY_MIX:
        expected = any(names & SPELLED[role] for role in roles)
        assert may_run(roles, command, about_one_user=about_one_user) is expected, roles


def test_the_portal_sees_one_user_and_no_list() -> None:
    """`status USER` is the portal's, `status` alone is not."""
    portal = frozenset({Role.PORTAL})
    assert may_run(portal, "status", about_one_user=True)
    assert not may_run(portal, "status", about_one_user=False)


@pytest.mark.parametrize("roles", [{Role.AGENT}, {Role.ADMIN}, {Role.AGENT, Role.ADMIN}])
@pytest.mark.parametrize("command", ["pin show", "pin change"])
def test_only_the_portal_handles_a_customers_pin(roles: set[Role], command: str) -> None:
    """No agent and no admin sees or chooses a PIN."""
    assert not may_run(frozenset(roles), command, about_one_user=True)


@pytest.mark.parametrize(
    "command", ["", " ", "pin", "user", "audit", "VERIFY", "verify USER", "status USER USER", "*"]
)
def test_what_is_no_command_is_nobodys(command: str) -> None:
    """Groups and other words open nothing, in whatever spelling."""
    assert not may_run(frozenset(Role), command, about_one_user=False)
    assert not may_run(frozenset(Role), command, about_one_user=True)
