"""Imports run one way, and each library has its one place: DESIGN.md, section 8.

Each rule is a function from a module to what is wrong in it, so that the second half of
this file can show that the rules do find something.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable

import pytest

from tests.support.imports import PACKAGE, Module, all_modules

MODULES = all_modules()

BELOW = {
    "__main__": {"cli"},
    "cli": {"commands", "views", "operations", "vault", "store", "rules"},
    "commands": {"views", "operations", "vault", "store", "rules", "deployment"},
    "views": {"rules"},
    "operations": {"vault", "store", "rules", "deployment"},
    "vault": {"rules"},
    "store": {"rules"},
    "rules": set(),
    "config": {"deployment", "rules", "errors"},
    "deployment": {"rules"},
    "results": set(),
    "errors": set(),
    "models": set(),
    "": set(),
}
"""For each part, the parts it may import; all but the last four may import the three values."""

VALUES = {"models", "errors", "results"}
MAY_READ_CONFIG = {"cli", "commands", "views"}
SILENT = {"rules", "vault", "store", "operations", "models", "errors", "config"}

ONLY_IN = {
    "typer": ("pincli.cli", "pincli.commands"),
    "rich": ("pincli.views",),
    "sqlite3": ("pincli.store",),
    "sqlite_utils": ("pincli.store", "pincli.operations.intake.formats"),  # its readers of rows
    "fcntl": ("pincli.store",),
    "passlib": ("pincli.vault.verifiers",),
    "argon2": ("pincli.vault.verifiers",),
    "cryptography": ("pincli.vault",),
    "termios": ("pincli.commands",),
}
"""Who may import what; everything else is the standard library or forbidden."""

OF_TYPER = {"pincli.cli", "pincli.commands.typer_classes", "pincli.commands.command_tree"}
"""Who knows what a command is to Typer."""

THIRD_PARTY = {"typer", "rich", "sqlite_utils", "passlib", "argon2", "cryptography"}
SPEAKING = {"print", "input", "exit", "quit", "sys.exit", "os._exit", "getpass.getpass"}
STREAMS = {"sys.stdin", "sys.stdout", "sys.stderr"}
ENVIRONMENT = {"os.environ", "os.environb", "os.getenv", "os.getenvb", "os.putenv"}


def wrong_direction(module: Module) -> set[str]:
    """Parts above or beside it that a module imports."""
    allowed = set(BELOW[module.part])
    if module.part not in VALUES | {"config", ""}:
        allowed |= VALUES
    if module.part == "errors":
        allowed |= {"models"}
    if module.part in MAY_READ_CONFIG:
        allowed |= {"config"}
    return {part for part in module.parts - allowed if part != "__version__"}


def out_of_place(module: Module) -> set[str]:
    """Libraries that only other modules may import."""
    return {
        name
        for name in module.top_level & set(ONLY_IN)
        if not any(_within(module.name, place) for place in ONLY_IN[name])
    }


def surprising(module: Module) -> set[str]:
    """Third-party libraries that are not among pincli's dependencies."""
    return module.top_level - set(sys.stdlib_module_names) - THIRD_PARTY - {"pincli"}


def speaking(module: Module) -> set[str]:
    """What prints, asks, exits or touches the streams, in a part that must do none of it."""
    if module.part not in SILENT:
        return set()
    return module.mentions & (SPEAKING | STREAMS)


def reading_the_environment(module: Module) -> set[str]:
    """Ways to the environment, outside config.py."""
    if module.name == "pincli.config":
        return set()
    found = module.mentions & ENVIRONMENT
    found |= {name for name in module.imports if name in ENVIRONMENT}
    return found | (module.keywords & {"envvar"})


def importing_by_name(module: Module) -> set[str]:
    """Imports that the other rules can't see; the registry of commands alone has one."""
    if module.name == "pincli.commands.registry":
        return set()
    return module.mentions & {"import_module", "importlib.import_module", "__import__", "exec"}


def undocumented(module: Module) -> set[str]:
    """The module itself, if it has no docstring of one paragraph at least."""
    return set() if ast.get_docstring(module.tree) else {module.name}


def handing_on_a_context(module: Module) -> set[str]:
    """Mentions of Typer's context where it has ended: at the command's function."""
    if module.name in OF_TYPER:
        return set()
    names = module.mentions | module.imports
    return {name for name in names if name == "typer.Context" or name.startswith("typer.core")}


Rule = Callable[[Module], set[str]]
RULES: tuple[Rule, ...] = (
    wrong_direction,
    out_of_place,
    surprising,
    speaking,
    reading_the_environment,
    importing_by_name,
    undocumented,
    handing_on_a_context,
)


