"""Names by their beginnings."""

from __future__ import annotations

import pytest

from pincli.errors import MalformedName
from pincli.operations.find import names_beginning
from tests.support.desk import Desk

pytestmark = pytest.mark.engines


def test_names_that_begin_so(desk: Desk) -> None:
    """Of users or of accounts, in any case; what no name can begin with is an error."""
    desk.add("alice", "acme")
    desk.add("alicia", "alpha")
    desk.add("bob", "acme")
    with desk.session() as session:
        assert names_beginning(session.store, "login", "AL") == ["alice", "alicia"]
        assert names_beginning(session.store, "account", "al") == ["alpha"]
        assert names_beginning(session.store, "login", " ") == ["alice", "alicia", "bob"]
        assert names_beginning(session.store, "login", "zz") == []
        with pytest.raises(MalformedName):
            names_beginning(session.store, "login", "a b")
