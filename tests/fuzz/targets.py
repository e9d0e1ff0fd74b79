"""What is fuzzed: each target takes any bytes, and fails when a promise about them is broken."""

from __future__ import annotations

import atexit
import io
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

from pincli.commands.files import names_from
from pincli.config import Config
from pincli.deployment import Deployment, read_deployment
from pincli.errors import (
    ConfigUnavailable,
    KeysUnavailable,
    MalformedName,
    PincliError,
    UsageProblem,
)
from pincli.operations.intake.formats import People, RawRow
from pincli.operations.intake.layout import layout_of
from pincli.operations.intake.rows import RowChecker
from pincli.operations.trail_check import parse_head
from pincli.rules.names import canonical_account, canonical_user
from pincli.rules.texts import clean_display_name, clean_reason, clean_ticket, mask_pins
from pincli.rules.times import moment_of, since
from pincli.store.location import Server
from pincli.vault.key_files import read_key
from pincli.views.sanitiser import shown

_HEADER = b"user,account,name,type,active,pin\n"
_CANONICAL = re.compile(r"""[^-#\s?*"<>][^\s?*"<>]{0,253}""")
_ACCOUNT = re.compile(r"""[^-#\s?*"<>]([^\s?*"<>]| (?! )){0,253}""")
_PIN = re.compile(r"(?<!\d)\d{6}(?!\d)")
_LONGEST_DETAIL = 100
_CONFIG = b"""store = "/s"
keys = "/k"
[roles]
agent = ["%support", "amy"]
admin = ["lea"]
[hooks]
on_lock = ["/bin/x", "a b"]
"""


class Target(NamedTuple):
    """One thing that reads bytes.

    Attributes:
        run: Takes the bytes, and raises if a promise is broken.
        seeds: Good and nearly good ones to begin with.
    """

    run: Callable[[bytes], None]
    seeds: tuple[bytes, ...]


def people(content: bytes, *, ignore_unknown: bool = False) -> None:
    """A file of people: rows, problems or a sentence, in text that can be shown and stored.

    Every problem names an existing line.
    """
    layout = layout_of(ignore_unknown=ignore_unknown)
    rows: list[RawRow] = []
    with suppress(PincliError):
        for row in People(io.BytesIO(content), layout):
            rows.append(row)
    checked = [*map(RowChecker(layout).check, rows)]
    lines = range(1, content.count(b"\n") + 2)
    for problem in (
        each for problems in checked if isinstance(problems, list) for each in problems
    ):
        assert problem.line in lines, problem
        f"{problem.column} {problem.message} {problem.value}".encode()
        assert _PIN.search(problem.value) is None
    for good in checked:
        if isinstance(good, list):
            continue
        assert good.line in lines, good
        assert _CANONICAL.fullmatch(good.user)
        assert _ACCOUNT.fullmatch(good.account)
        assert shown(good.name) == good.name
    assert [row.line for row in rows] == sorted(row.line for row in rows)


def names(data: bytes) -> None:
    """One canonical form, which is its own; texts for the trail hold no PIN and no control."""
    text = data.decode("utf-8", "surrogateescape")
    for canonical, form in ((canonical_user, _CANONICAL), (canonical_account, _ACCOUNT)):
        with suppress(MalformedName):
            name = canonical(text)
            assert form.fullmatch(name), name
            assert name.isprintable()
            assert canonical(name) == canonical(f" {name}\n") == name
    for clean, masked in ((clean_display_name, False), (clean_reason, True), (clean_ticket, False)):
        with suppress(MalformedName):
            kept = clean(text)
            kept.encode()
            assert shown(kept) == kept
            assert clean(kept) == kept
            assert not (masked and _PIN.search(kept))
    assert mask_pins(mask_pins(text)) == mask_pins(text)
    assert _PIN.search(mask_pins(text)) is None
    for unicode in (True, False):
        out = shown(text, unicode=unicode)
        assert all(each.isprintable() or each in "\u200c\u200d" for each in out)
        assert unicode or out.isascii()


def user_file(data: bytes) -> None:
    """A file of user names, one a line: names without blanks around them, or a sentence."""
    nowhere = _folder() / "nowhere"
    with suppress(PincliError):
        for name in names_from(_written(data), Config(nowhere, nowhere, "amy")):
            assert name.login.strip() == name.login != ""


