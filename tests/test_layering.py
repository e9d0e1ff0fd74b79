"""Imports run one way, and each library has its one place: DESIGN.md, sections 4 and 8.

Each rule is a function from a module to what is wrong in it, so that the second half of
this file can show that the rules do find something.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator

from tests.support.imports import PACKAGE, Module, all_modules

MODULES = all_modules()

SHARED = (
    *("rules", "store.contract", "store.questions", "store.sealing", "store.sql"),
    "store.location",
)
MAY_IMPORT = {
    "__main__": ("cli",),
    "cli": ("commands", "views", "store.location"),
    "commands": (
        *("commands", "views", "operations", "vault", "rules", "config"),
        *("store.opening", "store.scratch", "store.location"),
    ),
    "views": ("views", "rules", "config", "store.location"),
    "operations": (
        *("operations", "vault", "rules"),
        *("store.opening", "store.contract", "store.questions", "store.steps", "store.scratch"),
        *("store.sealing", "store.upkeep", "store.attempting", "store.location", "files"),
    ),
    "store.contract": ("store.questions", "store.sealing", "store.location.Location"),
    "store.questions": (
        *("rules.slips.Calls", "rules.slips.Known", "rules.slips.SignEvent"),
        "rules.words.Sought",
    ),
    "store.upkeep": ("rules.replay.Course", "store.contract", "store.sealing"),
    "store.sealing": (),
    "store.changes": ("rules",),
    "store.steps": ("rules", "store.contract", "store.scratch", "store.steps.records"),
    "store.attempting": ("store.contract", "store.steps"),
    "store.mark": (),
    "store.sql": (*SHARED, "store.changes", "store.mark"),
    "store.sqlite": (*SHARED, "store.upkeep", "store.sqlite", "store.mark", "files"),
    "store.postgresql": (
        *(*SHARED, "store.upkeep", "store.postgresql", "store.mark", "store.location"),
        *("store.opening.ConnectionCache", "files"),
    ),
    "store.scratch": ("store.sqlite.errors",),
    "store.opening": ("store",),
    "store.moving": ("store",),  # from one engine to the other: it has to know both
    "store.location": (),
    "vault": ("vault", "rules", "files"),
    "config": ("rules", "store.location"),
    "deployment": ("rules", "store.location"),
    "rules": ("rules",),
    "files": (),
    "results": ("models",),
    "errors": ("models", "store.location.Location"),
    "models": (),
}
"""What each part may import beside the values; a part inherits from what it lies in."""

VALUES = ("models", "errors", "results")
MAY_READ_THE_DEPLOYMENT = ("commands.store", "operations.doctor", "config")
WITHOUT_VALUES = ("models", "errors", "results", "cli.__main__")

SILENT = {"rules", "vault", "store", "operations", "models", "errors", "config", "files"}

ONLY_IN = {
    "typer": ("cli", "commands"),
    "rich": ("views",),
    "sqlite3": ("store.sqlite", "store.scratch"),
    "sqlite_utils": ("store.sqlite",),
    "psycopg": ("store.postgresql",),
    "fcntl": ("store.sqlite", "store.mark"),
    "precis_i18n": ("rules.names",),
    "passlib": ("vault.answers",),
    "argon2": ("vault.answers",),
    "cryptography": ("vault.seals", "vault.keyring"),  # sealed PINs, and the pair of keys for them
    "termios": ("commands",),
    "prompt_toolkit": tuple(f"commands.desk.{each}" for each in ("screen", "layout", "keyboard")),
}
"""Who may import what; everything else is the standard library or forbidden."""

OF_TYPER = {"pincli.cli", "pincli.commands.typer_classes", "pincli.commands.command_tree"}
"""Modules that know Typer's contexts."""
KNOWS_SQL = ("store.sql", "store.sqlite", "store.postgresql", "store.scratch")
"""The engines, and the temporary database for rows of an import."""
NAMES_FILES = ("store.sqlite", "store.mark", "views.manual.topics")
"""The help's list of files is for people."""
SQL = re.compile(
    r"\b(SELECT\s.+\sFROM|INSERT\s+INTO|UPDATE\s+\S+\s+SET|DELETE\s+FROM|DROP\s+TABLE"
    r"|CREATE\s+(TABLE|INDEX|TEMP)|PRAGMA\s|ORDER\s+BY|GROUP\s+BY"
    r"|WHERE\s+\S+\s*(=|<|>|IN\b|IS\b))|^\s*(BEGIN|COMMIT|ROLLBACK)\b",
    re.DOTALL,
)
FILES = re.compile(r"pincli\.(db|lock)\b|^mark-")

