"""What doctor says of a server: everything that it looks at is made wrong, on a real one."""

from __future__ import annotations

import datetime as dates
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from pincli.results import Check
from pincli.store.location import Server as Location
from pincli.store.postgresql import health as module
from pincli.store.postgresql.health import health, logging_of_parameters, version_check
from tests.store.postgresql import twin
from tests.store.postgresql.twin import Twin, call, charge, user_of
from tests.support import as_shipped
from tests.support.pooler import pooled
from tests.support.postgresql import LOGINS, Database, Server, Servers
from tests.support.standby import standby_of

HOSTS = [login for login in LOGINS if login != "owner"]
SHIPPED = ["tables", "functions", "triggers and rules", "rights", "ownership"]
ALL = [
    *("PostgreSQL", "local socket", "login", "a desk's reach", "takes writes", "durable writes"),
    *("durable commits", "no standby", "clocks", "seal", "logged answers", "hanging hosts"),
    *SHIPPED,
]


@pytest.fixture(scope="module")
def host(postgresql_servers: Servers) -> Iterator[Server]:
    """A server as the README wants it. Tests change it, and `store` puts it right again."""
    safe = {"fsync": "on", "full_page_writes": "on"}
    server = postgresql_servers.start(f"health-{secrets.token_hex(4)}", safe)
    put_right(server)
    yield server
    server.remove()


@pytest.fixture
def store(host: Server) -> Iterator[Database]:
    """A new store on it."""
    database = host.database(twin.make_store)
    yield database
    database.drop()
    put_right(host)


def put_right(server: Server) -> None:
    """Let settings and logins be as they should be."""
    with server.postgres.connect() as connection:
        connection.execute("ALTER SYSTEM RESET ALL")
        connection.execute("SELECT pg_reload_conf()")
        for login, group in ((login, LOGINS[login]) for login in HOSTS):
            others = {*LOGINS.values(), "pg_read_all_data", "pg_monitor"} - {group}
            for statement in (
                f"ALTER ROLE {login} NOSUPERUSER NOCREATEROLE NOBYPASSRLS NOREPLICATION",
                f"ALTER ROLE {login} RESET ALL",
                f"ALTER ROLE {login} SET idle_in_transaction_session_timeout = '30s'",
                f"REVOKE {', '.join(others)} FROM {login}",
                f"GRANT {group} TO {login}",
            ):
                connection.execute(statement.encode())


def examined(database: Database, login: str = "desk1", more: str = "") -> list[Check]:
    """What doctor says on a host with that login."""
    return list(health(Location(database.location(login) + more)))


def sick(checks: list[Check]) -> dict[str, Check]:
    """What is wrong, by what it is."""
    return {check.what: check for check in checks if check.finding is not None}


def skipped(checks: list[Check]) -> dict[str, str]:
    """What was not checked, and why."""
    return {check.what: check.hint for check in checks if not check.checked}


@pytest.mark.parametrize("login", HOSTS)
def test_all_is_well_on_every_host(store: Database, login: str) -> None:
    """All is looked at; only a desk can see that a desk reaches little."""
    checks = examined(store, login)
    assert len(checks) == len(ALL), checks[-1]
    assert all(c.what.startswith(name) for name, c in zip(ALL, checks, strict=True)), checks
    assert sick(checks) == {}
    assert list(skipped(checks)) == ([] if LOGINS[login] == "pincli_desk" else ["a desk's reach"])
    assert checks[2].what == f"login {login} of {LOGINS[login]}"


def test_all_is_well_behind_a_pooler(store: Database) -> None:
    """It keeps nothing in a session, so that another's transactions may come in between."""
    with pooled(store, connections=1) as database:
        checks = examined(database)
    assert (sick(checks), skipped(checks)) == ({}, {})


def test_the_list_of_what_is_shipped_is_that_of_a_fresh_store(store: Database) -> None:
    """Where it isn't: `python -m tests.support.as_shipped` writes it."""
    assert as_shipped.found_in(store) == as_shipped.FILE.read_text()


class Illness(NamedTuple):
    """Something that is wrong, and what doctor says on desk1's host.

    Attributes:
        cause: The superuser's statements, in the store's database.
        what: How the check is called that fails.
        finding: What stands in its finding.
        hint: What stands in its hint.
        others: Checks that may fail with it.
    """

    cause: str
    what: str
    finding: str
    hint: str
    others: tuple[str, ...] = ()