BEGIN = re.compile("begin( deferred| immediate| exclusive)?( transaction)?;?", re.IGNORECASE)
MAY_DEFER = {"pincli.store.reading", "pincli.store.staging", "pincli.store.restoring"}
"""The first writes nothing; the others write a file that nobody else has."""


def deferring(module: Module) -> set[str]:
    """A transaction that begins deferred, in a database that others may write.

    A read in it that is followed by a write fails as soon as somebody else wrote in between.
    """
    texts = [str(node.value) for node in ast.walk(module.tree) if isinstance(node, ast.Constant)]
    begun = {text for text in texts if BEGIN.fullmatch(text)} - {"BEGIN IMMEDIATE"}
    if module.name in MAY_DEFER:
        begun.discard("BEGIN")
    attributes = {node.attr for node in ast.walk(module.tree) if isinstance(node, ast.Attribute)}
    return (attributes & {"atomic"}) | begun


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_no_transaction_that_writes_begins_deferred(module: Module) -> None:
    """Whoever reads and then writes has the write lock from the beginning."""
    assert deferring(module) == set()


@pytest.mark.parametrize(
    "source", ["db.atomic()", "with database.atomic():\n    pass", "c.execute('begin deferred')"]
)
def test_a_deferred_transaction_would_be_found(source: str) -> None:
    """The rule finds what breaks it."""
    assert deferring(Module("pincli.store.x", source))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_module_keeps_the_rule(rule: Rule) -> None:
    """No module of pincli breaks it."""
    assert {module.name: rule(module) for module in MODULES if rule(module)} == {}


def test_the_layout_is_that_of_the_design() -> None:
    """The parts of pincli are those that DESIGN.md names, and each one's rules are known."""
    assert {module.part for module in MODULES} == set(BELOW)


def test_every_folder_is_a_package() -> None:
    """Each folder with modules has an `__init__` with a docstring."""
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    assert {folder.name for folder in folders} >= set(BELOW) - VALUES - {
        "deployment",
        "",
        "__main__",
        "cli",
        "config",
    }
    for folder in folders:
        source = (folder / "__init__.py").read_text(encoding="utf-8")
        assert ast.get_docstring(ast.parse(source)), folder


def test_each_library_is_used_where_it_may_be() -> None:
    """Every dependency has a user: none is left over in pyproject.toml."""
    used = set().union(*(module.top_level for module in MODULES))
    assert set(ONLY_IN) | THIRD_PARTY <= used


@pytest.mark.parametrize(
    ("rule", "name", "source"),
    [
        (wrong_direction, "pincli.store.x", "from pincli.operations import verify"),
        (wrong_direction, "pincli.store.x", "from pincli.vault.keyring import Key"),
        (wrong_direction, "pincli.vault.x", "import pincli.store.sqlite"),
        (wrong_direction, "pincli.views.x", "def f():\n    from pincli.store import rows"),
        (wrong_direction, "pincli.operations.x", "from pincli.views import plain"),
        (wrong_direction, "pincli.operations.x", "from pincli.config import Config"),
        (wrong_direction, "pincli.rules.x", "from pincli import config"),
        (wrong_direction, "pincli.models", "from pincli.errors import Rule"),
        (wrong_direction, "pincli.commands.x", "from pincli.cli import app"),
        (out_of_place, "pincli.operations.x", "import sqlite3"),
        (out_of_place, "pincli.vault.seals", "from passlib.context import CryptContext"),
        (out_of_place, "pincli.store.x", "from cryptography import hazmat"),
        (out_of_place, "pincli.commands.x", "from rich.console import Console"),
        (out_of_place, "pincli.views.x", "import typer"),
        (out_of_place, "pincli.storehouse", "import fcntl"),
        (surprising, "pincli.cli", "import requests"),
        (surprising, "pincli.commands.x", "from click import echo"),
        (speaking, "pincli.store.x", "print('x')"),
        (speaking, "pincli.rules.x", "import sys\nsys.exit(1)"),
        (speaking, "pincli.operations.x", "import sys\nsys.stderr.write('x')"),
        (reading_the_environment, "pincli.cli", "import os\nos.environ['X']"),
        (reading_the_environment, "pincli.cli", "from os import environ"),
        (reading_the_environment, "pincli.commands.x", "Option('--x', envvar='X')"),
        (importing_by_name, "pincli.store.x", "__import__('requests')"),
        (undocumented, "pincli.store.x", "x = 1"),
        (handing_on_a_context, "pincli.commands.x", "def f(ctx: typer.Context) -> None: ..."),
        (wrong_direction, "pincli.commands.demo", "def f():\n    from pincli import cli"),
    ],
)
def test_the_rule_finds_what_breaks_it(rule: Rule, name: str, source: str) -> None:
    """A module that breaks the rule is found."""
    assert rule(Module(name, source))


def _within(name: str, place: str) -> bool:
    return name == place or name.startswith(f"{place}.")
