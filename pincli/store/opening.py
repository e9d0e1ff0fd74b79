"""The only place that knows which engine a location means: a folder is SQLite's."""

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
    from pincli.store.contract import Store, Upkeep
    from pincli.store.postgresql.connection import Connection
    from pincli.store.sqlite.upgrade import Vault


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
        read_only: Write nothing at all, and wait for nobody.
        even_closed: Open a folder's store that was moved to a server too.
        cache: Keeps the connection to a server from one store to the next.

    Raises:
        StoreUnavailable: Missing, damaged, newer than this program, or forbidden; or this host
            lacks the driver for it.
    """
    if isinstance(location, Server):
        with _driver_needed(location):
            from pincli.store.postgresql.engine import PostgresStore

            return PostgresStore(location, marks, origin=origin, read_only=read_only, cache=cache)
    from pincli.store.sqlite.engine import SqliteStore

    return SqliteStore(location, marks, origin=origin, read_only=read_only, even_closed=even_closed)


def upkeep_of(location: Location, marks: Path) -> Upkeep:
    """What is done to a store as a whole.

    Args:
        location: Where `init` made it, or is going to.
        marks: The folder of this host's mark.

    Raises:
        StoreUnavailable: This host lacks the driver for it.
    """
    if isinstance(location, Server):
        with _driver_needed(location):
            from pincli.store.postgresql.upkeep import PostgresUpkeep

            return PostgresUpkeep(location, marks)
    from pincli.store.sqlite.upkeep import SqliteUpkeep

    return SqliteUpkeep(location, marks)


@contextmanager
def _driver_needed(location: Server) -> Iterator[None]:
    """Say so where what talks to servers can't be imported."""
    try:
        yield
    except ImportError as error:
        # psycopg is an extra of the installation; without libpq its error names no module.
        is_psycopg = (error.name or "psycopg").partition(".")[0] == "psycopg"
        if not is_psycopg or "failed to map segment" in str(error):
            raise
        raise StoreUnavailable(Fault.NO_DRIVER, location) from None


def users_to_upgrade(folder: Path) -> int | None:
    """How many users a store of an older pincli has; None if it is up to date.

    Raises:
        StoreUnavailable: There is no store that could be read.
    """
    from pincli.store.sqlite import upgrade

    return upgrade.users_to_upgrade(folder)


def upgrade_server(location: Server) -> bool:
    """Bring a server's schema up to date, and make its functions and grants this version's.

    Returns:
        Whether the schema was of an older version.

    Raises:
        StoreUnavailable: It is newer than this program, or the login may not do that.
    """
    with _driver_needed(location):
        from pincli.store.postgresql.upgrade import upgrade

        return upgrade(location)


def sql_for_dba() -> str:
    """What a DBA runs in an empty database on a server, for `init` to make the rest."""
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
    """Bring a store of an older pincli up to date; None if another process has done it by now.

    Users get the uid that `uid_of` knows for them, or else a new one.

    Raises:
        OldStoreTampered: It isn't as pincli left it, and is left as it is.
        StoreUnavailable: It can't be written, or others are using it; likewise.
        KeysUnavailable: A key that it needs is missing; likewise.
    """
    from pincli.store.sqlite import upgrade

    return upgrade.upgrade(folder, vault, origin=origin, progress=progress, uid_of=uid_of)
