"""Every command and every way it ends: exit code, JSON keys and streams."""

from __future__ import annotations

import re
import shlex
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pincli.errors import OutputUnavailable
from pincli.models import EventKind
from pincli.vault.keyring import AUDIT_KEY, PORTAL_PRIVATE, PORTAL_PUBLIC, VERIFY_KEY
from pincli.views import json_output
from tests.commands.table import (
    AS_PROCESSES,
    CARD,
    EVENT,
    OTHER,
    RECORD,
    SECTIONS,
    TABLE,
    Case,
)
from tests.support.contract import COMMANDS, GROUPS, answer_of, call, error_of, existing_commands
from tests.support.desk import Desk, Ran
from tests.support.floor import RIGHT, WRONG, content, one_copy
from tests.support.served import ServedDesk
from tests.support.turns import EVERYTHING

NEEDED_KEYS = {
    "verify alice --pin-stdin": {AUDIT_KEY, VERIFY_KEY},
    "status alice": set(),
    "lock alice --reason why": {AUDIT_KEY},
    "unlock lara --reason why": {AUDIT_KEY},
    "reset alice --yes": {AUDIT_KEY},
    "reset alice --issue --yes": {AUDIT_KEY, VERIFY_KEY, PORTAL_PUBLIC},
    "user add bea --account acme": {AUDIT_KEY},
    "user list": set(),
    "user show alice": set(),
    "user rename alice al": {AUDIT_KEY},
    "user erase ina --yes": {AUDIT_KEY},
    "user deactivate alice": {AUDIT_KEY},
    "pin show uma": {AUDIT_KEY, VERIFY_KEY, PORTAL_PUBLIC, PORTAL_PRIVATE},
    "pin change alice --pin-stdin": {AUDIT_KEY, VERIFY_KEY, PORTAL_PUBLIC},
    "audit list": set(),
    "audit seal": {AUDIT_KEY},
}


def require_json(case: Case, ran: Ran) -> None:
    """Compare an answer in JSON with its case."""
    answer = answer_of(ran)
    assert ran.code == case.code, (case, ran)
    assert answer.get("error", {}).get("code", "") == case.error, (case, ran)
    envelope = {"pincli", "command", "ok"} | ({"error"} if case.error else set())
    assert set(answer) == envelope | case.keys, case


def require_text(case: Case, ran: Ran) -> None:
    """Compare an answer for people with its case."""
    assert ran.code == case.code, (case, ran)
    if case.is_problem:
        error_of(ran)
    else:
        assert ran.err == "", (case, ran)
        assert ran.out.strip() != "", case
        assert ran.out.endswith("\n"), case
        assert "\x1b" not in ran.out, case


def on_floors(template: Desk, folder: Path, cases: Sequence[Case]) -> Iterator[tuple[Case, Desk]]:
    """Each case with a floor where no case before it has changed a user."""
    waiting = deque(cases)
    while waiting:
        with one_copy(template, folder / str(len(waiting))) as floor:
            untouched = everybody(floor)
            while waiting and everybody(floor) == untouched:
                yield waiting.popleft(), floor


def everybody(floor: Desk) -> list[tuple[Any, ...]]:
    """What the outcome of a command may depend on."""
    return floor.sql(
        "SELECT id, account, login, display_name, email, type, active, failed_attempts, attempt,"
        " pin_version FROM people ORDER BY id"
    )


def served(case: Case) -> Case:
    """The case on a server, where the tests' own server, which syncs nothing, is not healthy."""
    return replace(case, code=8, error="unavailable") if case.line == "doctor" else case


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize(
    "engine", ["sqlite", pytest.param("postgresql", marks=pytest.mark.rotating)]
)
def test_an_answer_in_json(
    request: pytest.FixtureRequest, tmp_path: Path, engine: str, section: str
) -> None:
    """Exit code, `ok`, `error.code` and the exact keys, in one object on stdout alone."""
    is_served = engine == "postgresql"
    template = request.getfixturevalue("served_template" if is_served else "template")
    for case, floor in on_floors(template, tmp_path, SECTIONS[section]):
        who = floor
        if isinstance(floor, ServedDesk) and case.line.startswith("store upgrade"):
            who = floor.as_login("owner")  # the schema is its owner's
        ran = call(who, f"{case.line} --json", case.stdin)
        require_json(served(case) if is_served else case, ran)


