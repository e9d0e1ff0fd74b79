"""Rotating and listing keys: no PIN changes, and no key is lost or comes back."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pincli.errors import Interrupted, KeysUnavailable, StoreTampered
from pincli.models import EventKind, Fault, Origin, Outcome
from pincli.operations import chunks, keys, locks, pins
from pincli.operations.hashing import write_pins
from pincli.operations.keys import KeyKind
from pincli.operations.session import Need, Session, open_session
from pincli.operations.trail_check import check_trail
from pincli.results import KeyInfo
from pincli.rules.canonical import record_digest
from pincli.store.steps import keys as key_steps
from pincli.store.steps.pins import issue
from pincli.vault.audit_seals import AuditSealer
from pincli.vault.key_files import read_key
from pincli.vault.keyring import Keyring
from pincli.vault.rotation import install_keys, prepare_keys
from pincli.views.problems import describe
from tests.operations.restoring import backed_up, outcome, require_intact, restored
from tests.operations.watching import WatchingAnswers
from tests.support.answered import verify
from tests.support.desk import EVERYTHING, Desk
from tests.support.driving import OTHER, RIGHT, guess_wrong, withdraw
from tests.support.overtaking import overtake

KINDS = tuple(KeyKind)
FILES = {
    KeyKind.VERIFY: ("verify.key",),
    KeyKind.PORTAL: ("portal.pub", "portal.key"),
    KeyKind.AUDIT: ("audit.key",),
}


@pytest.fixture
def peopled(desk: Desk) -> Desk:
    """A store with two users who have PINs."""
    desk.collected("alice", pin=RIGHT)
    desk.collected("bob", pin=OTHER)
    return desk


def rotate(desk: Desk, kind: KeyKind) -> str:
    """Rotate a key in a session of its own."""
    with desk.session() as session:
        return keys.rotate(session, kind)


def listed(desk: Desk) -> list[KeyInfo]:
    with desk.session(Need.WRITE) as session:
        return keys.list_keys(session)


def current(desk: Desk, kind: KeyKind) -> str:
    with desk.session(Need.WRITE) as session:
        return str(getattr(session.store.identity(), f"{kind}_key"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_rotation_changes_the_key_and_nothing_else(peopled: Desk, kind: KeyKind) -> None:
    """Users, PINs, counters and the other keys stay."""
    guess_wrong(peopled, "bob", 2)
    before = peopled.user("alice"), peopled.user("bob")
    names = (name for other in KINDS if other is not kind for name in FILES[other])
    others = {peopled.keys / name: (peopled.keys / name).read_bytes() for name in names}
    old = current(peopled, kind)
    new = rotate(peopled, kind)
    assert current(peopled, kind) == new != old
    assert (peopled.user("alice"), peopled.user("bob")) == before
    assert {path: path.read_bytes() for path in others} == others
    event = peopled.events()[-1]
    assert (event.kind, event.outcome) == (EventKind.KEY_ROTATED, f"{kind}:{new}")
    for name in FILES[kind]:
        stem, _, suffix = name.partition(".")
        assert (peopled.keys / f"{stem}-{old}.{suffix}").exists()
        assert not (peopled.keys / f"{stem}-{new}.{suffix}").exists()
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in peopled.keys.iterdir())
    require_intact(peopled)


def test_pins_are_resealed(peopled: Desk) -> None:
    """All to the new pair; the PINs are the same, and the old pair is not needed any more."""
    old = current(peopled, KeyKind.PORTAL)
    new = rotate(peopled, KeyKind.PORTAL)
    with peopled.session() as session:
        assert keys.is_resealing(session)
        assert pins.show(session, "alice").pin == RIGHT  # not yet sealed anew
        reported: list[tuple[int, int]] = []
        assert keys.reseal(session, progress=lambda *figures: reported.append(figures)) == 2
        assert reported == [(2, 2)]
        assert not keys.is_resealing(session)
        assert keys.reseal(session) == 0
    (peopled.keys / f"portal-{old}.key").unlink()
    with peopled.session() as session:
        assert pins.show(session, "alice").pin == RIGHT
        assert pins.show(session, "bob").pin == OTHER
    figures = {info.file: info.users for info in listed(peopled) if info.kind == "portal"}
    assert figures == {"portal.key": 2, "portal.pub": 2, f"portal-{old}.pub": 0}
    assert {user.portal_key for user in map(peopled.user, peopled.pins) if user.question} == {new}


def test_resealing_goes_on_after_an_interruption(
    peopled: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C leaves whole chunks, and the next run does the rest."""
    monkeypatch.setattr(chunks, "FULL_CHUNK", 1)
    rotate(peopled, KeyKind.PORTAL)

    def interrupt(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with peopled.session() as session:
        with pytest.raises(Interrupted):
            keys.reseal(session, progress=interrupt)
        assert keys.is_resealing(session)
        assert keys.reseal(session) == 1
        assert not keys.is_resealing(session)


def test_a_pin_changed_during_resealing_stays(
    peopled: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The seal of the old version is not written."""
    rotate(peopled, KeyKind.PORTAL)

    def change() -> None:
        with peopled.session() as other:
            pins.change(other, "alice", "234811")

    overtake(monkeypatch, key_steps.reseal, change)
    with peopled.session() as session:
        assert keys.reseal(session) == 1
    with peopled.session() as session:
        assert pins.show(session, "alice").pin == "234811"


@pytest.mark.parametrize("kind", KINDS)
def test_a_session_from_before_a_rotation_writes_under_the_new_key(
    peopled: Desk, kind: KeyKind
) -> None:
    """Every action loads the new keys and succeeds."""
    guess_wrong(peopled, "bob", 6)
    actions: tuple[Callable[[Session], object], ...] = (
        lambda s: pins.change(s, "alice", "234811"),
        lambda s: verify(s, "alice", "234811", None),
        lambda s: pins.show(s, "alice"),
        lambda s: locks.unlock(s, "bob", "called"),
        lambda s: pins.show(s, "carol"),
        keys.reseal,
    )
    peopled.add("carol")
    for action in actions:
        with peopled.session() as session:
            rotate(peopled, kind)
            with peopled.session() as other:
                keys.reseal(other)
            action(session)
        _only_new_keys(peopled)
    assert outcome(peopled, "alice", "234811") is Outcome.VERIFIED
    assert outcome(peopled, "bob", OTHER) is Outcome.VERIFIED
    require_intact(peopled)


def _only_new_keys(desk: Desk) -> None:
    """Fail if a PIN was made with another key than the store's since the rotation."""
    portal = current(desk, KeyKind.PORTAL)
    assert desk.sql(
        "SELECT login FROM people WHERE portal_key <> ?", portal
    ) == []  # fmt: skip
    made = desk.sql(
        "SELECT login FROM people p WHERE verify_key <> (SELECT verify_key FROM store) AND "
        "(SELECT max(number) FROM trail t WHERE t.uid = p.uid AND "
        "kind IN ('pin_changed', 'pin_generated')) > "
        "(SELECT max(number) FROM trail WHERE outcome LIKE 'verify:%')"
    )
    assert made == []


@pytest.mark.parametrize("kind", KINDS)
def test_an_attempt_in_flight_is_settled(peopled: Desk, kind: KeyKind) -> None:
    """Charged before the rotation, settled after it, and verified."""
    with open_session(
        peopled.store,
        peopled.keys,
        origin=Origin("tester", "verify"),
        needs=frozenset(EVERYTHING),
        answers=WatchingAnswers(lambda: rotate(peopled, kind)),
    ) as session:
        assert verify(session, "alice", RIGHT, None).outcome is Outcome.VERIFIED
    assert peopled.user("alice").failed_attempts == 0
    require_intact(peopled)


@pytest.mark.parametrize("kind", KINDS)
def test_a_bulk_issue_goes_on_under_the_new_key(
    peopled: Desk, monkeypatch: pytest.MonkeyPatch, kind: KeyKind
) -> None:
    """PINs under the old key are made again, and every user can see theirs."""
    for number in range(3):
        peopled.add(f"user{number}")
    withdraw(peopled, "alice", "bob")

    def rotate_and_reseal() -> None:
        rotate(peopled, kind)
        with peopled.session() as other:
            keys.reseal(other)

    overtake(monkeypatch, issue, rotate_and_reseal)
    with peopled.session() as session:
        everybody = [user for page in session.store.people.pages() for user in page]
        groups = write_pins(
            session,
            [(user, "234811") for user in everybody],
            unlock=False,
            reason=None,
        )
        assert sum(len(group) for group in groups) == len(everybody)
    _only_new_keys(peopled)
    with peopled.session() as session:
        for user in everybody:
            assert pins.show(session, user.login).pin == "234811"
            assert verify(session, user.login, "234811", None).outcome is Outcome.VERIFIED
    require_intact(peopled)


def test_resealing_goes_on_with_the_next_key(
    peopled: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the key is rotated again meanwhile, no PIN stays under an old one."""
    rotate(peopled, KeyKind.PORTAL)
    overtake(monkeypatch, key_steps.reseal, lambda: rotate(peopled, KeyKind.PORTAL))
    with peopled.session() as session:
        assert keys.reseal(session) == 2
        assert not keys.is_resealing(session)
    _only_new_keys(peopled)
    with peopled.session() as session:
        assert pins.show(session, "alice").pin == RIGHT


def test_a_damaged_key_that_is_needed_is_an_error(peopled: Desk) -> None:
    """The list doesn't skip it."""
    old = current(peopled, KeyKind.VERIFY)
    rotate(peopled, KeyKind.VERIFY)
    (peopled.keys / f"verify-{old}.key").write_text("")
    with pytest.raises(KeysUnavailable) as raised:
        listed(peopled)
    assert raised.value.fault is Fault.MALFORMED


def test_a_list_made_during_a_rotation_is_whole(
    peopled: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If files are renamed meanwhile, it looks again."""
    rotated: list[str] = []

    def reading(path: Path) -> bytes:
        if not rotated:
            rotated.append(current(peopled, KeyKind.VERIFY))
            rotated.append(rotate(peopled, KeyKind.VERIFY))
        return read_key(path)

    monkeypatch.setattr(keys, "read_key", reading)
    found = {(info.fingerprint, info.present) for info in listed(peopled) if info.kind == "verify"}
    assert found == {(rotated[0], False), (rotated[1], True)}


def test_an_unknown_key_is_looked_for_once(peopled: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that came since is read once, then kept."""
    with peopled.session() as session:
        assert verify(session, "alice", RIGHT, None).outcome is Outcome.VERIFIED
        rotate(peopled, KeyKind.VERIFY)
        with peopled.session() as other:
            verify(other, "bob", OTHER, None)
        looked: list[str] = []
        find = Keyring.find

        def finding(keyring: Keyring, name: str, expected: str) -> object:
            looked.append(name)
            return find(keyring, name, expected)

        monkeypatch.setattr(Keyring, "find", finding)
        for _ in range(3):
            assert verify(session, "bob", OTHER, None).outcome is Outcome.VERIFIED
        assert looked == ["verify.key"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_renamed_while_it_is_looked_for_is_found(
    peopled: Desk, monkeypatch: pytest.MonkeyPatch, kind: KeyKind
) -> None:
    """It gets its usual name between two looks."""
    with peopled.session() as session:
        new = prepare_keys(session.keyring, FILES[kind])
        session.store.write(key_steps.name_key, kind.value, new.fingerprint)
        read, looks = Keyring.present, []

        def reading(keyring: Keyring, name: str) -> object:
            key = read(keyring, name)
            looks.append(name)
            if len(looks) == 1:
                install_keys(session.keyring, new)
            return key

        monkeypatch.setattr(Keyring, "present", reading)
        for name in FILES[kind]:
            assert Keyring(peopled.keys).find(name, new.fingerprint).fingerprint == new.fingerprint


@pytest.mark.parametrize("kind", KINDS)
def test_half_a_copy_of_the_old_key_does_no_harm(peopled: Desk, kind: KeyKind) -> None:
    """A rotation was killed while it copied the old key, and is run again."""
    old = current(peopled, kind)
    name = FILES[kind][-1]
    stem, _, suffix = name.partition(".")
    os.close(os.open(peopled.keys / f"{stem}-{old}.{suffix}", os.O_CREAT | os.O_WRONLY, 0o600))
    rotate(peopled, kind)
    with peopled.session() as session:
        assert verify(session, "alice", RIGHT, None).outcome is Outcome.VERIFIED
        assert pins.show(session, "bob").pin == OTHER
        assert keys.reseal(session) in (0, 2)
    require_intact(peopled)
    assert old in {info.fingerprint for info in listed(peopled)}


def test_half_a_new_key_does_no_harm(peopled: Desk) -> None:
    """A rotation was killed while it wrote the new key; nothing uses it."""
    (peopled.keys / "verify-0123456789abcdef.key").touch(mode=0o600)
    assert {info.file for info in listed(peopled)} >= {"verify.key", "audit.key", "portal.pub"}


def test_the_list_has_every_key(peopled: Desk) -> None:
    """With its fingerprint, whether it is present, and how many users need it."""
    old = {kind: current(peopled, kind) for kind in KINDS}
    for kind in KINDS:
        rotate(peopled, kind)
    found = {(i.file, i.kind, i.fingerprint, i.present, i.users) for i in listed(peopled)}
    new = {kind: current(peopled, kind) for kind in KINDS}
    expected = set()
    for kind in KINDS:
        for name in FILES[kind]:
            stem, _, suffix = name.partition(".")
            needed = 0 if kind is KeyKind.AUDIT else 2
            expected |= {
                (name, kind.value, new[kind], True, 0),
                (f"{stem}-{old[kind]}.{suffix}", kind.value, old[kind], False, needed),
            }
    assert found == expected


def test_a_rotated_key_keeps_its_age(peopled: Desk) -> None:
    """In the list of keys."""
    made = 1_600_000_000
    os.utime(peopled.keys / "verify.key", (made, made))
    old = current(peopled, KeyKind.VERIFY)
    rotate(peopled, KeyKind.VERIFY)
    ages = {info.fingerprint: info.made_at for info in listed(peopled) if info.kind == "verify"}
    assert ages.pop(old) == "2020-09-13T12:26:40Z"
    assert list(ages.values()) != ["2020-09-13T12:26:40Z"]


@pytest.mark.engines
def test_a_compromised_verify_key_withdraws_its_pins(desk: Desk) -> None:
    """Newer PINs stay, and the old key is never loaded again."""
    for user, pin in (("alice", RIGHT), ("bob", OTHER)):
        desk.collected(user, pin=pin)
    guess_wrong(desk, "bob", 6)
    old = current(desk, KeyKind.VERIFY)
    with desk.session() as session:
        new = keys.rotate(session, KeyKind.VERIFY, compromised=True)
    with desk.session() as session, pytest.raises(KeysUnavailable) as refusal:
        verify(session, "alice", RIGHT, None)  # not even before its PIN is withdrawn
    assert "`pincli keys rotate --verify --compromised`" in (describe(refusal.value).hint or "")
    with desk.session() as session:
        assert keys.is_withdrawing(session)
    desk.collected("carol", pin=RIGHT)
    with desk.session() as session:
        assert keys.withdraw_compromised(session) == 2
        assert not keys.is_withdrawing(session)
        assert keys.withdraw_compromised(session) == 0
    assert outcome(desk, "alice", RIGHT) is Outcome.UNCOLLECTED
    assert outcome(desk, "bob", OTHER) is Outcome.LOCKED
    assert outcome(desk, "carol", RIGHT) is Outcome.VERIFIED
    with desk.session() as session:
        pins.change(session, "alice", OTHER)  # the check that is kept of the old PIN stops nobody
    keys_listed = {info.fingerprint: info for info in listed(desk) if info.kind == "verify"}
    assert (keys_listed[old].compromised, keys_listed[old].users) == (True, 0)
    assert (keys_listed[new].compromised, keys_listed[new].users) == (False, 2)
    with desk.session(Need.CHECK) as session:
        assert check_trail(session, None).finding is None


@pytest.mark.engines
def test_a_compromised_audit_key_seals_nothing_any_more(desk: Desk) -> None:
    """Everything is sound under the new key; a seal of the old one is tampering."""
    desk.collected("alice", pin=RIGHT)
    desk.collected("bob", pin=OTHER)
    with desk.session() as session:
        stolen = AuditSealer(session.keyring.audit)
        keys.rotate(session, KeyKind.AUDIT)
        keys.distrust(session)
    assert outcome(desk, "alice", RIGHT) is Outcome.VERIFIED
    with desk.session(Need.CHECK) as session:
        assert check_trail(session, None).finding is None
        user, _ = session.store.people.sealed_after(0, 1)[0]
        seal = stolen.seal_record(session.identity.store_id, record_digest(user))
    desk.sql("UPDATE people SET seal = ? WHERE id = ?", seal, user.id)
    with desk.session() as session, pytest.raises(StoreTampered):
        locks.unlock(session, user.login, "because")
    with desk.session(Need.CHECK) as session:
        assert "wrong seal" in str(check_trail(session, None).finding)


def test_a_last_seal_of_a_compromised_key_is_found(peopled: Desk) -> None:
    """Its thief could have written the whole trail."""
    old = current(peopled, KeyKind.AUDIT)
    path = peopled.keys / f"audit-{old}.compromised"
    rotate(peopled, KeyKind.AUDIT)
    (peopled.keys / f"audit-{old}.key").rename(path)
    peopled.sql("DELETE FROM trail WHERE number > (SELECT max(number) - 1 FROM trail)")
    with peopled.session(Need.CHECK) as session:
        assert "compromised" in str(check_trail(session, None).finding)


@pytest.mark.parametrize("kind", [KeyKind.VERIFY, KeyKind.AUDIT])
def test_a_backup_from_before_a_compromise(peopled: Desk, kind: KeyKind) -> None:
    """After the verify key's it comes back without PINs; after the audit key's it is refused."""
    backup = backed_up(peopled)
    with peopled.session() as session:
        keys.rotate(session, kind, compromised=True)
        if kind is KeyKind.VERIFY:
            assert keys.withdraw_compromised(session) == 2
        else:
            keys.distrust(session)
    if kind is KeyKind.VERIFY:
        assert restored(peopled, backup).withdrawn == 2
        require_intact(peopled)
        assert outcome(peopled, "alice", RIGHT) is Outcome.UNCOLLECTED
    else:
        with pytest.raises(KeysUnavailable) as raised:
            restored(peopled, backup)
        assert "compromised" in raised.value.detail


def test_a_host_without_portal_key_lists_and_rotates(peopled: Desk) -> None:
    """It can rotate the verify and audit keys."""
    (peopled.keys / "portal.key").unlink()
    for kind in (KeyKind.VERIFY, KeyKind.AUDIT):
        with peopled.session(Need.WRITE) as session:
            keys.rotate(session, kind)
    assert "portal.key" not in {info.file for info in listed(peopled)}
    require_intact(peopled)
