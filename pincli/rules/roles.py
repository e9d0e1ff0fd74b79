"""Who may run a command, where a configuration gives out roles.

The registry of commands says which command is for whom; here is how it is decided.
"""

from enum import StrEnum
from typing import NamedTuple


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
