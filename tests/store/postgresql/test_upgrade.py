"""`store upgrade` on a server: schema versions, functions and grants."""

from __future__ import annotations

import pytest

from pincli.errors import StoreUnavailable
from pincli.models import Fault
from pincli.store.location import Server
from pincli.store.postgresql import upgrade as module
from pincli.store.postgresql.roles import script, statements
from pincli.store.postgresql.tables import SCHEMA
from pincli.store.postgresql.upgrade import upgrade
from tests.support.postgresql import Database

STORE = "INSERT INTO pincli.store VALUES (1, '00', '', 'v', 'a', 'p', 0, 0, '', '', %s, 0, '')"
SPOIL = """
DROP FUNCTION pincli.charge;
GRANT UPDATE ON pincli.people TO pincli_desk;
CREATE FUNCTION pincli.another() RETURNS int LANGUAGE sql AS 'SELECT 1'
"""
MAY = """
SELECT has_table_privilege('pincli_desk', 'pincli.people', 'UPDATE'),
  has_function_privilege('pincli_desk', 'pincli.charge'::regproc, 'EXECUTE'),
  has_function_privilege('pincli_desk', 'pincli._finish'::regproc, 'EXECUTE')
"""
FUNCTIONS = "SELECT proname FROM pg_proc WHERE pronamespace = 'pincli'::regnamespace ORDER BY 1"


@pytest.fixture
def made(database: Database) -> Database:
    """Make a database with schema, functions and the store's row."""
    with database.connect() as connection:
        connection.execute(script(statements()).encode())
        connection.execute(STORE, [SCHEMA])
    return database


def server(database: Database, login: str = "owner") -> Server:
    """Return a login's location of the database."""
    return Server(database.location(login))


def be_of(database: Database, version: int) -> None:
    """Set the store's schema version."""
    with database.connect() as connection:
        connection.execute("UPDATE pincli.store SET schema = %s", [version])


def schema(database: Database) -> int:
    """Return the store's schema version."""
    ((version,),) = database.sql("SELECT schema FROM pincli.store")
    return int(version)


def fault_of(location: Server) -> Fault:
    """Return the fault of an upgrade that fails."""
    with pytest.raises(StoreUnavailable) as refusal:
        upgrade(location)
    assert refusal.value.path == location
    return refusal.value.fault


def test_functions_and_grants_become_those_of_this_version(made: Database) -> None:
    """Dropped functions come back, extra ones go, and so do extra rights."""
    before = made.sql(FUNCTIONS)
    with made.connect() as connection:
        connection.execute(SPOIL.encode())
    assert made.sql(FUNCTIONS) != before
    assert upgrade(server(made)) is False
    assert made.sql(FUNCTIONS) == before
    assert made.sql(MAY) == [(False, True, False)]


def test_a_newer_schema_is_left_alone(made: Database) -> None:
    """Nothing changes, not even a function."""
    be_of(made, SCHEMA + 1)
    made.sql("DROP FUNCTION pincli.charge")
    before = made.sql(FUNCTIONS)
    assert fault_of(server(made)) is Fault.NEWER
    assert (schema(made), made.sql(FUNCTIONS)) == (SCHEMA + 1, before)


def test_an_older_schema_is_brought_up_to_date(
    made: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All migrations run in one transaction: a failure undoes the earlier ones."""
    be_of(made, SCHEMA - 2)
    first = {SCHEMA - 2: ("CREATE TABLE pincli.one ()",)}
    monkeypatch.setattr(module, "MIGRATIONS", {**first, SCHEMA - 1: ("SELECT 1 / 0",)})
    assert fault_of(server(made)) is Fault.IO
    assert schema(made) == SCHEMA - 2
    monkeypatch.setattr(module, "MIGRATIONS", {**first, SCHEMA - 1: ("TABLE pincli.one",)})
    assert upgrade(server(made)) is True
    assert schema(made) == SCHEMA
    assert made.sql("SELECT to_regclass('pincli.one')::text") == [("pincli.one",)]


@pytest.mark.parametrize("login", ["admin1", "portal1", "desk1"])
def test_only_the_owner_may_upgrade(made: Database, login: str) -> None:
    """Admins, portals and desks may not."""
    before = made.sql(FUNCTIONS)
    assert fault_of(server(made, login)) is Fault.FORBIDDEN
    assert made.sql(FUNCTIONS) == before


def test_an_upgrade_waits_for_charges(made: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """It gives up as busy if the head stays locked."""
    monkeypatch.setattr(module, "_LOCK_TIMEOUT", "300ms")
    with made.connect() as other, other.transaction():
        other.execute("SELECT FROM pincli.store FOR UPDATE")
        assert fault_of(server(made)) is Fault.BUSY
    assert upgrade(server(made)) is False


def test_an_empty_database_has_no_store(database: Database) -> None:
    """The upgrade fails and makes nothing."""
    assert fault_of(server(database)) is Fault.NO_SCHEMA
    assert database.sql("SELECT to_regnamespace('pincli')") == [(None,)]
