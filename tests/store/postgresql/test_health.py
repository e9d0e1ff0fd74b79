"""doctor's checks of a server, each with a real fault."""

from __future__ import annotations

import datetime as dates
import secrets
import time
from collections.abc import Iterator
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
from tests.support.driving import wait_until
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
    """Start a server as the README wants it. Tests change it, and `store` puts it right."""
    safe = {"fsync": "on", "full_page_writes": "on"}
    server = postgresql_servers.start(f"health-{secrets.token_hex(4)}", safe)
    put_right(server)
    yield server
    server.remove()


@pytest.fixture
def store(host: Server) -> Iterator[Database]:
    """Make a new store on the server."""
    database = host.database(twin.make_store)
    yield database
    database.drop()
    put_right(host)


def put_right(server: Server) -> None:
    """Put settings and logins right."""
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
    """Run doctor's checks with a login."""
    return list(health(Location(database.location(login) + more)))


def sick(checks: list[Check]) -> dict[str, Check]:
    """Return the failed checks by name."""
    return {check.what: check for check in checks if check.finding is not None}


def skipped(checks: list[Check]) -> dict[str, str]:
    """Return the skipped checks by name, with the reason."""
    return {check.what: check.hint for check in checks if not check.checked}


@pytest.mark.parametrize("login", HOSTS)
def test_all_is_well_on_every_host(store: Database, login: str) -> None:
    """Everything is checked; only a desk can check a desk's reach."""
    checks = examined(store, login)
    assert len(checks) == len(ALL), checks[-1]
    assert all(c.what.startswith(name) for name, c in zip(ALL, checks, strict=True)), checks
    assert sick(checks) == {}
    assert list(skipped(checks)) == ([] if LOGINS[login] == "pincli_desk" else ["a desk's reach"])
    assert checks[2].what == f"login {login} of {LOGINS[login]}"


def test_all_is_well_behind_a_pooler(store: Database) -> None:
    """The checks need no session state."""
    with pooled(store, connections=1) as database:
        checks = examined(database)
    assert (sick(checks), skipped(checks)) == ({}, {})


def test_as_shipped_describes_a_fresh_store(store: Database) -> None:
    """If it fails, `python -m tests.support.as_shipped` writes the file."""
    assert as_shipped.found_in(store) == as_shipped.FILE.read_text()


