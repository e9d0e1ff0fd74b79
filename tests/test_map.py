"""The map of the code, pincli/README.md, leads to files that exist."""

import re
from pathlib import Path

import pincli

_PACKAGE = Path(pincli.__file__).parent
_MAP = (_PACKAGE / "README.md").read_text(encoding="utf-8")


def test_every_file_and_folder_on_the_map_exists() -> None:
    """A newcomer follows it, so what is renamed is renamed there too."""
    named = set(re.findall(r"`([a-z_/]+(?:\.py|\.sql|/))`", _MAP)) - {"test_layering.py"}
    named |= set(re.findall(r"^\s*([a-z_]+(?:\.py|/))", _MAP, re.MULTILINE))
    assert len(named) > 20
    assert [name for name in sorted(named) if not (_PACKAGE / name).exists()] == []


def test_every_room_is_on_the_map() -> None:
    """A folder that the map leaves out is one that a newcomer doesn't find."""
    rooms = {path.parent.name for path in _PACKAGE.glob("*/__init__.py")}
    assert {room for room in rooms if f"{room}/" not in _MAP} == set()
