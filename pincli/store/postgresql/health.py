"""doctor's checks of a server, as far as this host's login can see.

What the login may not see is reported as not checked. Nothing is written. The mark, the last audit
and the events' dates are checked for every store, in operations/doctor/examination.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from time import time
from typing import Any, LiteralString

import psycopg

from pincli.errors import StoreUnavailable
from pincli.models import Fault
from pincli.results import Check, unchecked
from pincli.rules.times import moment_of
from pincli.store.location import Server
from pincli.store.postgresql.as_shipped import BODIES, FACTS, Fact, Part, differences
from pincli.store.postgresql.connection import Connection, connect
from pincli.store.postgresql.errors import Retry, translated
from pincli.store.postgresql.roles import ADMIN, DESK, OWNER, PORTAL

OLDEST = 13
_CLOCK_SLACK = 60.0
_SEALED_WITHIN = timedelta(hours=1)
_NAMED_AT_MOST = 5
_GROUPS = [ADMIN, PORTAL, DESK]

_CONNECTION_HINTS = {
    Fault.READ_ONLY: "a replica takes no attempts: name the server that takes writes",
    Fault.NO_DATABASE: "check the location; a DBA makes the database",
    Fault.DENIED: "check the login, its password and pg_hba.conf",
    Fault.TOO_MANY: "put a pooler before it, or raise max_connections",
}

_ATTRIBUTES = ("SUPERUSER", "CREATEROLE", "BYPASSRLS", "REPLICATION")
# The server's own roles that reach every table, or its files.
_POWERFUL_ROLES = {
    "pg_read_all_data",
    "pg_write_all_data",
    "pg_read_server_files",
    "pg_write_server_files",
    "pg_execute_server_program",
}
_ROLES = """
SELECT rolname, rolname = session_user, rolsuper, rolcreaterole, rolbypassrls, rolreplication
  FROM pg_roles WHERE pg_has_role(session_user, oid, 'MEMBER') ORDER BY rolname <> session_user
"""
_OWNED = """
SELECT 1 FROM pg_database, pg_namespace WHERE datname = current_database() AND nspname = 'pincli'
  AND (pg_has_role(session_user, datdba, 'MEMBER') OR pg_has_role(session_user, nspowner, 'MEMBER'))
"""
_READABLE_SECRETS = """
SELECT relname || '.' || attname FROM pg_attribute
  JOIN pg_class AS c ON c.oid = attrelid JOIN pg_namespace AS n ON n.oid = relnamespace
  WHERE nspname = 'pincli' AND relname || '.' || attname = ANY (%s)
    AND has_column_privilege(session_user, c.oid, attnum, 'SELECT')