def config(data: bytes) -> None:
    """A deployment's file: usable, or refused in words of ours."""
    path = _written(data)
    try:
        deployment = read_deployment(path)
    except ConfigUnavailable as error:
        refusal = error
    else:
        _is_usable(deployment)
        return
    assert refusal.detail.isprintable()
    assert len(refusal.detail) < _LONGEST_DETAIL  # nothing of the file is repeated


def _is_usable(deployment: Deployment) -> None:
    store = deployment.store
    for folder in (deployment.keys, deployment.mark or deployment.keys):
        assert folder.is_absolute()
        os.fsencode(folder)
    assert isinstance(store, Server) or store.is_absolute()
    os.fsencode(str(store))
    for members in deployment.members.values():
        assert all(name.strip("%") for name in members)
    assert not deployment.on_lock or deployment.on_lock[0].startswith("/")
    assert all("\0" not in word for word in deployment.on_lock)


def key_file(data: bytes) -> None:
    """A key: exactly one line of 64 hexadecimal digits, or refused."""
    try:
        key = read_key(_written(data))
    except KeysUnavailable:
        return
    assert key.hex().encode() == data.removesuffix(b"\n").lower()
    assert len(key) == 32


def words(data: bytes) -> None:
    """Times and heads as people write them: read, or wrong usage."""
    text = data.decode("utf-8", "surrogateescape")
    with suppress(UsageProblem):
        assert moment_of(since(text)) is not None, since(text)
    with suppress(UsageProblem):
        head = parse_head(text)
        assert parse_head(str(head)) == head
    moment_of(text)


@cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="pincli-fuzz-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _written(data: bytes) -> Path:
    path = _folder() / "file"
    path.write_bytes(data)
    path.chmod(0o600)
    return path


def _after(prefix: bytes, data: bytes) -> None:
    """People, in the format that a beginning gives; unknown columns left out by the length."""
    people(prefix + data, ignore_unknown=len(data) % 2 == 1)


_ROW = b'"user": "alice", "account": "acme", "name": "A", "type": "cloud"'
TARGETS = {
    "import": Target(
        people,
        (
            _HEADER + b'alice,acme,"A, B",cloud,yes,444159\r\nbob,acme,B,cloud,,\r\n',
            b"\xef\xbb\xbf" + _HEADER.replace(b",", b"\t") + b"alice\tacme\tA\tcloud\tno\t\n",
            b"[{" + _ROW + b"},\n {" + _ROW + b', "active": true}]\n',
            b"{" + _ROW + b"}\n{" + _ROW + b', "pin": "444159"}\n',
        ),
    ),
    "import-csv": Target(
        partial(_after, _HEADER),
        (b"alice,acme,A,cloud,yes,444159\n", b'bob,acme,"B ""b""\nC",cloud,,\r\n', b'"x\n'),
    ),
    "import-tsv": Target(
        partial(_after, _HEADER.replace(b",", b"\t")),
        (b"alice\tacme\tA\tcloud\tyes\t444159\n", b'bob\tacme\t"B\tb"\tcloud\t\t\r\n'),
    ),
    "import-array": Target(
        partial(_after, b"["),
        (b"{" + _ROW + b"}]", b"{" + _ROW + b'},\n\n{"user": 1, "user": 2}]', b'1, "x", null]'),
    ),
    "import-lines": Target(
        partial(_after, b"{" + _ROW + b"}\n{"),
        (_ROW + b"}\n", b'"user": ["\\ud800"]}\n\n[1]\n', b'"a": NaN}\n{}\n1e999\n'),
    ),
    "names": Target(
        names,
        (
            b" Alice\n",
            b"a.b_c@d+e-f",
            "\u0130\u017f\ufb01\u212a".encode(),
            b"T-4711 444159 why",
            "Smith & S\u00f8ns".encode(),
        ),
    ),
    "user-file": Target(user_file, (b"alice\n# no\n\n bob \r\n", b"\xef\xbb\xbfalice\nx" * 3)),
    "config": Target(config, (_CONFIG, b"roles = 1\n", b'store = "/\\u0000"\n' + _CONFIG[13:])),
    "keys": Target(key_file, (b"ab" * 32 + b"\n", b"AB" * 32, b"ab" * 32 + b"\r\n")),
    "words": Target(
        words, (b"24h", b"2026-11-24T08:00+05:00", b"7:" + b"a" * 64, b"9999-12-31T23:59:59-01:00")
    ),
}
"""Every target by its name."""
