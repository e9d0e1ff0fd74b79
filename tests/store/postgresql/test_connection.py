"""Connections to the server: libpq's settings apply, and every wait is limited.

Every failure is real, and each test ends with a connection that works.
"""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pincli.errors import StoreUnavailable
from pincli.models import Fault
from pincli.store import location
from pincli.store.postgresql.connection import Connection, connect
from pincli.store.postgresql.errors import Retry, translated
from pincli.views.problems import describe
from tests.support import postgresql
from tests.support.pooler import pooled

SHORT = 1.0
_PATH = ("SHOW search_path", ())
_OTHERS = (
    "SELECT state FROM pg_stat_activity WHERE datname = current_database()"
    " AND pid <> pg_backend_pid()"
)


@contextmanager
def connected(where: str, patience: float = 10.0) -> Iterator[Connection]:
    """Connect as the engine does, with translated errors."""
    server = location.Server(where)
    with translated(server):
        connection = connect(server, patience)
        try:
            yield connection
        finally:
            connection.close()


def one(where: str) -> object:
    """Run SELECT 1 on a new connection."""
    with connected(where) as connection:
        (cursor,) = connection.flight(("SELECT 1", ()))
        return cursor.fetchone()


def unconnected(fault: Fault, where: str, patience: float = 10.0) -> str:
    """Return the message for a connection that fails."""
    with pytest.raises(StoreUnavailable) as raised, connected(where, patience):
        pass
    return words(fault, raised.value)


def fails(fault: Fault, connection: Connection, *statements: str) -> str:
    """Return the message for statements that fail in one flight."""
    flight = [(each, ()) for each in statements or ("SELECT 1",)]
    with pytest.raises(StoreUnavailable) as raised, translated(location.Server("postgresql://")):
        connection.flight(*flight)
    return words(fault, raised.value)


def words(fault: Fault, error: StoreUnavailable) -> str:
    """Return the message of an error with this fault."""
    assert error.fault is fault
    problem = describe(error)
    assert problem.hint
    assert "\n" not in problem.message
    assert "{" not in problem.message
    return problem.message


@contextmanager
def silent() -> Iterator[int]:
    """Listen on a port and never answer."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def test_a_connection_keeps_no_state(database: postgresql.Database) -> None:
    """It has a name and UTF-8, and prepares no statements."""
    with connected(database.location()) as connection:
        asked = "SELECT current_setting('application_name'), current_setting('client_encoding')"
        for _ in range(7):  # psycopg prepares at the sixth time
            (cursor,) = connection.flight((asked, ()))
        assert cursor.fetchone() == ("pincli", "UTF8")
        (cursor,) = connection.flight(("SELECT count(*) FROM pg_prepared_statements", ()))
        assert cursor.fetchone() == (0,)
        assert connection.info.transaction_status.name == "IDLE"


def test_a_pooler_in_between(database: postgresql.Database) -> None:
    """Two clients can share one connection of a pooler."""
    with pooled(database, connections=1) as pooler:
        with connected(pooler.location()) as first, connected(pooler.location()) as second:
            for connection in (first, second, first):
                nowhere = ("SELECT set_config('search_path', 'nowhere', true)", ())
                *_, path = connection.flight(("BEGIN", ()), nowhere, ("COMMIT", ()), _PATH)
                assert path.fetchone() == ('"$user", public',)
        assert one(pooler.location("desk1")) == (1,)


def test_a_flight_is_one_transaction_or_several(database: postgresql.Database) -> None:
    """A flight is one transaction, unless it has its own BEGIN and COMMIT."""
    with connected(database.location()) as connection:
        xid = ("SELECT pg_current_xact_id()", ())
        a, b = connection.flight(xid, xid)
        assert a.fetchone() == b.fetchone()
        cursors = connection.flight(("BEGIN", ()), xid, ("COMMIT", ()), xid)
        assert cursors[1].fetchone() != cursors[3].fetchone()
        assert cursors[2].statusmessage == "COMMIT"
        local = ("SELECT set_config('search_path', %s, true)", ("nowhere",))
        _, c = connection.flight(local, _PATH)
        (d,) = connection.flight(_PATH)
        assert c.fetchone() == ("nowhere",) != d.fetchone()


def test_a_service_file_is_read(
    database: postgresql.Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may hold host, user, password file and all other settings."""
    services = tmp_path / "services"
    services.write_text(
        f"[floor]\nhost={database.server.folder}\ndbname={database.name}\nuser=desk1\n"
        f"passfile={database.server.servers.passfile}\napplication_name=desk\n"
    )
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    with connected("postgresql:///?service=floor") as connection:
        (cursor,) = connection.flight(
            ("SELECT session_user::text, current_setting('application_name')", ())
        )
        assert cursor.fetchone() == ("desk1", "desk")
    assert "nowhere" in unconnected(Fault.MALFORMED, "postgresql:///?service=nowhere")
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "missing"))
    assert "missing" in unconnected(Fault.MALFORMED, "postgresql:///?service=floor")