class Problem(NamedTuple):
    """A fault, and what doctor says on desk1's host.

    Attributes:
        cause: The superuser's statements, in the store's database.
        what: The name of the check that fails.
        finding: A part of its finding.
        hint: A part of its hint.
        others: Other checks that may fail too.
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
PROBLEMS = [
    Problem("ALTER ROLE desk1 CREATEROLE", _LOGIN, "CREATEROLE", "CREATE ROLE desk1 LOGIN"),
    Problem("ALTER ROLE desk1 BYPASSRLS", _LOGIN, "BYPASSRLS", "of its own"),
    Problem("ALTER ROLE desk1 REPLICATION", _LOGIN, "REPLICATION", "of its own"),
    Problem("ALTER ROLE desk1 SUPERUSER", _LOGIN, "SUPERUSER", "of its own", ("a desk's reach",)),
    Problem("GRANT pg_read_all_data TO desk1", _LOGIN, "pg_read_all_data", "of its own",
            ("a desk's reach",)),
    Problem("GRANT pincli_owner TO desk1", _LOGIN, "as the owner", "of its own",
            ("a desk's reach",)),
    Problem("GRANT pincli_admin TO desk1", _LOGIN, "pincli_admin and pincli_desk", "of its own",
            ("a desk's reach",)),
    Problem("GRANT SELECT (pin_check) ON pincli.people TO desk1", "a desk's reach",
            "people.pin_check", "pincli_desk alone", ("rights",)),
    Problem("GRANT SELECT ON pincli.trail TO PUBLIC", "a desk's reach", "trail.record", "revoke",
            ("rights",)),
    Problem("GRANT UPDATE (failed_attempts) ON pincli.people TO pincli_desk", "a desk's reach",
            "writing people", "revoke", ("rights",)),
    Problem("ALTER SYSTEM SET fsync = off", "durable writes", "fsync off", "postgresql.conf"),
    Problem("ALTER SYSTEM SET full_page_writes = off", "durable writes", "full_page_writes off",
            "postgresql.conf"),
    Problem("ALTER ROLE desk1 SET synchronous_commit = off", "durable commits", "desk1 (off)",
            "set it to on"),
    Problem("ALTER ROLE admin1 SET synchronous_commit = local", "durable commits",
            "admin1 (local)", "set it to on"),
    Problem("ALTER SYSTEM SET log_statement = 'all'", "logged answers", "log_statement",
            "log_parameter_max_length = 0"),
    Problem("ALTER SYSTEM SET log_min_duration_statement = 100", "logged answers",
            "log_min_duration_statement", "log_parameter_max_length"),
    Problem("ALTER SYSTEM SET log_min_duration_sample = 0", "logged answers",
            "log_min_duration_sample", "log_parameter_max_length"),
    Problem("ALTER SYSTEM SET log_transaction_sample_rate = 0.01", "logged answers",
            "log_transaction_sample_rate", "log_parameter_max_length"),
    Problem("ALTER SYSTEM SET log_parameter_max_length_on_error = 100", "logged answers",
            "on_error", "switch those off"),
    Problem("ALTER SYSTEM SET debug_print_plan = on", "logged answers", "debug_print_plan",
            "switch those off"),
    Problem("ALTER ROLE desk2 SET log_statement = 'all'", "logged answers",
            "log_statement for desk2", "log_parameter_max_length"),
    Problem(_NONE, "hanging hosts", "not set for desk2", "ALTER ROLE desk2 SET idle_in"),
    Problem(_OTHER_BODY, "functions", "_state", "`pincli store upgrade`"),
    Problem(f"ALTER FUNCTION {_CHARGE} SECURITY INVOKER", "functions", "charge", "store upgrade"),
    Problem(f"ALTER FUNCTION {_CHARGE} SET search_path = public", "functions", "charge",
            "store upgrade"),
    Problem(f"ALTER FUNCTION {_CHARGE} RESET lock_timeout", "functions", "charge", "store upgrade"),
    Problem("CREATE FUNCTION pincli.charge(text) RETURNS text LANGUAGE sql AS 'SELECT $1';"
            "REVOKE ALL ON FUNCTION pincli.charge(text) FROM PUBLIC", "functions", "charge",
            "store upgrade", ("ownership",)),
    Problem("GRANT EXECUTE ON FUNCTION pincli._finish TO PUBLIC", "rights", "_finish for PUBLIC",
            "revoke"),
    Problem("GRANT CREATE ON SCHEMA pincli TO pincli_desk", "rights", "the schema for pincli_desk",
            "revoke"),
    Problem("GRANT DELETE ON pincli.trail TO pincli_portal", "rights", "trail for pincli_portal",
            "revoke"),
    Problem("REVOKE INSERT ON pincli.trail FROM pincli_portal", "rights",
            "trail for pincli_portal", "grants again"),
    Problem(_TRIGGER, "triggers and rules", "people", "drop them"),
    Problem("CREATE RULE spy AS ON INSERT TO pincli.trail DO ALSO NOTHING", "triggers and rules",
            "trail", "drop them"),
    Problem("CREATE POLICY theirs ON pincli.people USING (false)", "triggers and rules", "people",
            "drop them"),
    Problem("ALTER TABLE pincli.people ENABLE ROW LEVEL SECURITY", "tables", "people", "print-sql"),
    Problem("ALTER TABLE pincli.people ADD note text", "tables", "people", "print-sql"),
    Problem("ALTER TABLE pincli.people DROP CONSTRAINT people_failed_attempts_check", "tables",
            "people", "print-sql"),
    Problem("DROP INDEX pincli.trail_by_change", "tables", "trail", "print-sql"),
    Problem("ALTER TABLE pincli.nonces SET UNLOGGED", "tables", "nonces", "print-sql"),
    Problem("CREATE TABLE public.more () INHERITS (pincli.trail)", "tables", "trail", "print-sql"),
    Problem("CREATE VIEW pincli.all_checks AS SELECT pin_check FROM pincli.people", "tables",
            "all_checks", "print-sql", ("ownership", "triggers and rules")),
    Problem("CREATE TYPE pincli.bytea AS ENUM ()", "tables", "bytea", "print-sql"),
    Problem("ALTER TABLE pincli.trail OWNER TO admin1", "ownership", "trail", "pincli_owner",
            ("rights",)),
    Problem("ALTER SCHEMA pincli OWNER TO admin1", "ownership", "the schema", "pincli_owner",
            ("rights",)),
    Problem("DROP SCHEMA pincli CASCADE", "tables", "there is no schema", "pincli init",
            (_LOGIN,)),
]  # fmt: skip


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.cause[:60])
def test_each_fault_is_found(store: Database, problem: Problem) -> None:
    """Its check fails, with finding and hint, and no unrelated check does."""
    store.sql(problem.cause)
    if "SYSTEM" in problem.cause:
        store.server.reload()
    found = sick(examined(store))
    assert found.keys() - set(problem.others) == {problem.what}
    assert problem.finding in str(found[problem.what].finding)
    assert problem.hint in found[problem.what].hint


def test_a_superuser_is_no_login_for_a_host(store: Database) -> None:
    """Only SUPERUSER is reported, since a superuser has every role."""
    assert "SUPERUSER" in str(sick(examined(store, "postgres"))["login postgres"].finding)


def test_a_login_without_a_group_checks_little(store: Database) -> None:
    """What it can't check is reported as skipped."""
    store.sql("REVOKE pincli_desk FROM desk1")
    checks = examined(store)
    assert "none of the groups" in str(sick(checks)["login desk1"].finding)
    assert skipped(checks).keys() == {"a desk's reach", "seal"}
    assert "permission denied" in skipped(checks)["seal"]


