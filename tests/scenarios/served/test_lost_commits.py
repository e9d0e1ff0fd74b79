"""A server that has lost commits, by a failover or an old backup."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from tests.support import standby
from tests.support.desk import Desk
from tests.support.driving import OTHER, RIGHT, WRONG, nothing_impossible
from tests.support.postgresql import Server
from tests.support.served import ServedDesk
from tests.support.tampering import UNAVAILABLE, clean, restored

Lose = Callable[[], Server]
_REFUSED = (
    ("unlock", "alice", "--reason", "T-1"),
    ("reset", "alice", "--yes"),
    ("pin", "show", "alice"),
    ("user", "deactivate", "alice"),
)


@contextmanager
def failover(server: Server) -> Iterator[Lose]:
    """Let a standby that lacks later commits take over."""
    second = standby.standby_of(server)
    try:
        standby.catch_up(second, server)
        standby.cut_off(second)

        def lose() -> Server:
            server.stop("immediate")
            standby.promote(second)
            return second

        yield lose
    finally:
        second.remove()


@contextmanager
def backup(server: Server) -> Iterator[Lose]:
    """Bring the server back from a backup made now."""
    copy = standby.copy_of(server)

    def lose() -> Server:
        standby.bring_back(server, copy)
        return server

    yield lose


def _another_host(desk: ServedDesk, name: str) -> ServedDesk:
    """Return another host with the same keys and a copy of the present mark."""
    keys = desk.keys.with_name(name)
    shutil.copytree(desk.keys, keys)
    return replace(desk, keys=keys)


def _is_stopped(desk: Desk) -> None:
    """Require a host with a newer mark to charge nothing."""
    query = "SELECT head_number FROM store"
    before = desk.sql(query)
    for pin in (RIGHT, WRONG):
        ran = desk.verify("alice", pin)
        assert (ran.code, ran.answer["error"]["code"]) == (UNAVAILABLE, "rolled_back"), ran
    assert desk.sql(query) == before


@pytest.mark.parametrize("losing", [failover, backup])
def test_commits_are_lost(own_desk: ServedDesk, losing: Callable[[Server], Iterator[Lose]]) -> None:
    """Hosts with a newer mark are stopped before a charge, until a restore."""
    admin = own_desk
    early = _another_host(admin, "early")
    busy, idle = (_another_host(admin, name) for name in ("busy", "idle"))
    for host in (busy, idle):
        assert host.verify("alice", WRONG).code == 3
    with losing(own_desk.database_there.server) as lose:  # type: ignore[attr-defined]
        for _ in range(3):
            assert busy.verify("alice", WRONG).code == 3
        assert (
            admin.run("pin", "change", "bob", "--pin-stdin", "--json", stdin="987321\n").code == 0
        )
        there = replace(admin.database_there, server=(server := lose()), socket=server.folder)
        admin, early, busy, idle = (
            replace(host, database_there=there) for host in (admin, early, busy, idle)
        )
        _goes_on(admin, early, busy, idle)


def _goes_on(admin: ServedDesk, early: ServedDesk, busy: ServedDesk, idle: ServedDesk) -> None:
    _is_stopped(busy)
    for arguments in _REFUSED:
        ran = admin.run(*arguments, "--json")
        assert (ran.code, ran.answer["error"]["code"]) == (UNAVAILABLE, "rolled_back"), ran
    # A host with an older mark can't notice; its events change no other mark.
    for _ in range(6):
        assert idle.verify("bob", OTHER).code == 0
    _is_stopped(busy)
    nothing_impossible(admin)
    assert restored(admin)["withdrawn"] == 2
    assert admin.sql("SELECT epoch FROM store") == [(1,)]
    assert admin.user("alice").failed_attempts == 2
    for host in (busy, idle, early, admin):
        assert host.verify("alice", RIGHT).answer["outcome"] == "uncollected"
    portal = admin.as_login("portal1")
    shown = portal.run("pin", "show", "alice", "--json")
    assert shown.code == 0, shown
    for host in (early, busy, idle):
        assert host.verify("alice", shown.answer["pin"]).code == 0
    nothing_impossible(admin)
    clean(admin)