_CHARGE = "pincli.charge(bytea,bigint,text,bytea,uuid,text,text,text,bigint,bytea,bigint)"
_TRIGGER = """
CREATE FUNCTION public.spy() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER spy AFTER UPDATE ON pincli.people FOR EACH ROW EXECUTE FUNCTION public.spy()
"""
_OTHER_BODY = """
DO $do$ BEGIN
  EXECUTE replace(pg_get_functiondef('pincli._state'::regproc), '''locked''', '''active''');
END $do$
"""
_LOGIN = "login desk1"
_NONE = "ALTER ROLE desk2 SET idle_in_transaction_session_timeout = 0"
ILLNESSES = [
    Illness("ALTER ROLE desk1 CREATEROLE", _LOGIN, "CREATEROLE", "CREATE ROLE desk1 LOGIN"),
    Illness("ALTER ROLE desk1 BYPASSRLS", _LOGIN, "BYPASSRLS", "of its own"),
    Illness("ALTER ROLE desk1 REPLICATION", _LOGIN, "REPLICATION", "of its own"),
    Illness("ALTER ROLE desk1 SUPERUSER", _LOGIN, "SUPERUSER", "of its own", ("a desk's reach",)),
    Illness("GRANT pg_read_all_data TO desk1", _LOGIN, "pg_read_all_data", "of its own",
            ("a desk's reach",)),
    Illness("GRANT pincli_owner TO desk1", _LOGIN, "as the owner", "of its own",
            ("a desk's reach",)),
    Illness("GRANT pincli_admin TO desk1", _LOGIN, "pincli_admin and pincli_desk", "of its own",
            ("a desk's reach",)),
    Illness("GRANT SELECT (pin_check) ON pincli.people TO desk1", "a desk's reach",
            "people.pin_check", "pincli_desk alone", ("rights",)),
    Illness("GRANT SELECT ON pincli.trail TO PUBLIC", "a desk's reach", "trail.record", "revoke",
            ("rights",)),
    Illness("GRANT UPDATE (failed_attempts) ON pincli.people TO pincli_desk", "a desk's reach",
            "writing people", "revoke", ("rights",)),
    Illness("ALTER SYSTEM SET fsync = off", "durable writes", "fsync off", "postgresql.conf"),
    Illness("ALTER SYSTEM SET full_page_writes = off", "durable writes", "full_page_writes off",
            "postgresql.conf"),
    Illness("ALTER ROLE desk1 SET synchronous_commit = off", "durable commits", "desk1 (off)",
            "set it to on"),
    Illness("ALTER ROLE admin1 SET synchronous_commit = local", "durable commits",
            "admin1 (local)", "set it to on"),
    Illness("ALTER SYSTEM SET log_statement = 'all'", "logged answers", "log_statement",
            "log_parameter_max_length = 0"),
    Illness("ALTER SYSTEM SET log_min_duration_statement = 100", "logged answers",
            "log_min_duration_statement", "log_parameter_max_length"),
    Illness("ALTER SYSTEM SET log_min_duration_sample = 0", "logged answers",
            "log_min_duration_sample", "log_parameter_max_length"),
    Illness("ALTER SYSTEM SET log_transaction_sample_rate = 0.01", "logged answers",
            "log_transaction_sample_rate", "log_parameter_max_length"),
    Illness("ALTER SYSTEM SET log_parameter_max_length_on_error = 100", "logged answers",
            "on_error", "switch those off"),
    Illness("ALTER SYSTEM SET debug_print_plan = on", "logged answers", "debug_print_plan",
            "switch those off"),
    Illness("ALTER ROLE desk2 SET log_statement = 'all'", "logged answers",
            "log_statement for desk2", "log_parameter_max_length"),
    Illness(_NONE, "hanging hosts", "not set for desk2", "ALTER ROLE desk2 SET idle_in"),
    Illness(_OTHER_BODY, "functions", "_state", "`pincli store upgrade`"),
    Illness(f"ALTER FUNCTION {_CHARGE} SECURITY INVOKER", "functions", "charge", "store upgrade"),
    Illness(f"ALTER FUNCTION {_CHARGE} SET search_path = public", "functions", "charge",
            "store upgrade"),
    Illness(f"ALTER FUNCTION {_CHARGE} RESET lock_timeout", "functions", "charge", "store upgrade"),
    Illness("CREATE FUNCTION pincli.charge(text) RETURNS text LANGUAGE sql AS 'SELECT $1';"
            "REVOKE ALL ON FUNCTION pincli.charge(text) FROM PUBLIC", "functions", "charge",
            "store upgrade", ("ownership",)),
    Illness("GRANT EXECUTE ON FUNCTION pincli._finish TO PUBLIC", "rights", "_finish for PUBLIC",
            "revoke"),
    Illness("GRANT CREATE ON SCHEMA pincli TO pincli_desk", "rights", "the schema for pincli_desk",
            "revoke"),
    Illness("GRANT DELETE ON pincli.trail TO pincli_portal", "rights", "trail for pincli_portal",
            "revoke"),
    Illness("REVOKE INSERT ON pincli.trail FROM pincli_portal", "rights",
            "trail for pincli_portal", "grants again"),
    Illness(_TRIGGER, "triggers and rules", "people", "drop them"),
    Illness("CREATE RULE spy AS ON INSERT TO pincli.trail DO ALSO NOTHING", "triggers and rules",
            "trail", "drop them"),
    Illness("CREATE POLICY theirs ON pincli.people USING (false)", "triggers and rules", "people",
            "drop them"),
    Illness("ALTER TABLE pincli.people ENABLE ROW LEVEL SECURITY", "tables", "people", "print-sql"),
    Illness("ALTER TABLE pincli.people ADD note text", "tables", "people", "print-sql"),
    Illness("ALTER TABLE pincli.people DROP CONSTRAINT people_failed_attempts_check", "tables",
            "people", "print-sql"),
    Illness("DROP INDEX pincli.trail_by_change", "tables", "trail", "print-sql"),
    Illness("ALTER TABLE pincli.nonces SET UNLOGGED", "tables", "nonces", "print-sql"),
    Illness("CREATE TABLE public.more () INHERITS (pincli.trail)", "tables", "trail", "print-sql"),
    Illness("CREATE VIEW pincli.all_checks AS SELECT pin_check FROM pincli.people", "tables",
            "all_checks", "print-sql", ("ownership", "triggers and rules")),
    Illness("CREATE TYPE pincli.bytea AS ENUM ()", "tables", "bytea", "print-sql"),
    Illness("ALTER TABLE pincli.trail OWNER TO admin1", "ownership", "trail", "pincli_owner",
            ("rights",)),
    Illness("ALTER SCHEMA pincli OWNER TO admin1", "ownership", "the schema", "pincli_owner",
            ("rights",)),
    Illness("DROP SCHEMA pincli CASCADE", "tables", "there is no schema", "pincli init",
            (_LOGIN,)),
]  # fmt: skip


