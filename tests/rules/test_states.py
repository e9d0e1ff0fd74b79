"""States: what the record says, for every combination of facts."""

from __future__ import annotations

from itertools import product

import pytest

from pincli.models import State, UserType
from pincli.rules.states import TYPES_WITH_PINS, state_from

WITHOUT_PINS = ("cloud-office", "datapipe")


def test_three_types_have_pins() -> None:
    """Users of type cloud, dedicated and federated have one, and nobody else."""
    assert {kind.value for kind in TYPES_WITH_PINS} == {"cloud", "dedicated", "federated"}
    assert {kind.value for kind in UserType} - {kind.value for kind in TYPES_WITH_PINS} == set(
        WITHOUT_PINS
    )


@pytest.mark.parametrize(
    ("active", "kind", "counter", "has_pin"),
    list(product((True, False), UserType, range(7), (True, False))),
)
def test_every_combination_has_the_state_of_the_table(
    active: bool, kind: UserType, counter: int, has_pin: bool
) -> None:
    """The first row of DESIGN.md's table that matches names the state."""
    table = [
        ("inactive", not active),
        ("ineligible", kind.value in WITHOUT_PINS),
        ("locked", counter == 6),
        ("uncollected", not has_pin),
        ("active", True),
    ]
    expected = next(word for word, matches in table if matches)
    got = state_from(active=active, user_type=kind, failed_attempts=counter, has_pin=has_pin)
    assert got is State(expected)
