"""Answers: what a question binds, what is kept of an answer, what the host's faults are called."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import string
import subprocess
import sys

import pytest
from argon2.exceptions import HashingError
from argon2.low_level import Type, hash_secret, hash_secret_raw
from hypothesis import example, given
from hypothesis import strategies as st

from pincli.errors import HashUnavailable, OutOfMemory, RecordDamaged
from pincli.rules.lockout import check_of
from pincli.vault.answers import (
    Answers,
    BoundTo,
    HashCost,
    bound_to,
    from_verifier,
    is_proved,
    proof,
)
from pincli.vault.keyring import Key
from tests.vault.keys import EIGHT, SEVEN

DRIVER = "tests.vault.drive_memory"
CHEAP = HashCost(memory_kib=8, passes=1)
ANSWERS = Answers(CHEAP)
PIN = "444159"
ALICE, BOB = bytes(range(16)), bytes(range(1, 17))
SALT = b"sixteen-byte-sal"
QUESTION = "$argon2id$v=19$m=8,t=1,p=1$c2l4dGVlbi1ieXRlLXNhbA"
OLD_QUESTION = f"login=alice{QUESTION}"
GOOD = ANSWERS.make(SEVEN, ALICE, 1, PIN)

pins = st.text(alphabet=string.digits, min_size=6, max_size=6)
uids = st.binary(min_size=16, max_size=16)
logins = st.from_regex(r"[a-z0-9][a-z0-9._@+-]{0,10}", fullmatch=True)
versions = st.integers(0, 10_000)
keys = st.sampled_from([SEVEN, EIGHT])
bound = st.tuples(keys, uids, versions, pins)


def framed_by_hand(*parts: bytes) -> bytes:
    """The parts, each behind its length in eight bytes."""
    return b"".join(len(part).to_bytes(8, "big") + part for part in parts)


def secret(key: Key, *parts: bytes) -> bytes:
    """The hexadecimal HMAC that is hashed."""
    return hmac.new(key.raw, framed_by_hand(*parts), hashlib.sha256).hexdigest().encode()


def verifier(key: Key, login: str, version: int, pin: str) -> str:
    """What schema 1 stored, made by argon2-cffi alone."""
    message = secret(key, b"pincli/v1", login.encode(), str(version).encode(), pin.encode())
    return hash_secret(message, SALT, 1, 8, 1, 32, Type.ID).decode()


def salt_of(question: str) -> bytes:
    """The salt that a question of usual length holds."""
    return base64.b64decode(question.rpartition("$")[2] + "==")


@given(made=bound, asked=bound)
@example(made=(SEVEN, ALICE, 1, PIN), asked=(SEVEN, ALICE, 1, PIN))
@example(made=(SEVEN, ALICE, 1, PIN), asked=(EIGHT, ALICE, 1, PIN))
@example(made=(SEVEN, ALICE, 1, PIN), asked=(SEVEN, BOB, 1, PIN))
@example(made=(SEVEN, ALICE, 1, PIN), asked=(SEVEN, ALICE, 2, PIN))
@example(made=(SEVEN, ALICE, 1, PIN), asked=(SEVEN, ALICE, 1, "444158"))
@example(made=(SEVEN, ALICE, 14, PIN), asked=(SEVEN, ALICE, 1, "444415"))
def test_only_the_same_gives_the_same_answer(
    made: tuple[Key, bytes, int, str], asked: tuple[Key, bytes, int, str]
) -> None:
    """Another key, user, version or PIN gives another answer to the same question."""
    kept = ANSWERS.make(*made)
    given_answer = ANSWERS.answer(kept.question, *asked)
    assert len(given_answer) == 32
    assert (check_of(given_answer) == kept.check) is (made == asked)


def test_an_answer_is_argon2id_over_the_mac_of_the_framed_parts() -> None:
    """Uid, version and PIN behind their label, as argon2-cffi itself computes it."""
    message = secret(SEVEN, b"pincli/v2/answer", ALICE, b"12", PIN.encode())
    expected = hash_secret_raw(message, SALT, 1, 8, 1, 32, Type.ID)
    assert ANSWERS.answer(QUESTION, SEVEN, ALICE, 12, PIN) == expected


def test_an_old_question_is_answered_as_schema_1_did() -> None:
    """An answer bound to a login does not depend on the uid, nor on the present login."""
    expected = verifier(SEVEN, "alice", 12, PIN).rpartition("$")[2]
    for uid in (ALICE, BOB):
        answer = ANSWERS.answer(OLD_QUESTION, SEVEN, uid, 12, PIN)
        assert (
            check_of(answer)
            == from_verifier(f"{QUESTION}${expected}", SEVEN, "alice", uid, 12).check
        )


VECTORS = (
    "45bb0a9db7dea17677417cddbdcec84d161cbcff652b575b41a69754b1dde524",
    "e94ae499133ef7a60c4d89de3566b4e8d5f29ef98fcf1c8ece6c2d1ccc3a02fa",
    "5df58f453f7c384296a99632bb4078bffede254bd242854063da03d7b50d84b2",
    "4f106fb499b196168842586a79aff669f6beb7bd11b9a930026017e311d4d627",
    "7271f815df42cb15e9e8ac5f48be0d7a5e22ea8b7b70e880c8301e6458e2ff8b",
    "298b41e03f5eba96313807fc14bbed4798fa36ea9bb034c4e805e56922ea214b",
)
"""An answer, an old answer, the check and proof of the first, and what a verifier becomes."""


def test_the_vectors_stay() -> None:
    """Existing stores hold them: a change of any of these locks every customer out."""
    answer = ANSWERS.answer(QUESTION, SEVEN, ALICE, 1, PIN)
    old = ANSWERS.answer(OLD_QUESTION, SEVEN, ALICE, 1, PIN)
    made = from_verifier(verifier(SEVEN, "alice", 1, PIN), SEVEN, "alice", ALICE, 1)
    check = check_of(answer)
    found = (answer, old, check, proof(SEVEN, ALICE, 1, QUESTION, check), made.check, made.proof)
    assert tuple(each.hex() for each in found) == VECTORS
    assert made.question == OLD_QUESTION


def test_production_costs_what_the_design_says() -> None:
    """By default it is argon2id with 19 MiB, two passes and one lane."""
    made = Answers().make(SEVEN, ALICE, 1, PIN)
    assert made.question.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    message = secret(SEVEN, b"pincli/v2/answer", ALICE, b"1", PIN.encode())
    assert (
        hash_secret(message, salt_of(made.question), 2, 19456, 1, 32, Type.ID)
        .decode()
        .startswith(made.question)
    )
    assert check_of(Answers().answer(made.question, SEVEN, ALICE, 1, PIN)) == made.check


def test_no_two_questions_are_alike() -> None:
    """Each has its own salt of 16 bytes, so equal PINs don't show."""
    salts = {ANSWERS.ask().rpartition("$")[2] for _ in range(50)}
    assert len(salts) == 50
    assert {len(salt_of(f"${salt}")) for salt in salts} == {16}


