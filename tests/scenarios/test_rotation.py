"""Keys rotated while agents verify, processes die, and others rotate too."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path

import pytest

from pincli.models import Outcome
from pincli.operations import keys, pins
from pincli.operations.keys import KeyKind
from pincli.operations.session import Need
from pincli.operations.trail_check import check_trail
from pincli.operations.verify import verify
from tests.support.desk import Desk
from tests.support.driving import OTHER, RIGHT, WRONG, Forks
from tests.support.failpoints import Plan
from tests.support.kills import Wreck, wrecks
from tests.support.turns import every_lasting

KINDS = tuple(KeyKind)
PEOPLE = {"alice": RIGHT, "bob": OTHER}
FILES = Plan(files=True)


@pytest.fixture
def peopled(desk: Desk) -> Desk:
    """A store with two users who have PINs."""
    for user, pin in PEOPLE.items():
        desk.collected(user, pin=pin)
    return desk


def sound(desk: Desk) -> None:
    """Fail unless everybody verifies, sees their PIN, and the trail is right."""
    with desk.session() as session:
        for user, pin in PEOPLE.items():
            assert verify(session, user, pin, None).outcome is Outcome.VERIFIED
            assert pins.show(session, user).pin == pin
            keys.list_keys(session)
    with desk.session(Need.CHECK) as session:
        assert check_trail(session, None).finding is None


def rotated_again(desk: Desk, kind: KeyKind) -> None:
    """Rotate and reseal once more, and check everything."""
    with desk.session() as session:
        keys.rotate(session, kind)
    with desk.session() as session:
        keys.reseal(session)
        assert not keys.is_resealing(session)
    sound(desk)


def fingerprints(desk: Desk) -> set[str]:
    """Every key that the trail names."""
    named = desk.sql("SELECT outcome FROM trail WHERE kind IN ('initialised', 'key_rotated')")
    return {outcome.rpartition(":")[2] for (outcome,) in named}


@pytest.mark.parametrize("kind", KINDS)
def test_a_rotation_killed_at_every_step(
    peopled: Desk, forks: Forks, tmp_path: Path, kind: KeyKind
) -> None:
    """Everything works, no key is lost, and another rotation succeeds."""
    words = ("keys", "rotate", f"--{kind}")
    for wreck in wrecks(peopled, forks, tmp_path / "n", *words, plan=FILES, choose=every_lasting):
        sound(wreck.desk)
        rotated_again(wreck.desk, kind)
        _nothing_lost(wreck)


def _nothing_lost(wreck: Wreck) -> None:
    """Fail unless every key that was ever in use is on disk."""
    with wreck.desk.session(Need.WRITE) as session:
        present = {info.fingerprint for info in keys.list_keys(session)}
    assert fingerprints(wreck.desk) <= present, wreck.point


@pytest.mark.parametrize("kind", [KeyKind.VERIFY, KeyKind.AUDIT])
def test_a_compromise_killed_at_every_step(
    peopled: Desk, forks: Forks, tmp_path: Path, kind: KeyKind
) -> None:
    """The same command again does the rest."""
    arguments = ("keys", "rotate", f"--{kind}", "--compromised", "--yes", "--json")
    for wreck in wrecks(
        peopled, forks, tmp_path / "n", *arguments, plan=FILES, choose=every_lasting
    ):
        if wreck.point:
            again = forks.run(wreck.desk, *arguments)
            assert again.code == 0, (wreck.point, again)
        is_left = kind is KeyKind.AUDIT
        with wreck.desk.session() as session:
            assert len(session.keyring.on_disk(f"{kind}.key")) == 1, wreck.point
            for user, pin in PEOPLE.items():
                outcome = verify(session, user, pin, None).outcome
                assert outcome is (Outcome.VERIFIED if is_left else Outcome.UNCOLLECTED), wreck
        with wreck.desk.session(Need.CHECK) as session:
            assert check_trail(session, None).finding is None, wreck.point


@pytest.mark.parametrize("kind", KINDS)
def test_a_rotation_cut_short_is_finished_by_another_of_any_kind(
    peopled: Desk, forks: Forks, tmp_path: Path, kind: KeyKind
) -> None:
    """Killed anywhere."""
    words, some = ("keys", "rotate", f"--{kind}"), partial(every_lasting, every=5)
    for wreck in wrecks(peopled, forks, tmp_path / "n", *words, plan=FILES, choose=some):
        for other in KINDS:
            if other is not kind:
                rotated_again(wreck.desk, other)
        _nothing_lost(wreck)


def test_two_portal_rotations_at_once(peopled: Desk, forks: Forks) -> None:
    """One after the other, and no PIN is lost."""
    ends: list[int] = []

    def run() -> None:
        ends.append(peopled.run("keys", "rotate", "--portal", "--json").code)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(ends) <= {0, 8}
    assert 0 in ends
    sound(peopled)
    rotated_again(peopled, KeyKind.PORTAL)


@pytest.mark.parametrize("kind", KINDS)
def test_agents_verify_while_keys_are_rotated(peopled: Desk, kind: KeyKind) -> None:
    """Every right answer is verified, and no wrong one."""
    codes: list[tuple[int, str]] = []
    over = threading.Event()

    def agent() -> None:
        while not over.is_set():
            codes.append((peopled.verify("alice", RIGHT).code, "right"))
            codes.append((peopled.verify("bob", WRONG).code, "wrong"))
            codes.append((peopled.verify("bob", OTHER).code, "right"))

    agents = [threading.Thread(target=agent) for _ in range(2)]
    for thread in agents:
        thread.start()
    for _ in range(20):
        with peopled.session() as session:
            keys.rotate(session, kind)
    over.set()
    for thread in agents:
        thread.join()
    assert set(codes) == {(0, "right"), (3, "wrong")}
    sound(peopled)
