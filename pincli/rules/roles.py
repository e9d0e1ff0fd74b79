"""Who may run a command, where a configuration gives out roles.

The registry of commands says which command is for whom; here is how it is decided.
"""

from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

DEPLOYMENT = Path("/etc/pincli/pincli.toml")
"""The file that gives them out."""


class Role(StrEnum):
    """What somebody is to pincli, where a configuration gives out roles."""

    AGENT = "agent"
    ADMIN = "admin"
    PORTAL = "portal"


class Allowed(NamedTuple):
    """Those who may run a command.

    Attributes:
        roles: Those with one of these roles.
        about_one_user: Those who may if it names one user: a card, and no list.
    """

    roles: frozenset[Role]
    about_one_user: frozenset[Role] = frozenset()


def acts_for_a_customer(allowed: Allowed | None) -> bool:
    """Whether a command does what a customer may ask for: the portal may run it for anybody.

    Where roles are given out, a PIN is shown only to a caller who is known to have one.
    """
    return allowed is not None and Role.PORTAL in allowed.roles


def may_run(roles: frozenset[Role], allowed: Allowed | None, *, about_one_user: bool) -> bool:
    """Whether somebody with these roles may run a command.

    Args:
        roles: All the roles of the caller; none is possible.
        allowed: Who may run it; None if it needs no role.
        about_one_user: Whether it names one user.
    """
    if allowed is None:
        return True
    enough = allowed.roles | allowed.about_one_user if about_one_user else allowed.roles
    return not roles.isdisjoint(enough)
