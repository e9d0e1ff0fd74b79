"""What a module imports and calls, read from its source without running it."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pincli

PACKAGE = Path(pincli.__file__).parent


@dataclass(frozen=True)
class Module:
    """One module of pincli, as source.

    Attributes:
        name: Dotted, beginning with `pincli`.
        source: Its text.
    """

    name: str
    source: str

    @cached_property
    def tree(self) -> ast.Module:
        """The parsed source."""
        return ast.parse(self.source)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """All that is in it, at any depth."""
        return list(ast.walk(self.tree))

    @property
    def part(self) -> str:
        """The folder below pincli/, or the name of a module in none."""
        return self.name.removeprefix("pincli").lstrip(".").partition(".")[0]

    @cached_property
    def imports(self) -> set[str]:
        """Every module that it imports anywhere, in functions and for type checking too."""
        found: set[str] = set()
        for node in self.nodes:
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{self.name}: relative import"
                assert node.module is not None
                found |= {f"{node.module}.{alias.name}" for alias in node.names}
        return found

    @property
    def top_level(self) -> set[str]:
        """The first words of what it imports."""
        return {name.partition(".")[0] for name in self.imports}

    @cached_property
    def mentions(self) -> set[str]:
        """Every name and dotted name in it, such as `print` and `os.environ`."""
        found: set[str] = set()
        for node in self.nodes:
            if isinstance(node, ast.Name):
                found.add(node.id)
            elif isinstance(node, ast.Attribute):
                found.add(ast.unparse(node))
        return found

    @property
    def keywords(self) -> set[str]:
        """The names of all arguments that calls in it give by name."""
        return {
            keyword.arg
            for node in self.nodes
            if isinstance(node, ast.Call)
            for keyword in node.keywords
            if keyword.arg is not None
        }


def all_modules() -> list[Module]:
    """Every module of pincli."""
    return [
        Module(_name(path), path.read_text(encoding="utf-8"))
        for path in sorted(PACKAGE.rglob("*.py"))
    ]


def _name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")