@pytest.mark.parametrize("section", SECTIONS)
def test_an_answer_for_people(template: Desk, tmp_path: Path, section: str) -> None:
    """The same exit code; an answer on stdout alone, an error with its hint on stderr alone."""
    cases = [case for case in SECTIONS[section] if not case.json_only]
    for case, floor in on_floors(template, tmp_path, cases):
        require_text(case, call(floor, case.line, case.stdin))


def test_an_answer_of_a_process(template: Desk, tmp_path: Path) -> None:
    """A real process keeps to the same table, in both forms."""
    for case, floor in on_floors(template, tmp_path, AS_PROCESSES):
        require_json(case, floor.run(*shlex.split(case.line), "--json", stdin=case.stdin))
        if case.is_problem:  # anything else has changed the floor
            require_text(case, floor.run(*shlex.split(case.line), stdin=case.stdin))


def test_init_answers_with_both_folders(tmp_path: Path, floor: Desk) -> None:
    """`init` with other folders makes a store there, names both, and leaves this one alone."""
    new = Desk(tmp_path / "new" / "store", tmp_path / "new" / "keys")
    answer = answer_of(call(new, "init --json"))
    assert set(answer) == {"pincli", "command", "ok", "store", "keys"}
    assert (answer["store"], answer["keys"]) == (str(new.store), str(new.keys))
    assert new.database.is_file()
    assert len(floor.events()) > 1


def test_every_command_is_in_the_table() -> None:
    """Every command has its cases in the table."""
    assert set(COMMANDS) | {"complete", "desk"} >= existing_commands()
    in_table = {
        name for name in COMMANDS for case in TABLE if f"{case.line} ".startswith(f"{name} ")
    }
    assert set(COMMANDS) - in_table == {"demo"}


def test_an_import_tells_what_it_did(floor: Desk, tmp_path: Path) -> None:
    """It counts rows by what became of them; a dry run counts the same."""
    file = tmp_path / "people.csv"
    file.write_text("user,account,name,type\nbea,acme,Bea,cloud\nalice,acme,Alice,cloud\n")
    keys = {"pincli", "command", "ok", "rows", "added", "updated", "unchanged"}
    dry = answer_of(call(floor, f"import {file} --dry-run --json"))
    wet = answer_of(call(floor, f"import {file} --json"))
    assert set(wet) == keys | {"deactivated", "pins", "rejected"}
    assert set(dry) == set(wet) | {"dry_run"}
    for answer in (dry, wet):
        counts = [answer[key] for key in ("rows", "added", "updated", "unchanged")]
        assert counts == [2, 1, 0, 1]


def test_a_backup_does_not_overwrite(floor: Desk, tmp_path: Path) -> None:
    """It prints file and size; a second one is refused, and the file is the same."""
    file = tmp_path / "copy.db"
    answer = answer_of(call(floor, f"backup {file} --json"))
    assert set(answer) == {"pincli", "command", "ok", "file", "bytes"}
    data = file.read_bytes()
    assert answer["bytes"] == len(data)
    assert call(floor, f"backup {file}").code == 7
    assert file.read_bytes() == data


WITHOUT_A_STORE = ("pin check", "demo", "completion", "help")
"""Commands that need none."""
USAGE_OF_A_STORE = (
    "import nowhere.csv",
    "report --since 60d",
    "report --html nowhere/report.html",
    "audit verify --archive nowhere.jsonl",
    "audit archive --before 400d --output nowhere/old.jsonl",
)
"""Wrong usage that only shows once the store is open."""


@pytest.mark.parametrize("command", sorted({*COMMANDS} - {"init", "doctor", *WITHOUT_A_STORE}))
def test_without_a_store_only_wrong_usage_comes_first(tmp_path: Path, command: str) -> None:
    """Wrong usage is exit 2; everything else is exit 8 with a hint, and no store is made."""
    nowhere = Desk(tmp_path / "store", tmp_path / "keys")
    for case in (c for c in TABLE if f"{c.line} ".startswith(f"{command} ")):
        error = answer_of(call(nowhere, f"{case.line} --json", case.stdin))["error"]
        if case.error == "usage" and case.line not in USAGE_OF_A_STORE:
            assert error["code"] == "usage", case
        else:
            assert error["code"] == "unavailable", case
            assert str(nowhere.store) in error["message"], case
            assert "pincli init" in error["hint"], case
    assert list(tmp_path.iterdir()) == []