@given(made=bound)
def test_what_is_kept_shows_neither_answer_nor_pin(made: tuple[Key, bytes, int, str]) -> None:
    """Neither the question nor a repr holds the PIN, and the check is not the answer."""
    kept = ANSWERS.make(*made)
    answer = ANSWERS.answer(kept.question, *made)
    assert answer not in (kept.check, kept.proof)
    assert kept.question.startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert repr(kept) == "StoredAnswer()"


@given(login=logins, version=versions, pin=pins, other=pins, uid=uids, key=keys)
@example(login="alice", version=1, pin=PIN, other="444158", uid=ALICE, key=SEVEN)
def test_a_verifier_of_schema_1_is_taken_over_without_its_pin(
    login: str, version: int, pin: str, other: str, uid: bytes, key: Key
) -> None:
    """Only the right PIN gives the answer that the check was computed from."""
    made = from_verifier(verifier(key, login, version, pin), key, login, uid, version)
    assert made.question == f"login={login}{QUESTION}"
    for tried in (pin, other):
        answer = ANSWERS.answer(made.question, key, uid, version, tried)
        assert (check_of(answer) == made.check) is (tried == pin)
    assert is_proved(key, uid, version, *made)
    for_others = ANSWERS.answer(f"login={login}x{QUESTION}", key, uid, version, pin)
    assert check_of(for_others) != made.check


