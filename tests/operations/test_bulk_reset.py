"""Resetting many: what becomes of each, and that nobody escapes or is lost."""

from __future__ import annotations

import csv
import os
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from pincli.errors import Interrupted, Refused, Rule, StoreUnavailable
from pincli.models import EventKind, Fault, ResetUser, State, User
from pincli.operations import people, pins
from pincli.operations.editing import set_active_many
from pincli.operations.pin_file import PinFile
from pincli.operations.reset import ResetOrder, reset, would_reset
from pincli.operations.selection import Selection, select, select_staged, without_pin
from pincli.operations.session import Session
from pincli.rules.lockout import is_locked, state_of
from pincli.store.steps.pins import issue
from tests.operations.intake.files import as_csv, person, taken
from tests.operations.resetting import verifies
from tests.store.attempting import told
from tests.support.desk import Desk, connection_of
from tests.support.driving import RIGHT
from tests.support.floor import copy_of, new_floor
from tests.support.overtaking import overtake
from tests.support.trail import play

pytestmark = pytest.mark.engines

MANY = 150
"""More than two groups of hashes."""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """The floor that each test gets a copy of."""
    return new_floor(tmp_path_factory.mktemp("floor"))


@pytest.fixture
def floor(template: Desk, tmp_path: Path) -> Desk:
    """A user in every state."""
    return copy_of(template, tmp_path)


@contextmanager
def opened(
    desk: Desk, *, account: str | None = None, users: tuple[str, ...] = ()
) -> Iterator[tuple[Session, Selection]]:
    """A session, and everybody, or an account, or some users."""
    with (
        desk.session() as session,
        select(
            session, names=users, account=account, everybody=not (users or account)
        ) as selection,
    ):
        yield session, selection


def records(desk: Desk) -> dict[str, User]:
    """Everybody as they stand on disk."""
    with desk.session() as session:
        return {user.login: user for page in session.store.people.pages() for user in page}


def flat(pages: Iterator[list[ResetUser]]) -> dict[str, ResetUser]:
    """The results by user; each user has one."""
    results = [result for page in pages for result in page]
    found = {result.change.after.login: result for result in results}
    assert len(found) == len(results)
    return found


def new_file(folder: Path) -> PinFile:
    """The file `pins.csv` of a folder."""
    return PinFile(folder / "pins.csv", forbidden=())


def pins_in(path: Path) -> dict[str, str]:
    """The PINs in a file, by user."""
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
def test_what_becomes_of_each_state(floor: Desk, order: ResetOrder, single: bool) -> None:
    """No old PIN survives, counters go to 0, a lock stays unless it is to be released."""
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
            assert told(results[name].change.after) == told(user), name
            assert twice or results[name].change.before == was, name
            pin = results[name].pin
            assert (pin is not None) == (may and order.issue), name
            assert pin is None or verifies(session, user, pin), name
            assert user.locks_total == was.locks_total
            assert user.attempts_total == was.attempts_total
    play(floor.events())


@pytest.mark.parametrize("order", ORDERS, ids=repr)
def test_every_event_has_the_reason(floor: Desk, order: ResetOrder) -> None:
    """Each user's own events, and on every one of them why."""
    old, before = len(floor.events()), records(floor)
    with opened(floor) as (session, selection):
        flat(reset(session, selection, order))
    events = floor.events()[old:]
    assert {event.reason for event in events} == {"T-1"}
    changed = {name for name, user in records(floor).items() if user != before[name]}
    assert {event.user for event in events} == changed
    unlocked = [event.user for event in events if event.kind is EventKind.UNLOCKED]
    assert sorted(map(str, unlocked)) == (["lara", "ludo"] if order.unlock else [])


@pytest.mark.parametrize("order", ORDERS, ids=repr)
def test_a_dry_run_foretells_and_changes_nothing(floor: Desk, order: ResetOrder) -> None:
    """What it says of each user is what the reset then does: state, lock and whether."""
    content = floor.database.read_bytes()
    with opened(floor) as (session, selection):
        expected = flat(would_reset(selection, order))
        assert floor.database.read_bytes() == content
        done = flat(reset(session, selection, order))
    for name, result in done.items():
        before, after = result.change
        would = expected[name].change.after
        assert (before != after) == (expected[name].change.before != would), name
        assert would.failed_attempts == after.failed_attempts, name


def test_a_second_withdrawal_finds_nothing_to_do(floor: Desk) -> None:
    """Run again after an interruption, it tells what was done already, and writes nothing."""
    with opened(floor) as (session, selection):
        flat(reset(session, selection, ORDERS[0]))
        content = floor.database.read_bytes()
        again = flat(reset(session, selection, ORDERS[0]))
    assert all(result.change.before == result.change.after for result in again.values())
    assert floor.database.read_bytes() == content


def test_only_the_account_is_reset(floor: Desk) -> None:
    """Another account's users keep their PINs."""
    before = records(floor)["gus"]
    with opened(floor, account="acme") as (session, selection):
        flat(reset(session, selection, ORDERS[0]))
    assert records(floor)["gus"] == before