def test_a_pin_can_be_checked_without_a_store(tmp_path: Path) -> None:
    """`pin check` needs neither store nor keys, and makes none."""
    nowhere = Desk(tmp_path / "store", tmp_path / "keys")
    assert call(nowhere, "pin check --pin-stdin", OTHER).code == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("key", [AUDIT_KEY, VERIFY_KEY, PORTAL_PUBLIC, PORTAL_PRIVATE])
@pytest.mark.parametrize("line", NEEDED_KEYS)
def test_a_missing_key_stops_only_commands_that_need_it(floor: Desk, line: str, key: str) -> None:
    """A command without a key that it needs is exit 8 and changes nothing; others work."""
    (floor.keys / key).unlink()
    before = content(floor.store)
    ran = call(floor, f"{line} --json", RIGHT if line.startswith("verify") else OTHER)
    if key in NEEDED_KEYS[line]:
        answer = answer_of(ran)
        assert answer["error"]["code"] == "unavailable"
        assert key in answer["error"]["message"]
        assert content(floor.store) == before
    else:
        assert answer_of(ran)["ok"]


# What the keys hold.


def test_a_verdict_says_who_and_how_many_are_left(floor: Desk) -> None:
    """Verified, incorrect, and the sixth miss, which is incorrect in the state `locked`."""
    right = answer_of(call(floor, "verify vera --pin-stdin --json", RIGHT))
    wrong = answer_of(call(floor, "verify alice --pin-stdin --json", WRONG))
    assert (right["user"], right["account"], right["name"]) == ("vera", "acme", "Vera")
    assert (right["outcome"], right["state"], right["attempts_left"]) == ("verified", "active", 6)
    assert (wrong["outcome"], wrong["state"], wrong["attempts_left"]) == ("incorrect", "active", 5)
    assert right["locked_since"] is wrong["locked_since"] is None


def test_the_sixth_miss_is_incorrect_and_locks(floor: Desk) -> None:
    """Exit 3 with the state `locked`; the next call, the right PIN too, is exit 4."""
    sixth = answer_of(call(floor, "verify vera --pin-stdin --json", WRONG))
    after = answer_of(call(floor, "verify vera --pin-stdin --json", RIGHT))
    assert (sixth["outcome"], sixth["state"], sixth["attempts_left"]) == ("incorrect", "locked", 0)
    assert sixth["error"]["code"] == "incorrect"
    assert (after["outcome"], after["state"], after["attempts_left"]) == ("locked", "locked", 0)
    assert after["locked_since"] == sixth["locked_since"] is not None


@pytest.mark.parametrize(
    ("user", "state"),
    [
        ("alice", "active"),
        ("vera", "active"),
        ("lara", "locked"),
        ("ludo", "inactive"),
        ("ina", "inactive"),
        ("otto", "ineligible"),
        ("uma", "uncollected"),
    ],
)
def test_a_card_shows_the_derived_state(floor: Desk, user: str, state: str) -> None:
    """`status`, `user show` and `verify` name the same state."""
    card = answer_of(call(floor, f"status {user} --json"))
    record = answer_of(call(floor, f"user show {user} --json"))
    verdict = answer_of(call(floor, f"verify {user} --pin-stdin --json", RIGHT))
    assert card["state"] == record["state"] == verdict["state"] == state
    assert card["attempts_used"] + card["attempts_left"] == 6
    assert (card["pin_set_at"] is None) == (card["pin_set_by"] is None)
    assert card["pin_set_by"] in (None, "customer")
    used = answer_of(call(floor, f"status {user} --json"))["attempts_used"]
    assert used == floor.user(user).failed_attempts


def test_lists_hold_cards_and_totals_of_what_they_show(floor: Desk) -> None:
    """A list's users are cards, and its totals count exactly those users."""
    for line in ("--locked", "--state active", "--account acme", "--account globex --locked"):
        answer = answer_of(call(floor, f"status {line} --json"))
        counts = dict.fromkeys(["inactive", "ineligible", "locked", "uncollected", "active"], 0)
        for user in answer["users"]:
            assert set(user) == CARD
            counts[user["state"]] += 1
        assert answer["totals"] == counts