@pytest.mark.parametrize("old", [QUESTION, OLD_QUESTION])
def test_renewing_keeps_what_it_is_bound_to(old: str) -> None:
    """A renewed question has the present cost and a new salt, and still fits the sealed PIN."""
    dearer = Answers(HashCost(memory_kib=16, passes=1))
    made = dearer.renew(old, SEVEN, ALICE, 1, PIN)
    assert made.question.partition("$")[0] == old.partition("$")[0]
    assert bound_to(made.question, ALICE) == bound_to(old, ALICE)
    assert "$m=16,t=1,p=1$" in made.question
    assert made.question.rpartition("$")[2] != old.rpartition("$")[2]
    assert check_of(dearer.answer(made.question, SEVEN, ALICE, 1, PIN)) == made.check
    assert is_proved(SEVEN, ALICE, 1, *made)


def test_a_question_says_what_it_is_bound_to() -> None:
    """To the uid, or to the login that schema 1 bound it to; without a question, to the uid."""
    assert bound_to(None, ALICE) == BoundTo(2, ALICE)
    assert bound_to(QUESTION, ALICE) == BoundTo(2, ALICE)
    assert bound_to(f"login=a.b+c@d_e-9{QUESTION}", ALICE) == BoundTo(1, b"a.b+c@d_e-9")


proved = st.tuples(keys, uids, versions, st.sampled_from([QUESTION, OLD_QUESTION]), st.binary())


@given(made=proved, asked=proved)
@example(made=(SEVEN, ALICE, 1, QUESTION, b""), asked=(SEVEN, ALICE, 1, QUESTION, b""))
@example(made=(SEVEN, ALICE, 1, QUESTION, b""), asked=(SEVEN, BOB, 1, QUESTION, b""))
@example(made=(SEVEN, ALICE, 1, QUESTION, b""), asked=(SEVEN, ALICE, 2, QUESTION, b""))
@example(made=(SEVEN, ALICE, 1, QUESTION, b""), asked=(SEVEN, ALICE, 1, OLD_QUESTION, b""))
@example(made=(SEVEN, ALICE, 1, QUESTION, b""), asked=(SEVEN, ALICE, 1, QUESTION, b"x"))
def test_a_proof_is_of_everything_that_makes_a_yes(
    made: tuple[Key, bytes, int, str, bytes], asked: tuple[Key, bytes, int, str, bytes]
) -> None:
    """It proves no other key, user, version, question or check."""
    assert is_proved(*asked, proof(*made)) is (made == asked)


def test_a_proof_is_the_mac_of_the_framed_parts() -> None:
    """The label, the uid, the version, the question's text and the check, under verify.key."""
    parts = (b"pincli/v2/proof", ALICE, b"7", QUESTION.encode(), bytes(32))
    expected = hmac.new(SEVEN.raw, framed_by_hand(*parts), hashlib.sha256).digest()
    assert proof(SEVEN, ALICE, 7, QUESTION, bytes(32)) == expected


@pytest.mark.parametrize(
    "forged",
    [b"", bytes(32), GOOD.proof[:-1], GOOD.proof + b"\0"],
    ids=["empty", "zeros", "cut short", "longer"],
)
def test_nothing_but_the_proof_proves(forged: bytes) -> None:
    """A proof cut short, made longer or of zeros proves nothing."""
    assert is_proved(SEVEN, ALICE, 1, *GOOD)
    assert not is_proved(SEVEN, ALICE, 1, GOOD.question, GOOD.check, forged)


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
    """A question with other memory, passes or lanes is to be renewed, and still answered."""
    kept = Answers(cost).make(SEVEN, ALICE, 1, PIN)
    assert ANSWERS.is_outdated(kept.question) is outdated
    assert ANSWERS.is_outdated(f"login=alice{kept.question}") is outdated
    assert check_of(ANSWERS.answer(kept.question, SEVEN, ALICE, 1, PIN)) == kept.check


