"""States: what the record says, for every combination of facts."""

from __future__ import annotations

from itertools import product

import pytest

from pincli.models import State, User, UserType
from pincli.rules.states import TYPES_WITH_PINS, is_locked, state_from

WITHOUT_PINS = ("cloud-office", "datapipe")


def test_three_types_have_pins() -> None:
    """Users of type cloud, dedicated and federated have one, and nobody else."""
    assert {kind.value for kind in TYPES_WITH_PINS} == {"cloud", "dedicated", "federated"}
    assert {kind.value for kind in UserType} - {kind.value for kind in TYPES_WITH_PINS} == set(
        WITHOUT_PINS
    )


@pytest.mark.parametrize(
    ("active", "kind", "locked", "has_pin"),
    list(product((True, False), UserType, (True, False), (True, False))),
)
def test_every_combination_has_the_state_of_the_table(
    active: bool, kind: UserType, locked: bool, has_pin: bool
) -> None:
    """The first row of DESIGN.md's table that matches names the state."""
    table = [
        ("inactive", not active),
        ("ineligible", kind.value in WITHOUT_PINS),
        ("locked", locked),
        ("uncollected", not has_pin),
        ("active", True),
    ]
    expected = next(word for word, matches in table if matches)
    got = state_from(active=active, user_type=kind, locked=locked, has_pin=has_pin)
    assert got is State(expected)


@pytest.mark.parametrize("counter", range(7))
@pytest.mark.parametrize("attempt", [None, 7])
def test_locked_is_six_and_no_attempt_in_flight(counter: int, attempt: int | None) -> None:
    """A sixth answer in flight is not a lock yet: it may be the right one."""
    user = User(1, b"", b"", "acme", "alice", "", None, UserType.CLOUD, True, "t")
    user = user._replace(failed_attempts=counter, attempt=attempt)
    assert is_locked(user) is (counter == 6 and attempt is None)