def test_the_overview_counts_everybody(floor: Desk) -> None:
    """With nothing, `status` gives the totals of all and the latest locks."""
    answer = answer_of(call(floor, "status --json"))
    assert answer["totals"] == {
        "inactive": 2,
        "ineligible": 1,
        "locked": 1,
        "uncollected": 1,
        "active": 3,
    }
    assert {"lara"} <= {user["user"] for user in answer["users"]} <= {"lara", "ludo"}
    assert all(set(user) == CARD for user in answer["users"])


def test_exit_code_goes_by_the_derived_state_everywhere(floor: Desk) -> None:
    """A deactivated user at six is `inactive`: no form of `status --exit-code` calls that 4."""
    assert call(floor, "unlock lara --reason rang").code == 0
    codes = {
        line: call(floor, f"status {line} --exit-code").code
        for line in ("ludo", "--locked", "--account acme", "")
    }
    assert codes == {"ludo": 0, "--locked": 0, "--account acme": 0, "": 0}


def test_exit_code_changes_the_exit_status_alone(floor: Desk) -> None:
    """The JSON with `--exit-code` is the JSON without it."""
    for line in ("status lara", "status --locked", "status"):
        assert call(floor, f"{line} --json --exit-code").out == call(floor, f"{line} --json").out


def test_a_receipt_counts_what_it_did(floor: Desk) -> None:
    """Withdrawn, kept locked and unchanged add up, and each user's state is shown."""
    answer = answer_of(call(floor, "reset alice lara uma otto --yes --json"))
    counts = [answer[key] for key in ("matched", "reset", "kept_locked", "unlocked", "unchanged")]
    assert counts == [4, 2, 1, 0, 2]
    assert answer["users"] == [
        {"user": "alice", "account": "acme", "state": "uncollected"},
        {"user": "lara", "account": "acme", "state": "locked"},
        {"user": "uma", "account": "acme", "state": "uncollected"},
        {"user": "otto", "account": "acme", "state": "ineligible"},
    ]


def test_a_dry_run_counts_the_same_and_changes_nothing(floor: Desk) -> None:
    """A dry run counts what the reset then does."""
    before = content(floor.store)
    line = "reset alice lara uma otto --unlock --reason rang --json"
    dry = answer_of(call(floor, f"{line} --dry-run"))
    assert content(floor.store) == before
    wet = answer_of(call(floor, f"{line} --yes"))
    assert dry.pop("dry_run") is True
    for key in ("matched", "reset", "kept_locked", "unlocked", "unchanged"):
        assert dry[key] == wet[key], key


def test_only_reveal_shows_new_pins(floor: Desk) -> None:
    """`--issue` makes PINs without showing them; `--reveal` shows them, and they verify."""
    issued = answer_of(call(floor, "reset vera --issue --yes --json"))
    revealed = answer_of(call(floor, "reset alice otto --reveal --yes --json"))
    assert issued["users"] == [{"user": "vera", "account": "acme", "state": "active"}]
    alice, otto = revealed["users"]
    assert set(alice) == {"user", "account", "state", "pin"}
    assert set(otto) == {"user", "account", "state"}
    assert call(floor, "verify alice --pin-stdin", alice["pin"]).code == 0
    assert call(floor, "pin show alice --json").out.count(alice["pin"]) == 1


def test_issue_prints_no_pin(floor: Desk) -> None:
    """`reset --issue` prints no six digits."""
    ran = call(floor, "reset alice --issue --yes")
    assert ran.code == 0
    assert re.search(r"\d{6}", ran.out) is None


def test_the_shown_pin_is_the_one_that_verifies(floor: Desk) -> None:
    """`pin show` gives the same PIN twice, and it verifies."""
    first, second = (answer_of(call(floor, "pin show uma --json")) for _ in range(2))
    assert first == second
    assert re.fullmatch("[0-9]{6}", first["pin"])
    assert call(floor, "verify uma --pin-stdin", f"{first['pin']}\r\n").code == 0


