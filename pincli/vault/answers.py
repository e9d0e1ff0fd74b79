"""Answers: what a PIN gives to a user's question, and what the store keeps of it.

The answer is argon2id over HMAC-SHA256(verify.key, bound-to, version, PIN): without the key
nobody can try PINs against a copied database. The store keeps three things:

- the question: argon2's settings and salt, and what the answer is bound to;
- the check, SHA-256 of the answer: what is stored can't be sent as an answer;
- the proof, an HMAC under verify.key: a writer of the database without the key can't make a yes.

Annotations are not postponed here, as in models.py.
"""

import binascii
import hmac
import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, cast

from pincli.errors import HashUnavailable, OutOfMemory, RecordDamaged
from pincli.rules.canonical import framed
from pincli.rules.lockout import check_of
from pincli.vault.keyring import Key

if TYPE_CHECKING:
    from passlib.hash import argon2

_LOADING = threading.Lock()
_ANSWER_BYTES = 32
_SALT_BYTES = 16
_SALT_BYTES_TAKEN = range(8, 65)
# The words of argon2, and of the loader if a library does not fit.
_NO_MEMORY = ("Memory allocation error", "failed to map segment", "annot allocate memory")
_QUESTION = re.compile(
    r"(?:login=(?P<login>[a-z0-9._@+-]{1,64}))?"
    r"\$argon2id\$v=19\$m=(?P<m>[1-9][0-9]{0,6}),t=(?P<t>[1-9][0-9]?),p=(?P<p>[1-9])"
    r"\$(?P<salt>[A-Za-z0-9+/]+)"
)


class HashCost(NamedTuple):
    """What one argon2id hash costs. Only tests use other figures than these.

    One lane keeps one core busy and starts no thread.
    """

    memory_kib: int = 19456
    passes: int = 2
    lanes: int = 1


PRODUCTION_COST = HashCost()
_MOST = HashCost(memory_kib=256 * 1024, passes=16, lanes=4)
"""The most that a question may ask for: a forged one must not stop the desk."""


class BoundTo(NamedTuple):
    """The user whom a PIN's secrets are for; they are worth nothing in another record.

    Attributes:
        schema: 1 or 2: the schema that made them.
        name: The user's uid; in schema 1, their login at that time.
    """

    schema: int
    name: bytes


class StoredAnswer(NamedTuple):
    """What the store keeps of an answer."""

    question: str
    check: bytes
    proof: bytes

    def __repr__(self) -> str:
        return "StoredAnswer()"


class Answers:
    """Asks questions at one hash cost, and answers questions of any cost.

    Computing an answer raises:
        RecordDamaged: The question is malformed, or asks for more than pincli ever does.
        OutOfMemory: There is not enough memory for it now.
        HashUnavailable: The library can't be loaded, or fails.
    """

    def __init__(self, cost: HashCost = PRODUCTION_COST) -> None:
        self._cost = cost
        self._loaded: type[argon2] | None = None

    def prepare(self) -> None:
        """Do the slow imports now."""
        _ = self._argon2

    def warm_up(self) -> None:
        """Prepare, and hash once: a process's first hash takes three times as long as the next."""
        self._hash(_read(self.ask()), "")

    def ask(self) -> str:
        """A new question with a salt of its own, bound to the uid."""
        salt = _base64(os.urandom(_SALT_BYTES))
        memory_kib, passes, lanes = self._cost
        return f"$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${salt}"

    def answer(self, question: str, key: Key, uid: bytes, version: int, pin: str) -> bytes:
        """The answer of one user's PIN of one version to a question."""
        asked = _read(question)
        bound = asked.bound_to(uid)
        domain = b"pincli/v1" if bound.schema == 1 else b"pincli/v2/answer"
        message = framed(domain, bound.name, b"%d" % version, pin.encode())
        return self._hash(asked, hmac.digest(key.raw, message, "sha256").hex())

    def make(self, key: Key, uid: bytes, version: int, pin: str) -> StoredAnswer:
        """A new question for one user's PIN of one version, with its check and proof."""
        return self._answered(self.ask(), key, uid, version, pin)

    def renew(self, question: str, key: Key, uid: bytes, version: int, pin: str) -> StoredAnswer:
        """The same for a PIN that has a question, bound to the same: its seal stays as it is."""
        login = _read(question).login
        fresh = self.ask() if login is None else f"login={login}{self.ask()}"
        return self._answered(fresh, key, uid, version, pin)

    def is_outdated(self, question: str) -> bool:
        """Whether a question asks for another cost than this."""
        return _read(question).cost != self._cost

    def _answered(
        self, question: str, key: Key, uid: bytes, version: int, pin: str
    ) -> StoredAnswer:
        given = self.answer(question, key, uid, version, pin)
        return _stored(question, key, uid, version, given)

    def _hash(self, asked: "_Question", secret: str) -> bytes:
        with _faults_of_the_host():
            hasher = self._argon2.using(  # type: ignore[no-untyped-call]
                type="ID",
                salt=asked.salt,
                memory_cost=asked.cost.memory_kib,
                rounds=asked.cost.passes,
                parallelism=asked.cost.lanes,
                digest_size=_ANSWER_BYTES,
            )
            # The raw digest; types-passlib says it is text, which it is in no version.
            return cast(bytes, hasher.from_string(hasher.hash(secret)).checksum)

    @property
    def _argon2(self) -> "type[argon2]":
        # The head start is another thread with answers of its own. Two threads that import
        # passlib at once get it half done.
        with _LOADING:
            if self._loaded is None:
                with _faults_of_the_host():
                    with _spared_imports():
                        from passlib.hash import argon2
                    argon2.set_backend()
                self._loaded = argon2
            return self._loaded