@pytest.mark.parametrize("illness", ILLNESSES, ids=lambda illness: illness.cause[:60])
def test_each_illness_is_found(store: Database, illness: Illness) -> None:
    """Its check fails, says what is wrong and what to do, and no other is hurt by it."""
    store.sql(illness.cause)
    if "SYSTEM" in illness.cause:
        store.server.reload()
    found = sick(examined(store))
    assert found.keys() - set(illness.others) == {illness.what}
    assert illness.finding in str(found[illness.what].finding)
    assert illness.hint in found[illness.what].hint


def test_a_superuser_is_no_host_s_login(store: Database) -> None:
    """Every role is theirs, so that nothing else is said of them."""
    assert "SUPERUSER" in str(sick(examined(store, "postgres"))["login postgres"].finding)


def test_a_login_without_a_group_sees_little_and_is_told_so(store: Database) -> None:
    """What it may not look at is not called fine."""
    store.sql("REVOKE pincli_desk FROM desk1")
    checks = examined(store)
    assert "none of the groups" in str(sick(checks)["login desk1"].finding)
    assert skipped(checks).keys() == {"a desk's reach", "seal"}
    assert "permission denied" in skipped(checks)["seal"]


def test_another_login_s_settings_that_can_not_be_seen(store: Database) -> None:
    """Where this login has its own, what the others have is not known: it is not called fine."""
    for name in ("log_statement", "synchronous_commit"):
        store.sql(f"ALTER ROLE desk1 SET {name} = DEFAULT")
    assert skipped(examined(store)) == {}
    store.sql("ALTER ROLE desk1 SET log_statement = 'none'")
    store.sql("ALTER ROLE desk1 SET synchronous_commit = 'on'")
    store.sql("ALTER ROLE desk2 RESET idle_in_transaction_session_timeout")
    checks = examined(store)
    unseen = skipped(checks)
    assert sick(checks) == {}
    assert list(unseen) == ["durable commits", "logged answers", "hanging hosts"]
    assert "of desk2" in unseen["hanging hosts"]
    assert "of admin1, desk2, portal1" in unseen["logged answers"]


