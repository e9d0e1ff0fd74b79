"""Comparing a server's schema with the one that this version makes.

A desk's limit depends on functions and rights, which the database's owner can change.
`as_shipped.txt` is what FACTS finds in a fresh store, on every version of PostgreSQL. The
functions' bodies are compared with functions.sql.
"""
# ruff: noqa: E501

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from importlib.resources import files
from typing import NamedTuple

from pincli.store.postgresql.functions import functions


class Part(StrEnum):
    """What a fact is about, as in FACTS."""

    TABLES = "tables"
    FUNCTIONS = "functions"
    TRIGGERS = "triggers"
    RIGHTS = "rights"
    OWNERSHIP = "ownership"


class Fact(NamedTuple):
    """One fact of the catalog: a Part, a subject such as `people for pincli_desk`, and a text."""

    part: str
    subject: str
    text: str


# To run with search_path = pg_catalog, so that all other names are printed with their schema.
FACTS = """
WITH own AS (SELECT oid, nspowner, nspacl FROM pg_namespace WHERE nspname = 'pincli'),
relations AS (SELECT c.* FROM pg_class AS c JOIN own ON c.relnamespace = own.oid),
routines AS (SELECT p.* FROM pg_proc AS p JOIN own ON p.pronamespace = own.oid),
granted AS (
  SELECT 'the schema' AS subject, a.*
    FROM own, aclexplode(coalesce(nspacl, acldefault('n', nspowner))) AS a WHERE a.grantee <> nspowner
  UNION ALL
  SELECT relname, a.* FROM relations,
    aclexplode(coalesce(relacl, acldefault('r', relowner))) AS a WHERE a.grantee <> relowner
  UNION ALL
  SELECT proname, a.* FROM routines,
    aclexplode(coalesce(proacl, acldefault('f', proowner))) AS a WHERE a.grantee <> proowner
),
granted_columns AS (
  SELECT r.relname, t.attname, t.attnum, a.* FROM relations AS r
    JOIN pg_attribute AS t ON t.attrelid = r.oid, aclexplode(t.attacl) AS a WHERE a.grantee <> r.relowner
)
SELECT 'ownership', subject, 'owned by ' || pg_get_userbyid(owner) FROM (
    SELECT 'the schema', nspowner FROM own
    UNION ALL SELECT relname, relowner FROM relations
    UNION ALL SELECT proname, proowner FROM routines) AS owned (subject, owner)
  WHERE pg_get_userbyid(owner) <> 'pincli_owner'
UNION ALL
SELECT 'tables', relname, concat_ws(' ', 'kind', relkind, 'persistence', relpersistence,
    'row security', relrowsecurity, relforcerowsecurity) FROM relations WHERE relkind <> 'i'
UNION ALL
SELECT 'tables', r.relname, concat_ws(' ', 'column',
    row_number() OVER (PARTITION BY r.oid ORDER BY t.attnum), t.attname,
    format_type(t.atttypid, t.atttypmod), c.collname, CASE WHEN t.attnotnull THEN 'not null' END,
    'default ' || pg_get_expr(d.adbin, d.adrelid), nullif(t.attidentity, ''), nullif(t.attgenerated, ''))
  FROM relations AS r JOIN pg_attribute AS t ON t.attrelid = r.oid
  LEFT JOIN pg_attrdef AS d ON d.adrelid = r.oid AND d.adnum = t.attnum
  LEFT JOIN pg_collation AS c ON c.oid = t.attcollation
  WHERE r.relkind <> 'i' AND t.attnum > 0 AND NOT t.attisdropped
UNION ALL
SELECT 'tables', r.relname, concat_ws(' ', 'constraint', c.conname, pg_get_constraintdef(c.oid),
    CASE WHEN NOT c.convalidated THEN 'not valid' END)
  FROM relations AS r JOIN pg_constraint AS c ON c.conrelid = r.oid WHERE c.contype <> 'n'
UNION ALL
SELECT 'tables', r.relname, concat_ws(' ', pg_get_indexdef(i.indexrelid),
    CASE WHEN NOT (i.indisvalid AND i.indisready) THEN 'not valid' END)
  FROM relations AS r JOIN pg_index AS i ON i.indrelid = r.oid
UNION ALL
SELECT 'tables', r.relname, concat_ws(' ', 'inherits', i.inhparent::regclass, i.inhrelid::regclass)
  FROM relations AS r JOIN pg_inherits AS i ON r.oid IN (i.inhparent, i.inhrelid) WHERE r.relkind <> 'i'
UNION ALL
SELECT 'tables', coalesce(o.name, o.identity), o.type FROM pg_depend AS d JOIN own ON d.refobjid = own.oid,
    pg_identify_object(d.classid, d.objid, d.objsubid) AS o
  WHERE d.refclassid = 'pg_namespace'::regclass AND d.classid NOT IN ('pg_class'::regclass, 'pg_proc'::regclass)
UNION ALL
SELECT 'functions', proname, concat_ws(' ', prokind, '(' || pg_get_function_arguments(p.oid) || ')',
    pg_get_function_result(p.oid), lanname, provolatile, proparallel,
    CASE WHEN prosecdef THEN 'security definer' END, CASE WHEN proisstrict THEN 'strict' END,
    CASE WHEN proleakproof THEN 'leakproof' END, proconfig::text)
  FROM routines AS p JOIN pg_language AS l ON l.oid = p.prolang
UNION ALL
SELECT 'triggers', r.relname, pg_get_triggerdef(t.oid)
  FROM relations AS r JOIN pg_trigger AS t ON t.tgrelid = r.oid WHERE NOT t.tgisinternal
UNION ALL
SELECT 'triggers', r.relname, 'rule ' || w.rulename
  FROM relations AS r JOIN pg_rewrite AS w ON w.ev_class = r.oid
UNION ALL
SELECT 'triggers', r.relname, 'policy ' || p.polname
  FROM relations AS r JOIN pg_policy AS p ON p.polrelid = r.oid
UNION ALL
SELECT 'rights', concat(subject, ' for ', coalesce(nullif(pg_get_userbyid(grantee), 'unknown (OID=0)'), 'PUBLIC')),
    string_agg(privilege_type || CASE WHEN is_grantable THEN ' with grant option' ELSE '' END, ', '
               ORDER BY privilege_type)
  FROM granted GROUP BY subject, grantee
UNION ALL
SELECT 'rights', concat(relname, ' for ', coalesce(nullif(pg_get_userbyid(grantee), 'unknown (OID=0)'), 'PUBLIC')),
    concat(privilege_type, CASE WHEN is_grantable THEN ' with grant option' END, ' of ',
           string_agg(attname, ', ' ORDER BY attnum))
  FROM granted_columns GROUP BY relname, grantee, privilege_type, is_grantable
"""
"""Everything that matters about the schema, except the functions' bodies."""