UNION ALL
SELECT 'writing ' || relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
  WHERE nspname = 'pincli' AND relkind IN ('r', 'p')
    AND (has_table_privilege(session_user, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER')
      OR has_any_column_privilege(session_user, c.oid, 'INSERT, UPDATE'))
"""
_SECRETS = [
    *(f"people.{name}" for name in ("blind", "pin_check", "pin_proof", "sealed", "barred_check")),
    *("people.attempt_answer", "trail.record", "texts.blind"),
]
_STANDBYS = """
SELECT count(*), count(*) FILTER (WHERE sync_state IN ('sync', 'quorum')),
    count(*) FILTER (WHERE sync_state IS NULL) FROM pg_stat_replication
"""
_UNSEALED = """
SELECT s.head_number - coalesce(t.number, s.start_number), f.at, clock_timestamp()
  FROM pincli.store AS s
  LEFT JOIN LATERAL (SELECT number FROM pincli.trail WHERE seal IS NOT NULL
                     ORDER BY number DESC LIMIT 1) AS t ON true
  LEFT JOIN pincli.trail AS f ON f.number = coalesce(t.number, s.start_number) + 1
"""
# A login's later rows override its earlier ones.
_LOGIN_SETTINGS = """
SELECT r.rolname, split_part(c, '=', 1), substr(c, strpos(c, '=') + 1)
  FROM pg_roles AS r
  LEFT JOIN pg_db_role_setting AS s ON s.setrole IN (0, r.oid) AND s.setdatabase IN (
    0, (SELECT oid FROM pg_database WHERE datname = current_database()))
  LEFT JOIN LATERAL unnest(s.setconfig) AS c ON true
  WHERE r.rolcanlogin AND NOT r.rolsuper AND EXISTS (
    SELECT FROM pg_roles AS g WHERE g.rolname = ANY (%s) AND pg_has_role(r.oid, g.oid, 'MEMBER'))
  ORDER BY r.rolname, s.setrole <> 0, s.setdatabase <> 0
"""
_PERSONAL = ("user", "database user", "client", "session", "override")
"""The sources of settings that hold only for this login or this connection."""

_PRINTING = (
    *("debug_print_parse", "debug_print_rewritten", "debug_print_plan"),
    "pgaudit.log_parameter",
)
_LOGGING = (
    *_PRINTING,
    *("log_statement", "log_min_duration_statement", "log_min_duration_sample"),
    *("log_statement_sample_rate", "log_transaction_sample_rate"),
    *("log_parameter_max_length", "log_parameter_max_length_on_error"),
    "auto_explain.log_min_duration",
)
_OFF = re.compile(r"-\d+\D*|0+(\.0+)?\D*|off|false|no|none", re.IGNORECASE)
_NEGATIVE = re.compile(r"-.*")
_PUT_RIGHT = "find out who did that; `pincli store upgrade`, as the owner, puts it right"
_AS_SHIPPED = {
    Part.TABLES: (
        "tables",
        "find out who did that; `pincli init --print-sql` has them as they were",
    ),
    Part.FUNCTIONS: ("functions", _PUT_RIGHT),
    Part.TRIGGERS: ("triggers and rules", "find out who did that, and drop them"),
    Part.RIGHTS: (
        "rights",
        "find out who did that, and revoke them; `pincli store upgrade` grants again",
    ),
    Part.OWNERSHIP: ("ownership", f"find out who did that; everything belongs to {OWNER}"),
}


def health(server: Server) -> Iterator[Check]:
    """Yield every check of the server; a failed one does not end the others."""
    try:
        with translated(server):
            connection = connect(server)
    except (StoreUnavailable, Retry) as error:
        detail = f" ({error.detail})" if error.detail else ""
        hint = _CONNECTION_HINTS.get(error.fault, "check the location, the network and the server")
        yield Check("server", f"{error.fault.value}{detail}", hint)
        return
    with closing(connection):
        info = _ServerInfo(connection)
        for what, check in _CHECKS.items():
            try:
                yield check(info)
            except psycopg.Error as error:
                yield unchecked(what, _reason(error))
        try:
            yield from _as_shipped(info)
        except psycopg.Error as error:
            yield unchecked("schema as shipped", _reason(error))


class _ServerInfo:
    """The queries behind the checks."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def rows(self, query: LiteralString, *parameters: object) -> list[tuple[Any, ...]]:
        """Return a query's rows. Only the catalog's own names are found."""
        try:
            answers = self.connection.flight(
                ("BEGIN READ ONLY", ()),
                ("SET LOCAL search_path = pg_catalog", ()),
                (query, parameters),
                ("COMMIT", ()),
            )
        except psycopg.Error:
            with suppress(psycopg.Error):
                self.connection.execute("ROLLBACK")
            raise
        return answers[2].fetchall()

    @cached_property
    def settings(self) -> Mapping[str, tuple[str, str]]:
        """The settings that this login can see, each with its source."""
        rows = self.rows("SELECT name, setting, source FROM pg_settings")
        return {name: (value, source) for name, value, source in rows}

    def setting(self, name: str) -> str:
        """Return a setting that every login can see."""
        return self.settings[name][0]

    @cached_property
    def settings_of_logins(self) -> Mapping[str, Mapping[str, str]]:
        """The known settings of each host's login."""
        common = {
            n: value for n, (value, source) in self.settings.items() if source not in _PERSONAL
        }
        found: dict[str, dict[str, str]] = {}
        for login, name, value in self.rows(_LOGIN_SETTINGS, _GROUPS):
            theirs = found.setdefault(login, dict(common))
            if name is not None:
                theirs[name] = value
        ours = {n: value for n, (value, _) in self.settings.items()}
        return found | {self.login: ours}

    def unseen(self, *names: str) -> list[str]:
        """Return the logins for which one of these settings is unknown."""
        here = self.settings.keys() & set(names)
        return sorted(name for name, known in self.settings_of_logins.items() if here - set(known))

    @cached_property
    def login(self) -> str:
        """The login of this connection."""
        return str(self.rows("SELECT session_user")[0][0])


def _version(info: _ServerInfo) -> Check:
    major = info.connection.info.server_version // 10000
    return version_check(major, datetime.now(UTC).date())


def version_check(major: int, today: date) -> Check:
    """Whether a version of PostgreSQL is supported, and still gets security fixes.

    Each version gets them for five years, until an autumn.
    """
    what = f"PostgreSQL {major}"
    if major < OLDEST:
        return Check(what, "it is too old", f"{OLDEST} or later is needed")
    if today > date(2012 + major, 11, 15):
        return Check(what, "it gets no more security fixes", "let the DBA upgrade it")
    return Check(what, None, "")


def _encryption(info: _ServerInfo) -> Check:
    """The connection, and a pooler's own connection to the server, are encrypted."""
    pgconn = info.connection.pgconn
    host = pgconn.host.decode()
    said = {option.keyword: (option.val or b"").decode() for option in pgconn.info}
    mode = said[b"sslmode"]
    is_local = host.startswith(("/", "@"))
    ((pooler_tls, pooler_local),) = info.rows(
        "SELECT ssl, inet_client_addr() IS NULL FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
    )
    if not is_local and not pgconn.ssl_in_use:
        return Check("TLS", f"the connection to {host} is not encrypted", "sslmode=verify-full")
    proves = mode.startswith("verify-") or said.get(b"channel_binding") == "require"
    if not is_local and not proves:
        finding = f"{host} need not prove who it is: sslmode is {mode}"
        return Check("TLS", finding, "sslmode=verify-full, with sslrootcert=FILE")
    if not pooler_tls and not pooler_local:
        finding = "the pooler's connection to the server is not encrypted"
        return Check("TLS", finding, "server_tls_sslmode = verify-full in pgbouncer.ini")
    return Check("local socket" if is_local else "TLS", None, "")


def _role(info: _ServerInfo) -> Check:
    """A host's login has the rights of one group, and no others."""
    roles = info.rows(_ROLES)
    names = {name for name, *_ in roles}
    attributes = [
        word if own else f"{word} through {name}"
        for name, own, *has in roles
        for word, it_has in zip(_ATTRIBUTES, has, strict=True)
        if it_has
    ]
    hint = "give each host a login of its own: CREATE ROLE desk1 LOGIN IN ROLE pincli_desk"
    what = f"login {info.login}"
    if attributes:
        # A superuser is a member of every role.
        return Check(what, f"it has {attributes[0]}", hint)
    if powerful := sorted(names & _POWERFUL_ROLES):
        return Check(what, f"it is a member of {', '.join(powerful)}", hint)
    if OWNER in names or info.rows(_OWNED):
        return Check(what, "it may act as the owner of the schema or the database", hint)
    groups = [group for group in _GROUPS if group in names]
    if len(groups) != 1:
        finding = f"it is in {' and '.join(groups)}" if groups else "it is in none of the groups"
        return Check(what, finding, hint)
    return Check(f"{what} of {groups[0]}", None, "")


def _reach(info: _ServerInfo) -> Check:
    """A desk reads nothing that helps to guess, and writes no table: it can be stolen."""
    names = {name for name, *_ in info.rows(_ROLES)}
    if DESK not in names:
        return unchecked("a desk's reach", "this login is not a desk's; run doctor on a desk too")
    reached = sorted(name for (name,) in info.rows(_READABLE_SECRETS, _SECRETS))
    if reached:
        finding = f"this login reaches what no desk should: {_few(reached)}"
        return Check("a desk's reach", finding, f"leave it in {DESK} alone, and revoke the rest")
    return Check("a desk's reach", None, "")


def _fsync(info: _ServerInfo) -> Check:
    off = [name for name in ("fsync", "full_page_writes") if info.setting(name) != "on"]
    if off:
        finding = f"{' and '.join(off)} off: a crash may lose attempts, and spoil the database"
        return Check("durable writes", finding, "switch on again in postgresql.conf, and reload")
    return Check("durable writes", None, "")


def _commits(info: _ServerInfo) -> Check:
    weak = [
        f"{login} ({value})"
        for login, settings in info.settings_of_logins.items()
        if (value := settings.get("synchronous_commit", "on")) not in ("on", "remote_apply")
    ]
    if weak:
        finding = f"synchronous_commit is weaker than on for {_few(weak)}"
        return Check(
            "durable commits", finding, "set it to on: a failover gives lost attempts back"
        )
    return _all_seen(info, "durable commits", "synchronous_commit")


def _standby(info: _ServerInfo) -> Check:
    """If there is a standby, commits wait for it."""
    names = info.setting("synchronous_standby_names")
    ((standbys, waited_for, unseen),) = info.rows(_STANDBYS)
    if not standbys and names:
        finding = "commits wait for a standby, and none is connected"
        return Check("standby", finding, "start it, or take it out of synchronous_standby_names")
    if not standbys:
        return Check("no standby", None, "")
    if not names:
        finding = "a standby follows, but no commit waits for it: a failover gives attempts back"
        return Check("standby", finding, "name it in synchronous_standby_names, and reload")
    if unseen:
        why = "only a login with pg_monitor sees whether the standby is a synchronous one"
        return unchecked("standby", why)
    if not waited_for:
        finding = "the standby that follows is not one of synchronous_standby_names"
        return Check("standby", finding, "name it there, and reload")
    return Check("standby", None, "")


def _primary(info: _ServerInfo) -> Check:
    ((follows, read_only),) = info.rows(
        "SELECT pg_is_in_recovery(), current_setting('default_transaction_read_only') = 'on'"
    )
    hint = "name the server that takes writes: target_session_attrs=read-write finds it"
    if follows:
        return Check("takes writes", "this is a replica: it takes no attempts", hint)
    if read_only:
        return Check("takes writes", "it is set to be read-only", hint)
    return Check("takes writes", None, "")


def _clock(info: _ServerInfo) -> Check:
    """Times come from the server, and are read by this host's clock."""
    before = time()
    ((theirs,),) = info.rows("SELECT extract(epoch FROM clock_timestamp())::float8")
    after = time()
    off = max(before - theirs, theirs - after, 0)
    if off > _CLOCK_SLACK:
        finding = f"this host's clock and the server's are {off:.0f} seconds apart"
        return Check("clocks", finding, "let both keep time by NTP")
    return Check("clocks", None, "")


def _seal(info: _ServerInfo) -> Check:
    """Events get a seal within an hour; until then the database's owner can rewrite them."""
    ((unsealed, first_at, now),) = info.rows(_UNSEALED)
    since = moment_of(first_at) if first_at else None
    if not unsealed:
        return Check("seal", None, "")
    many = "1 event has" if unsealed == 1 else f"{unsealed:,} events have"
    if since is None or now - since > _SEALED_WITHIN:
        finding = f"{many} no seal yet, the first since {first_at}"
        return Check("seal", finding, "`pincli audit seal` from cron, on a host with audit.key")
    return Check(f"seal ({many} none yet)", None, "")


def _logged(info: _ServerInfo) -> Check:
    """The server's log holds no parameters, since answers are parameters."""
    here = logging_of_parameters(info.settings_of_logins[info.login])
    causes = set(here)
    for login, settings in info.settings_of_logins.items():
        causes |= {f"{cause} for {login}" for cause in logging_of_parameters(settings) - here}
    if causes:
        finding = f"the server's log may hold answers: {_few(sorted(causes))}"
        return Check("logged answers", finding, "log_parameter_max_length = 0, or switch those off")
    return _all_seen(info, "logged answers", *_LOGGING)


def logging_of_parameters(settings: Mapping[str, str]) -> set[str]:
    """Return the settings by which the server would log statements' parameters."""
    on = {name for name, value in settings.items() if not _OFF.fullmatch(value)}
    timed = {name for name, value in settings.items() if not _NEGATIVE.fullmatch(value)}
    causes = on & set(_PRINTING) | timed & {"auto_explain.log_min_duration"}
    if settings.get("log_parameter_max_length_on_error", "0") != "0":
        causes.add("log_parameter_max_length_on_error")
    if settings.get("log_parameter_max_length", "-1").rstrip("kMGTB") != "0":
        causes |= timed & {"log_min_duration_statement"}
        causes |= on & {"log_transaction_sample_rate"}
        if "log_statement_sample_rate" in on:
            causes |= timed & {"log_min_duration_sample"}
        if settings.get("log_statement", "").lower() == "all":
            causes.add("log_statement")
    return causes


def _idle(info: _ServerInfo) -> Check:
    """A host that hangs in a transaction is cut off, or it would hold up everybody."""
    name, what = "idle_in_transaction_session_timeout", "hanging hosts"
    values = {login: settings.get(name) for login, settings in info.settings_of_logins.items()}
    without = sorted(login for login, value in values.items() if value and _OFF.fullmatch(value))
    if without:
        hint = f"ALTER ROLE {without[0]} SET {name} = '30s'"
        return Check(what, f"{name} is not set for {_few(without)}", hint)
    return _all_seen(info, what, name)


def _all_seen(info: _ServerInfo, what: str, *names: str) -> Check:
    """Return a passed check, unless a login's settings are unknown here."""
    if logins := info.unseen(*names):
        return unchecked(what, f"this login can't see the settings of {_few(logins)}")
    return Check(what, None, "")


def _as_shipped(info: _ServerInfo) -> Iterator[Check]:
    """Tables, functions and rights are those of this version, and there are no others."""
    facts = [Fact._make(row) for row in info.rows(FACTS)]
    if not facts:
        yield Check("tables", "there is no schema pincli", "`pincli init` makes it")
        return
    bodies = [(name, body) for name, body in info.rows(BODIES)]
    for part, changed in differences(facts, bodies).items():
        what, hint = _AS_SHIPPED[part]
        finding = f"not as this version of pincli makes them: {_few(changed)}" if changed else None
        yield Check(what, finding, hint if changed else "")


def _few(names: list[str]) -> str:
    more = len(names) - _NAMED_AT_MOST
    return ", ".join(names[:_NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")


def _reason(error: psycopg.Error) -> str:
    return error.diag.message_primary or str(error).partition("\n")[0] or "the connection was lost"


_CHECKS: dict[str, Callable[[_ServerInfo], Check]] = {
    "PostgreSQL": _version,
    "TLS": _encryption,
    "login": _role,
    "a desk's reach": _reach,
    "takes writes": _primary,
    "durable writes": _fsync,
    "durable commits": _commits,
    "standby": _standby,
    "clocks": _clock,
    "seal": _seal,
    "logged answers": _logged,
    "hanging hosts": _idle,
}