def test_records_and_events_have_exactly_their_keys(floor: Desk) -> None:
    """Rows of `user list` are records; those of `audit list` are events, the newest first."""
    people = answer_of(call(floor, "user list --json"))["users"]
    events = answer_of(call(floor, "audit list --json"))["events"]
    assert {frozenset(row) for row in people} == {RECORD}
    assert {frozenset(row) for row in events} == {EVENT}
    assert [row["user"] for row in people] == sorted(row["user"] for row in people)
    numbers = [row["seq"] for row in events]
    assert numbers == sorted(numbers, reverse=True)
    assert len(answer_of(call(floor, "audit list --limit 3 --json"))["events"]) == 3


def test_deactivating_twice_is_not_a_change(floor: Desk) -> None:
    """`changed` is false the second time, and the exit code is 0 both times."""
    answers = [answer_of(call(floor, "user deactivate alice --json")) for _ in range(2)]
    assert [answer["changed"] for answer in answers] == [True, False]
    assert [answer["state"] for answer in answers] == ["inactive", "inactive"]


# Where several exit codes apply: usage, 8, 7 role, 6, 4 or 5, malformed 2, 7 rule, 3.


def without_store(desk: Desk) -> None:
    """Remove the database."""
    desk.database.unlink()


def without_verify_key(desk: Desk) -> None:
    """Remove the key that PINs are compared with."""
    (desk.keys / VERIFY_KEY).unlink()


def without_audit_key(desk: Desk) -> None:
    """Remove the key that events are signed with."""
    (desk.keys / AUDIT_KEY).unlink()


LONG = "4" * 5000

PRECEDENCE = (
    # 8 comes before 6, 4, 5, a malformed PIN, 7 and 3; without a store too, see above
    (without_store, "verify alice --pin-stdin", LONG, 8, "unavailable"),
    (without_verify_key, "verify nobody --pin-stdin", RIGHT, 8, "unavailable"),
    (without_verify_key, "verify lara --pin-stdin", RIGHT, 8, "unavailable"),
    (without_verify_key, "verify otto --pin-stdin", RIGHT, 8, "unavailable"),
    (without_verify_key, "verify alice --pin-stdin", "12345", 8, "unavailable"),
    (without_verify_key, "verify alice --pin-stdin", WRONG, 8, "unavailable"),
    (without_audit_key, "unlock alice --reason why", "", 8, "unavailable"),
    (without_audit_key, "unlock nobody --reason why", "", 8, "unavailable"),
    (without_audit_key, "user add alice --account acme", "", 8, "unavailable"),
    # 2 usage comes before 6
    (None, "status nobody --locked", "", 2, "usage"),
    (None, "unlock nobody", "", 2, "usage"),
    (None, "unlock nobody --reason ''", "", 2, "usage"),
    (None, "reset nobody", "", 2, "usage"),
    (None, "verify nobody --pin-stdin", "", 2, "usage"),
    (None, "reset nobody 'al ice' --yes", "", 2, "usage"),
    # 6 comes before a malformed PIN
    (None, "verify nobody --pin-stdin", "12345", 6, "unknown_user"),
    (None, "verify nobody --pin-stdin", LONG, 6, "unknown_user"),
    (None, "pin change nobody --pin-stdin", "12345", 6, "unknown_user"),
    (None, "status --account nowhere --locked --exit-code", "", 6, "unknown_account"),
    # 4 and 5 come before a malformed PIN
    (None, "verify lara --pin-stdin", "12345", 4, "locked"),
    (None, "verify lara --pin-stdin", LONG, 4, "locked"),
    (None, "verify uma --pin-stdin", "12345", 5, "uncollected"),
    (None, "verify ina --pin-stdin", "", 2, "usage"),
    (None, "verify ina --pin-stdin", "12345", 5, "inactive"),
    (None, "verify otto --pin-stdin", LONG, 5, "ineligible"),
    (None, "pin change otto --pin-stdin", "12345", 5, "ineligible"),
    (None, "pin change otto --pin-stdin", LONG, 5, "ineligible"),
    (None, "pin change ina --pin-stdin", "444412", 5, "inactive"),
    # a malformed PIN comes before 7
    (None, "pin change lara --pin-stdin", "12345", 2, "malformed_pin"),
)