def test_the_owner_of_the_database_is_no_host_s_login(store: Database) -> None:
    """They could drop it, or change what its sessions are set to."""
    store.sql(f"ALTER DATABASE {store.name} OWNER TO admin1")
    assert "owner" in str(sick(examined(store, "admin1"))["login admin1"].finding)


def test_no_server_no_database_and_no_schema(store: Database, own_server: Server) -> None:
    """Each is a sentence with what to do, and nothing more can be looked at."""
    own_server.stop()
    (gone,) = examined(own_server.postgres)
    assert (gone.what, gone.finding is None) == ("server", False)
    assert "check the location" in gone.hint
    (gone,) = examined(replace(store, name="nowhere"))
    assert "no such database" in str(gone.finding)


def test_a_standby_is_waited_for_or_named(store: Database) -> None:
    """None, one that nobody waits for, one that can't be seen, a synchronous one, one that left."""
    server = store.server
    server.sql("ALTER ROLE postgres SET synchronous_commit = local")
    standby = standby_of(server)
    try:
        _until(lambda: server.sql("SELECT 1 FROM pg_stat_replication"))
        assert "no commit waits" in str(sick(examined(store))["standby"].finding)
        server.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
        server.reload()
        _until(lambda: server.sql("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"))
        assert "pg_monitor" in skipped(examined(store))["standby"]
        server.sql("GRANT pg_monitor TO desk1")
        assert (sick(examined(store)), skipped(examined(store))) == ({}, {})
        server.sql("ALTER SYSTEM SET synchronous_standby_names = 'another'")
        server.reload()
        _until(lambda: server.sql("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'async'"))
        assert "is not one of" in str(sick(examined(store))["standby"].finding)

        replica = replace(store, server=standby, socket=standby.folder)
        (found,) = examined(replica)
        assert "read-only" in str(found.finding)
        found = sick(examined(replica, more="&target_session_attrs=any"))["takes writes"]
        assert "replica" in str(found.finding)
        standby.remove()
        _until(lambda: not server.sql("SELECT 1 FROM pg_stat_replication"))
        assert "none is connected" in str(sick(examined(store))["standby"].finding)
    finally:
        standby.remove()
        server.sql("ALTER SYSTEM RESET synchronous_standby_names")
        server.reload()
        _until(lambda: server.sql("SHOW synchronous_standby_names") == [("",)])
        server.sql("ALTER ROLE postgres RESET synchronous_commit")


def test_a_database_that_takes_no_writes(store: Database) -> None:
    """It is found although the location says that any server will do."""
    store.read_only(True)
    found = sick(examined(store, more="&target_session_attrs=any"))
    assert list(found) == ["takes writes"]
    assert "read-only" in str(found["takes writes"].finding)


