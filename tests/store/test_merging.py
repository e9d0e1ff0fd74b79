"""A backup brought back never undoes what came after it, whatever came, and in any order."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pincli.errors import PincliError
from pincli.models import Event, EventKind, Origin, Outcome, User, UserType
from pincli.operations import backups, keys, people, pins, unlock
from pincli.operations.keys import KeyKind
from pincli.operations.session import Need, Session
from pincli.operations.trail import check_trail
from pincli.operations.verify import verify
from pincli.results import Restored
from tests.support.desk import Desk, new_desk

USERS = ("alice", "bob", "carol")
PINS = ("444159", "739154", "234811")
NEVER = "908172"
_IN_MEMORY = Path("/dev/shm")  # noqa: S108
"""Thousands of commits, each durable: not on a disk that others use too, if that can be."""

Step = tuple[str, str, int]
steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["pin", "pin", "wrong", "wrong", "right", "unlock", "withdraw", "activate",
             "deactivate", "add", "backup", "backup", "restore", "restore", "rotate", "misses"]
        ),
        st.sampled_from(USERS),
        st.integers(0, 2),
    ),
    max_size=18,
)  # fmt: skip


@dataclass
class World:
    """A store with a history, its backups, and which PIN of each user is valid now."""

    desk: Desk
    valid: dict[str, str | None] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)
    counter: Iterator[int] = field(default_factory=count)

    def take(self, step: Step) -> None:
        """Do one thing; what a rule refuses is not done."""
        what, user, number = step
        if what == "restore":
            self._restore(number)
            return
        with self.desk.session() as session, suppress(PincliError):
            self._do(session, what, user, number)

    def _do(self, session: Session, what: str, user: str, number: int) -> None:
        match what:
            case "add":
                people.add(session, user, "acme", "", UserType.CLOUD)
                self.valid[user] = None
            case "pin":
                pins.change(session, user, PINS[number])
                self.valid[user] = PINS[number]
            case "right":
                verify(session, user, self.valid.get(user) or NEVER, None)
            case "wrong" | "misses":
                for _ in range(6 if what == "misses" else 1):
                    verify(session, user, NEVER, None)
            case "unlock":
                unlock.unlock(session, user, "rang")
            case "withdraw":
                found = session.store.people.find(user)
                if found is not None:
                    session.store.write(pin_steps.withdraw, [found.id], unlock=bool(number), reason=None)
                    self.valid[user] = None
            case "activate" | "deactivate":
                people.set_active(session, user, active=what == "activate", reason=None)
            case "rotate":
                keys.rotate(session, list(KeyKind)[number])
            case "backup":
                path = self.desk.store.parent / f"backup-{next(self.counter)}"
                session.store.back_up(path)
                self.files.append(path)

    def _restore(self, number: int) -> None:
        if not self.files:
            return
        backup = self.files[-1 - number % len(self.files)]
        before, old = snapshot(self.desk), snapshot(_seen(backup, self.desk))
        result = restored(self.desk, backup)
        after = snapshot(self.desk)
        compare(before, old, after)
        assert result.kept_events == len(before.events) - len(old.events)
        for name, user in after.users.items():
            if user.pin is None:
                self.valid[name] = None


@dataclass(frozen=True)
class Snapshot:
    """Everything that a store holds."""

    users: dict[str, User]
    events: list[Event]
    identity: tuple[str, ...]


def snapshot(desk: Desk) -> Snapshot:
    """A store as it is now."""
    with desk.session(Need.CHECK) as session:
        everybody = [user for page in session.store.people.pages() for user in page]
        return Snapshot(
            {user.login: user for user in everybody}, desk.events(), tuple(session.store.identity)
        )


def _seen(backup: Path, desk: Desk) -> Desk:
    """A backup as a store of its own, to look into it."""
    folder = desk.store.parent / f"seen-{backup.name}"
    if not folder.exists():
        folder.mkdir()
        (folder / "pincli.db").write_bytes(backup.read_bytes())
        (folder / "pincli.lock").touch()
    return Desk(folder, desk.keys)


def restored(desk: Desk, backup: Path) -> Restored:
    """Restore as the command does."""
    return backups.restore(backup, desk.store, desk.keys, origin=Origin("lea", "restore"))


def compare(before: Snapshot, backup: Snapshot, after: Snapshot) -> None:
    """Fail unless the store after a restore is, user by user, the stricter of the two."""
    assert after.identity == before.identity
    assert after.users.keys() == before.users.keys() | backup.users.keys()
    assert after.events[: len(before.events)] == before.events
    added = after.events[len(before.events) :]
    assert added
    assert {event.kind for event in added} == {EventKind.RESTORED}
    for name, user in after.users.items():
        now, then = before.users.get(name), backup.users.get(name)
        assert now is not None
        if then is None:
            assert user == now
        else:
            _compare_user(now, then, user)
        if user.pin is not None:
            assert user.pin == now.pin
            assert user.pin_version == now.pin_version


def _compare_user(now: User, then: User, user: User) -> None:
    assert user.active == (now.active and then.active)
    for column in ("failed_attempts", "attempts_total", "locks_total"):
        assert getattr(user, column) == max(getattr(now, column), getattr(then, column)), column
    assert user.open_attempt == now.open_attempt
    assert (user.failed_attempts == 6) == (user.locked_since is not None)
    for column in ("last_locked_at", "last_attempt_at", "last_verified_at"):
        times = [time for time in (getattr(now, column), getattr(then, column)) if time]
        assert getattr(user, column) == max(times, default=None), column
    if now.pin_version == then.pin_version:
        assert (user.pin, user.pin_version) == (now.pin, now.pin_version)
    else:
        assert user.pin is None
        assert user.pin_version > max(now.pin_version, then.pin_version)


@contextmanager
def world() -> Iterator[World]:
    """A fresh store with alice and bob."""
    folder = str(_IN_MEMORY) if _IN_MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(dir=folder) as place:
        desk = new_desk(Path(place))
        made = World(desk)
        for user in USERS[:2]:
            made.take(("add", user, 0))
            made.take(("pin", user, 0))
        yield made


@given(steps)
@example([("backup", "alice", 0), ("pin", "alice", 1), ("backup", "bob", 0),
          ("restore", "alice", 1), ("restore", "alice", 0), ("restore", "alice", 1)])  # fmt: skip
@example([("backup", "alice", 0), ("misses", "alice", 0), ("restore", "alice", 0),
          ("unlock", "alice", 0), ("restore", "alice", 0)])  # fmt: skip
@example([("wrong", "bob", 0), ("backup", "bob", 0), ("right", "bob", 0), ("restore", "bob", 0)])
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_restore_keeps_the_stricter_of_the_two(history: list[Step]) -> None:
    """After every restore of a history, and at its end only the PINs of now verify."""
    with world() as made:
        for step in [*history, ("restore", "alice", 0)]:
            made.take(step)
        with made.desk.session(Need.CHECK) as session:
            assert check_trail(session, None).finding is None
        for name in snapshot(made.desk).users:
            _only_the_present_pin_verifies(made, name)


def _only_the_present_pin_verifies(made: World, name: str) -> None:
    with made.desk.session() as session:
        people.set_active(session, name, active=True, reason=None)
        if made.desk.user(name).failed_attempts == 6:
            unlock.unlock(session, name, "the end")
        for pin in PINS:
            verified = verify(session, name, pin, None).outcome is Outcome.VERIFIED
            assert verified == (pin == made.valid[name]), (name, pin)


def test_a_pin_withdrawn_since_stays_so_back_and_forth() -> None:
    """Old, new and old again: neither PIN ever verifies after the first restore."""
    with world() as made:
        made.take(("backup", "", 0))
        made.take(("pin", "alice", 1))
        made.take(("backup", "", 0))
        versions = [made.desk.user("alice").pin_version]
        for number in (1, 0, 1, 1, 0):
            made.take(("restore", "", number))
            versions.append(made.desk.user("alice").pin_version)
            with made.desk.session() as session:
                for pin in PINS:
                    assert verify(session, "alice", pin, None).outcome is Outcome.UNCOLLECTED
        assert versions == sorted(set(versions))


def test_a_pin_collected_since_is_withdrawn() -> None:
    """There was none in the backup: which the owner looks at again is a new one."""
    with world() as made:
        made.take(("add", "carol", 0))
        made.take(("backup", "", 0))
        made.take(("pin", "carol", 2))
        made.take(("restore", "", 0))
        with made.desk.session() as session:
            assert verify(session, "carol", PINS[2], None).outcome is Outcome.UNCOLLECTED
            new = pins.show(session, "carol").pin
            assert verify(session, "carol", new, None).outcome is Outcome.VERIFIED


def test_a_user_added_since_is_kept_whole() -> None:
    """With account, PIN and counter, and found under the same row."""
    with world() as made:
        made.take(("backup", "", 0))
        for step in ("add", "pin", "wrong"):
            made.take((step, "carol", 1))
        before = made.desk.user("carol")
        assert before.failed_attempts == 1
        made.take(("restore", "", 0))
        assert made.desk.user("carol") == before


def test_a_verifier_renewed_since_is_the_one_that_stays() -> None:
    """The same PIN, under the present key: the backup's old verifier does not come back."""
    with world() as made:
        made.take(("backup", "", 0))
        made.take(("rotate", "", list(KeyKind).index(KeyKind.VERIFY)))
        made.take(("right", "alice", 0))
        renewed = made.desk.user("alice").pin
        made.take(("restore", "", 0))
        assert made.desk.user("alice").pin == renewed


def test_every_record_that_changed_has_an_event_that_says_so() -> None:
    """Whose counter or version is another than the last event said is named once."""
    with world() as made:
        made.take(("misses", "bob", 0))
        made.take(("backup", "", 0))
        made.take(("unlock", "bob", 0))
        made.take(("pin", "alice", 1))
        result = restored(made.desk, made.files[0])
        assert (result.changed, result.withdrawn) == (2, 1)
        told = [e for e in made.desk.events() if e.kind is EventKind.RESTORED]
        assert [(e.user, e.outcome, e.attempts_used) for e in told] == [
            (None, None, None),
            ("alice", "record", 0),
            ("bob", "record", 6),
        ]
