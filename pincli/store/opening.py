"""The only place that knows both engines: a folder is a SQLite store, an address a server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pincli.errors import StoreUnavailable
from pincli.models import Fault, Origin, User
from pincli.store.location import Location, Server

if TYPE_CHECKING:
    from pincli.results import Upgraded
    from pincli.store.contract import Store
    from pincli.store.postgresql.connection import Connection
    from pincli.store.sqlite.upgrade import Vault
    from pincli.store.upkeep import Upkeep


class ConnectionCache:
    """Keeps the connection to a server from one store to the next, for the desk.

    A new connection takes five round trips and a new process of the server, in which the first
    verify takes twice as long as later ones. Stores in folders keep nothing.
    """

    def __init__(self) -> None:
        self._connection: Connection | None = None

    @property
    def is_empty(self) -> bool:
        """Whether the next store has to connect again."""
        return self._connection is None

    def put(self, connection: Connection) -> None:
        """Keep a connection that its store no longer needs."""
        self._connection = connection

    def take(self) -> Connection | None:
        """The connection that was kept, for the next store."""
        connection, self._connection = self._connection, None
        return connection

    def close(self) -> None:
        """Close what is kept: the next store connects again."""
        connection = self.take()
        if connection is not None:
            connection.close()


def open_store(
    location: Location,
    marks: Path,
    *,
    origin: Origin,
    read_only: bool = False,
    even_closed: bool = False,
    cache: ConnectionCache | None = None,
) -> Store:
    """Open a store.

    Args:
        location: Where `init` made it.
        marks: The folder of this host's mark.
        origin: Who acts, and by which command.
        read_only: Write nothing, and wait for no lock.
        even_closed: Open even a folder's store that was moved to a server.
        cache: Keeps the connection to a server for the next store.

    Raises:
        StoreUnavailable: It is missing, damaged, forbidden or newer than this program, or this
            host lacks the driver for it.
    """
    if isinstance(location, Server):
        with _driver_needed(location):
            from pincli.store.postgresql.engine import PostgresStore

            return PostgresStore(location, marks, origin=origin, read_only=read_only, cache=cache)
    from pincli.store.sqlite.engine import SqliteStore

    return SqliteStore(location, marks, origin=origin, read_only=read_only, even_closed=even_closed)


def upkeep_of(location: Location, marks: Path) -> Upkeep:
    """What is done as a whole to the store at a location, or to one that is to be made there."""
    if isinstance(location, Server):
        with _driver_needed(location):
            from pincli.store.postgresql.upkeep import PostgresUpkeep

            return PostgresUpkeep(location, marks)
    from pincli.store.sqlite.upkeep import SqliteUpkeep

    return SqliteUpkeep(location, marks)


@contextmanager
def _driver_needed(location: Server) -> Iterator[None]:
    """Raise StoreUnavailable if the driver can't be imported."""
    try:
        yield
    except ImportError as error:
        # psycopg is an extra of the installation; without libpq its error names no module.
        is_psycopg = (error.name or "psycopg").partition(".")[0] == "psycopg"
        if not is_psycopg or "failed to map segment" in str(error):
            raise
        raise StoreUnavailable(Fault.NO_DRIVER, location) from None


def users_to_upgrade(folder: Path) -> int | None:
    """How many users a store of an older pincli has; None if it is up to date."""
    from pincli.store.sqlite import upgrade

    return upgrade.users_to_upgrade(folder)


def upgrade_server(location: Server) -> bool:
    """Upgrade a server's schema, functions and grants; return whether the schema was older.

    Raises:
        StoreUnavailable: It is newer than this program, or the login may not upgrade it.
    """
    with _driver_needed(location):
        from pincli.store.postgresql.upgrade import upgrade

        return upgrade(location)


def sql_for_dba() -> str:
    """The script that a DBA runs in an empty database before `init`."""
    from pincli.store.postgresql.roles import script, statements

    return script(statements())


def move_store(
    store: Store,
    location: Server,
    *,
    check: Callable[[], None],
    progress: Callable[[int, int], None],
) -> bool:
    """Move a store to a server, or finish a move; see store/moving.py."""
    with _driver_needed(location):
        from pincli.store.moving import move

        return move(store, location, check=check, progress=progress)


def upgrade_store(
    folder: Path,
    vault: Vault,
    *,
    origin: Origin,
    progress: Callable[[int, int], None],
    uid_of: Callable[[User], bytes | None],
) -> Upgraded | None:
    """Upgrade a store of an older pincli; see store/sqlite/upgrade.py."""
    from pincli.store.sqlite import upgrade

    return upgrade.upgrade(folder, vault, origin=origin, progress=progress, uid_of=uid_of)