def test_clocks_that_are_apart(store: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two minutes are too much, and it says how much, either way."""
    real = time.time
    for minutes in (2, -2):
        monkeypatch.setattr(module, "time", lambda m=minutes: real() + 60 * m)
        assert "120 seconds apart" in str(sick(examined(store))["clocks"].finding)


def test_events_that_wait_for_their_seal(store: Database) -> None:
    """Some are usual where desks write; those that wait for over an hour are told."""
    told = Twin(store)
    (alice,) = told.put([user_of(1)])
    call(told.desk, charge(alice))
    told.leave()
    found = sick(examined(store))["seal"]
    assert found.finding == f"2 events have no seal yet, the first since {twin.AT}"
    assert "pincli audit seal" in found.hint
    store.sql("UPDATE pincli.trail SET seal = 'x' WHERE number = 1")
    assert "seal (1 event has none yet)" in [check.what for check in examined(store)]
    store.sql("UPDATE pincli.trail SET at = %s WHERE number = 2", twin.AT)
    assert "1 event has no seal yet" in str(sick(examined(store))["seal"].finding)
    store.sql("UPDATE pincli.trail SET seal = 'x' WHERE number = 2")
    assert "seal" in [check.what for check in examined(store)]


@pytest.mark.parametrize("length", [-1, 0])
def test_what_is_said_of_the_log_is_so(store: Database, length: int) -> None:
    """With log_statement the answer is in the server's log; with a length of 0 it isn't."""
    answer = secrets.token_bytes(32)
    store.server.sql("ALTER SYSTEM SET log_statement = 'all'")
    store.server.sql(f"ALTER SYSTEM SET log_parameter_max_length = {length}")
    store.server.reload()
    told = Twin(store)
    (alice,) = told.put([user_of(1)])
    call(told.desk, charge(alice, answer))
    told.leave()
    is_logged = answer.hex() in (store.server.folder / "log").read_text()
    assert is_logged is (length == -1)
    assert ("logged answers" in sick(examined(store))) is is_logged


def test_auto_explain_shows_answers_in_plans(store: Database) -> None:
    """It shows a statement's values, whatever is said about parameters."""
    server = store.server
    assert logging_of_parameters({"auto_explain.log_min_duration": "0"})
    programs = server.servers.programs
    if not list(programs.parent.rglob("auto_explain.so")):
        return  # the one that pip brings comes without it
    server.sql("ALTER ROLE desk1 SET session_preload_libraries = 'auto_explain'")
    assert sick(examined(store)) == {}
    server.sql("ALTER ROLE desk1 SET auto_explain.log_min_duration = 100")
    assert "auto_explain" in str(sick(examined(store))["logged answers"].finding)


def test_the_way_to_the_server_is_encrypted(store: Database) -> None:
    """In clear, encrypted to anybody, and to a server that proves who it is."""
    address = f"127.{secrets.randbelow(250) + 1}.{secrets.randbelow(250) + 1}.1"
    certificate, key = certified(store.server.folder, address)
    tls = (
        f"listen_addr = {address}\nclient_tls_sslmode = allow\n"
        f"client_tls_key_file = {key}\nclient_tls_cert_file = {certificate}\n"
    )
    with pooled(store, settings=tls):
        reached = replace(store, socket=Path(address))

        def said(mode: str) -> Check | None:
            return sick(examined(reached, more=f"&sslrootcert={certificate}&sslmode={mode}")).get(
                "TLS"
            )

        for mode, finding in (("disable", "not encrypted"), ("require", "prove who it is")):
            found = said(mode)
            assert found is not None
            assert finding in str(found.finding)
            assert "sslmode=verify-full" in found.hint
        assert said("verify-full") is None


def test_the_way_from_a_pooler_to_the_server_is_encrypted(own_server: Server) -> None:
    """A pooler on this host is reached by a socket, and what it does then counts too."""
    address = f"127.{secrets.randbelow(250) + 1}.{secrets.randbelow(250) + 1}.2"
    own_server.configure({"listen_addresses": f"'{address}'"})
    own_server.restart()
    database = own_server.database(twin.make_store)
    with pooled(replace(database, socket=Path(address))) as behind:
        found = sick(examined(behind))["TLS"]
    assert "pooler" in str(found.finding)
    assert "server_tls_sslmode" in found.hint


@pytest.mark.parametrize(
    ("major", "finding"),
    [(12, "too old"), (13, "no more security fixes"), (14, None), (18, None), (30, None)],
)
def test_the_version_is_one_that_gets_fixes(major: int, finding: str | None) -> None:
    """13 was the first that can be used, and its fixes ended in November 2025."""
    assert (version_check(major, dates.date(2026, 11, 1)).finding is None) is (finding is None)
    assert (finding or "") in str(version_check(major, dates.date(2026, 11, 1)).finding)


def _until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def certified(folder: Path, address: str) -> tuple[Path, Path]:
    """A certificate for an address, which is its own authority, and its key."""
    from ipaddress import ip_address

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "db")])
    now = dates.datetime.now(dates.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dates.timedelta(days=1))
        .not_valid_after(now + dates.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "server.crt", folder / "server.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    for path in paths:
        path.chmod(0o644)  # whatever the umask: another login reads them
    return paths