CHANGES_USERS = re.compile(
    r"\b(INSERT\b.*\sINTO|REPLACE\s+INTO|UPDATE|DELETE\s+FROM|DROP\s+TABLE|ALTER\s+TABLE)"
    r"\s+(main\.)?(people|\?)",
    re.DOTALL,
)
DELETES_USERS = re.compile(r"\b(REPLACE\s+INTO|DELETE\s+FROM|DROP\s+TABLE)\s+(main\.)?people")
MAY_CHANGE_USERS = (
    *("store.sqlite.transaction", "store.postgresql.transaction"),
    *("store.sqlite.migrations", "store.sqlite.upgrade"),
    *("store.sqlite.restore.rows", "store.sqlite.restore.concurrent_writes"),
)
"""How `save` writes; the others fill a file or a table that nobody else has yet."""

BEGIN = re.compile("begin( deferred| immediate| exclusive)?( transaction)?;?", re.IGNORECASE)
MAY_DEFER = (
    *("store.sqlite.engine", "store.scratch"),
    *("store.sqlite.restore", "store.postgresql"),
)
"""The engine only reads in it; scratch and restore write a file of their own; PostgreSQL has no
such lock."""

COUNTERS = frozenset({"failed_attempts", "locks_total", "attempts_total"})
COUNTS = "rules.lockout"
SETS_A_COUNTER = re.compile(rf"\bSET\b.*\b({'|'.join(COUNTERS)})\s*=", re.DOTALL)

THIRD_PARTY = {
    *("typer", "rich", "sqlite_utils", "passlib", "argon2", "cryptography", "precis_i18n"),
    *("psycopg", "prompt_toolkit"),
}
SPEAKING = {"print", "input", "exit", "quit", "sys.exit", "os._exit", "getpass.getpass"}
STREAMS = {"sys.stdin", "sys.stdout", "sys.stderr"}
ENVIRONMENT = {"os.environ", "os.environb", "os.getenv", "os.getenvb", "os.putenv"}


def wrong_direction(module: Module) -> set[str]:
    """Imports against the direction."""
    return {name for name in _own_imports(module) if not _within(name, _allowed(module))}


def out_of_place(module: Module) -> set[str]:
    """Libraries that only other modules may import."""
    place = place_of(module)
    return {name for name in module.top_level & set(ONLY_IN) if not _within(place, ONLY_IN[name])}


def knowing_an_engine(module: Module) -> set[str]:
    """SQL and the names of the store's files, outside the engines."""
    place = place_of(module)
    found = set() if _within(place, KNOWS_SQL) else _sql_in(module)
    if not _within(place, NAMES_FILES):
        found |= {text for text in texts(module) if FILES.search(text)}
    return found


def counting(module: Module) -> set[str]:
    """Arithmetic on a counter of attempts or locks, outside the rules of the lockout."""
    return set() if place_of(module) == COUNTS else _counts_in(module)


def changing_users(module: Module) -> set[str]:
    """Statements outside `save` that write the table of people, or delete from it."""
    forbidden = DELETES_USERS if _within(place_of(module), MAY_CHANGE_USERS) else CHANGES_USERS
    return {text for text in texts(module) if forbidden.search(text)}


def surprising(module: Module) -> set[str]:
    """Third-party libraries that are not among pincli's dependencies."""
    return module.top_level - set(sys.stdlib_module_names) - THIRD_PARTY - {"pincli"}


def speaking(module: Module) -> set[str]:
    """Prints, questions, exits and streams in a part that must have none."""
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
    """The module itself, if it has no docstring."""
    return set() if ast.get_docstring(module.tree) else {module.name}


def handing_on_a_context(module: Module) -> set[str]:
    """Mentions of Typer's context where it has ended: at the command's function."""
    if module.name in OF_TYPER:
        return set()
    names = module.mentions | module.imports
    return {name for name in names if name == "typer.Context" or name.startswith("typer.core")}


def deferring(module: Module) -> set[str]:
    """Transactions that begin deferred in a database that others may write.

    A write after a read fails there if another process wrote in between.
    """
    texts = [str(node.value) for node in module.nodes if isinstance(node, ast.Constant)]
    begun = {text for text in texts if BEGIN.fullmatch(text)} - {"BEGIN IMMEDIATE"}
    if _within(place_of(module), MAY_DEFER):
        begun.discard("BEGIN")
    attributes = {node.attr for node in module.nodes if isinstance(node, ast.Attribute)}
    return (attributes & {"atomic"}) | begun


