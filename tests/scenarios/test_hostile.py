"""Hostile input: no crash, and no byte that a terminal would act on."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from pincli.commands import store
from tests.support.contract import call
from tests.support.desk import Desk, Ran
from tests.support.driving import edit
from tests.support.floor import RIGHT, copy_of
from tests.support.terminal import terminal

CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufffd]")
"""Characters that a terminal acts on, without the newline, and the replacement character."""

CORPUS = (
    "\x1b[31mred\x1b[0m",
    "\x1b]0;owned\x07",
    "\x1b]52;c;cm0gLXJm\x07",
    "\x1b]8;;http://evil\x1b\\click\x1b]8;;\x1b\\",
    "\x1bP+q544e\x1b\\",
    "\x9b31mred",
    "\x9d52;c;x\x9c",
    "alice\rVERIFIED",
    "alice\nhint: all is well",
    "alice\u202egnp.exe",
    "\u2066alice\u2069",
    "\u2028\u2029",
    "\x00",
    "alice\x00",
    "\x7f\x08\x08\x08",
    "\t\v\f",
    "[/]",
    "[red]alice[/red]",
    "[link=https://evil]alice[/link]",
    "[bold",
    ":skull:",
    "al\udcff\udcfeice",
    "\ud800",
    "\ufffe\uffff",
    "\U000e0041\U000e007f",
    "a\u0300" * 50,
    "\u0661\u0662\u0663\u0664\u0665\u0666",
    "444159",
    "x" * 5000,
    "{}", "%s%n", "${HOME}", "$(id)", "`id`", "'; DROP TABLE users; --", "../../etc/passwd",
    "-", "--", "-x", "--pin=444159", "=1+1", "",
)  # fmt: skip

LINES = (
    ("verify", "{}", "--pin-stdin"),
    ("verify", "alice", "--pin-stdin", "--ref", "{}"),
    ("status", "{}"),
    ("status", "--account", "{}"),
    ("status", "--state", "{}"),
    ("status", "--{}"),
    ("user", "{}"),
    ("unlock", "{}", "--reason", "x"),
    ("unlock", "lara", "--reason", "{}"),
    ("reset", "{}", "--yes"),
    ("reset", "--account", "{}", "--yes", "--dry-run"),
    ("reset", "alice", "--yes", "--reason", "{}"),
    ("reset", "--from-file", "{}", "--yes"),
    ("user", "add", "{}", "--account", "acme"),
    ("user", "add", "zoe", "--account", "{}"),
    ("user", "add", "zoe", "--account", "acme", "--name", "{}"),
    ("user", "add", "zoe", "--account", "acme", "--type", "{}"),
    ("user", "show", "{}"),
    ("user", "list", "--account", "{}"),
    ("user", "deactivate", "{}"),
    ("user", "deactivate", "ina", "--reason", "{}"),
    ("pin", "show", "{}"),
    ("pin", "change", "{}", "--pin-stdin"),
    ("audit", "list", "--user", "{}"),
    ("audit", "list", "--account", "{}"),
    ("audit", "list", "--agent", "{}"),
    ("audit", "list", "--kind", "{}"),
    ("audit", "list", "--since", "{}"),
    ("audit", "list", "--limit", "{}"),
    ("audit", "verify", "--expect-head", "{}"),
    ("import", "{}", "--dry-run"),
    ("restore", "{}", "--yes"),
    ("keys", "rotate", "{}"),
    ("keys", "{}"),
    ("{}",),
    ("complete", "--json", "--", "verify", "{}"),
    ("pin", "check", "--pin-stdin"),
)


@pytest.fixture
def floor(template: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The floor for one test, in a working folder of its own."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(store, "DEPLOYMENT", tmp_path / "none")
    return copy_of(template, tmp_path)


def harmless(ran: Ran) -> None:
    """Fail if it crashed or printed a control character."""
    assert ran.code != 1, ran
    assert ran.code in (0, 2, 3, 4, 5, 6, 7, 8), ran
    for stream in (ran.out, ran.err):
        assert CONTROL.search(stream) is None, ran
        assert "Traceback" not in stream, ran


def tried(desk: Desk, line: tuple[str, ...], text: str, *, as_json: bool) -> None:
    """Run a line with a text in it, if a process could get such an argument."""
    if "\0" in text or any("\ud800" <= character < "\udc80" for character in text):
        return
    if line[0] == "import" and text == "-":
        return  # standard input, which has no descriptor here
    words = [word.replace("{}", text) for word in line]
    stdin = f"{text}\n".encode(errors="surrogateescape")
    harmless(call(desk, [*words, "--json"] if as_json else words, stdin))


@pytest.mark.rotating
@pytest.mark.parametrize("line", LINES, ids=" ".join)
def test_no_text_does_any_harm(floor: Desk, line: tuple[str, ...]) -> None:
    """No text on the command line or stdin does harm."""
    for number, text in enumerate(CORPUS, LINES.index(line)):
        tried(floor, line, text, as_json=number % 2 == 0)


@pytest.mark.rotating
@pytest.mark.parametrize(
    "text",
    ["\x1b[2J\x1b]52;c;cm0gLXJm\x07", "\x9b31m\x9d0;x\x9c",
     "a\rb\nc\td\x7f\x08", "a\u202eb\u2066c\u2028",
     "[link=https://evil]x[/link][/]", "a\\udcffb\U000e0041", "$(id) `id` 'x' \"y\"", "444159"],
    ids=repr,
)  # fmt: skip
def test_hostile_texts_in_the_store_are_escaped(floor: Desk, text: str) -> None:
    """Every command escapes a hostile text in the store."""
    everybody = [login for (login,) in floor.sql("SELECT login FROM people")]
    edit(floor, *everybody, display_name=text, account=text, last_attempt_by=text)
    edit(floor, "gus", login=text)
    floor.sql("UPDATE trail SET agent = ?, command = ?, account = ?, outcome = ?", *[text] * 4)
    floor.sql("UPDATE texts SET reason = ?, ticket = ?, name = ?", *[text] * 3)
    for line in (
        "status", "status alice", "status --locked", "status --state active", "user list",
        "user show alice", "audit list", "audit list --jsonl", "audit verify", "alerts",
        "keys list", "doctor", "verify alice --pin-stdin", "verify lara --pin-stdin",
        "unlock lara --reason x", "reset alice --yes", "pin show uma", "user deactivate alice",
        "user edit otto --name x", "user rename otto oz", "user erase ludo --yes",
        "complete verify ''",
    ):  # fmt: skip
        for form in ("", " --json"):
            if not (form and "jsonl" in line):
                harmless(call(floor, line + form, f"{RIGHT}\n", LC_ALL="" if form else "C"))
        harmless(call(floor, line, f"{RIGHT}\n"))


@pytest.mark.parametrize(
    "text", ["\x1b]52;c;cm0gLXJm\x07", "\x9b31m", "a\u202eb", "[link=http://x]y[/link]", "a\rb"]
)
def test_nothing_from_the_store_reaches_a_terminal(floor: Desk, text: str) -> None:
    """On a colour terminal only our own styles come out, and markup is text."""
    edit(floor, "alice", display_name=text)
    with terminal(floor, "status", "alice") as screen:
        assert screen.end() == 0
        raw = re.sub(rb"\x1b\[[0-9;]*m", b"", screen.raw).decode()
    assert CONTROL.search(raw.replace("\r\n", "\n")) is None
    assert "\x1b" not in raw
    assert text.startswith("[") <= (text in raw)


@pytest.mark.rotating
@pytest.mark.parametrize(
    "words",
    [
        [b"verify", b"al\xff\xfeice", b"--pin-stdin"],
        [b"verify", b"alice", b"--ref", b"\x1b]52;c;x\x07", b"--pin-stdin"],
        [b"user", b"show", b"\xed\xa0\x80"],
        [b"\xff\xff"],
        [b"--store", b"/tmp/\xff\xfe\x1b[31m", b"status"],
        [b"restore", b"/tmp/\xff\xfe\x1b[31m", b"--yes"],
        [b"backup", b"/nowhere/\xff\xfe\x9b31m"],
        [b"import", b"\xff\xfe"],
        [b"audit", b"list", b"--agent", b"\xff"],
        [b"unlock", b"lara", b"--reason", b"\xff\x1b[31m"],
    ],
    ids=repr,
)
def test_bytes_that_are_no_text(floor: Desk, words: list[bytes]) -> None:
    """Bytes that aren't text do no harm; in the locale C all that comes out is ASCII."""
    line, stdin = [os.fsdecode(word) for word in words], b"\xff\xfe\x1b[31m\n"
    for form in ([], ["--json"]):
        harmless(floor.run(*line, *form, stdin=stdin))
    ran = floor.run(*line, stdin=stdin, LANG="C")
    harmless(ran)
    assert (ran.out + ran.err).isascii()


@pytest.mark.parametrize(
    "content", [b"", b"\x1b]52;c;x\x07", b"\xff" * 64, b"zz" * 32, b"a" * 10**6]
)
def test_a_broken_key_file_is_not_shown(floor: Desk, content: bytes) -> None:
    """A broken key file is exit 8, and its content is not shown."""
    for name in ("verify.key", "audit.key", "portal.pub", "portal.key"):
        (floor.keys / name).write_bytes(content)
    for line in (
        "verify alice --pin-stdin", "pin show alice", "keys list", "keys rotate --verify",
        "audit verify", "unlock lara --reason x", "doctor", "reset alice --yes",
    ):  # fmt: skip
        ran = call(floor, line, f"{RIGHT}\n")
        harmless(ran)
        assert ran.code == 8
        assert "zzzz" not in ran.out + ran.err