@pytest.fixture
def crowd(desk: Desk) -> Desk:
    """Many users without PINs; and one who is off, and has one."""
    desk.collected("off")
    taken(desk, as_csv([person(f"u{number:03}") for number in range(MANY)]))
    with desk.session() as session:
        people.set_active(session, "off", active=False, reason=None)
    return desk


def test_issuing_tells_how_far_it_is(crowd: Desk) -> None:
    """Up to the last of those who get a PIN, of all who are meant."""
    told: list[tuple[int, int]] = []

    def tell(done: int, total: int) -> None:
        told.append((done, total))

    with opened(crowd) as (session, selection):
        flat(reset(session, selection, ORDERS[2], progress=tell))
    assert told[-1][0] >= MANY
    assert [total for _, total in told] == [MANY + 1] * len(told)
    assert told == sorted(told)


def test_issuing_counts_the_users_once(crowd: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counting everybody at every step would take longer than the hashing at a million."""
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
def test_who_is_activated_meanwhile_does_not_keep_the_old_pin(
    crowd: Desk, tmp_path: Path, to_file: bool
) -> None:
    """Off when it began, on when it came to those who are off: still reset."""
    file = new_file(tmp_path) if to_file else None
    with opened(crowd) as (session, selection):
        steps = reset(session, selection, ORDERS[2], file=file)
        next(steps)
        people.set_active(session, "off", active=True, reason=None)
        list(steps)
        off = records(crowd)["off"]
        assert not verifies(session, off, RIGHT)
    play(crowd.events())


@pytest.mark.parametrize("to_file", [False, True])
def test_who_is_switched_off_meanwhile_is_reset_and_in_no_file(
    crowd: Desk, tmp_path: Path, to_file: bool
) -> None:
    """On when it began, off before their turn: no PIN, neither the old one nor a new one."""
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
    """Those of a selection who lack a PIN, as the command narrows it."""
    return select_staged(session, without_pin(selection), selection.word)


@pytest.mark.parametrize("single", [False, True])
def test_only_who_lacks_a_pin_gets_one(floor: Desk, single: bool) -> None:
    """The locked too, who stay so; nobody else's record is touched."""
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
    play(floor.events())


@pytest.mark.parametrize("single", [False, True])
def test_who_opens_a_pin_meanwhile_keeps_it(desk: Desk, single: bool) -> None:
    """Without one when they were read, with one of their own when it came to them."""
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


def _check_file(desk: Desk, path: Path) -> None:
    """Whatever stands in a file is somebody's PIN, and nobody was issued one that doesn't."""
    handed = pins_in(path)
    with desk.session() as session:
        for name, user in records(desk).items():
            if name in handed:
                assert verifies(session, user, handed[name]), name
            else:
                assert user.question is None, name


def test_the_file_holds_everybodys_new_pin(crowd: Desk, tmp_path: Path) -> None:
    """Everybody who got one, and nobody else."""
    file = new_file(tmp_path)
    with opened(crowd) as (session, selection):
        results = flat(reset(session, selection, ORDERS[2], file=file))
    assert len(pins_in(file.path)) == MANY
    assert len(results) == MANY + 1
    assert [path.name for path in tmp_path.glob("pins*")] == ["pins.csv"]
    _check_file(crowd, file.path)


def test_a_run_that_is_cut_short_leaves_what_can_be_finished(crowd: Desk, tmp_path: Path) -> None:
    """FILE.part has every new PIN; all others have none, and get theirs in another file."""
    crowd.collected("zed")
    with opened(crowd) as (session, selection), new_file(tmp_path) as file:
        steps = reset(session, selection, ORDERS[2], file=file)
        while not file.kept:
            next(steps)
        steps.close()  # type: ignore[attr-defined]
    part = tmp_path / "pins.csv.part"
    early = set(pins_in(part))
    assert 0 < len(early) < MANY
    _check_file(crowd, part)
    with pytest.raises(Refused) as caught:
        new_file(tmp_path)
    assert caught.value.rule is Rule.FILE_CUT_SHORT
    with (
        opened(crowd) as (session, everybody),
        missing_of(everybody, session) as selection,
        PinFile(tmp_path / "rest.csv", forbidden=()) as file,
    ):
        list(reset(session, selection, MISSING, file=file))
    rest = set(pins_in(tmp_path / "rest.csv"))
    assert early & rest == set()
    assert early | rest == {n for n, u in records(crowd).items() if u.active}


def test_ctrl_c_tells_where_the_pins_are(crowd: Desk, tmp_path: Path) -> None:
    """Once there are some: until then, nothing is left, and the same command does it all."""
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
def test_ctrl_c_while_the_results_are_counted_tells_the_figures(
    crowd: Desk, order: ResetOrder
) -> None:
    """It comes where the caller has the results, and ends the work after them."""
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


def test_one_user_who_is_switched_off_meanwhile_gets_no_pin(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One user's reset goes by the record that its own transaction reads."""
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
    """Spilled early, they would hold up everybody who only looks."""
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
    """An older store was brought back after the choice: nothing is written."""
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