@pytest.mark.parametrize(
    ("spoil", "line", "stdin", "code", "error"),
    PRECEDENCE,
    ids=[
        f"{p[0].__name__ if p[0] else 'whole'}: {p[1]} < {p[2][:8] or 'nothing'} -> {p[3]}"
        for p in PRECEDENCE
    ],
)
def test_of_several_exit_codes_the_first_wins(
    floor: Desk, spoil: Any, line: str, stdin: str, code: int, error: str
) -> None:
    """The order of DESIGN.md: usage, 8, 7 role, 6, 4 or 5, malformed 2, 7 rule, 3."""
    if spoil is not None:
        spoil(floor)
    ran = call(floor, f"{line} --json", stdin)
    assert (ran.code, answer_of(ran)["error"]["code"]) == (code, error)
    assert call(floor, line, stdin).code == code


# Option parsing.


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("--json", None),
        ("--nope --json", None),
        ("--json status", "status"),
        ("--nope status --json", "status"),
        ("status --nope --json", "status"),
        ("status --json --nope", "status"),
        ("status --state --json", "status"),
        ("verify --json", "verify"),
        ("--json verify alice", "verify"),
        ("verify --json alice extra", "verify"),
        ("verify alice extra more --json", "verify"),
        ("user --json", "user"),
        ("user --nope --json", "user"),
        ("user juggle --json", "user"),
        ("user --json add", "user"),
        ("user add --json", "user add"),
        ("user add bea --json", "user add"),
        ("user add bea --account --json", "user add"),
        ("user add --nope bea --json", "user add"),
        ("pin --json", "pin"),
        ("pin 444159 --json", "pin"),
        ("audit list --limit x --json", "audit list"),
        ("nope --json", None),
        ("444159 --json", None),
        ("nope alice --json", None),
        ("--store --json", None),
    ],
)
def test_wrong_usage_is_json_too(floor: Desk, line: str, command: str | None) -> None:
    """With --json anywhere, an error of option parsing is one object that names its command."""
    ran = call(floor, line)
    answer = answer_of(ran)
    assert ran.code == 2
    assert answer["error"]["code"] == "usage"
    assert answer["command"] == command


@pytest.mark.parametrize("line", ["--store", "verify alice --ref", "user add bea --account"])
def test_an_option_without_its_value(floor: Desk, line: str) -> None:
    """An option without its value at the end of the line is exit 2, and is named."""
    ran = call(floor, line)
    message, _ = error_of(ran)
    assert ran.code == 2
    assert line.rpartition(" ")[2] in message


@pytest.mark.parametrize(
    ("line", "option", "value"),
    [
        ("verify alice --ref --json --pin-stdin", "--ref", "--json"),
        ("unlock lara --reason --json", "--reason", "--json"),
        ("reset --account --yes", "--account", "--yes"),
        ("audit list --agent --help", "--agent", "--help"),
    ],
)
def test_an_option_is_no_option_s_value(floor: Desk, line: str, option: str, value: str) -> None:
    """`--ref --json` is refused: it would record `--json` as the ticket."""
    ran = call(floor, line)
    assert ran.code == 2
    error = answer_of(ran)["error"] if "--json" in line else {}
    message, hint = (error["message"], error["hint"]) if error else error_of(ran)
    assert f"{option} needs a value" in message
    assert f"{option}={value}" in hint


def test_an_option_s_name_can_be_meant(floor: Desk) -> None:
    """With `=` an option's name is a value."""
    assert call(floor, "verify alice --ref=--json --pin-stdin", RIGHT).code == 0
    verified = [event for event in floor.events("alice") if event.kind is EventKind.VERIFIED]
    assert verified[-1].ticket == "--json"


@pytest.mark.parametrize(
    ("line", "attempt"),
    [
        ("verify alice --pin-stdin", True),
        ("pin change alice --pin-stdin", False),
        ("pin check --pin-stdin", False),
    ],
)
def test_the_error_for_a_malformed_pin_fits_the_command(
    floor: Desk, line: str, attempt: bool
) -> None:
    """The error speaks of an attempt and a caller only for `verify`."""
    ran = call(floor, line, "12345")
    assert ran.code == 2
    assert ("attempt" in ran.err) is ("caller" in ran.err) is attempt


def test_after_two_dashes_json_is_an_argument(floor: Desk) -> None:
    """After `--`, `--json` is an argument, and the error is plain text."""
    for line in ("status -- --json", "verify alice --pin-stdin -- --json", "user show -- --json"):
        ran = call(floor, line, RIGHT)
        assert ran.code == 2
        error_of(ran)


