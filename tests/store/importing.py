"""A chunk of an import, imported like a whole file."""

from __future__ import annotations

from collections.abc import Sequence

from pincli.operations.session import Session
from pincli.rules.people import SameLogin
from pincli.store.scratch import StagedRow
from pincli.store.steps import imports
from pincli.store.steps.imports import Fate


def take_in(
    session: Session, rows: Sequence[StagedRow], same_login: SameLogin = SameLogin.REFUSE
) -> list[Fate]:
    """Import rows, and return what became of each."""
    in_file = {row.user: {each.account for each in rows if each.user == row.user} for row in rows}
    return session.store.write(imports.take_in, rows, in_file, same_login=same_login)
