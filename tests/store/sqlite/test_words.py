"""The index of words in the database file."""

from __future__ import annotations

from pincli.models import EventKind, NewEvent
from pincli.store.contract import Transaction
from tests.support.desk import Desk

UNUSUAL = "xanthoquist"


def test_no_word_of_an_erased_user_is_left_in_the_file(desk: Desk) -> None:
    """Neither in the index nor in a block that it has written before."""

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