def bound_to(question: str | None, uid: bytes) -> BoundTo:
    """What the secrets of a user's PIN are bound to; without a question, to the uid."""
    return BoundTo(2, uid) if question is None else _read(question).bound_to(uid)


def proof(key: Key, uid: bytes, version: int, question: str, check: bytes) -> bytes:
    """The proof that question and check were made with verify.key, for this user and version."""
    message = framed(b"pincli/v2/proof", uid, b"%d" % version, question.encode(), check)
    return hmac.digest(key.raw, message, "sha256")


def is_proved(
    key: Key, uid: bytes, version: int, question: str, check: bytes, proved: bytes
) -> bool:
    """Whether a proof is the right one for all these."""
    return hmac.compare_digest(proof(key, uid, version, question, check), proved)


def from_verifier(verifier: str, key: Key, login: str, uid: bytes, version: int) -> StoredAnswer:
    """Question, check and proof of a verifier that schema 1 stored, without its PIN.

    Args:
        verifier: argon2's own text; its digest is the answer.
        key: The key that it was made with.
        login: The login that it was made for.
        uid: The user's.
        version: The PIN's version.
    """
    settings, _, digest = verifier.rpartition("$")
    question = f"login={login}{settings}"
    _read(question)
    given = _from_base64(digest)
    if len(given) != _ANSWER_BYTES:
        raise RecordDamaged
    return _stored(question, key, uid, version, given)


class _Question(NamedTuple):
    login: str | None
    cost: HashCost
    salt: bytes

    def bound_to(self, uid: bytes) -> BoundTo:
        return BoundTo(2, uid) if self.login is None else BoundTo(1, self.login.encode())


def _read(question: str) -> _Question:
    found = _QUESTION.fullmatch(question)
    if found is None:
        raise RecordDamaged
    login, memory_kib, passes, lanes, salt = found.groups()
    asked = _Question(login, HashCost(int(memory_kib), int(passes), int(lanes)), _from_base64(salt))
    too_much = any(wanted > most for wanted, most in zip(asked.cost, _MOST, strict=True))
    too_little = asked.cost.memory_kib < 8 * asked.cost.lanes  # argon2's own bound
    if too_much or too_little or len(asked.salt) not in _SALT_BYTES_TAKEN:
        raise RecordDamaged
    return asked


def _stored(question: str, key: Key, uid: bytes, version: int, given: bytes) -> StoredAnswer:
    check = check_of(given)
    return StoredAnswer(question, check, proof(key, uid, version, question, check))


def _base64(raw: bytes) -> str:
    return binascii.b2a_base64(raw, newline=False).rstrip(b"=").decode()


def _from_base64(text: str) -> bytes:
    """Decode argon2's base64: no padding, and only one text for the same bytes."""
    try:
        raw = binascii.a2b_base64(text + "=" * (-len(text) % 4))
    except ValueError:
        raise RecordDamaged from None
    if _base64(raw) != text:
        raise RecordDamaged
    return raw


@contextmanager
def _faults_of_the_host() -> Iterator[None]:
    """Report what fails here as the host's fault, not a damaged record's."""
    try:
        yield
    except MemoryError:
        raise OutOfMemory from None
    except (ImportError, OSError, RuntimeError, SystemError, ValueError) as error:
        # passlib wraps argon2's error in its own about a hash; the interpreter wraps the
        # MemoryError of an import in a SystemError.
        inner = error.__cause__ or error.__context__ or error
        detail = str(inner)
        if isinstance(inner, MemoryError) or any(words in detail for words in _NO_MEMORY):
            raise OutOfMemory from None
        raise HashUnavailable(detail) from None


@contextmanager
def _spared_imports() -> Iterator[None]:
    """Keep passlib from importing what it does not need here.

    It imports crypt for schemes that we don't use: 4 ms, and a warning. It asks for argon2's
    version for one debug message, which argon2 looks up in 15 ms, with a warning.
    """
    import argon2

    vars(argon2).setdefault("__version__", "not asked for")
    absent = {} if "crypt" in sys.modules else {"crypt": None}
    sys.modules.update(absent)  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in absent:
            sys.modules.pop(name, None)