def test_settings_of_other_logins_that_can_not_be_seen(store: Database) -> None:
    """A login with its own settings can't see those of others; the checks are skipped."""
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


def test_the_databases_owner_is_no_login_for_a_host(store: Database) -> None:
    """The owner could drop it, or change its settings."""
    store.sql(f"ALTER DATABASE {store.name} OWNER TO admin1")
    assert "owner" in str(sick(examined(store, "admin1"))["login admin1"].finding)


def test_no_server_no_database_and_no_schema(store: Database, own_server: Server) -> None:
    """Each is one failed check with a hint, and nothing more is checked."""
    own_server.stop()
    (gone,) = examined(own_server.postgres)
    assert (gone.what, gone.finding is None) == ("server", False)
    assert "check the location" in gone.hint
    (gone,) = examined(replace(store, name="nowhere"))
    assert "no such database" in str(gone.finding)


def test_every_kind_of_standby(store: Database) -> None:
    """Not waited for, not visible, synchronous, not named, a replica itself, and gone."""
    server = store.server
    server.sql("ALTER ROLE postgres SET synchronous_commit = local")
    standby = standby_of(server)
    try:
        wait_until(lambda: server.sql("SELECT 1 FROM pg_stat_replication"), "the standby")
        assert "no commit waits" in str(sick(examined(store))["standby"].finding)
        server.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
        server.reload()
        wait_until(
            lambda: server.sql("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"),
            "the standby",
        )
        assert "pg_monitor" in skipped(examined(store))["standby"]
        server.sql("GRANT pg_monitor TO desk1")
        assert (sick(examined(store)), skipped(examined(store))) == ({}, {})
        server.sql("ALTER SYSTEM SET synchronous_standby_names = 'another'")
        server.reload()
        wait_until(
            lambda: server.sql("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'async'"),
            "the standby",
        )
        assert "is not one of" in str(sick(examined(store))["standby"].finding)

        replica = replace(store, server=standby, socket=standby.folder)
        (found,) = examined(replica)
        assert "read-only" in str(found.finding)
        found = sick(examined(replica, more="&target_session_attrs=any"))["takes writes"]
        assert "replica" in str(found.finding)
        standby.remove()
        wait_until(lambda: not server.sql("SELECT 1 FROM pg_stat_replication"), "the standby")
        assert "none is connected" in str(sick(examined(store))["standby"].finding)
    finally:
        standby.remove()
        server.sql("ALTER SYSTEM RESET synchronous_standby_names")
        server.reload()
        wait_until(lambda: server.sql("SHOW synchronous_standby_names") == [("",)], "the standby")
        server.sql("ALTER ROLE postgres RESET synchronous_commit")


