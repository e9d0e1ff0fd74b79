"""The store's location: no address becomes a folder, and no password is taken or repeated."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from pincli.errors import UsageProblem
from pincli.store.location import Server, location_of
from tests.support.contract import call, error_of
from tests.support.desk import Desk
from tests.support.turns import EVERYTHING

SECRET = "hunter2"
"""Stands in what is refused, and must stand in nothing that is told."""


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://",
        "postgres://db",
        "postgresql:///pincli?host=/run/postgresql",
        "postgresql://%2Frun%2Fpostgresql/pincli",
        "postgresql://desk1@db.example.com:5432/pincli?sslmode=verify-full",
        "postgresql://one:5432,two:5433/pincli?target_session_attrs=read-write",
        "postgresql://[2001:db8::1]:5432,[::1]/pincli",
        "postgresql:///?service=pincli",
        "postgresql:///pincli?user=desk1@tenant&passfile=/etc/pincli/pgpass&sslkey=/etc/k",
        "postgresql://db/pincli?options=-c%20search_path%3Dx",
    ],
)
def test_an_address_is_a_server(text: str) -> None:
    """Everything that libpq accepts but passwords is taken, and shown unchanged."""
    assert location_of(text) == Server(text)
    assert str(location_of(text)) == text


@pytest.mark.parametrize(
    "text", ["/srv/pincli", "store", ".", "", "./a:b", "../x=y", "/srv/a:b", "~/x", "postgresql"]
)
def test_a_path_is_a_folder(text: str) -> None:
    """Everything without a scheme is a path."""
    assert location_of(text) == Path(text)


@pytest.mark.parametrize(
    "text",
    [
        "postgresql:/x",
        "postgresql:x",
        "postgresql//db/x",
        "POSTGRESQL://db/x",
        "Postgres://db/x",
        "postgresq://db/x",
        "mysql://db/x",
        "file:///srv/x",
        " postgresql://db/x",
        "'postgresql://db/x'",
        "/postgresql://db/x",
        "./postgresql://db/x",
        "db.example.com:5432/x",
        "host=db dbname=x",
        "dbname = x",
    ],
)
def test_a_near_miss_is_no_folder(text: str) -> None:
    """A mistyped address must not become a new, empty store."""
    with pytest.raises(UsageProblem) as refusal:
        location_of(text)
    assert "neither a folder nor a postgresql:// address" in refusal.value.message


WITH_PASSWORD = (
    f"postgresql://pincli:{SECRET}@db/x",
    f"postgres://:{SECRET}@/x",
    f"postgresql://pincli:{SECRET}?x@db/x",
    f"postgresql://pincli:{SECRET}@@db/x",
    f"postgresql://db/x?password={SECRET}",
    f"postgresql://db/x?sslmode=require&password={SECRET}",
    f"postgresql://db/x?p%61ssword={SECRET}",
    f"postgresql://db/x?PassWord={SECRET}",
    f"postgresql://db/x?sslpassword={SECRET}",
    f"postgresql://db/x?scram_client_key={SECRET}",
    f"postgresql://db/x?oauth_client_secret={SECRET}",
)
MALFORMED = (
    f"postgresql://pincli:{SECRET}/x",
    f"postgresql://pincli:{SECRET}/y@db/x",
    f"postgresql://pincli:12/{SECRET}@db/x",
    f"postgresql://a@{SECRET}@db/x",
    f"postgresql://db/x?{SECRET}",
    f"postgresql://db/x?a=b={SECRET}",
    f"postgresql://db/x#{SECRET}",
    f"postgresql://db/x {SECRET}",
    f"postgresql://db/password={SECRET}",
    f"postgresql://db/host%3Ddb%20password%3D{SECRET}",
    f"postgresql://db?dbname=postgresql%3A%2F%2Fpincli%3A{SECRET}@db",
    f"postgresql://db?dbname=password%3D{SECRET}",
)


@pytest.mark.parametrize("text", [*WITH_PASSWORD, *MALFORMED])
def test_a_password_is_refused_and_not_repeated(text: str) -> None:
    """Others can read the command line; no error repeats the password."""
    with pytest.raises(UsageProblem) as refusal:
        location_of(text)
    message, hint = refusal.value.message, refusal.value.hint
    assert SECRET not in message + hint
    if text in WITH_PASSWORD:
        assert "holds a password" in message
        assert "~/.pgpass" in hint


@pytest.mark.parametrize("text", [WITH_PASSWORD[0], MALFORMED[0]])
@pytest.mark.parametrize("by", ["option", "variable"])
def test_neither_option_nor_variable_takes_a_password(desk: Desk, text: str, by: str) -> None:
    """Exit 2, without the password."""
    option = ["--store", text] if by == "option" else []
    variable = text if by == "variable" else str(desk.store)
    ran = call(desk, [*option, "status"], PINCLI_STORE=variable)
    assert ran.code == 2
    assert SECRET not in "".join(error_of(ran)) + ran.out + ran.err


PIECES = (
    *("u", "p", "@", ":", "/", "?", "&", "=", "#", ",", " ", "1", "[::1]", "db"),
    *("host", "dbname", "user", "password", "sslpassword", "p%61ssword"),
    *("%3D", "%40", "%3A", "%2F", "postgresql%3A%2F%2F"),
)


@given(st.lists(st.sampled_from(PIECES), max_size=9).map("".join))
@settings(max_examples=2000 if EVERYTHING else 300)
@example("?=u[::1]@")
@example("db?dbname=postgresql%3A%2F%2Fu%3Apassword@db")
def test_libpq_finds_no_password_where_we_found_none(rest: str) -> None:
    """In the database's name libpq finds no other address either."""
    try:
        location_of(f"postgresql://{rest}")
        found = conninfo_to_dict(f"postgresql://{rest}")
    except (UsageProblem, psycopg.ProgrammingError):
        return
    assert not {"password", "sslpassword"} & found.keys()
    assert not re.search("=|://", str(found.get("dbname", "")))


@pytest.mark.parametrize("text", WITH_PASSWORD[::5])
@pytest.mark.parametrize("line", [["--stor", "{}"], ["--stor={}"], ["statsu", "--store={}"]])
def test_a_mistyped_option_does_not_repeat_it_either(
    desk: Desk, line: list[str], text: str
) -> None:
    """A usage error about something else does not repeat the password."""
    ran = call(desk, [*(word.format(text) for word in line), "status"])
    assert ran.code == 2
    assert SECRET not in ran.out + ran.err
