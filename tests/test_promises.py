"""tests/README.md: each test that it names exists, and no promise stands without one."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parent
_NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")
_ROW = re.compile(r"\| [0-9.]+ \| ")


def promises() -> list[str]:
    """The rows of the table of promises."""
    text = (TESTS / "README.md").read_text(encoding="utf-8")
    table = text.partition("## Promises")[2]
    return [line for line in table.splitlines() if _ROW.match(line)]


@cache
def collected_from(path: Path) -> set[str]:
    """The names that pytest collects from a file: functions, and classes by any name."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return {name for name in found if name.lower().startswith("test")}


def test_every_promise_has_tests_that_exist() -> None:
    """By file and name, so that nobody renames one and leaves a promise bare."""
    assert len(promises()) > 30
    for row in promises():
        named = _NAMED.findall(row)
        assert named, row
        assert row.count("::") == len(named), row
        assert [each for each in named if each[1] not in collected_from(TESTS / each[0])] == [], row
