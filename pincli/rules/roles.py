"""Who may run a command, if a configuration gives out roles.

The registry of commands says which roles may run which command.
"""

from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

DEPLOYMENT = Path("/etc/pincli/pincli.toml")
"""The file that gives out roles."""


class Role(StrEnum):
    """The roles that a configuration can give out."""

    AGENT = "agent"
    ADMIN = "admin"
    PORTAL = "portal"


class Allowed(NamedTuple):
    """The roles that may run a command, and those that may if it names one user, for a card."""

    roles: frozenset[Role]
    about_one_user: frozenset[Role] = frozenset()


def acts_for_a_customer(allowed: Allowed | None) -> bool:
    """Whether a command does what a customer may ask for: the portal may run it for anybody.

    If roles are given out, a PIN is shown only to a caller who is known to have that role.
    """
    return allowed is not None and Role.PORTAL in allowed.roles


def may_run(roles: frozenset[Role], allowed: Allowed | None, *, about_one_user: bool) -> bool:
    """Whether a caller with these roles may run a command; None if it needs no role."""
    if allowed is None:
        return True
    enough = allowed.roles | allowed.about_one_user if about_one_user else allowed.roles
    return not roles.isdisjoint(enough)