SETTINGS = "m=8,t=1,p=1"
DAMAGED = [
    "",
    "x",
    PIN,
    "$argon2id$",
    "$argon2id$v=19$m=8,t=1,p=1$",
    QUESTION + "\n",
    QUESTION + "$",
    QUESTION + "=",
    " " + QUESTION,
    QUESTION.upper(),
    QUESTION[:-1],
    QUESTION[:-1] + "B",  # other text for the same bytes
    QUESTION.replace("$argon2id$", "$argon2i$"),
    QUESTION.replace("$argon2id$", "$argon2d$"),
    QUESTION.replace("$argon2id$", "$argon2xx$"),
    QUESTION.replace("v=19", "v=16"),
    QUESTION.replace("v=19$", ""),
    QUESTION.replace("p=1", "p=1,keyid=a"),
    QUESTION.replace("p=1", "p=1,data=aaaa"),
    *(
        QUESTION.replace(SETTINGS, settings)
        for settings in (
            "m=7,t=1,p=1",
            "m=0,t=1,p=1",
            "m=-8,t=1,p=1",
            "m=08,t=1,p=1",
            "m=\uff18,t=1,p=1",
            "m=262145,t=1,p=1",
            "m=99999999999999999999,t=1,p=1",
            "m=8,t=0,p=1",
            "m=8,t=17,p=1",
            "m=8,t=100,p=1",
            "m=8,t=1,p=0",
            "m=15,t=1,p=2",
            "m=40,t=1,p=5",
            "m=80,t=1,p=10",
            "t=1,m=8,p=1",
        )
    ),
    QUESTION.rpartition("$")[0] + "$AAAAAAAAAA",  # seven bytes
    QUESTION.rpartition("$")[0] + "$" + "A" * 87,  # 65 bytes
    QUESTION.rpartition("$")[0] + "$" + "A" * 25,  # no number of bytes
    "login=" + QUESTION,
    "login=Alice" + QUESTION,
    "login=a b" + QUESTION,
    "login=" + "a" * 65 + QUESTION,
    "login=bob$login=alice" + QUESTION,
    "uid=alice" + QUESTION,
    "\udc80",
    "\u00e9",
    GOOD.question + "$" + "A" * 43,
]


@pytest.mark.parametrize("damaged", DAMAGED, ids=range(len(DAMAGED)))
def test_what_is_no_question_is_damaged(damaged: str) -> None:
    """A malformed question is refused before anything is loaded or hashed."""
    fresh = Answers(CHEAP)
    for use in (
        lambda: fresh.answer(damaged, SEVEN, ALICE, 1, PIN),
        lambda: fresh.renew(damaged, SEVEN, ALICE, 1, PIN),
        lambda: fresh.is_outdated(damaged),
        lambda: bound_to(damaged, ALICE),
    ):
        with pytest.raises(RecordDamaged) as error:
            use()
        assert error.value.__cause__ is None
        assert error.value.__context__ is None or error.value.__suppress_context__
    assert "_argon2" not in vars(fresh)


@given(st.text(max_size=100) | st.text(alphabet="$argon2id=v19mtp,8+/", max_size=100))
def test_no_garbage_is_answered(text: str) -> None:
    """Any other text in the column is damage, and no other error is raised."""
    with pytest.raises(RecordDamaged):
        ANSWERS.answer(text, SEVEN, ALICE, 1, PIN)


@pytest.mark.parametrize("settings", ["m=262144,t=1,p=1", "m=8,t=16,p=1", "m=32,t=1,p=4"])
def test_the_bounds_themselves_are_taken(settings: str) -> None:
    """A question may ask for 256 MiB, 16 passes and 4 lanes."""
    question = QUESTION.replace(SETTINGS, settings)
    assert len(ANSWERS.answer(question, SEVEN, ALICE, 1, PIN)) == 32


OLD = verifier(SEVEN, "alice", 1, PIN)


@pytest.mark.parametrize(
    "damaged",
    [
        "",
        PIN,
        QUESTION,
        QUESTION + "$",
        OLD[:-1],
        OLD + "A",
        OLD + "\n",
        OLD[:-1] + ("B" if OLD[-1] != "B" else "C"),
        OLD.replace("$argon2id$", "$argon2i$"),
        OLD.replace("m=8", "m=262145"),
        f"login=alice{OLD}",
        QUESTION + "$" + "A" * 22,
        "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
        "\u00e9",
        QUESTION + "$\u00e9" + "A" * 42,
    ],
    ids=range(15),
)
def test_what_is_no_verifier_is_damaged(damaged: str) -> None:
    """A malformed verifier of schema 1 is damage, and no part of it is used."""
    with pytest.raises(RecordDamaged):
        from_verifier(damaged, SEVEN, "alice", ALICE, 1)


