"""`import --deactivate-missing`, `user deactivate --from-file`, and lists of users."""

from __future__ import annotations

import pytest

from pincli.models import EventKind, User
from pincli.rules.lockout import without_pin
from tests.support.bulk_work import users_of
from tests.support.contract import call
from tests.support.desk import Desk
from tests.support.floor import content
from tests.support.importing import GOOD, HEADER, done, figures, put


@pytest.mark.parametrize(
    "options",
    [
        ["--deactivate-missing"],
        ["--account", "acme"],
        ["--deactivate-missing", "--account", "acme"],
        ["--deactivate-missing", "--account", "acme", "--json"],
    ],
    ids=" ".join,
)
def test_deactivating_needs_an_account_and_somebody_to_confirm(
    floor: Desk, options: list[str]
) -> None:
    """Without a terminal and without --yes: exit 2, nothing changed."""
    before = content(floor.store)
    assert call(floor, ["import", put(floor, GOOD), *options]).code == 2
    assert call(floor, ["import", "-", *options], GOOD).code == 2
    assert content(floor.store) == before


def as_they_were(user: User) -> User:
    """A record without the number of the event that changed it."""
    return user._replace(event=0)


def switched_off(user: User) -> User:
    """A record as a deactivation leaves it."""
    withdrawn = user if user.question is None else without_pin(user)
    return as_they_were(withdrawn)._replace(active=False)


def test_who_the_file_lacks_is_deactivated(floor: Desk) -> None:
    """Only in that account, with a reason on each event; counters stay, PINs are withdrawn."""
    before = users_of(floor)
    words = ["--deactivate-missing", "--account", "ACME", "--yes", "--reason", "T-1", "--json"]
    words += ["--at-most", "3"]
    answer = done(call(floor, ["import", put(floor, GOOD), *words]))
    assert figures(answer) == (3, 1, 1, 1, 3, 0)
    after = users_of(floor)
    off = {name for name, user in after.items() if not user.active}
    assert off == {"vera", "lara", "otto", "ina", "ludo"}
    for name in ("vera", "lara", "otto"):
        assert as_they_were(after[name]) == switched_off(before[name])
    assert after["gus"] == before["gus"]
    events = [e for e in floor.events() if e.kind is EventKind.DEACTIVATED and e.reason == "T-1"]
    assert sorted(str(event.user) for event in events) == ["lara", "otto", "vera"]
    again = done(call(floor, ["import", put(floor, GOOD), *words]))
    assert figures(again) == (3, 0, 0, 3, 0, 0)


def test_the_file_lacks_who_has_a_login_in_another_account(floor: Desk) -> None:
    """Vera of globex is somebody else: her row does not keep vera of acme."""
    text = f"{HEADER}\nalice,acme,Alice,cloud\nvera,globex,Vera,cloud\n"
    words = ["--deactivate-missing", "--account", "acme", "--yes", "--json", "--at-most", "9"]
    done(call(floor, ["import", put(floor, text), *words, "--same-login", "new"]))
    listed = call(floor, "user list --json").answer["users"]
    active = {(u["user"], u["account"]) for u in listed if u["active"]}
    assert {pair for pair in active if pair[0] in ("alice", "vera")} == {
        ("alice", "acme"),
        ("vera", "globex"),
    }


def test_users_are_switched_by_a_file(floor: Desk) -> None:
    """Each once, in any spelling; counters stay, PINs go; all unknown users are listed."""
    before = users_of(floor)
    names = put(floor, "\ufeffAlice\r\n\r\n# nobody\r\nlara\r\n alice\r\nina\r\n", name="names")
    words = ["--from-file", names, "--reason", "T-1", "--json"]
    answer = call(floor, ["user", "deactivate", *words]).answer
    assert {key: answer[key] for key in ("matched", "changed", "unchanged")} == {
        "matched": 3,
        "changed": 2,
        "unchanged": 1,
    }
    after = users_of(floor)
    for name, user in after.items():
        off = name in ("alice", "lara")
        was = before[name]
        assert as_they_were(user) == (switched_off(was) if off else as_they_were(was))
    events = [event for event in floor.events() if event.reason == "T-1"]
    assert sorted(str(event.user) for event in events) == ["alice", "lara"]
    done(call(floor, ["user", "activate", "--from-file", "-", "--json"], "alice\nlara\n"))
    for name, user in users_of(floor).items():
        was = before[name]
        back = switched_off(was)._replace(active=True)
        assert as_they_were(user) == (back if name in ("alice", "lara") else as_they_were(was))
    unchanged = users_of(floor)
    ran = call(floor, ["user", "deactivate", "--from-file", "-"], "nobody\nalice\nno-one\n")
    assert ran.code == 6
    assert "nobody, no-one" in ran.err
    assert users_of(floor) == unchanged


@pytest.mark.parametrize(
    ("line", "listed"),
    [
        ("--account globex", {"gus"}),
        ("--account acme --state inactive", {"ludo", "ina"}),
        ("--type cloud-office", {"otto"}),
        ("--state active --type cloud", {"alice", "vera", "gus"}),
    ],
)
def test_users_are_listed_by_account_state_and_type(
    template: Desk, line: str, listed: set[str]
) -> None:
    """The users who fit all of them, each once."""
    users = call(template, f"user list --json {line}").answer["users"]
    assert sorted(user["user"] for user in users) == sorted(listed)
