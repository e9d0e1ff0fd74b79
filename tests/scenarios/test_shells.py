"""Completion in real shells: press Tab in a terminal and read the line."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.store.population import Person, put
from tests.support.desk import Desk, new_desk
from tests.support.driving import wait_until
from tests.support.shells import (
    RUN,
    SHELLS,
    Completed,
    Shell,
    install_program,
    installed,
    script_of,
)

pytestmark = pytest.mark.rotating

DESCRIBING = ("zsh", "fish")
BASH_COMPLETION = Path("/usr/share/bash-completion/bash_completion")
USERS = {
    "alice": "acme",
    "alice2": "acme",
    "bob@example.com": "acme",
    "carol+t.x@a-b.org": "globex@example.com",
    "dave@x.y@z": "globex@example.com",
}


class Counter:
    """A place where callers ring: a store with people in it, and a shell with completion.

    Attributes:
        around: A folder that holds the store, a folder `folder one`, and `list.txt`.
    """

    def __init__(self, name: str, around: Path, desk: Desk, shell: Shell) -> None:
        self.name = name
        self.around = around
        self.desk = desk
        self.shell = shell

    def tab(self, line: str, **more: int) -> Completed:
        """Press Tab after a line, in which {store} and {around} are filled in."""
        return self.shell.tab(self.filled(line), **more)

    def filled(self, line: str) -> str:
        """The line with {store} and {around} filled in."""
        return line.format(store=self.desk.store, around=self.around)

    def becomes(self, line: str) -> str:
        """What a line is after one Tab, without blanks at its end."""
        return self.tab(line).line.rstrip()


@pytest.fixture(scope="module")
def around(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store that has users, and other things to complete."""
    folder = tmp_path_factory.mktemp("around")
    desk = new_desk(folder)
    for user, account in (*USERS.items(), ("eve", "acme"), ("eve", "globex@example.com")):
        desk.add(user, account)
    (folder / "folder one").mkdir()
    (folder / "list.txt").write_text("alice\n")
    (folder / "lists").mkdir()
    install_program(folder / "bin")
    return folder


@pytest.fixture(scope="module", params=SHELLS)
def counter(
    request: pytest.FixtureRequest, around: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Counter]:
    """One shell for all the tests here; each types a line of its own."""
    name = request.param
    need(name)
    desk = Desk(around / "store", around / "keys")
    home = tmp_path_factory.mktemp(name)
    with Shell(name, home, script=script_of(name), path=around / "bin") as shell:
        yield Counter(name, around, desk, shell)


@pytest.fixture(params=SHELLS)
def name(request: pytest.FixtureRequest) -> str:
    """Each shell that there is."""
    need(request.param)
    return str(request.param)


def need(name: str) -> None:
    """Skip unless the shell is installed."""
    if not installed(name):
        pytest.skip(f"{name} is not installed")


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ("pincli ver", "pincli verify"),
        ("pincli pin ch", "pincli pin ch"),
        ("pincli --keys=/tmp user li", "pincli --keys=/tmp user list"),
        ("pincli verify alice --re", "pincli verify alice --ref"),
        ("pincli verify --ref ver", "pincli verify --ref ver"),
        ("pincli nonsense ver", "pincli nonsense ver"),
        ("pincli status --state lo", "pincli status --state locked"),
        ("pincli status --state=lo", "pincli status --state=locked"),
    ],
)
def test_commands_options_and_values(counter: Counter, line: str, after: str) -> None:
    """Commands, options and values are completed at their places only."""
    assert counter.becomes(line) == after


@pytest.mark.parametrize(
    ("words", "after"),
    [
        ("verify AL", "verify alice"),
        ("verify bo", "verify bob@example.com"),
        ("verify bob@", "verify bob@example.com"),
        ("verify bob@ex", "verify bob@example.com"),
        ("verify dave@x.y@", "verify dave@x.y@z"),
        ("verify 'bob@ex", "verify 'bob@example.com'"),
        ("verify nobody", "verify nobody"),
        ("reset alice bo", "reset alice bob@example.com"),
        ("verify ev", "verify eve"),
        ("verify eve ", "verify eve --account"),
        ("verify eve --account=gl", "verify eve --account=globex@example.com"),
        ("verify eve --account gl", "verify eve --account globex@example.com"),
        ("audit list --user=bob@", "audit list --user=bob@example.com"),
        ("status --account=gl", "status --account=globex@example.com"),
        ("status --account=globex@", "status --account=globex@example.com"),
    ],
)
def test_names(counter: Counter, words: str, after: str) -> None:
    """Users and accounts come from the store that the line names."""
    before = counter.filled("pincli --store {store} ")
    assert counter.becomes(before + words) == before + after


