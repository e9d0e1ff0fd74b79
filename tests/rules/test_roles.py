"""Who may run what: the decision, and the registry's roles against DESIGN.md, section 6."""

from __future__ import annotations

from itertools import chain, combinations

import pytest

from pincli.commands.registry import COMMANDS, entry_of
from pincli.rules.roles import Allowed, Role, may_run
from tests.support.contract import (
    ADMIN,
    AGENT,
    COMPLETING,
    PORTAL,
    WITHOUT_ROLE,
    existing_commands,
)

SPELLED = {
    Role.AGENT: AGENT | {COMPLETING},
    Role.ADMIN: ADMIN | {COMPLETING},
    Role.PORTAL: PORTAL,
}
EVERY_MIX = [frozenset(mix) for mix in chain.from_iterable(combinations(Role, n) for n in range(4))]


def allowed_to(command: str) -> Allowed | None:
    """What the registry says of a command."""
    entry = entry_of(command)
    assert entry is not None
    return entry.allowed


def test_the_roles_are_those_three() -> None:
    """The words that a configuration may use."""
    assert {role.value for role in Role} == {"agent", "admin", "portal"}


def test_the_registry_has_the_commands_that_there_are() -> None:
    """Each line is a command that exists, and each command has a line."""
    assert {entry.name for entry in COMMANDS} == existing_commands()


@pytest.mark.parametrize("command", sorted(existing_commands()))
def test_every_command_is_for_some_roles_or_needs_none(command: str) -> None:
    """A new command is for some roles, or needs none on purpose."""
    assert (allowed_to(command) is None) == (command in WITHOUT_ROLE)


@pytest.mark.parametrize("about_one_user", [False, True])
@pytest.mark.parametrize("command", sorted(existing_commands() - WITHOUT_ROLE))
def test_several_roles_add_up_and_no_more(command: str, about_one_user: bool) -> None:
    """A caller may do what any of their roles may, and nothing else."""
    names = {command, f"{command} USER"} if about_one_user else {command}
    for roles in EVERY_MIX:
        expected = any(names & SPELLED[role] for role in roles)
        allowed = allowed_to(command)
        assert may_run(roles, allowed, about_one_user=about_one_user) is expected, roles


@pytest.mark.parametrize("roles", EVERY_MIX)
def test_what_needs_no_role_is_everybodys(roles: frozenset[Role]) -> None:
    """Any caller may run it."""
    assert may_run(roles, None, about_one_user=False)


@pytest.mark.parametrize("about_one_user", [False, True])
def test_what_is_for_no_role_is_refused_to_all(about_one_user: bool) -> None:
    """An empty set is not the same as needing no role."""
    assert not may_run(frozenset(Role), Allowed(frozenset()), about_one_user=about_one_user)
