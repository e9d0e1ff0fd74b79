"""`pincli doctor`: is everything as it should be?"""

from __future__ import annotations

from pincli.commands.invocation import Invocation
from pincli.operations.doctor.deployment import deployment_checks
from pincli.operations.doctor.examination import examine
from pincli.rules.roles import DEPLOYMENT
from pincli.views.blocks import Answer
from pincli.views.upkeep import examined


def doctor(invocation: Invocation) -> Answer:
    """Check whether all is well, and say what to do.

    Integrity, permissions, keys, free space and clock.

    On a PostgreSQL server its version and settings, the way there, this host's login, and
    whether tables, functions and rights are those of this pincli. What this login can't see is
    said to be not checked.

    Example:
      pincli doctor
    """
    config = invocation.config
    checks = [
        *examine(config.store, config.keys, marks=config.marks, origin=invocation.origin),
        *deployment_checks(DEPLOYMENT, config.store, config.keys, marks=config.mark),
    ]
    return examined(checks)
