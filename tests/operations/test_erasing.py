"""Erasing a user: their names are gone, and the trail stays whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from pincli.errors import Refused, Rule, UnknownUser
from pincli.models import User, UserType
from pincli.operations import editing, people
from pincli.operations.locks import unlock
from pincli.operations.session import Session
from pincli.operations.trail_check import check_trail
from pincli.operations.verify import verify
from pincli.store.steps.people import set_active
from tests.operations.restoring import backed_up, restored
from tests.store.attempting import PIN, kinds_after, last_number, with_counter, without_event
from tests.support.desk import Desk
from tests.support.version_1 import Version1

pytestmark = pytest.mark.engines(in_turn=True)

PERSONAL = ("alice", "Alice Liddell", "al@wonder.example", "down the hole", "T-4711")


def lived(desk: Desk) -> User:
    """Alice, who had a PIN, all kinds of texts and a released lock, and is inactive now."""
    login, name, email, reason, ticket = PERSONAL
    with_counter(desk, 6, login)
    with desk.session(agent="admin") as session:
        editing.edit(session, login, {"display_name": name, "email": email}, reason=reason)
        unlock(session, login, reason)
        verify(session, login, PIN, ticket)
        return people.set_active(session, login, active=False, reason=reason).after


def finding(desk: Desk) -> tuple[int | None, str | None]:
    """Check the trail; return the first bad event and the finding."""
    with desk.session() as session:
        report = check_trail(session, None)
        return report.seq, report.finding


def erase(session: Session, login: str = "alice") -> User:
    return editing.erase(session, editing.require_erasable(session, login)).user


@pytest.mark.engines
def test_nothing_names_an_erased_user(desk: Desk) -> None:
    """Not in record, texts or the file's bytes; the events stay."""
    before = lived(desk)
    desk.add("bob")
    with desk.session() as session:
        people.set_active(session, "bob", active=False, reason="kept")
        events = desk.events("alice")
        after = erase(session)
    expected = before._replace(
        login=f"erased-{before.uid.hex()}", display_name="", email=None, blind=None,
        barred_question=None, barred_check=None, barred_key=None, barred_version=None,
        call_agent=None, call_ref=None, call_since=None,
    )  # fmt: skip
    assert without_event(after) == without_event(expected)
    assert finding(desk) == (None, None)
    kept = desk.events(after.login)
    assert [event.seq for event in kept] == [*(e.seq for e in events), kept[-1].seq]
    assert {(e.user, e.reason, e.ticket) for e in kept} == {(after.login, None, None)}
    assert desk.sql("SELECT reason FROM texts WHERE reason = 'kept'") == [("kept",)]
    if not desk.is_served:
        content = desk.database.read_bytes()
        # The index of words holds them without the letters that they share with others.
        assert [each for each in (*PERSONAL, "iddell", "onder") if each.encode() in content] == []


def test_an_active_user_cant_be_erased(desk: Desk) -> None:
    """The refusal is recorded, and nothing else happens."""
    user = with_counter(desk, 3)
    number = last_number(desk)
    with desk.session() as session:
        with pytest.raises(Refused) as refusal:
            editing.require_erasable(session, "alice")
        assert refusal.value.rule is Rule.STILL_ACTIVE
        with pytest.raises(Refused):
            editing.erase(session, user)
    assert desk.user("alice") == user
    assert kinds_after(desk, number) == [("refused", "still_active", 3)]


def test_an_erased_user_never_comes_back(desk: Desk) -> None:
    """Not even by a command that read them earlier; a new user may have the login."""
    before = lived(desk)
    with desk.session() as session:
        erased = erase(session)
        for row in ([before.id], [erased.id]):
            with pytest.raises(Refused) as refusal:
                session.store.write(set_active, row, active=True, reason=None)
            assert refusal.value.rule is Rule.ERASED
        with pytest.raises(UnknownUser):
            people.require_user(session, "alice")
        assert without_event(editing.erase(session, before).user) == without_event(erased)
        new = people.add(session, "alice", "acme", "", UserType.CLOUD)
        assert people.require_user(session, "alice") == new
    assert (new.uid == before.uid, new.failed_attempts, new.question) == (False, 0, None)


@pytest.mark.engines
@pytest.mark.parametrize("about", ["a user", "nobody"])
def test_only_erased_users_may_lack_texts(desk: Desk, about: str) -> None:
    """For others the check names the event that lacks its texts."""
    lived(desk)
    desk.add("bob")
    with desk.session() as session:
        people.set_active(session, "bob", active=False, reason="kept")
        people.note_unknown(session, ["nobody"])
        erase(session)
    rows = desk.sql("SELECT number, reason FROM texts WHERE reason = 'kept' OR name = 'nobody'")
    (number,) = (each for each, reason in rows if bool(reason) is (about == "a user"))
    desk.sql("DELETE FROM texts WHERE number = ?", number)
    assert finding(desk) == (number, "its texts were changed")


def test_events_of_schema_1_with_the_login_are_counted(tmp_path: Path) -> None:
    """They can only be archived; the result has the date for that."""
    old = Version1(tmp_path)
    for login in ("alice", "bob"):
        old.add(login)
        old.miss(login, 2)
    desk = old.close()
    ((count,),) = desk.sql("SELECT count(*) FROM events WHERE user = 'alice'")
    with desk.session() as session:
        people.set_active(session, "alice", active=False, reason=None)
        done = editing.erase(session, editing.require_erasable(session, "alice"))
    assert (done.old_events, done.archive_before) == (count, "2026-11-25")
    assert finding(desk) == (None, None)


@pytest.mark.folder
def test_a_restore_of_an_older_backup_erases_them_again(desk: Desk) -> None:
    """Names that the backup has are not in the restored store."""
    before = lived(desk)
    backup = backed_up(desk)
    with desk.session() as session:
        after = erase(session)
    restored(desk, backup)
    assert desk.user(after.login)._replace(event=0, pin_version=0) == after._replace(
        event=0, pin_version=0
    )
    assert finding(desk) == (None, None)
    content = desk.database.read_bytes()
    assert [each for each in PERSONAL if each.encode() in content] == []
    assert before.uid in content


def test_an_erased_users_record_is_checked_like_any_other(desk: Desk) -> None:
    """A name put back behind the trail is found."""
    lived(desk)
    with desk.session() as session:
        erase(session)
    desk.sql("UPDATE people SET display_name = 'Alice'")
    assert "changed behind the trail" in str(finding(desk)[1])
