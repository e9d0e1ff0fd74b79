"""Verifiers: argon2id over an HMAC that binds key, user, version and PIN."""

from __future__ import annotations

import hashlib
import hmac
import string

import pytest
from argon2 import PasswordHasher
from hypothesis import example, given
from hypothesis import strategies as st

from pincli.errors import VerifierDamaged
from pincli.vault.keyring import Key
from pincli.vault.verifiers import HashCost, Verifiers
from tests.support.desk import CHEAP
from tests.vault.keys import EIGHT, SEVEN

VERIFIERS = Verifiers(CHEAP)
PIN = "444159"
GOOD = VERIFIERS.make(SEVEN, "alice", 1, PIN)

pins = st.text(alphabet=string.digits, min_size=6, max_size=6)
users = st.from_regex(r"[a-z0-9][a-z0-9._@+-]{0,10}", fullmatch=True)
versions = st.integers(0, 10_000)
keys = st.sampled_from([SEVEN, EIGHT])
bound = st.tuples(keys, users, versions, pins)


@given(key=keys, user=users, version=versions, pin=pins)
def test_a_verifier_matches_what_it_was_made_of(
    key: Key, user: str, version: int, pin: str
) -> None:
    """The right PIN of the right user and version under the right key always matches."""
    assert VERIFIERS.matches(VERIFIERS.make(key, user, version, pin), key, user, version, pin)


@given(made=bound, asked=bound)
@example(made=(SEVEN, "alice", 1, PIN), asked=(EIGHT, "alice", 1, PIN))
@example(made=(SEVEN, "alice", 1, PIN), asked=(SEVEN, "bob", 1, PIN))
@example(made=(SEVEN, "alice", 1, PIN), asked=(SEVEN, "alice", 2, PIN))
@example(made=(SEVEN, "alice", 1, PIN), asked=(SEVEN, "alice", 1, "444158"))
@example(made=(SEVEN, "alice1", 1, PIN), asked=(SEVEN, "alice", 11, PIN))
@example(made=(SEVEN, "alice", 14, PIN), asked=(SEVEN, "alice", 1, "444415"))
def test_a_verifier_matches_nothing_else(
    made: tuple[Key, str, int, str], asked: tuple[Key, str, int, str]
) -> None:
    """Another key, user, version or PIN does not match, nor does the same text cut elsewhere."""
    assert VERIFIERS.matches(VERIFIERS.make(*made), *asked) is (made == asked)


def test_the_hash_is_over_the_mac_of_the_framed_parts() -> None:
    """An independent HMAC-SHA256, checked by argon2-cffi itself, is what a verifier holds."""
    parts = (b"pincli/v1", b"alice", b"1", PIN.encode())
    message = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    secret = hmac.new(SEVEN.raw, message, hashlib.sha256).hexdigest()
    assert PasswordHasher().verify(GOOD, secret)


def test_production_costs_what_the_design_says() -> None:
    """Without a word from a test it is argon2id with 19 MiB, two passes and one lane."""
    text = Verifiers().make(SEVEN, "alice", 1, PIN)
    assert text.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_no_two_verifiers_are_alike() -> None:
    """Each has a salt of its own of at least 16 bytes, so equal PINs don't show."""
    salts = {VERIFIERS.make(SEVEN, "alice", 1, PIN).split("$")[4] for _ in range(20)}
    assert len(salts) == 20
    assert min(map(len, salts)) >= 22


@given(pin=pins, user=users)
def test_a_verifier_never_shows_the_pin(pin: str, user: str) -> None:
    """Neither the PIN nor the user is in the text."""
    text = VERIFIERS.make(SEVEN, f"user-{user}", 1, pin)
    assert pin not in text
    assert f"user-{user}" not in text


DAMAGED = {
    "empty": "",
    "one letter": "x",
    "a PIN": PIN,
    "a prefix": "$argon2id$",
    "no salt": "$argon2id$v=19$m=8,t=1,p=1$",
    "a line's end": GOOD + "\n",
    "a blank before": " " + GOOD,
    "capitals": GOOD.upper(),
    "another kind": GOOD.replace("$argon2id$", "$argon2xx$"),
    "no memory": GOOD.replace("m=8", "m=0"),
    "negative memory": GOOD.replace("m=8", "m=-1"),
    "endless memory": GOOD.replace("m=8", "m=99999999999999999999"),
    "no pass": GOOD.replace("t=1", "t=0"),
    "no lane": GOOD.replace("p=1", "p=0"),
    "a wide digit": GOOD.replace("m=8", "m=\uff18"),
    "no digest": GOOD.rpartition("$")[0],
    "an empty digest": GOOD.rpartition("$")[0] + "$",
    "bcrypt": "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
    "a surrogate": "\udc80",
    "no ASCII": "\u00e9",
}


@pytest.mark.parametrize("damaged", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_text_is_told_from_a_wrong_pin(damaged: str) -> None:
    """What is no verifier raises, and names the user, not the text or the PIN."""
    with pytest.raises(VerifierDamaged) as error:
        VERIFIERS.matches(damaged, SEVEN, "alice", 1, PIN)
    assert error.value.args == ("alice",)
    assert error.value.__suppress_context__


@pytest.mark.parametrize("length", range(len(GOOD)))
def test_no_part_of_a_verifier_matches(length: int) -> None:
    """Cut short anywhere, a verifier matches nobody: it is damaged, or simply no match."""
    try:
        matched = VERIFIERS.matches(GOOD[:length], SEVEN, "alice", 1, PIN)
    except VerifierDamaged:
        matched = False
    assert not matched


@given(st.text(max_size=100) | st.text(alphabet="$argon2id=v19mtp,8+/", max_size=100))
def test_no_garbage_matches(text: str) -> None:
    """Whatever stands in the column, it is damaged or no match, and no other error."""
    try:
        matched = VERIFIERS.matches(text, SEVEN, "alice", 1, PIN)
    except VerifierDamaged:
        matched = False
    assert not matched


@pytest.mark.parametrize(
    ("cost", "outdated"),
    [
        (CHEAP, False),
        (HashCost(memory_kib=16, passes=1), True),
        (HashCost(memory_kib=8, passes=2), True),
        (HashCost(memory_kib=16, passes=1, lanes=2), True),
    ],
)
def test_another_cost_is_outdated(cost: HashCost, outdated: bool) -> None:
    """A verifier made with other memory, passes or lanes is to be renewed, and still matches."""
    text = Verifiers(cost).make(SEVEN, "alice", 1, PIN)
    assert VERIFIERS.is_outdated(text) is outdated
    assert VERIFIERS.matches(text, SEVEN, "alice", 1, PIN)


def test_another_kind_of_argon2_is_outdated() -> None:
    """Only argon2id is current."""
    assert VERIFIERS.is_outdated(GOOD.replace("$argon2id$", "$argon2i$"))


def test_warming_up_makes_the_slow_imports_and_changes_no_answer() -> None:
    """After a warm-up a PIN compares as it did."""
    fresh = Verifiers(CHEAP)
    fresh.warm_up()
    assert fresh.matches(GOOD, SEVEN, "alice", 1, PIN)
    assert not fresh.matches(GOOD, SEVEN, "alice", 1, "444158")