Rule = Callable[[Module], set[str]]
RULES: tuple[Rule, ...] = (
    wrong_direction,
    out_of_place,
    knowing_an_engine,
    counting,
    changing_users,
    surprising,
    speaking,
    reading_the_environment,
    importing_by_name,
    undocumented,
    handing_on_a_context,
    deferring,
)


def test_every_module_keeps_the_rule() -> None:
    """No module of pincli breaks one of them."""
    found = {(rule.__name__, module.name): rule(module) for rule in RULES for module in MODULES}
    assert {where: what for where, what in found.items() if what} == {}


def test_the_layout_is_that_of_the_design() -> None:
    """Every module is in a part whose imports are known."""
    unknown = {module.name for module in MODULES if module.part and not _rules_for(module)}
    assert unknown == {"pincli.store", "pincli.rules", "pincli.vault"} & unknown


def test_every_folder_is_a_package() -> None:
    """Each folder with modules has an `__init__` with a docstring."""
    for folder in {path.parent for path in PACKAGE.rglob("*.py")}:
        source = (folder / "__init__.py").read_text(encoding="utf-8")
        assert ast.get_docstring(ast.parse(source)), folder


def test_each_library_is_used_where_it_may_be() -> None:
    """Every dependency has a user: none is left over in pyproject.toml."""
    used = set().union(*(module.top_level for module in MODULES))
    assert set(ONLY_IN) | THIRD_PARTY <= used


BREAKING = (
    (wrong_direction, "pincli.store.steps.x", "from pincli.operations import verify"),
    (wrong_direction, "pincli.store.steps.x", "from pincli.store.sqlite.engine import x"),
    (wrong_direction, "pincli.store.steps.x", "from pincli.store.sql import rows"),
    (wrong_direction, "pincli.store.steps.x", "from pincli.store.sqlite.lockfile import Locks"),
    (wrong_direction, "pincli.store.sqlite.x", "from pincli.store.steps.pins import change"),
    (wrong_direction, "pincli.store.sqlite.x", "from pincli.vault.keyring import Key"),
    (wrong_direction, "pincli.store.sql.x", "from pincli.store.sqlite import engine"),
    (wrong_direction, "pincli.store.contract", "from pincli.rules.lockout import state_of"),
    (wrong_direction, "pincli.store.sealing", "from pincli.store.contract import Store"),
    (wrong_direction, "pincli.store.x", "from pincli.store.sqlite import engine"),
    (wrong_direction, "pincli.vault.x", "import pincli.store.sqlite"),
    (wrong_direction, "pincli.views.x", "def f():\n    from pincli.store import opening"),
    (wrong_direction, "pincli.commands.x", "from pincli.store.steps import pins"),
    (wrong_direction, "pincli.operations.x", "from pincli.store.sqlite import engine"),
    (wrong_direction, "pincli.operations.x", "from pincli.store.sqlite.lockfile import Locks"),
    (wrong_direction, "pincli.operations.x", "from pincli.views import blocks"),
    (wrong_direction, "pincli.operations.x", "from pincli.config import Config"),
    (wrong_direction, "pincli.rules.x", "from pincli import config"),
    (wrong_direction, "pincli.rules.x", "from pincli.store.contract import Transaction"),
    (wrong_direction, "pincli.models", "from pincli.errors import Rule"),
    (wrong_direction, "pincli.commands.x", "from pincli.cli import app"),
    (out_of_place, "pincli.operations.x", "import sqlite3"),
    (out_of_place, "pincli.store.sql.x", "import sqlite3"),
    (out_of_place, "pincli.store.steps.x", "import fcntl"),
    (out_of_place, "pincli.vault.seals", "from passlib.context import CryptContext"),
    (out_of_place, "pincli.store.x", "from cryptography import hazmat"),
    (out_of_place, "pincli.vault.answers", "from cryptography import hazmat"),
    (out_of_place, "pincli.commands.x", "from rich.console import Console"),
    (out_of_place, "pincli.views.x", "import typer"),
    (out_of_place, "pincli.storehouse", "import fcntl"),
    (knowing_an_engine, "pincli.store.steps.x", "q = 'UPDATE users SET active = 0'"),
    (knowing_an_engine, "pincli.store.steps.x", "q = f'SELECT {columns} FROM users'"),
    (knowing_an_engine, "pincli.operations.x", "f('SELECT 1 ' 'FROM users')"),
    (knowing_an_engine, "pincli.operations.x", "store.execute('PRAGMA cache_size = 1')"),
    (knowing_an_engine, "pincli.operations.x", "path / 'pincli.db'"),
    (knowing_an_engine, "pincli.store.sql.x", "path / 'pincli.lock'"),
    (knowing_an_engine, "pincli.store.opening", "f'{folder}/pincli.db'"),
    (knowing_an_engine, "pincli.operations.doctor", "f'mark-{store_id}'"),
    (counting, "pincli.store.steps.x", "user.failed_attempts + 1"),
    (counting, "pincli.store.steps.x", "max(0, user.failed_attempts - 1)"),
    (counting, "pincli.rules.restoring", "max(user.failed_attempts, told)"),
    (counting, "pincli.store.sqlite.x", "min(number(row['failed_attempts']), 6)"),
    (counting, "pincli.store.sqlite.x", "locks_total += 1"),
    (counting, "pincli.views.x", "left = 6 - user.failed_attempts"),
    (counting, "pincli.rules.people", "user._replace(active=True, failed_attempts=0)"),
    (counting, "pincli.store.sql.x", "q = 'UPDATE users SET active = 1, locks_total = 0'"),
    (counting, "pincli.store.sql.x", "q = f'UPDATE users SET failed_attempts = {six}'"),
    (changing_users, "pincli.store.sqlite.engine", "q = 'UPDATE people SET active = 0'"),
    (changing_users, "pincli.store.sql.people", "q = f'INSERT INTO {table} VALUES ({marks})'"),
    (changing_users, "pincli.store.sql.transaction", "q = 'DELETE FROM people WHERE id = ?'"),
    (changing_users, "pincli.store.sqlite.restore.rows", "q = 'DROP TABLE people'"),
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
    (deferring, "pincli.store.x", "db.atomic()"),
    (deferring, "pincli.store.x", "with database.atomic():\n    pass"),
    (deferring, "pincli.store.x", "c.execute('begin deferred')"),
    (wrong_direction, "pincli.commands.demo", "def f():\n    from pincli import cli"),
)


