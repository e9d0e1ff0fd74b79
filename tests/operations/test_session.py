"""Opening a session: a missing or wrong key is found before anything is charged."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from pincli.errors import KeysUnavailable
from pincli.models import Fault, Origin
from pincli.operations import pins
from pincli.operations.session import Need, open_session
from pincli.operations.verify import verify
from pincli.store.sqlite.connection import utc_now
from pincli.vault.answers import Answers
from pincli.vault.key_files import write_key
from tests.store.attempting import PIN, last_number, rewrite, with_counter
from tests.support.desk import CHEAP, Desk
from tests.support.gallery import in_zone

NEEDED = {
    "audit.key": {Need.WRITE, Need.ATTEMPT, Need.CHECK},
    "verify.key": {Need.COMPARE, Need.SET_PIN},
    "portal.pub": {Need.SET_PIN},
    "portal.key": {Need.SHOW_PIN},
}
OTHER = bytes(range(32))


def replace_key(desk: Desk, name: str) -> None:
    (desk.keys / name).unlink()
    write_key(desk.keys / name, OTHER)


@pytest.mark.parametrize("name", NEEDED)
@pytest.mark.parametrize("need", Need)
@pytest.mark.parametrize("wrong", [True, False])
def test_a_missing_or_wrong_key_stops_commands_that_need_it(
    desk: Desk, name: str, need: Need, wrong: bool
) -> None:
    """At the beginning, and no other commands."""
    if wrong:
        replace_key(desk, name)
    else:
        (desk.keys / name).unlink()
    if need in NEEDED[name]:
        with pytest.raises(KeysUnavailable) as refusal, desk.session(need):
            pytest.fail("opened without its key")
        assert refusal.value.fault is (Fault.MISMATCH if wrong else Fault.MISSING)
        assert refusal.value.path == desk.keys / name
    else:
        with desk.session(need) as session:
            assert session.store.people.find("nobody") == []


def test_a_pin_under_a_missing_key_is_not_charged(desk: Desk) -> None:
    """An answer that can't be compared must not count."""
    with_counter(desk, 5)
    before = rewrite(desk, "alice", verify_key="0123456789abcdef")
    number = last_number(desk)
    with desk.session() as session:
        with pytest.raises(KeysUnavailable) as refusal:
            verify(session, "alice", PIN, None)
        with pytest.raises(KeysUnavailable):
            pins.show(session, "alice")
    assert refusal.value.fault is Fault.MISMATCH
    assert "0123456789abcdef" in refusal.value.detail
    assert desk.user("alice") == before
    assert last_number(desk) == number


def test_sessions_use_the_production_cost_by_default(desk: Desk) -> None:
    """Only tests ask for a lower one."""
    with desk.session() as session:
        assert not session.answers.is_outdated(Answers(CHEAP).ask())
    with open_session(desk.store, desk.keys, origin=Origin("tester", "test")) as real:
        assert real.answers.ask().startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_times_are_iso_8601_in_utc() -> None:
    """In any local time zone, so that they compare as text."""
    with in_zone("IST-5:30"):
        seconds = time.time()
        moment = utc_now()
    parsed = datetime.strptime(moment, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    # The system's clock for whole seconds may be a tick behind the exact one.
    assert -1 <= parsed.timestamp() - int(seconds) <= 5
