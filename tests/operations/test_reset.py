"""Resetting users: what becomes of each, and that none is left out or lost."""

from __future__ import annotations

import csv
import os
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from pincli.errors import Interrupted, StoreUnavailable
from pincli.models import EventKind, Fault, State, User, UserType
from pincli.operations import people, pins
from pincli.operations.editing import set_active_many
from pincli.operations.pin_file import PinFile
from pincli.operations.reset import ResetOrder, reset
from pincli.operations.selection import Selection, select, select_staged, without_pin
from pincli.operations.session import Session
from pincli.results import ResetUser
from pincli.rules.lockout import is_locked, state_of
from pincli.store.steps.pins import issue
from tests.operations.intake.files import as_csv, person, taken
from tests.operations.resetting import reset_named, verifies
from tests.store.attempting import with_counter, without_event
from tests.support.desk import Desk, connection_of
from tests.support.driving import RIGHT
from tests.support.overtaking import overtake
from tests.support.replay import replay

pytestmark = pytest.mark.engines(in_turn=True)

MANY = 150
"""More than two groups of hashes."""


@contextmanager
def opened(
    desk: Desk, *, account: str | None = None, users: tuple[str, ...] = ()
) -> Iterator[tuple[Session, Selection]]:
    """A session with a selection: everybody, an account, or users by name."""
    with (
        desk.session() as session,
        select(
            session, names=users, account=account, everybody=not (users or account)
        ) as selection,
    ):
        yield session, selection


def records(desk: Desk) -> dict[str, User]:
    with desk.session() as session:
        return {user.login: user for page in session.store.people.pages() for user in page}


def flat(pages: Iterator[list[ResetUser]]) -> dict[str, ResetUser]:
    """The results by login, one for each user."""
    results = [result for page in pages for result in page]
    found = {result.change.after.login: result for result in results}
    assert len(found) == len(results)
    return found


def new_file(folder: Path) -> PinFile:
    return PinFile(folder / "pins.csv", forbidden=())


def pins_in(path: Path) -> dict[str, str]:
    with path.open(newline="") as file:
        return {row["user"]: row["pin"] for row in csv.DictReader(file)}


ORDERS = [
    ResetOrder(reason="T-1"),
    ResetOrder(unlock=True, reason="T-1"),
    ResetOrder(issue=True, reason="T-1"),
    ResetOrder(unlock=True, issue=True, reason="T-1"),
]


@pytest.mark.parametrize("order", ORDERS, ids=repr)
@pytest.mark.parametrize("single", [False, True])
def test_a_reset_of_each_state(floor: Desk, order: ResetOrder, single: bool) -> None:
    """Old PINs don't verify, counters go to 0, and a lock stays without --unlock."""
    before = records(floor)
    results: dict[str, ResetUser] = {}
    for users in [(name,) for name in before] if single else [tuple(before)]:
        with opened(floor, users=users) as (session, selection):
            results |= flat(reset(session, selection, order))
    after = records(floor)
    assert set(results) == set(after)
    with floor.session() as session:
        for name, user in after.items():
            was = before[name]
            may = was.active and was.type.value == "cloud"
            assert not verifies(session, user, RIGHT), name
            assert (user.question is not None) == (may and order.issue), name
            locked = was.failed_attempts == 6 and not order.unlock
            assert user.failed_attempts == (6 if locked else 0), name
            assert (user.locked_since is not None) == locked, name
            changes = user.question is not None or was.question is not None
            # Many are withdrawn first, so that who is left out by a kill has no PIN.
            twice = not single and user.question is not None and was.question is not None
            assert user.pin_version == was.pin_version + changes + twice, name
            assert without_event(results[name].change.after) == without_event(user), name
            assert twice or results[name].change.before == was, name
            pin = results[name].pin
            assert (pin is not None) == (may and order.issue), name
            assert pin is None or verifies(session, user, pin), name
            assert user.locks_total == was.locks_total
            assert user.attempts_total == was.attempts_total
    assert replay(floor.sql) == []


