"""`init` on a server: schema, functions and store in one transaction, or nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pincli.errors import Refused, StoreUnavailable
from pincli.models import Fault, Origin
from pincli.operations.setup import initialise
from pincli.operations.trail_check import check_trail
from pincli.store.location import Server
from pincli.store.postgresql.upkeep import PostgresUpkeep
from tests.store.postgresql.floor import Floor, make_schema
from tests.support.cutting_proxy import proxied
from tests.support.postgresql import SUPERUSER, Database

BY = Origin("lea", "init")


def upkeep(database: Database, keys: Path, login: str = SUPERUSER) -> PostgresUpkeep:
    """Return the upkeep of a database."""
    return PostgresUpkeep(Server(database.location(login)), keys)


def init(database: Database, keys: Path, login: str = SUPERUSER) -> None:
    """Run `pincli init`."""
    initialise(Server(database.location(login)), keys, origin=BY)


def has_schema(database: Database) -> bool:
    """Whether the schema exists."""
    return database.sql("SELECT to_regnamespace('pincli') IS NOT NULL") == [(True,)]


def test_an_admin_completes_what_a_dba_has_made(database: Database, tmp_path: Path) -> None:
    """Without a schema an admin's init makes nothing, and removes the keys again."""
    keys = tmp_path / "keys"
    with pytest.raises(StoreUnavailable) as raised:
        init(database, keys, "admin1")
    assert raised.value.fault is Fault.NOT_MADE
    assert (has_schema(database), keys.exists()) == (False, False)
    make_schema(database.dsn())
    assert not upkeep(database, keys, "admin1").exists()
    for login in ("desk1", "portal1"):
        with pytest.raises(StoreUnavailable) as raised:
            init(database, keys, login)
        assert raised.value.fault is Fault.FORBIDDEN
    init(database, keys, "admin1")
    assert upkeep(database, keys, "admin1").exists()


def test_only_one_of_several_inits_succeeds(database: Database, tmp_path: Path) -> None:
    """The others are refused, and the store is sound."""
    make_schema(database.dsn())

    def make(name: str) -> str:
        try:
            init(database, tmp_path / name)
        except Refused as refusal:
            return refusal.rule.name
        return name

    with ThreadPoolExecutor() as pool:
        replies = sorted(pool.map(make, ("one", "two", "three")))
    assert replies[:2] == ["STORE_EXISTS"] * 2
    with Floor(database, tmp_path / replies[2]).session() as session:
        assert check_trail(session, None).finding is None
    with pytest.raises(Refused):
        init(database, tmp_path / "four")


def test_a_commit_whose_answer_is_lost_keeps_the_keys(database: Database, tmp_path: Path) -> None:
    """The commit may have made a store with them."""
    make_schema(database.dsn())
    keys = tmp_path / "keys"
    with proxied(database) as proxy:
        proxy.lose_answer()
        with pytest.raises(StoreUnavailable) as raised:
            init(proxy.database, keys)
    assert (raised.value.fault, raised.value.unsure) == (Fault.LOST, True)
    with Floor(database, keys).session() as session:
        assert check_trail(session, None).finding is None
