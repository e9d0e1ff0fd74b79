"""Roles and rights in the database: a group role for each kind of host, and its grants."""

from __future__ import annotations

from pincli.models import Texts, TrailEvent, User
from pincli.store.postgresql.functions import functions
from pincli.store.postgresql.tables import OLD_EVENTS, TABLES

OWNER, ADMIN, PORTAL, DESK = "pincli_owner", "pincli_admin", "pincli_portal", "pincli_desk"

PUBLIC_FUNCTIONS = (
    *("charge", "settle", "record", "finish", "lock", "call"),
    *("next_notice", "delivered"),
)
"""The functions that every host may call."""

_NOT_FOR_DESKS = {
    "blind",
    "pin_check",
    "pin_proof",
    "sealed",
    "barred_question",
    "barred_check",
    "barred_key",
    "barred_version",
    "attempt_answer",
}
"""Columns of people. A desk can't read the seal or a record's digest either."""

_BEFORE = """DO $$
BEGIN
  IF current_setting('server_version_num')::int < 130000 THEN
    RAISE EXCEPTION 'pincli needs PostgreSQL 13 or later';
  END IF;
  IF current_setting('server_encoding') <> 'UTF8' THEN
    RAISE EXCEPTION 'pincli needs a database with the encoding UTF8';
  END IF;
END $$"""

# From PostgreSQL 16 on, the creator of a role may grant it, but is not a member of it.
_MEMBERSHIP = f"""DO $$
DECLARE
  needed text := CASE WHEN current_setting('server_version_num')::int < 160000
    THEN 'MEMBER' ELSE 'SET' END;
BEGIN
  IF NOT pg_has_role('{OWNER}', needed) THEN
    EXECUTE format('GRANT {OWNER} TO %I', current_user);
  END IF;
END $$"""


def statements(*, old_events: bool = False) -> list[str]:
    """Return all statements for an empty database, in order, for one transaction.

    They need a superuser, or a login that may create roles and a schema.

    Args:
        old_events: Whether to make the table for the events of schema 1.
    """
    tables = [*TABLES, *(OLD_EVENTS if old_events else ())]
    return [
        _BEFORE,
        *_roles(),
        f"CREATE SCHEMA pincli AUTHORIZATION {OWNER}",
        f"SET ROLE {OWNER}",
        *(statement.strip() for statement in tables),
        *functions(),
        *grants(old_events=old_events),
        "RESET ROLE",
    ]


def script(statements: list[str]) -> str:
    """Return statements as a text for psql, in one transaction."""
    return ";\n\n".join(["START TRANSACTION", *statements, "COMMIT"]) + ";\n"


def grants(*, old_events: bool = False) -> list[str]:
    """Return the grants; the owner repeats them whenever tables or functions are made."""
    everybody = f"{ADMIN}, {PORTAL}, {DESK}"
    called = ", ".join(f"pincli.{name}" for name in PUBLIC_FUNCTIONS)
    old = ", pincli.old_events" if old_events else ""
    return [
        "REVOKE ALL ON ALL FUNCTIONS IN SCHEMA pincli FROM PUBLIC",
        f"REVOKE ALL ON ALL TABLES IN SCHEMA pincli FROM PUBLIC, {everybody}",
        f"GRANT USAGE ON SCHEMA pincli TO {everybody}",
        f"GRANT EXECUTE ON FUNCTION {called} TO {everybody}",
        f"GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA pincli TO {ADMIN}",
        f"GRANT DELETE ON pincli.notices, pincli.nonces TO {ADMIN}",
        f"GRANT DELETE ON pincli.trail, pincli.texts{old} TO {ADMIN}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA pincli TO {PORTAL}",
        # A portal acts for people who are logged in, and never searches.
        f"REVOKE SELECT ON pincli.words FROM {PORTAL}",
        f"GRANT INSERT ON pincli.trail, pincli.texts, pincli.notices TO {PORTAL}",
        f"GRANT SELECT ON pincli.notices TO {DESK}",
        f"GRANT UPDATE ON pincli.people, pincli.store TO {PORTAL}",
        f"GRANT SELECT ({_columns(User._fields, _NOT_FOR_DESKS)}) ON pincli.people TO {DESK}",
        f"GRANT SELECT ({_columns(TrailEvent._fields, {'record'})}) ON pincli.trail TO {DESK}",
        f"GRANT SELECT ({_columns(Texts._fields, {'blind'})}) ON pincli.texts TO {DESK}",
        f"GRANT SELECT ON pincli.words TO {DESK}",
        f"GRANT SELECT ON pincli.store{old} TO {DESK}",
    ]


def _roles() -> list[str]:
    return [
        *(
            f"""DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
    CREATE ROLE {role} NOLOGIN;
  END IF;
END $$"""
            for role in (OWNER, ADMIN, PORTAL, DESK)
        ),
        _MEMBERSHIP,
    ]


def _columns(names: tuple[str, ...], without: set[str]) -> str:
    return ", ".join(name for name in names if name not in without)
