"""The README's badges of what CI measures, drawn from pyproject.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_COLUMN = 7  # pixels of a character
_SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img" \
aria-label="{name}: {value}">
<rect width="{width}" height="20" rx="3" fill="#444"/>
<rect x="{left}" width="{right}" height="20" rx="3" fill="#1a7f37"/>
<g fill="#fff" text-anchor="middle" font-family="sans-serif" font-size="11">
<text x="{left_middle}" y="14">{name}</text>
<text x="{right_middle}" y="14">{value}</text>
</g>
</svg>
"""


def badges() -> dict[str, str]:
    """Each badge by its file's name, as SVG."""
    with (_ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)
    tool = project["tool"]
    prefix = "Programming Language :: Python :: 3."
    minors = [each.removeprefix(prefix) for each in project["project"]["classifiers"]]
    minors = [each for each in minors if each.isdigit()]
    return {
        f"badge-{name.lower()}.svg": _badge(name, value)
        for name, value in (
            ("coverage", f"\u2265 {tool['coverage']['report']['fail_under']} %"),
            ("Python", f"3.{minors[0]} \u2013 3.{minors[-1]}"),
            ("types", "mypy strict" if tool["mypy"]["strict"] else "mypy"),
            ("style", f"ruff, {len(tool['ruff']['lint']['select'])} rule sets"),
        )
    }


def _badge(name: str, value: str) -> str:
    left, right = ((len(text) + 2) * _COLUMN for text in (name, value))
    return _SVG.format(
        name=name,
        value=value,
        width=left + right,
        left=left,
        right=right,
        left_middle=left // 2,
        right_middle=left + right // 2,
    )
