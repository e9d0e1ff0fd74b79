"""Write the fixture of the present schema version: a store as SQL, and its keys.

`python -m tests.support.drive_upkeep_fixture` is run once for each version, before its release;
from then on the files stay as they are, and every later pincli must open them.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from pincli.operations import keys
from pincli.operations.keys import KeyKind
from pincli.store.sqlite.connection import APPLICATION_ID, SCHEMA_VERSION
from tests.support.desk import Desk
from tests.support.floor import new_floor

FOLDER = Path(__file__).parents[1] / "fixtures"


def dump(version: int) -> Path:
    """Where the store of a version lies, as SQL."""
    return FOLDER / f"schema-{version}.sql"


def key_files(version: int) -> Path:
    """Where its keys lie, as JSON: the content by the file's name."""
    return FOLDER / f"schema-{version}-keys.json"


def brought_back(version: int, folder: Path) -> Desk:
    """The store of a version with its keys, below a folder."""
    desk = Desk(folder / "store", folder / "keys")
    for place in (desk.store, desk.keys):
        place.mkdir(mode=0o700, parents=True)
    for name, content in json.loads(key_files(version).read_text()).items():
        (desk.keys / name).write_text(content)
        (desk.keys / name).chmod(0o600)
    (desk.store / "pincli.lock").touch(mode=0o600)
    with closing(sqlite3.connect(desk.database)) as connection:
        connection.executescript(dump(version).read_text())
    desk.database.chmod(0o600)
    return desk


def write() -> None:
    """Make the two files of the present version, which must not exist yet."""
    with tempfile.TemporaryDirectory() as folder:
        desk = new_floor(Path(folder))
        for kind in KeyKind:
            with desk.session() as session:
                keys.rotate(session, kind)
        with closing(sqlite3.connect(desk.database)) as connection:
            head = [
                f"PRAGMA application_id = {APPLICATION_ID};",
                f"PRAGMA user_version = {SCHEMA_VERSION};",
            ]
            text = "\n".join([*head, *connection.iterdump()]) + "\n"
        secrets = {path.name: path.read_text() for path in sorted(desk.keys.iterdir())}
    with dump(SCHEMA_VERSION).open("x") as file:
        file.write(text)
    with key_files(SCHEMA_VERSION).open("x") as file:
        json.dump(secrets, file, indent=2)
        file.write("\n")


if __name__ == "__main__":
    write()
