"""A mistyped command, option or value: the near one is in the hint."""

from __future__ import annotations

import pytest

from tests.support.contract import answer_of, call, error_of
from tests.support.desk import Desk

MISTYPED = (
    ("verfiy alice", "no such command 'verfiy'", "did you mean `pincli verify`?"),
    ("VERIFY alice", "no such command 'VERIFY'", "did you mean `pincli verify`?"),
    ("st", "no such command 'st'", "did you mean `pincli status` or `pincli store`?"),
    (
        "re",
        "no such command 're'",
        "did you mean `pincli reset`, `pincli report` or `pincli restore`?",
    ),
    ("user ad bea", "no such command 'ad'", "did you mean `pincli user add`?"),
    ("pin chnage", "no such command 'chnage'", "did you mean `pincli pin change`?"),
    ("rotate", "no such command 'rotate'", "did you mean `pincli keys rotate`?"),
    ("show", "no such command 'show'", "did you mean `pincli pin show` or `pincli user show`?"),
    ("user status", "no such command 'status'", "did you mean `pincli status`?"),
    ("xyzzy", "no such command 'xyzzy'", "`pincli --help` lists the commands"),
    ("user xyzzy", "no such command 'xyzzy'", "`pincli user --help` lists the commands"),
    ("complete-name", "no such command 'complete-name'", "did you mean `pincli completion`?"),
    ("status --acount acme", "no such option: --acount", "did you mean `--account`?"),
    ("status --acount=acme", "no such option: --acount", "did you mean `--account`?"),
    ("status --lock", "no such option: --lock", "did you mean `--locked`?"),
    ("user list --stat active", "no such option: --stat", "did you mean `--state`?"),
    ("--verison", "no such option: --verison", "did you mean `--version`?"),
    ("verify alice --nothing-like-it", "no such option: --nothing-like-it", "`pincli verify"),
    ("status --stroe x", "no such option: --stroe", "--store goes before the command: pincli "),
    ("reset --state locked", "no such option: --state", "`pincli reset` has no --state; "),
    ("unlock --locked", "no such option: --locked", "`pincli unlock` has no --locked; "),
    ("pin --locked show", "no such option: --locked", "`pincli pin` has no --locked; "),
    ("pin --pin-stdin check", "no such option before the command: --pin-stdin", "--pin-stdin goes"),
    ("status --state lokced", "'lokced' is not one of", "did you mean `--state locked`?"),
    ("user add bea --account acme --type clod", "'clod' is not", "did you mean `--type cloud`?"),
    ("audit list --kind lokced", "'lokced' is not one of those it knows", "did you mean `--kind "),
    ("completion zhs", "invalid value for SHELL: 'zhs' is not one of", "did you mean `zsh`?"),
    ("status --state xyzzy", "'xyzzy' is not one of", "`pincli status --help` shows how"),
    ("loc alice", "no such command 'loc'", "did you mean `pincli lock`?"),
    ("unlok alice", "no such command 'unlok'", "did you mean `pincli unlock`?"),
    ("ulock alice", "no such command 'ulock'", "`pincli --help` lists the commands"),
    ("user unlock alice", "no such command 'unlock'", "did you mean `pincli unlock`?"),
    ("user lock alice", "no such command 'lock'", "did you mean `pincli lock`?"),
    ("reset alice --lock", "no such option: --lock", "`pincli reset --help` shows how"),
    ("status --unlocked", "no such option: --unlocked", "`pincli status --help` shows how"),
    ("status --state unlocked", "'unlocked' is not one of", "`pincli status --help` shows how"),
    ("help verfiy", "there is no help about 'verfiy'", "did you mean `pincli help verify`?"),
    ("help pin shw", "there is no help about 'pin shw'", "did you mean `pincli help pin show`?"),
)


@pytest.mark.parametrize(("line", "message", "hint"), MISTYPED)
def test_the_near_one_is_suggested(floor: Desk, line: str, message: str, hint: str) -> None:
    """Exit 2; the same sentence and hint for people and in the one object for programs."""
    ran = call(floor, line)
    shown = error_of(ran)
    assert (ran.code, message in shown[0]) == (2, True), shown
    assert shown[1].startswith(hint)
    error = answer_of(call(floor, f"{line} --json"))["error"]
    assert (error["code"], error["message"], error["hint"]) == ("usage", *shown)


def test_one_dash_too_few(floor: Desk) -> None:
    """The hint for `-json` is `--json`."""
    assert error_of(call(floor, "status -json"))[1] == "did you mean `--json`?"
