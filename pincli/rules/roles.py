"""Who may run what. The one table that decides it."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What somebody is to pincli, where a configuration gives out roles."""

    AGENT = "agent"
    ADMIN = "admin"
    PORTAL = "portal"


_AGENT = frozenset({"verify", "status", "alerts", "desk", "complete-names"})
_ADMIN = _AGENT | {
    "user add", "user list", "user show", "user deactivate", "user activate", "import",
    "reset", "unlock", "audit list", "audit verify",
    "backup", "restore", "doctor", "keys list", "keys rotate",
}  # fmt: skip
_PORTAL = frozenset({"status USER", "pin show", "pin change", "unlock"})

MAY_RUN = {Role.AGENT: _AGENT, Role.ADMIN: _ADMIN, Role.PORTAL: _PORTAL}
"""The commands of each role. `status USER` is the card of one user, and no list.

No admin is among those who may show a PIN: only its owner sees it, through the portal.
"""


def may_run(roles: frozenset[Role], command: str, *, about_one_user: bool) -> bool:
    """Whether somebody with these roles may run a command.

    Args:
        roles: All the roles of the caller; none is possible.
        command: The command's name as in the help, such as `pin show`.
        about_one_user: Whether it names one user.
    """
    names = {command, f"{command} USER"} if about_one_user else {command}
    return any(names & MAY_RUN[role] for role in roles)