BODIES = (
    "SELECT proname, prosrc FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace"
    " WHERE nspname = 'pincli'"
)

_BODY = re.compile(
    r"^CREATE FUNCTION pincli\.(\w+)\(.*?AS \$\$(.*?)\$\$;$", re.MULTILINE | re.DOTALL
)


def differences(facts: Iterable[Fact], bodies: Iterable[tuple[str, str]]) -> dict[Part, list[str]]:
    """Return the subjects that are not as shipped, by part.

    Args:
        facts: The result of FACTS.
        bodies: The result of BODIES.
    """
    found, shipped = set(facts), _shipped()
    if not any(fact.subject == "old_events" for fact in found):  # only a move makes it
        shipped = {fact for fact in shipped if not fact.subject.startswith("old_events")}
    changed = found ^ shipped
    ours = dict(_BODY.findall("\n".join(functions())))
    others = {name for name, body in bodies if ours.get(name) != body}
    return {
        part: sorted(
            {fact.subject for fact in changed if fact.part == part}
            | (others if part is Part.FUNCTIONS else set())
        )
        for part in Part
    }


def lines(facts: Iterable[Fact]) -> str:
    """Return facts as the lines of a file, sorted."""
    return "".join(sorted("\t".join(fact) + "\n" for fact in facts))


def _shipped() -> set[Fact]:
    text = files("pincli.store.postgresql").joinpath("as_shipped.txt").read_text("utf-8")
    return {Fact(*line.split("\t")) for line in text.splitlines()}