@pytest.mark.parametrize(
    "options",
    [
        "--store={store}",
        "--store '{store}'",
        '--store "{store}"',
        '--store="{store}"',
        "--keys /nowhere --store {store}",
        "--keys=/nowhere --store={store}",
        "--store ~/linked",
    ],
)
def test_the_store_is_found_however_it_is_named(counter: Counter, options: str) -> None:
    """Quotes, `=` and `~` in `--store` are understood."""
    linked = Path(counter.shell.home) / "linked"
    if not linked.is_symlink():
        linked.symlink_to(counter.desk.store)
    line = counter.filled(f"pincli {options} verify bo")
    assert counter.becomes(line) == f"{line}b@example.com"


def test_without_a_store_there_is_no_message(counter: Counter) -> None:
    """Without a store there is no candidate and no message."""
    line = "pincli --store /nowhere verify al"
    done = counter.tab(line, times=2)
    assert done.line == line
    assert "error" not in done.shown
    assert "hint" not in done.shown


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ("pincli --store {around}/fol", r"pincli --store {around}/folder\ one/"),
        ("pincli --store={around}/fol", r"pincli --store={around}/folder\ one/"),
        ("pincli --keys {around}/key", "pincli --keys {around}/keys/"),
        ("pincli --keys {around}/list.", "pincli --keys {around}/list."),
        (
            "pincli completion --write {around}/fol",
            r"pincli completion --write {around}/folder\ one/",
        ),
        ("pincli reset --from-file {around}/list.", "pincli reset --from-file {around}/list.txt"),
        ("pincli import {around}/list.", "pincli import {around}/list.txt"),
        ("pincli verify {around}/list.", "pincli verify {around}/list."),
    ],
)
def test_folders_and_files(counter: Counter, line: str, after: str) -> None:
    """Folders complete for folder options, files for file options, neither elsewhere."""
    assert counter.becomes(line) == counter.filled(after)


def test_the_middle_of_a_line_is_completed_too(counter: Counter) -> None:
    """Text after the cursor is left alone."""
    done = counter.tab("pincli ver --json", left=len(" --json"))
    assert " ".join(done.line.split()) == "pincli verify --json"


def test_everything_is_listed(counter: Counter) -> None:
    """A Tab lists the commands, in zsh and fish with their help; hidden ones are left out."""
    shown = counter.tab("pincli ").shown
    for command in ("verify", "status", "reset", "user", "completion"):
        assert command in shown
    assert "complete " not in shown
    assert ("Release a locked PIN" in shown) is (counter.name in DESCRIBING)


def test_options_are_listed(counter: Counter) -> None:
    """One Tab after two dashes shows a command's options, in zsh and fish with their help."""
    shown = counter.tab("pincli unlock --").shown
    for option in ("--reason", "--json", "--help"):
        assert option in shown
    assert "--store" not in shown
    assert ("recorded in the audit trail" in shown) is (counter.name in DESCRIBING)


def test_what_was_typed_is_not_run(counter: Counter, tmp_path: Path) -> None:
    """A Tab evaluates nothing on the line."""
    mark = tmp_path / "mark"
    for line in (
        "pincli --store '$(touch {mark})' verify al",
        "pincli --store $(touch {mark}) verify al",
        "pincli --store `touch {mark}` verify al",
        "pincli --store (touch {mark}) verify al",
        "pincli (touch {mark}) ",
        'pincli --store "$(touch {mark})" verify al',
        "pincli --store={mark};touch\\ {mark} verify al",
        "pincli '$(touch {mark})' verify al",
        "pincli verify '$(touch {mark})' al",
        "pincli status --state '$(touch {mark})",
        "pincli '--$(touch {mark})=",
        "pincli 'x[$(touch {mark})]' ",
        "pincli verify 'x[$(touch {mark})]",
    ):
        # Only bash lists at the second Tab.
        counter.shell.tab(line.replace("{mark}", str(mark)), times=1 + (counter.name == "bash"))
        assert not mark.exists(), line
    assert counter.becomes("pincli ver") == "pincli verify"


def test_a_sourced_script_works(name: str, around: Path, tmp_path: Path) -> None:
    """A sourced script works in every shell."""
    with Shell(name, tmp_path, script=script_of(name), path=around / "bin", sourced=True) as shell:
        assert shell.tab("pincli user dea").line == "pincli user deactivate "
        line = f"pincli --store {around}/store verify bo"
        assert shell.tab(line).line == f"{line}b@example.com "