@pytest.mark.parametrize("issue", [True, False])
@pytest.mark.parametrize("alone", [True, False])
def test_who_can_have_no_pin_gets_none(desk: Desk, issue: bool, alone: bool) -> None:
    """An inactive user's counter goes to 0, an ineligible user's record stays."""
    with_counter(desk, 3, "gone")
    desk.add("pipe", kind=UserType.DATAPIPE)
    with desk.session() as session:
        people.set_active(session, "gone", active=False, reason=None)
        pipe = desk.user("pipe")
        for names in (("gone",), ("pipe",)) if alone else (("gone", "pipe"),):
            for result in reset_named(session, *names, issue=issue):
                assert result.pin is None
                assert result.change.after.question is None
    assert (desk.user("gone").question, desk.user("gone").failed_attempts) == (None, 0)
    assert desk.user("pipe") == pipe


@pytest.mark.parametrize("order", ORDERS, ids=repr)
def test_every_event_has_the_reason(floor: Desk, order: ResetOrder) -> None:
    """Each changed user has events, all with the reason."""
    old, before = len(floor.events()), records(floor)
    with opened(floor) as (session, selection):
        flat(reset(session, selection, order))
    events = floor.events()[old:]
    assert {event.reason for event in events} == {"T-1"}
    changed = {name for name, user in records(floor).items() if user != before[name]}
    assert {event.user for event in events} == changed
    unlocked = [event.user for event in events if event.kind is EventKind.UNLOCKED]
    assert sorted(map(str, unlocked)) == (["lara", "ludo"] if order.unlock else [])


@pytest.fixture
def crowd(desk: Desk) -> Desk:
    """Many users without PINs, and an inactive one who had one."""
    desk.collected("off")
    taken(desk, as_csv([person(f"u{number:03}") for number in range(MANY)]))
    with desk.session() as session:
        people.set_active(session, "off", active=False, reason=None)
    return desk


