"""The import budget of a verify: each module costs every call its time."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.support import drive_modules
from tests.support.desk import Desk

PIN = "444159"
WRONG = "111222"

THIRD_PARTY = frozenset(
    {
        "typer",
        "annotated_doc",  # typer's
        "shellingham",  # typer's
        "passlib",
        "argon2",
        "_argon2_cffi_bindings",
        "_cffi_backend",
    }
)
STANDARD = frozenset(
    """
    abc ast atexit base64 binascii bisect builtins bz2 codecs collections configparser contextlib
    copy copyreg dataclasses datetime difflib dis encodings enum errno fcntl fnmatch
    functools gc gettext hashlib heapq hmac importlib inspect io ipaddress itertools json keyword
    linecache locale logging lzma marshal math ntpath opcode operator os pathlib platform posixpath
    pwd random re reprlib resource select selectors shutil signal sqlite3 stat string stringprep
    struct subprocess sys textwrap threading time timeit token tokenize traceback types
    typing unicodedata urllib uuid warnings weakref zipfile zlib
    """.split()  # noqa: SIM905
)
"""Most of it is Typer's and passlib's own, which pincli can't choose."""
OF_A_DEPLOYMENT = frozenset({"grp", "tomllib", "pincli.deployment"})
"""Loaded if there is a deployment file, also one of another test."""

NEVER = (
    "asyncio",
    "concurrent.futures",
    "cryptography",
    "email",
    "http",
    "importlib.metadata",
    "multiprocessing",
    "pydantic",
    "rich",
    "sqlite_utils",
    "ssl",
    "tempfile",
    "unittest",
    "xml",
)
OWN_AT_MOST = 67
"""Modules of pincli that a verify loads; each costs every call a tenth of a millisecond.

One of them, store/steps/pins.py, renews the hash of the test, which has a lower cost."""
WITHOUT_HASHING = ("passlib", "argon2", "_argon2_cffi_bindings", "crypt", "logging")


def loaded(desk: Desk, tmp_path: Path, *arguments: str, stdin: str = "") -> tuple[int, set[str]]:
    """The exit code of one call, and the modules that it loaded."""
    target = tmp_path / "modules"
    process = subprocess.run(
        [sys.executable, str(drive_modules.__file__), str(target), *arguments],
        input=stdin.encode(),
        env=desk.environment(),
        capture_output=True,
        check=False,
    )
    assert process.stderr == b""
    return process.returncode, set(target.read_text(encoding="utf-8").split())


def top_level(modules: set[str]) -> set[str]:
    """The top-level modules, without the interpreter's private ones."""
    names = {name.partition(".")[0] for name in modules}
    return {n for n in names if not (n.startswith("_") and n in sys.stdlib_module_names)}


@cache
def standard() -> set[str]:
    """The standard modules that are allowed, with what they bring in this version of Python."""
    script = f"import sys, {', '.join(sorted(STANDARD))}; print(*sys.modules)"
    bare = (sys.executable, "-I", "-S", "-c", script)
    ran = subprocess.run(bare, capture_output=True, text=True, check=True)
    return top_level(set(ran.stdout.split()))


def among(modules: set[str], unwanted: tuple[str, ...]) -> list[str]:
    """The unwanted modules that were loaded."""
    return [name for name in unwanted if name in modules]


@pytest.mark.parametrize(("pin", "code"), [(PIN, 0), (WRONG, 3)])
def test_a_verify_loads_only_what_it_may(desk: Desk, tmp_path: Path, pin: str, code: int) -> None:
    """`verify --pin-stdin --json` keeps to the list, verified or not."""
    desk.collected("alice", pin=PIN)
    line = ("verify", "alice", "--pin-stdin", "--json")
    ended, modules = loaded(desk, tmp_path, *line, stdin=pin)
    assert ended == code
    assert among(modules, NEVER) == []
    assert top_level(modules) - {"pincli"} - THIRD_PARTY - standard() - OF_A_DEPLOYMENT == set()


def test_a_verify_loads_no_other_command(desk: Desk, tmp_path: Path) -> None:
    """A verify loads its own command and views only."""
    desk.collected("alice", pin=PIN)
    line = ("verify", "alice", "--pin-stdin", "--json")
    _, modules = loaded(desk, tmp_path, *line, stdin=PIN)
    commands = {m.split(".")[2] for m in modules if m.startswith("pincli.commands.")}
    assert commands == {
        "verify",
        "options",
        "invocation",
        "registry",
        "typer_classes",
        "output",
        "prompts",
        "interrupts",
    }
    assert "pincli.views.text_output" not in modules
    assert "pincli.views.blocks" not in modules
    assert "pincli.views.times" not in modules
    assert "pincli.store.sqlite.migrations" not in modules
    assert "pincli.store.contract" not in modules
    assert "pincli.results" not in modules
    assert "pincli.vault.seals" not in modules
    own = {m for m in modules if m.partition(".")[0] == "pincli"} - OF_A_DEPLOYMENT
    assert len(own) <= OWN_AT_MOST


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("status", "alice", "--json"), 0),
        (("status", "alice"), 0),
        (("status", "nobody", "--json"), 6),
        (("unlock", "alice", "--reason", "why", "--json"), 7),
        (("verify", "alice", "--json"), 2),
    ],
)
def test_what_compares_no_pin_loads_no_hashing(
    desk: Desk, tmp_path: Path, arguments: tuple[str, ...], code: int
) -> None:
    """A command that compares no PIN loads no hashing library."""
    desk.collected("alice", pin=PIN)
    ended, modules = loaded(desk, tmp_path, *arguments)
    assert ended == code
    assert among(modules, (*NEVER, *WITHOUT_HASHING)) == []


def test_the_scripts_folder_is_not_imported_from(tmp_path: Path) -> None:
    """A module in the script's folder is not imported."""
    (tmp_path / "typer.py").write_text("raise SystemExit('taken from beside the script')\n")
    script = tmp_path / "pincli"
    script.write_text("from pincli.__main__ import process\nprocess()\n")
    ran = subprocess.run([sys.executable, script, "--version"], capture_output=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, b"")


def test_every_allowed_module_is_loaded(desk: Desk, tmp_path: Path) -> None:
    """Every allowed third-party module is really loaded."""
    desk.collected("alice", pin=PIN)
    _, modules = loaded(desk, tmp_path, "verify", "alice", "--pin-stdin", "--json", stdin=PIN)
    assert top_level(modules) >= THIRD_PARTY