def test_the_rule_finds_what_breaks_it() -> None:
    """A module that breaks a rule is found."""
    assert [each for each in BREAKING if not each[0](Module(*each[1:]))] == []


def place_of(module: Module) -> str:
    """Where a module lies below pincli/."""
    return module.name.removeprefix("pincli").lstrip(".")


def texts(module: Module) -> Iterator[str]:
    """The texts in a module that are no docstrings; what is put into one is a question mark."""
    skipped = {id(node.value) for node in module.nodes if isinstance(node, ast.Expr)}
    for node in module.nodes:
        if isinstance(node, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else "?" for part in node.values
            )
            skipped |= {id(part) for part in node.values}
        elif isinstance(node, ast.Constant) and id(node) not in skipped:
            yield from [node.value] if isinstance(node.value, str) else []


def _own_imports(module: Module) -> set[str]:
    names = {name.removeprefix("pincli.") for name in module.imports if name.startswith("pincli.")}
    return names - {"__version__"}


def _rules_for(module: Module) -> list[str]:
    return [part for part in MAY_IMPORT if _within(place_of(module), (part,))]


def _allowed(module: Module) -> tuple[str, ...]:
    place = place_of(module)
    allowed = tuple(name for part in _rules_for(module) for name in MAY_IMPORT[part])
    if place not in WITHOUT_VALUES:
        allowed += VALUES
    return allowed + (("deployment",) if _within(place, MAY_READ_THE_DEPLOYMENT) else ())


def _sql_in(module: Module) -> set[str]:
    return {text for text in texts(module) if SQL.search(text)}


def _counts_in(module: Module) -> set[str]:
    found = {text for text in texts(module) if SETS_A_COUNTER.search(text)}
    for node in module.nodes:
        match node:
            case ast.BinOp(left=left, right=right) if _counter(left) or _counter(right):
                found.add(ast.unparse(node))
            case ast.AugAssign(target=target, value=value) if _counter(target) or _counter(value):
                found.add(ast.unparse(node))
            case ast.Call(func=ast.Name(id="max" | "min" | "sum" | "abs"), args=arguments):
                if any(_counter(inner) for each in arguments for inner in ast.walk(each)):
                    found.add(ast.unparse(node))
            case ast.Call(func=ast.Attribute(attr="_replace"), keywords=keywords):
                found |= {keyword.arg or "" for keyword in keywords} & COUNTERS
    return found


def _counter(node: ast.AST) -> bool:
    match node:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name in COUNTERS
        case ast.Subscript(slice=ast.Constant(value=name)):
            return name in COUNTERS
    return False


def _within(name: str, places: tuple[str, ...]) -> bool:
    return any(name == place or name.startswith(f"{place}.") for place in places)