def test_issuing_counts_the_users_once(crowd: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counting a million at every step would take longer than hashing."""
    counted: list[int] = []
    length = Selection.__len__

    def counting(selection: Selection) -> int:
        counted.append(1)
        return length(selection)

    monkeypatch.setattr(Selection, "__len__", counting)
    with opened(crowd) as (session, selection):
        flat(reset(session, selection, ORDERS[2]))
    assert len(counted) <= 2


@pytest.mark.parametrize("to_file", [False, True])
def test_a_user_activated_meanwhile_is_reset(crowd: Desk, tmp_path: Path, to_file: bool) -> None:
    """The old PIN doesn't verify."""
    file = new_file(tmp_path) if to_file else None
    with opened(crowd) as (session, selection):
        steps = reset(session, selection, ORDERS[2], file=file)
        next(steps)
        people.set_active(session, "off", active=True, reason=None)
        list(steps)
        off = records(crowd)["off"]
        assert not verifies(session, off, RIGHT)
    assert replay(crowd.sql) == []


@pytest.mark.parametrize("to_file", [False, True])
def test_a_user_deactivated_meanwhile_is_reset_and_in_no_file(
    crowd: Desk, tmp_path: Path, to_file: bool
) -> None:
    """They have neither the old PIN nor a new one."""
    crowd.collected("zed")
    file = new_file(tmp_path) if to_file else None
    with opened(crowd) as (session, selection):
        steps = reset(session, selection, ORDERS[2], file=file)
        next(steps)
        people.set_active(session, "zed", active=False, reason=None)
        list(steps)
    assert records(crowd)["zed"].question is None
    if file is not None:
        assert set(pins_in(file.path)) == {f"u{number:03}" for number in range(MANY)}


MISSING = ResetOrder(issue=True, reason="T-1", only_missing=True)


def missing_of(selection: Selection, session: Session) -> AbstractContextManager[Selection]:
    """Narrow a selection like --only-missing."""
    return select_staged(session, without_pin(selection), selection.word)


@pytest.mark.parametrize("single", [False, True])
def test_only_missing_issues_to_users_without_a_pin(floor: Desk, single: bool) -> None:
    """Locked users too, who stay locked; other records don't change."""
    before = records(floor)
    results: dict[str, ResetUser] = {}
    for users in [(name,) for name in before] if single else [tuple(before)]:
        with (
            opened(floor, users=users) as (session, everybody),
            missing_of(everybody, session) as selection,
        ):
            results |= flat(reset(session, selection, MISSING))
    lacking = {
        n for n, u in before.items() if u.question is None and u.active and u.type == "cloud"
    }
    assert set(results) == lacking != set()
    for name, user in records(floor).items():
        if name in lacking:
            assert user.question is not None
            assert is_locked(user) == is_locked(before[name])
        else:
            assert user == before[name]
    assert replay(floor.sql) == []


@pytest.mark.parametrize("single", [False, True])
def test_a_user_who_gets_a_pin_meanwhile_keeps_it(desk: Desk, single: bool) -> None:
    """With --only-missing."""
    for name in ("alice", "bob")[: 1 if single else 2]:
        desk.add(name)
    with opened(desk) as (session, everybody), missing_of(everybody, session) as selection:
        pages = selection.pages

        def late() -> Iterator[list[User]]:
            read = list(pages())
            pins.change(session, "alice", RIGHT)
            yield from read

        selection.pages = late  # type: ignore[method-assign]
        list(reset(session, selection, MISSING))
        assert verifies(session, records(desk)["alice"], RIGHT)
    assert single or records(desk)["bob"].question is not None


def test_ctrl_c_names_the_file_with_pins(crowd: Desk, tmp_path: Path) -> None:
    """If there are any yet; otherwise nothing is left."""
    for commits in (0, 1):
        with opened(crowd) as (session, selection), new_file(tmp_path) as file:
            steps = reset(session, selection, ORDERS[2], file=file)
            with pytest.raises(Interrupted) as caught:  # noqa: PT012
                for _ in steps:
                    if commits == 0 or file.kept:
                        os.kill(os.getpid(), signal.SIGINT)
        kept = [str(path) for path in tmp_path.glob("pins*")]
        assert kept == ([caught.value.kept] if commits else [])


@pytest.mark.parametrize("order", ORDERS[:3:2], ids=repr)
def test_ctrl_c_in_the_callers_code_has_the_true_figures(crowd: Desk, order: ResetOrder) -> None:
    """It ends the work after the current results."""
    before = signal.getsignal(signal.SIGINT)
    counted: list[ResetUser] = []

    def count(pages: Iterator[list[ResetUser]]) -> None:
        for results in pages:
            os.kill(os.getpid(), signal.SIGINT)
            counted.extend(results)

    with opened(crowd) as (session, selection), pytest.raises(Interrupted) as caught:
        count(reset(session, selection, order))
    assert (caught.value.done, caught.value.total) == (len(counted), MANY + 1)
    assert signal.getsignal(signal.SIGINT) is before


def test_one_user_deactivated_meanwhile_gets_no_pin(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The transaction reads the record again."""
    desk.collected("alice")

    def switch_off() -> None:
        with desk.session() as other:
            people.set_active(other, "alice", active=False, reason=None)

    overtake(monkeypatch, issue, switch_off)
    with opened(desk, users=("alice",)) as (session, selection):
        flat(reset(session, selection, ORDERS[2]))
    alice = desk.user("alice")
    assert (state_of(alice), alice.question) == (State.INACTIVE, None)


@pytest.mark.folder
def test_bulk_pages_wait_in_memory_for_their_commit(crowd: Desk) -> None:
    """Spilled early, they would block readers."""
    for work in (
        lambda session, users: list(reset(session, users, ORDERS[0])),
        lambda session, users: list(reset(session, users, ORDERS[2])),
        lambda session, users: set_active_many(session, users, active=False, reason=None),
    ):
        with opened(crowd) as (session, selection):
            work(session, selection)
            connection = connection_of(session)
            assert connection.execute("PRAGMA cache_spill").fetchall() == [(0,)]


@pytest.mark.parametrize("count", [1, 2])
def test_somebody_else_in_a_chosen_row_is_not_reset(floor: Desk, count: int) -> None:
    """If an older store was restored after the selection, nothing is written."""
    before = records(floor)
    with opened(floor, users=tuple(before)[:count]) as (session, selection):
        assert selection._staged is not None
        selection._staged._connection.execute("UPDATE ids SET uid = zeroblob(16)")
        with pytest.raises(StoreUnavailable) as raised:
            list(reset(session, selection, ResetOrder(reason="T-1")))
        assert raised.value.fault is Fault.REPLACED
        with pytest.raises(StoreUnavailable):
            set_active_many(session, selection, active=False, reason=None)
    assert records(floor) == before