@pytest.mark.parametrize(
    "line",
    [
        "user juggle alice",
        "user 444159",
        "pin peek",
        "nope",
        "--nope",
        "status --nope",
        "status a b",
        "user add bea",
        "--nope verify",
    ],
)
def test_the_hint_of_a_usage_error_names_a_command_that_works(floor: Desk, line: str) -> None:
    """The command in the hint works."""
    _, hint = error_of(call(floor, line))
    named = re.search(r"`pincli ([^`]*)`", hint)
    assert named is not None, hint
    assert "--help" in named[1]
    if named[1] != "--help":
        assert call(floor, named[1]).code == 0, hint


def test_a_global_option_after_the_command(floor: Desk) -> None:
    """The hint for `status --store X` is that --store goes before the command."""
    for option in ("--store", "--keys"):
        message, hint = error_of(call(floor, f"status {option} elsewhere"))
        assert option in message
        assert f"pincli {option} DIR status" in hint


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ("--json status", "pincli status --json"),
        ("--yes reset alice", "pincli reset --yes"),
        ("--exit-code --json alerts", "pincli alerts --exit-code"),
        ("--limit 5 audit list", "pincli audit list --limit"),
        ("audit --limit list", "pincli audit list --limit"),
        ("--nope status", ""),
        ("--json user", ""),
        ("--json", ""),
    ],
)
def test_an_option_before_its_command(floor: Desk, line: str, right: str) -> None:
    """The hint puts an option after the command that has it, or else names the help."""
    ran = call(floor, line)
    hint = answer_of(ran)["error"]["hint"] if "--json" in line else error_of(ran)[1]
    assert ran.code == 2
    assert hint.endswith(right) if right else "--help" in hint


def test_the_error_for_a_bad_number_is_plain(floor: Desk) -> None:
    """The error for a value that is no number names no type."""
    message, _ = error_of(call(floor, "audit list --limit x"))
    assert "--limit" in message
    assert "range" not in message
    assert "range" not in call(floor, "audit list --help").out


PLAIN_WORDS = """
    init verify status lock unlock reset pin user audit show change check add list deactivate
    activate
    alice vera lara ludo uma ina otto nobody ALICE acme locked active cloud why 0 3 -1 444159
    --pin-stdin --json --yes --dry-run --unlock --issue --reveal --locked --exit-code --reason
    --account --state --limit --user --ref --name --type -- - --nope -h=x --store --keys
"""
ODD_WORDS = ["", " ", "\x1b[31m", "\u202e", "\udcff", "al ice"]
WORDS = st.sampled_from([*PLAIN_WORDS.split(), *ODD_WORDS])
PINS = st.sampled_from(["", "\n", RIGHT, f"{RIGHT}\n", f"{WRONG}\r\n", "12345", "4" * 3000])


@settings(
    max_examples=150 if EVERYTHING else 40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(words=st.lists(WORDS, max_size=7), pin=PINS)
def test_any_command_line_keeps_to_the_contract(floor: Desk, words: list[str], pin: str) -> None:
    """No words lead to exit 1; with --json the answer is one object that fits the exit code."""
    ran = call(floor, words or ["status"], pin)
    assert ran.code in (0, 2, 3, 4, 5, 6, 7, 8), (words, ran)
    before_dashes = words[: words.index("--")] if "--" in words else words
    if ran.code == 2 and "--json" in before_dashes:
        assert answer_of(ran)["ok"] is False
    elif ran.code in (2, 6, 7, 8) and not ran.out:
        error_of(ran)


def test_no_second_object_follows_a_part_of_one(
    floor: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If stdout takes only a part of the answer, the error goes to stderr alone."""
    whole = json_output.write

    def write_a_part(_: object, stream: TextIO, **__: object) -> None:
        monkeypatch.setattr(json_output, "write", whole)  # from now on there is room
        stream.write('{"pincli"')
        raise OutputUnavailable(closed_by_reader=False)

    monkeypatch.setattr(json_output, "write", write_a_part)
    ran = call(floor, "status alice --json")
    assert (ran.code, ran.out) == (8, '{"pincli"')
    assert "could not be written" in ran.err


def test_groups_are_not_commands() -> None:
    """A group alone is exit 2."""
    lines = {case.line: case.code for case in TABLE}
    assert {lines[group] for group in GROUPS} == {2}