@pytest.mark.parametrize(
    "setting",
    [
        "bash: set -u",
        "bash: set -f; shopt -s nullglob failglob; IFS=-",
        "bash: COMP_WORDBREAKS=${COMP_WORDBREAKS//[@=:]/}",
        "bash: shopt -u hostcomplete",
        "zsh: setopt sh_word_split ksh_arrays glob_subst nounset",
        "zsh: unsetopt auto_list; setopt menu_complete; IFS=-",
    ],
)
def test_settings_of_the_shell_change_nothing(around: Path, tmp_path: Path, setting: str) -> None:
    """Settings of the shell don't matter."""
    name, _, command = setting.partition(": ")
    need(name)
    with Shell(
        name, tmp_path, script=script_of(name), path=around / "bin", setting=command
    ) as shell:
        for words, after in (
            ("verify bob@ex", "verify bob@example.com "),
            ("status --account=gl", "status --account=globex@example.com "),
            ("user dea", "user deactivate "),
        ):
            line = f"pincli --store {around}/store "
            assert shell.tab(line + words).line == line + after


HOSTILE = {
    "o'brien@example.com": r"o\'br",
    "corp\\bob": r"corp\\b",
    "c_example.com#ext#@tenant.example": "c_",
    "_svc": "_s",
    "bjørn@eksempel.example": "bj",
    "田中": "田",
    "l" * 254: "lll",
    "$({touch,mark})": r"\$\(",
    "`{touch,mark}`": r"\`",
    "123456": "123",
    "~root": r"\~",
    "!!again": r"\!",
    "=1+1": r"\=1",
    "x:y@z=a": "x:y@z",
    "q$(id)": "'q",
    "r&s": '"r',
    "smith & o'sons": "--account smith",
}
"""Names in a store, and how somebody begins to type them."""


def test_a_name_arrives_as_it_is(name: str, tmp_path: Path) -> None:
    """A completed name is quoted for the shell and arrives as it is; nothing else is run."""
    desk = new_desk(tmp_path)
    # Straight into the table: some of them are no names, and only an attacker puts them there.
    with closing(sqlite3.connect(desk.database)) as connection, connection:
        put(connection, [Person(name, name) for name in HOSTILE])
    received = tmp_path / "received"
    received.touch()
    path = install_program(
        tmp_path / "bin",
        f'[ "$1" != complete ] || {RUN} --store "{desk.store}" "$@"\n'
        f'for word; do last=$word; done; printf %s "$last" >"{received}"',
    )
    home = tmp_path / "home"
    home.mkdir()
    with Shell(name, home, script=script_of(name), path=path) as shell:
        for user, begun in HOSTILE.items():
            shell.enter(f"pincli status {begun}")
            wait_until(received.read_text, f"{user!r} to arrive")
            assert received.read_text() == user
            received.write_text("")


def test_after_sudo(name: str, around: Path, tmp_path: Path) -> None:
    """A line after sudo is completed too, without running sudo."""
    path = Path(shutil.copytree(around / "bin", tmp_path / "bin"))
    (path / "sudo").write_text(f"#!/bin/sh\ntouch '{tmp_path}/ran'\n")
    (path / "sudo").chmod(0o755)
    home = tmp_path / "home"
    home.mkdir()
    setting = ""
    if name == "bash":
        if not BASH_COMPLETION.exists():
            pytest.skip("bash completes after sudo by the package bash-completion only")
        setting = f"complete -r pincli; . '{BASH_COMPLETION}'"
        scripts = home / "data" / "bash-completion" / "completions"
        scripts.mkdir(parents=True)
        shutil.copy(script_of(name), scripts / "pincli")
    line = f"sudo -u svc pincli --store {around}/store "
    with Shell(name, home, script=script_of(name), path=path, setting=setting) as shell:
        assert shell.tab(f"{line}user dea").line == f"{line}user deactivate "
        assert shell.tab(f"{line}verify bob@").line == f"{line}verify bob@example.com "
        assert shell.tab(f"{line}status --account=gl").line.endswith("=globex@example.com ")
    assert not (tmp_path / "ran").exists()


def test_zsh_completes_by_sudo_if_told_to(around: Path, tmp_path: Path) -> None:
    """With zsh's gain-privileges style, names come by sudo."""
    need("zsh")
    path = Path(shutil.copytree(around / "bin", tmp_path / "bin"))
    (path / "sudo").write_text(
        f"#!/bin/sh\nprintf '%s\\n' \"$*\" >>'{tmp_path}/ran'\n"
        f"shift 3; exec env PINCLI_STORE='{around}/store' \"$@\"\n"
    )
    (path / "sudo").chmod(0o755)
    home = tmp_path / "home"
    home.mkdir()
    setting = "zstyle ':completion:*:names' gain-privileges yes"
    with Shell("zsh", home, script=script_of("zsh"), path=path, setting=setting) as shell:
        assert shell.tab("pincli verify bob@").line == "pincli verify bob@"
        assert shell.tab("sudo -u svc pincli verify bob@").line.endswith(" bob@example.com ")
    assert (tmp_path / "ran").read_text() == "-n -u svc pincli complete -- verify bob@\n"