@pytest.mark.parametrize("login", ["", "Alice", "a$b", "a" * 65, "bj\u00f8rn"])
def test_a_verifier_is_taken_over_for_logins_of_schema_1_alone(login: str) -> None:
    """No login makes a question that reads as another login's."""
    with pytest.raises(RecordDamaged):
        from_verifier(OLD, SEVEN, login, ALICE, 1)


_AT_ONCE = """
import importlib.abc, sys, threading, time

class Slowly(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        time.sleep(0.05 if name.startswith(("passlib", "argon2")) else 0)

def prepare():
    try:
        Answers().prepare()
    except BaseException as error:
        print(error)

from pincli.vault.answers import Answers
sys.meta_path.insert(0, Slowly())
threads = [threading.Thread(target=prepare) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_threads_that_load_the_library_at_once_all_get_it() -> None:
    """The head start and the command each load it; on a cold disk they do so at once."""
    ran = subprocess.run(
        [sys.executable, "-c", _AT_ONCE], check=False, capture_output=True, text=True
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_warming_up_makes_the_slow_imports_and_changes_no_answer() -> None:
    """After a warm-up a PIN gives the same answer as before."""
    fresh = Answers(CHEAP)
    fresh.warm_up()
    assert fresh._loaded is not None
    assert check_of(fresh.answer(GOOD.question, SEVEN, ALICE, 1, PIN)) == GOOD.check


@pytest.mark.parametrize(
    ("loaded", "left", "short"),
    [
        *(("all", left, "OutOfMemory") for left in (0, 12_000)),
        *(("libraries", left, "OutOfMemory") for left in (0, 6_000)),
        # Not 3,000: that may leave the interpreter itself no room for its own errors.
        *(("nothing", left, "OutOfMemory") for left in (0, 300, 1500, 5000, 9000, 15_000)),
        ("all", 64_000, "answered"),
    ],
)
def test_too_little_memory_is_not_called_damage(loaded: str, left: int, short: str) -> None:
    """If a library or the hash finds no room, the record is not blamed; with room it works."""
    process = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", DRIVER, loaded, str(left)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (process.stderr, process.returncode) == ("", 0)
    assert process.stdout.split() == [short, "answered"]


@pytest.mark.parametrize("missing", ["argon2", "passlib.hash", "passlib.handlers.argon2"])
def test_a_library_that_does_not_load_is_not_called_damage(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broken installation is the host's fault: no answer, and no PIN to reset."""
    for name in list(sys.modules):
        if name.partition(".")[0] in ("argon2", "passlib"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(HashUnavailable, match=re.escape(missing)) as error:
        Answers(CHEAP).answer(QUESTION, SEVEN, ALICE, 1, PIN)
    assert error.value.__suppress_context__


NO_OBJECT = "returned a result with an exception set"


@pytest.mark.parametrize(
    ("error", "cause", "expected"),
    [
        (HashingError("Memory allocation error"), None, OutOfMemory),
        (HashingError("Threading failure"), None, HashUnavailable),
        (SystemError(NO_OBJECT), MemoryError(), OutOfMemory),
        (SystemError(NO_OBJECT), None, HashUnavailable),
    ],
    ids=repr,
)
def test_a_hash_that_fails_is_not_called_damage(
    error: Exception,
    cause: Exception | None,
    expected: type[Exception],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is about the host, and neither PIN nor key is in the error.

    A SystemError is lack of memory only if that caused it: else a library does not fit.
    """
    from argon2 import low_level

    def failing(**_: object) -> bytes:
        raise error from cause

    monkeypatch.setattr(low_level, "hash_secret", failing)
    with pytest.raises(expected) as caught:
        ANSWERS.answer(QUESTION, SEVEN, ALICE, 1, PIN)
    assert caught.value.args in ((), error.args)
    assert caught.value.__suppress_context__
