"""Wrong input, mostly to real processes.

Each time: one clear sentence, a hint, the right exit code, and nothing changed.
"""

from __future__ import annotations

import fcntl
import os
import subprocess

import pytest

from tests.support.contract import answer_of, call, error_of
from tests.support.desk import PROGRAM, Desk, Ran
from tests.support.floor import RIGHT, content
from tests.support.forks import forked

STRAY = "918273"
"""A PIN that somebody types in the wrong place."""


def everything(desk: Desk) -> dict[str, bytes]:
    """The bytes of all files of store and keys."""
    return {**content(desk.store), **content(desk.keys)}


def outcome(desk: Desk, command: list[str], stdin: str) -> Ran:
    """Run any command in the desk's environment."""
    done = subprocess.run(
        command,
        input=stdin.encode(),
        capture_output=True,
        env=desk.environment(),
        timeout=60,
        check=False,
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def in_shell(desk: Desk, redirections: str, *arguments: str, stdin: str = "") -> Ran:
    """Run pincli from a shell that redirects or closes its streams."""
    line = f'exec "$@" {redirections}'
    return outcome(desk, ["sh", "-c", line, "sh", *PROGRAM, *arguments], stdin)


# Lines that are wrong, and change nothing at all.


@pytest.mark.parametrize(
    ("words", "stdin", "code", "sentence", "hint"),
    [
        (["verify", "al ice", "--pin-stdin"], RIGHT, 2, "user name: it can't hold blanks", "login"),
        (["verify", "", "--pin-stdin"], RIGHT, 2, "not a valid user name", "login"),
        (["verify", "-alice", "--pin-stdin"], RIGHT, 2, "no such option", "--help"),
        (["verify", "a" * 255, "--pin-stdin"], RIGHT, 2, "1 to 254 characters", "login"),
        (["verify", "--pin-stdin"], RIGHT, 2, "USER", "--help"),
        (["verify", "alice", "--pin-stdin"], "", 2, "standard input was empty", "newline"),
        (["verify", "alice", "--pin-stdin"], "12345\n", 2, "exactly 6 digits", "ask the caller"),
        (["verify", "alice", "--pin-stdin"], "12a456\n", 2, "exactly 6 digits", "again"),
        (["verify", "alice", "--pin-stdin"], f" {RIGHT}\n", 2, "exactly 6 digits", "again"),
        (["verify", "alice", "--pin-stdin"], f"{RIGHT}\n\n"[6:], 2, "exactly 6 digits", "again"),
        (["verify", "alice"], "", 2, "no terminal", "--pin-stdin"),
        (["verify", "alice"], f"{RIGHT}\n", 2, "no terminal", "--pin-stdin"),
        (["pin", "change", "alice"], f"{RIGHT}\n", 2, "no terminal", "--pin-stdin"),
        (["pin", "check"], f"{RIGHT}\n", 2, "no terminal", "--pin-stdin"),
        (["unlock", "lara"], "why\n", 2, "needs a reason", "--reason"),
        (["unlock", "lara", "--reason", " "], "", 2, "not a valid reason", "one line"),
        (["reset", "alice"], "y\n", 2, "confirm", "--yes"),
        (["reset", "--yes"], "", 2, "no user is named", "give users"),
        (["reset", "alice", "--unlock", "--yes"], "", 2, "--unlock needs a reason", "--reason"),
        (["reset", "alice", "--reveal", "--yes"], "", 2, "on a terminal only", "--json"),
        (["status", "alice", "--locked"], "", 2, "exclude each other", "status USER"),
        (["status", "--locked", "--state", "active"], "", 2, "exclude each other", "one of them"),
        (["user", "add", "b"], "", 2, "--account", "--help"),
        (["audit", "list", "--limit", "0"], "", 2, "--limit", "--help"),
        (["audit", "list", "--limit", "-5"], "", 2, "--limit", "--help"),
        (["audit", "list", "--limit", "9.5"], "", 2, "--limit", "--help"),
        (["status", "--account", "acm"], "", 6, "unknown account: acm", "did you mean acme?"),
        (["status", "alcie"], "", 6, "unknown user: alcie", "did you mean alice?"),
        (["status", "al"], "", 6, "unknown user: al", "did you mean alice?"),
        (["user", "show", "zz"], "", 6, "unknown user: zz", "user list"),
        (["user", "add", "alice", "--account", "acme"], "", 7, "has a user alice", "user show"),
        (["init"], "", 7, "a store already", "left as it is"),
    ],
)
def test_a_wrong_line_changes_nothing(
    floor: Desk, words: list[str], stdin: str, code: int, sentence: str, hint: str
) -> None:
    """A wrong line prints one sentence and one hint, and changes no byte."""
    before = everything(floor)
    ran = call(floor, words, stdin)
    message, advice = error_of(ran)
    assert ran.code == code
    assert sentence in message
    assert hint in advice
    assert everything(floor) == before


@pytest.mark.parametrize("pin", ["", "1", "12345", "1234567", "12 345", "\uff11" * 6, "\x00" * 6])
def test_a_malformed_pin_is_never_charged(floor: Desk, pin: str) -> None:
    """A malformed PIN is exit 2, and changes neither counter nor trail."""
    before = everything(floor)
    for options in ([], ["--json"]):
        ran = floor.run("verify", "vera", "--pin-stdin", *options, stdin=f"{pin}\n")
        assert ran.code == 2
    assert ran.answer["error"]["code"] == "malformed_pin"
    assert everything(floor) == before


# Standard input.


def test_a_huge_line_is_a_slip(floor: Desk) -> None:
    """50 kB without a newline is a slip, and not charged."""
    before = everything(floor)
    ran = call(floor, "verify vera --pin-stdin", "4" * 50_000)
    message, _ = error_of(ran)
    assert (ran.code, "6 digits" in message) == (2, True)
    assert everything(floor) == before


def test_an_endless_line_is_a_slip(floor: Desk) -> None:
    """Endless input is a slip."""
    before = everything(floor)
    ran = in_shell(floor, "</dev/zero", "verify", "alice", "--pin-stdin")
    error_of(ran)
    assert ran.code == 2
    assert everything(floor) == before


def test_only_the_first_line_is_taken(floor: Desk) -> None:
    """Only the first line is read; the rest is left for the next program."""
    verify = [*PROGRAM, "verify", "alice", "--pin-stdin"]
    shell = ["sh", "-c", '"$@" >/dev/null && cat', "sh", *verify]
    assert outcome(floor, shell, f"{RIGHT}\r\nthe rest\n") == Ran(0, "the rest\n", "")


@pytest.mark.parametrize(
    ("redirection", "words"),
    [
        ("<&-", ("verify", "alice", "--pin-stdin")),
        ("0>/dev/null", ("verify", "alice", "--pin-stdin")),
        ("</dev/null", ("verify", "alice", "--pin-stdin")),
        ("<&-", ("unlock", "lara")),
        ("<&-", ("reset", "alice")),
    ],
)
def test_without_a_readable_stdin_there_is_no_answer(
    floor: Desk, redirection: str, words: tuple[str, ...]
) -> None:
    """A stdin that can't be read is wrong usage, and changes nothing."""
    before = everything(floor)
    ran = in_shell(floor, redirection, *words)
    error_of(ran)
    assert ran.code == 2
    answer = answer_of(in_shell(floor, redirection, *words, "--json"))
    assert answer["error"]["code"] == "usage"
    assert everything(floor) == before


def test_without_stdin_what_needs_none_works(floor: Desk) -> None:
    """A command that needs no stdin works with a closed one."""
    assert in_shell(floor, "<&-", "status", "alice").code == 0
    assert in_shell(floor, "<&-", "unlock", "lara", "--reason", "why").code == 0


# A PIN in the wrong place.


def test_a_pin_as_an_argument_is_refused(floor: Desk) -> None:
    """The error says that a PIN is never an argument, and how else it is given."""
    for words in (["--pin", STRAY], [f"--pin={STRAY}"], [STRAY]):
        message, hint = error_of(floor.run("verify", "alice", *words))
        assert "never given on the command line" in message
        assert "--pin-stdin" in hint


# Standard output and standard error.


PAGE = os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize(
    "words",
    [
        ("status",),
        ("status", "alice", "--json"),
        ("audit", "list", "--json"),
        ("verify", "alice", "--pin-stdin", "--json"),
        ("--version",),
        ("--help",),
        ("audit", "list", "--jsonl"),
        ("audit", "list", "--follow"),
        ("help", "man"),
        ("demo",),
        ("user",),
    ],
    ids=" ".join,
)
def test_an_answer_that_can_not_be_written_is_exit_8(floor: Desk, words: tuple[str, ...]) -> None:
    """With a full stdout a command is exit 8, without a traceback."""
    ended = forked(words, RIGHT.encode(), floor.environment(), stdout="/dev/full")
    assert ended is not None
    code, _, err = ended
    assert code == (2 if words == ("user",) else 8)
    assert "Traceback" not in err
    assert "Exception ignored" not in err
    assert "bug in pincli" not in err


@pytest.mark.parametrize("redirection", [">&-", ">/dev/full"])
@pytest.mark.parametrize("options", [(), ("--json",)], ids=["text", "JSON"])
def test_a_verdict_that_can_not_be_written(
    floor: Desk, redirection: str, options: tuple[str, ...]
) -> None:
    """A right PIN whose verdict can't be written is exit 8, not verified."""
    words = ("verify", "alice", "--pin-stdin", *options)
    ran = in_shell(floor, redirection, *words, stdin=RIGHT)
    message, _ = error_of(ran)
    assert ran.code == 8
    assert message.startswith("not verified")
    assert "Exception ignored" not in ran.err


@pytest.mark.parametrize(
    ("words", "room", "unbuffered"),
    [
        ("verify alice --pin-stdin", 0, ""),
        ("verify alice --pin-stdin --json", 0, "1"),
        ("status nobody --json", 0, ""),
        ("help man", PAGE, "1"),
        ("help man --json", PAGE, ""),
    ],
)
def test_a_full_pipe_is_exit_8(floor: Desk, words: str, room: int, unbuffered: str) -> None:
    """A full pipe takes the beginning of the answer only; the command is exit 8."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 2 * PAGE)
    filled = os.write(writer, b"#" * (2 * PAGE - room))
    done = subprocess.run(
        [*PROGRAM, *words.split()],
        input=f"{RIGHT}\n".encode(),
        stdout=writer,
        stderr=subprocess.PIPE,
        env=floor.environment(PYTHONUNBUFFERED=unbuffered),
        timeout=60,
        check=False,
    )
    os.close(writer)
    with open(reader, "rb") as stream:
        written = stream.read()[filled:]
    assert done.returncode == 8
    assert b"could not be written" in done.stderr
    assert len(written) == room
    assert floor.run(*words.split(), stdin=f"{RIGHT}\n").out.encode().startswith(written)


@pytest.mark.parametrize("line", ["status", "audit list --json", "--help", "nope", "nope --json"])
def test_a_closed_pipe_needs_no_message(floor: Desk, line: str) -> None:
    """If the reader closed the pipe, as `head -0` does, stderr has no complaint about it."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [*PROGRAM, *line.split()],
            stdin=subprocess.DEVNULL,
            stdout=writer,
            stderr=subprocess.PIPE,
            env=floor.environment(),
            timeout=60,
            check=False,
        )
    finally:
        os.close(writer)
    if line == "nope":
        assert done.returncode == 2
        assert done.stderr.startswith(b"pincli: error: ")
    else:
        assert (done.returncode, done.stderr) == (8, b"")


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
def test_without_stderr_the_codes_are_the_same(floor: Desk, redirection: str) -> None:
    """Without stderr answers and exit codes stay the same, and no file becomes stderr."""
    before = everything(floor)
    assert in_shell(floor, redirection, "status", "nobody").code == 6
    assert in_shell(floor, redirection, "nope").code == 2
    assert in_shell(floor, redirection, "verify", "alice").code == 2
    assert everything(floor) == before
    ran = in_shell(floor, redirection, "verify", "alice", "--pin-stdin", "--json", stdin=RIGHT)
    assert (ran.code, answer_of(ran)["outcome"]) == (0, "verified")
    assert floor.sql("PRAGMA integrity_check") == [("ok",)]


def test_a_verify_with_every_stream_closed(floor: Desk) -> None:
    """With all streams closed the database does not become one of them."""
    before = everything(floor)
    ran = in_shell(floor, "<&- >&- 2>&-", "verify", "alice", "--pin-stdin")
    assert (ran.code, ran.out, ran.err) == (2, "", "")
    assert everything(floor) == before