def test_a_database_that_takes_no_writes(store: Database) -> None:
    """It is found even if the location allows any server."""
    store.read_only(True)
    found = sick(examined(store, more="&target_session_attrs=any"))
    assert list(found) == ["takes writes"]
    assert "read-only" in str(found["takes writes"].finding)


def test_clocks_that_are_apart(store: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two minutes are too much, in either direction."""
    real = time.time
    for minutes in (2, -2):
        monkeypatch.setattr(module, "time", lambda m=minutes: real() + 60 * m)
        assert "120 seconds apart" in str(sick(examined(store))["clocks"].finding)


def test_events_that_wait_for_their_seal(store: Database) -> None:
    """Unsealed events fail the check after an hour."""
    desk = Twin(store)
    (alice,) = desk.put([user_of(1)])
    call(desk.desk, charge(alice))
    desk.leave()
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
def test_the_log_holds_answers_as_doctor_says(store: Database, length: int) -> None:
    """With log_statement the log holds the answer; with a parameter length of 0 it doesn't."""
    answer = secrets.token_bytes(32)
    store.server.sql("ALTER SYSTEM SET log_statement = 'all'")
    store.server.sql(f"ALTER SYSTEM SET log_parameter_max_length = {length}")
    store.server.reload()
    desk = Twin(store)
    (alice,) = desk.put([user_of(1)])
    call(desk.desk, charge(alice, answer))
    desk.leave()
    is_logged = answer.hex() in (store.server.folder / "log").read_text()
    assert is_logged is (length == -1)
    assert ("logged answers" in sick(examined(store))) is is_logged


def test_auto_explain_shows_answers_in_plans(store: Database) -> None:
    """It logs values whatever the limit for parameters is."""
    server = store.server
    assert logging_of_parameters({"auto_explain.log_min_duration": "0"})
    programs = server.servers.programs
    if not list(programs.parent.rglob("auto_explain.so")):
        return  # the one that pip brings comes without it
    server.sql("ALTER ROLE desk1 SET session_preload_libraries = 'auto_explain'")
    assert sick(examined(store)) == {}
    server.sql("ALTER ROLE desk1 SET auto_explain.log_min_duration = 100")
    assert "auto_explain" in str(sick(examined(store))["logged answers"].finding)


def test_encryption_to_the_server(store: Database) -> None:
    """Plain and unverified connections fail the check; verify-full passes."""
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


def test_encryption_from_a_pooler_to_the_server(own_server: Server) -> None:
    """A local pooler's plain connection to the server fails the check."""
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
def test_the_versions_that_get_fixes(major: int, finding: str | None) -> None:
    """13 is the first supported version; its fixes ended in November 2025."""
    assert (version_check(major, dates.date(2026, 11, 1)).finding is None) is (finding is None)
    assert (finding or "") in str(version_check(major, dates.date(2026, 11, 1)).finding)


def certified(folder: Path, address: str) -> tuple[Path, Path]:
    """Make a self-signed certificate for an address, and its key."""
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
        path.chmod(0o644)  # another login reads them
    return paths
