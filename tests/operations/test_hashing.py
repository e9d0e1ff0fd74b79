"""Hashing many PINs: on all cores, and never for an outdated record."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pincli.errors import Interrupted, KeysUnavailable
from pincli.models import EventKind, Fault, User
from pincli.operations import hashing, people, pins
from pincli.operations.hashing import write_pins
from pincli.operations.session import Session
from pincli.vault.answers import StoredAnswer
from pincli.vault.keyring import Key
from tests.operations.intake.files import as_csv, person, taken
from tests.operations.resetting import verifies
from tests.support.desk import Desk
from tests.support.driving import withdraw
from tests.support.replay import replay

pytestmark = pytest.mark.engines(in_turn=True)

GROUP = hashing._WRITE_AT_ONCE


@pytest.fixture
def session(desk: Desk) -> Iterator[Session]:
    """A session on a store with a few groups of users."""
    taken(desk, as_csv([person(f"u{number:03}") for number in range(GROUP * 2 + 10)]))
    with desk.session() as session:
        yield session


def everybody(session: Session) -> list[User]:
    return [user for page in session.store.people.pages() for user in page]


def pin_of(user: User) -> str:
    return f"{902_000 + user.id * 2}"


def write(
    session: Session,
    users: Iterable[User],
    *,
    before_each: Callable[[], None] = lambda: None,
) -> Generator[list[tuple[str, str]], None, None]:
    """Write PINs; yield users and PINs by transaction."""
    for group in write_pins(
        session,
        ((user, pin_of(user)) for user in users),
        unlock=False,
        reason="T-1",
        before_each=before_each,
    ):
        yield [(change.after.login, pin) for change, pin in group]


@pytest.mark.engines
def test_everybody_gets_their_own_pin_once(desk: Desk, session: Session) -> None:
    """In the given order, some in each transaction, each with an event."""
    users = everybody(session)
    groups = list(write(session, users))
    assert [len(group) for group in groups] == [GROUP, GROUP, 10]
    assert [each for group in groups for each in group] == [(u.login, pin_of(u)) for u in users]
    for user in everybody(session):
        assert verifies(session, user, pin_of(user))
        assert user.pin_version == 1
    events = [event for event in desk.events() if event.kind is EventKind.PIN_GENERATED]
    assert [event.user for event in events] == [user.login for user in users]
    assert {event.reason for event in events} == {"T-1"}
    assert replay(desk.sql) == []


def test_an_error_before_a_pin_ends_the_work_at_once(session: Session) -> None:
    """Ctrl-C doesn't wait for a group of hashes, and none of them is written."""
    calls: list[int] = []

    def stop() -> None:
        calls.append(1)
        if len(calls) == 3:
            raise Interrupted

    users = everybody(session)
    with pytest.raises(Interrupted):
        list(write(session, users, before_each=stop))
    assert everybody(session) == users


def test_a_user_who_changed_meanwhile_is_prepared_again(desk: Desk, session: Session) -> None:
    """A user who has chosen a PIN meanwhile keeps it."""
    users = everybody(session)
    groups = write(session, users)
    next(groups)
    changed = [users[GROUP + 1].login, users[-1].login]
    for name in changed:
        pins.change(session, name, "444159")
    withdraw(desk, changed[0])
    list(groups)
    for user in everybody(session):
        pin = "444159" if user.login == changed[1] else pin_of(user)
        assert verifies(session, user, pin), user.login
        assert user.pin_version == (3 if user.login == changed[0] else 1)
    assert replay(desk.sql) == []


def _switch_off(desk: Desk, user: str) -> None:
    with desk.session() as session:
        people.set_active(session, user, active=False, reason=None)


def _become_ineligible(desk: Desk, user: str) -> None:
    taken(desk, as_csv([person(user, type="datapipe")]))


@pytest.mark.parametrize("change", [_switch_off, _become_ineligible])
def test_a_user_who_can_no_longer_have_a_pin_gets_none(
    desk: Desk, session: Session, change: Callable[[Desk, str], None]
) -> None:
    """Deactivated or of another type since they were read."""
    user = everybody(session)[-1].login
    groups = write(session, everybody(session))
    next(groups)
    change(desk, user)
    before = desk.user(user)
    written = [name for group in groups for name, _ in group]
    after = desk.user(user)
    assert after == before
    assert user not in written
    assert replay(desk.sql) == []


def test_it_runs_on_all_cores_in_threads_that_take_no_signals(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C goes to the main thread."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2})
    make = session.answers.make
    together = threading.Barrier(3)
    masks: dict[int, set[int]] = {}

    def making(*arguments: Any) -> StoredAnswer:
        if threading.get_ident() not in masks:
            masks[threading.get_ident()] = {*signal.pthread_sigmask(signal.SIG_BLOCK, ())}
            together.wait(30)
        return make(*arguments)

    monkeypatch.setattr(session.answers, "make", making)
    list(write(session, everybody(session)))
    assert len(masks) == 3
    assert threading.get_ident() not in masks
    for mask in masks.values():
        assert {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP} <= mask


def test_it_does_not_run_far_ahead(session: Session) -> None:
    """Of a million users only a few are read before the first is written."""
    read: list[str] = []

    def reading() -> Iterator[User]:
        for user in everybody(session) * 20:
            read.append(user.login)
            yield user

    groups = write(session, reading())
    next(groups)
    assert len(read) < GROUP + 16 * len(os.sched_getaffinity(0))
    groups.close()


def test_a_key_that_fails_ends_it_with_whole_groups(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread's error is raised; groups before it stay."""
    make = session.answers.make
    users = everybody(session)

    def making(key: Key, uid: bytes, *others: Any) -> StoredAnswer:
        if uid == users[GROUP + 3].uid:
            raise KeysUnavailable(Fault.MISSING, Path("verify.key"))
        return make(key, uid, *others)

    monkeypatch.setattr(session.answers, "make", making)
    with pytest.raises(KeysUnavailable):
        list(write(session, users))
    assert [user.question is not None for user in everybody(session)] == [
        number < GROUP for number in range(len(users))
    ]


def test_no_thread_is_left_after_an_interruption(session: Session) -> None:
    """Nor after an error."""
    before = threading.active_count()
    groups = write(session, everybody(session))
    next(groups)
    with suppress(KeyboardInterrupt):
        groups.throw(KeyboardInterrupt)
    assert threading.active_count() == before