def test_a_password_file_that_others_can_read_is_not_used(
    database: postgresql.Database, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A warning of libpq says so, once."""
    passfile = tmp_path / "pgpass"
    passfile.write_bytes(database.server.servers.passfile.read_bytes())
    passfile.chmod(0o644)
    where = database.location("desk1").partition("&passfile=")[0]
    unconnected(Fault.DENIED, f"{where}&passfile={passfile}")
    assert capfd.readouterr().err.count("WARNING: password file") == 1


def test_the_host_that_takes_writes_is_found(
    database: postgresql.Database, own_server: postgresql.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others in the list are silent, down, or a standby."""
    own_server.postgres.read_only(True)
    passfile = database.server.servers.passfile
    with silent() as port:
        hosts = ["127.0.0.1", "/nowhere", str(own_server.folder), str(database.server.folder)]
        ports = f"{port},5432,5432,5432"
        where = f"postgresql://postgres@/postgres?passfile={passfile}&port={ports}"
        began = time.monotonic()
        with connected(f"{where}&host={','.join(hosts)}", 4 * SHORT) as connection:
            assert connection.info.host == hosts[-1]
            assert SHORT <= time.monotonic() - began < 3 * SHORT
            assert connection.patience < 3 * SHORT
        monkeypatch.setenv("PGHOST", ",".join(hosts[1:]))
        with connected(where.replace(ports, "5432")) as connection:
            assert connection.info.host == hosts[-1]
        monkeypatch.setenv("PGHOST", ",".join(hosts[:3]))
        said = unconnected(Fault.READ_ONLY, where.replace(ports, ports[:-5]), patience=3 * SHORT)
        assert "no answer within 1 seconds; No such file or directory; session is read-only" in said
    monkeypatch.setenv("PGHOST", hosts[2])
    with connected(f"{where.replace(ports, '5432')}&target_session_attrs=any") as connection:
        connection.flight(("SELECT 1", ()))
    assert one(database.location()) == (1,)


@pytest.mark.parametrize("ends", ["frozen", "silent"])
def test_waiting_for_a_silent_server_ends(own_server: postgresql.Server, ends: str) -> None:
    """Connecting and waiting for an answer both end in time, and the connection is closed."""
    where = own_server.postgres.location("postgres")
    connection = connect(location.Server(where))
    connection.patience = SHORT
    own_server.freeze()
    began = time.monotonic()
    assert "no answer" in fails(Fault.LOST, connection)
    assert SHORT <= time.monotonic() - began < 2 * SHORT
    assert connection.closed
    if ends == "frozen":
        said = unconnected(Fault.UNREACHABLE, where, patience=SHORT)
    else:
        with silent() as port:
            said = unconnected(Fault.UNREACHABLE, f"postgresql://127.0.0.1:{port}", patience=SHORT)
    assert "no answer within 1 seconds" in said
    own_server.thaw()
    assert one(where) == (1,)


def test_waiting_for_a_name_server_ends(
    database: postgresql.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking up a name is limited too, and its addresses share the time."""
    release = threading.Event()

    def look_up(name: str, *_: object, **__: object) -> list[Any]:
        if name == "mute.example":
            release.wait()
        if name == "two.example":
            return [(0, 0, 0, "", ("127.0.0.2", 0)), (0, 0, 0, "", ("127.0.0.1", 0))]
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    began = time.monotonic()
    said = unconnected(Fault.UNREACHABLE, "postgresql://mute.example,none.example", 2 * SHORT)
    assert "looking up mute.example: no answer within 1 seconds; looking up none" in said
    release.set()
    with silent() as port:
        said = unconnected(Fault.UNREACHABLE, f"postgresql://two.example:{port}", 2 * SHORT)
    assert "Connection refused; no answer within 1 seconds" in said
    assert time.monotonic() - began < 4 * SHORT
    assert one(database.location()) == (1,)


def test_all_waits_count_together(database: postgresql.Database) -> None:
    """Several short waits use up the patience; time between them does not."""
    sleep = ("SELECT pg_sleep(0.3)", ())
    with connected(database.location()) as connection:
        connection.patience = SHORT
        time.sleep(SHORT)
        for _ in range(3):
            connection.flight(sleep)
        fails(Fault.LOST, connection, sleep[0])
    assert one(database.location()) == (1,)


def test_ctrl_c_closes_the_connection_and_cancels_nothing(database: postgresql.Database) -> None:
    """A cancelled COMMIT that waits for a standby would report success."""
    main = threading.main_thread().ident
    threading.Timer(0.3, signal.pthread_kill, (main, signal.SIGINT)).start()
    began = time.monotonic()
    with connected(database.location()) as connection:
        with pytest.raises(KeyboardInterrupt):
            connection.flight(("SELECT pg_sleep(30)", ()))
        assert connection.closed
    assert time.monotonic() - began < 15
    with database.connect() as admin:
        (found,) = admin.execute(_OTHERS).fetchall()
    assert found == ("active",)
    assert one(database.location()) == (1,)


def test_a_server_that_is_down_or_crashes(own_server: postgresql.Server) -> None:
    """The connection is lost, then refused, and then made again."""
    where = own_server.postgres.location("postgres")
    with connected(where) as connection:
        own_server.stop("immediate")
        assert "was lost" in fails(Fault.LOST, connection)
    assert "No such file or directory" in unconnected(Fault.UNREACHABLE, where)
    own_server.start()
    assert one(where) == (1,)


def test_too_many_connections(database: postgresql.Database) -> None:
    """The error says that no more connections are taken."""
    database.allow(1)
    with connected(database.location("desk1")):
        said = unconnected(Fault.TOO_MANY, database.location())
    assert "takes no more connections" in said
    database.allow(-1)
    assert one(database.location()) == (1,)


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("TABLE nowhere.store", Fault.NO_SCHEMA),
        ("SELECT nowhere.charge()", Fault.NO_SCHEMA),
        ("TABLE pg_authid", Fault.FORBIDDEN),
        ("CREATE TABLE made ()", Fault.READ_ONLY),
        ("SELECT 9223372036854775807 + 1", Fault.DAMAGED),
    ],
)
def test_failed_statements(database: postgresql.Database, statement: str, fault: Fault) -> None:
    """A missing schema, missing rights, a standby, a number out of range: each has its fault."""
    with connected(database.location()) as connection:
        fails(
            fault, connection, "SELECT set_config('transaction_read_only', 'on', true)", statement
        )
    assert one(database.location()) == (1,)


def test_what_is_tried_again(database: postgresql.Database) -> None:
    """A row that somebody else has just added, a deadlock, a serialization failure."""
    for state in ("unique_violation", "deadlock_detected", "serialization_failure"):
        with pytest.raises(Retry), connected(database.location()) as connection:
            connection.flight((f"DO $$ BEGIN RAISE {state}; END $$", ()))


def test_errors_show_no_values_of_rows(database: postgresql.Database) -> None:
    """The server's own messages hold values, and whole rows."""
    database.sql(
        "CREATE TABLE checked (secret text CHECK (secret = '')); GRANT ALL ON checked TO PUBLIC"
    )
    wrong = {
        "INSERT INTO checked VALUES ('444159')": Fault.DAMAGED,
        "SELECT '444159x'::int": Fault.IO,
    }
    for statement, fault in wrong.items():
        with connected(database.location()) as connection:
            assert "444159" not in fails(fault, connection, statement)


def test_refused_connections(database: postgresql.Database, tmp_path: Path) -> None:
    """A wrong password, an unknown login, no right to connect, and an unknown database."""
    where = database.location("desk1")
    passfile = tmp_path / "pgpass"
    passfile.write_text("*:*:*:*:wrong\n")
    passfile.chmod(0o600)
    wrong = where.partition("&passfile=")[0] + f"&passfile={passfile}"
    assert 'authentication failed for user "desk1"' in unconnected(Fault.DENIED, wrong)
    assert "authentication failed" in unconnected(Fault.DENIED, wrong.replace("desk1", "nobody"))
    database.sql(f"REVOKE CONNECT ON DATABASE {database.name} FROM PUBLIC")
    assert "permission denied" in unconnected(Fault.DENIED, where)
    database.sql(f"GRANT CONNECT ON DATABASE {database.name} TO PUBLIC")
    assert "does not exist" in unconnected(
        Fault.NO_DATABASE, where.replace(database.name, "nowhere")
    )
    assert "does not understand" in unconnected(Fault.MALFORMED, f"{where}&nosuch=setting")
    assert one(where) == (1,)


def test_nothing_follows_the_sync(database: postgresql.Database, tmp_path: Path) -> None:
    """A pooler that has taken its connection back by then would give out another one for it."""
    trace = tmp_path / "trace"
    with connected(database.location()) as connection, trace.open("w") as file:
        connection.pgconn.trace(file.fileno())
        connection.flight(("SELECT pg_sleep(0.1)", ()), ("SELECT 1", ()))
        connection.pgconn.untrace()
    sent = [line.split("\t")[3] for line in trace.read_text().splitlines() if "\tF\t" in line]
    assert sent.count("Execute") == 2
    assert sent[-1] == "Sync"
