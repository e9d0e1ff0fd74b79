"""People's real logins, in every place that reads, shows, completes or hands them out."""

from __future__ import annotations

import csv
import io
import json
import shlex
from pathlib import Path

import pytest

from tests.support.as_sudo import call_by_sudo, deploy, read_instead
from tests.support.contract import answer_of, call, error_of
from tests.support.desk import new_desk
from tests.support.terminal import cells, terminal

LOGINS = {
    "O'Brien@Example.com": "o'brien@example.com",
    "CORP\\bob": "corp\\bob",
    "c_example.com#EXT#@tenant.example": "c_example.com#ext#@tenant.example",
    "_svc": "_svc",
    "BJØRN@eksempel.example": "bjørn@eksempel.example",
    "田中": "田中",
    "иван@example.com": "иван@example.com",
    "L" * 254: "l" * 254,
    "$(id)": "$(id)",
    "'=1+1": "=1+1",  # as our own CSV has it
    "+49123|-5;=x": "+49123|-5;=x",
    "@bob": "@bob",
    "444159": "444159",
}
"""As a directory exports them, and as they are known from then on."""
SCRIPTS = {"bjørn@eksempel.example": "Latin", "田中": "Han", "иван@example.com": "Cyrillic"}
ACCOUNT = "smith & o'sons -x"


@pytest.mark.rotating
@pytest.mark.parametrize("exported", LOGINS, ids=[login[:20] for login in LOGINS.values()])
def test_a_login_is_itself_everywhere(
    exported: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the import to the audit trail: read, found, shown, completed, exported, quoted."""
    login, desk = LOGINS[exported], new_desk(tmp_path)

    taken = call(desk, "import -", _people([(exported, "Smith  & O'Sons -x", "'=Name")]))
    assert taken.code == 0, taken
    known = answer_of(call(desk, ["status", "--json", exported.removeprefix("'")]))
    assert (known["user"], known["account"], known["name"]) == (login, ACCOUNT, "=Name")

    beginning = login[: 2 if login.isascii() else 1]
    assert call(desk, ["complete", "--", "verify", beginning]).out == f"{login}\n"
    assert call(desk, ["complete", "--", "status", "--account=SM"]).out == f"--account={ACCOUNT}\n"

    pins = tmp_path / "pins.csv"
    line = ["reset", "--yes", "--json", "--from-file", "-", "--output", str(pins)]
    assert answer_of(call(desk, line, f"# a comment\n{login}\n"))["matched"] == 1
    handed = pins.read_text("utf-8")
    (row,) = csv.DictReader(io.StringIO(handed))
    assert not any(cell.lstrip().startswith(tuple("=+-@")) for cell in row.values())
    again = call(desk, "import - --json", _people([(row["user"], row["account"], row["name"])]))
    assert (answer_of(again)["added"], answer_of(again)["unchanged"]) == (0, 1)

    assert call(desk, ["verify", login, "--pin-stdin"], f"{row['pin']}\n").code == 0
    (last, *_) = answer_of(call(desk, ["audit", "list", "--json", "--user", login]))["events"]
    assert (last["kind"], last["user"]) == ("verified", login)

    shown = f"{login} [{SCRIPTS[login]}]" if login in SCRIPTS else login
    for words in (["status", login], ["user", "show", login], ["status", "--account", ACCOUNT]):
        assert shown in call(desk, words).out
    assert shown in call(desk, "audit list").out
    _, hint = error_of(call(desk, ["user", "add", login, "--account", ACCOUNT]))
    wanted = ["pincli", "user", "show", login, "--account", ACCOUNT]
    assert shlex.split(hint.strip("`")) == wanted

    for form in (f"{login}\t{ACCOUNT}", json.dumps({"user": login, "account": ACCOUNT})):
        named = answer_of(call(desk, "user activate --json --from-file -", f"{form}\n"))
        assert (named["matched"], named["changed"]) == (1, 0)
    (found,) = answer_of(call(desk, ["find", "--json", login]))["users"]
    assert found["user"] == login
    for before, after in ((login, "somebody"), ("somebody", exported.removeprefix("'"))):
        assert call(desk, ["user", "rename", before, after]).code == 0
    assert call(desk, ["verify", login, "--pin-stdin"], f"{row['pin']}\n").code == 0

    with terminal(desk, "status", "--account", ACCOUNT) as screen:
        assert screen.end() == 0
    assert all(cells(each) <= 80 for each in screen.text.splitlines())
    assert "".join(screen.text.split()).count(login[-1]) >= login.count(login[-1])

    read_instead(tmp_path / "pincli.toml", monkeypatch)
    deploy(desk, tmp_path / "pincli.toml", "agent")
    under_sudo = call_by_sudo(desk, shlex.join(["status", "--json", login]))
    assert answer_of(under_sudo)["user"] == login


@pytest.mark.parametrize("login", ["-rf", "a b", "#alice", "аlice", "l" * 255, "o’brien", "*"])  # noqa: RUF001
def test_what_is_not_a_login_is_refused_everywhere(login: str, tmp_path: Path) -> None:
    """The message says why, and nothing is half done."""
    desk = new_desk(tmp_path)
    lines = (
        (["status", "--", login], ""),
        (["user", "add", "--account", "acme", "--", login], ""),
        (["user", "rename", "--", "alice", login], ""),
        (["user", "deactivate", "--from-file", "-"], f"{login}\n"),
        (["import", "-"], _people([(login, "acme", "")])),
    )
    for words, stdin in lines:
        ran = call(desk, words, stdin)
        assert ran.code == 2, words
        assert "not a valid user name: it " in ran.err or "not a valid user name: use '" in ran.err
    assert desk.sql("SELECT * FROM people") == []


def test_six_digits_are_hidden_unless_somebody_is_called_so(tmp_path: Path) -> None:
    """Unknown digits could be a PIN and are hidden; a login of six digits is shown."""
    desk = new_desk(tmp_path)
    desk.add("444159")
    assert "444159 is not locked" in call(desk, "unlock 444159 --reason x").err
    message, hint = error_of(call(desk, "status 904617"))
    assert "904617" not in message
    assert "six digits are hidden: they could be a PIN" in hint
    assert "did you mean 444159?" in call(desk, "status 444158").err


def _people(rows: list[tuple[str, str, str]]) -> str:
    """A file of people."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([("user", "account", "name", "type")])
    csv.writer(text).writerows([*row, "federated"] for row in rows)
    return text.getvalue()
