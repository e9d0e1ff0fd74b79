"""`pincli init`: a store and its keys."""

from __future__ import annotations

from pincli.commands.invocation import Invocation
from pincli.operations.setup import initialise
from pincli.views.blocks import Answer
from pincli.views.upkeep import initialised


def init(invocation: Invocation) -> Answer:
    """Make a new store and its keys; never over existing ones.

    Example:
      pincli init
      pincli --store /srv/pincli/db --keys /srv/pincli/keys init
    """
    config = invocation.config
    initialise(config.store, config.keys, marks=config.marks, origin=invocation.origin)
    return initialised(config.store, config.keys)
