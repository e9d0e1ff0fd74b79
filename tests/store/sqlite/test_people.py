"""The index of search words in the database file."""

from __future__ import annotations

from pincli.models import EventKind, NewEvent
from pincli.operations.find import find
from pincli.store.contract import Transaction
from tests.support.desk import Desk

UNUSUAL = "xanthoquist"


def test_no_word_of_an_erased_user_is_left_in_the_file(desk: Desk) -> None:
    """No word is left in the index or in its old blocks."""

    def erase(transaction: Transaction) -> None:
        (user,) = transaction.named([UNUSUAL])
        user = user._replace(login=f"erased-{user.uid.hex()}", display_name="")
        transaction.save([NewEvent(EventKind.USER_UPDATED, user)])

    for login in ("alice", UNUSUAL, "zoe"):
        desk.add(login)
    assert UNUSUAL[1:].encode() in desk.database.read_bytes()
    with desk.session() as session:
        session.store.write(erase)
    for start in range(3):
        assert UNUSUAL[start:].encode() not in desk.database.read_bytes()
    assert desk.sql("INSERT INTO words (words) VALUES ('integrity-check')") == []


def test_a_row_that_can_t_be_read_keeps_nobody_from_being_found(desk: Desk) -> None:
    """The user in that row is left out, and never a certain hit."""
    for login in ("alice", UNUSUAL):
        desk.add(login)
    desk.sql("UPDATE people SET added_at = CAST(x'ff' AS TEXT) WHERE login = ?", UNUSUAL)
    with desk.session() as session:
        assert [user.login for user in find(session, "acme").people] == ["alice"]
        assert not find(session, f"{UNUSUAL} acme").certain
        desk.sql("UPDATE people SET display_name = CAST(x'ff' AS TEXT) WHERE login = ?", UNUSUAL)
        assert [user.login for user in find(session, "acme").people] == ["alice"]
