"""Where store and keys are, who the agent is and what the terminal shows, in any environment."""

from __future__ import annotations

import itertools
import os
import pwd
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pincli import config
from pincli.config import Process, read_agent, read_config, read_display, read_process
from pincli.errors import ConfigUnavailable, Refused, Rule
from pincli.rules.roles import Role
from pincli.store.location import Server
from tests.support.as_sudo import NOBODY, read_instead
from tests.support.contract import call
from tests.support.desk import Desk
from tests.support.driving import ROOT, wait_until

ME = pwd.getpwuid(os.getuid())
UNKNOWN_UID = next(
    uid for uid in itertools.count(54321) if uid not in {p[2] for p in pwd.getpwall()}
)

OWN_VARIABLE = {"store": "PINCLI_STORE", "keys": "PINCLI_KEYS"}
XDG_VARIABLE = {"store": "XDG_DATA_HOME", "keys": "XDG_CONFIG_HOME"}
BELOW_HOME = {"store": ".local/share/pincli", "keys": ".config/pincli"}
SOURCES = ("option", "own", "xdg", "home")


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without any variable that pincli reads."""
    for name in list(os.environ):
        if name.startswith(("PINCLI_", "XDG_", "LC_", "SUDO_")):
            monkeypatch.delenv(name)
    for name in ("HOME", "LANG", "TERM", "NO_COLOR", "LOGNAME", "USER", "USERNAME", "LNAME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A deployment's file with two admins: the login that runs the tests, and `nobody`."""
    path = tmp_path / "pincli.toml"
    path.write_text(
        f'store = "/deployed/store"\nkeys = "/deployed/keys"\n[roles]\n'
        f'admin = ["{ME.pw_name}", "{NOBODY.pw_name}"]\n'
    )
    path.chmod(0o644)
    read_instead(path, monkeypatch)
    return path


@pytest.mark.parametrize("what", ["store", "keys"])
@pytest.mark.parametrize("given", list(itertools.product([False, True], repeat=4)))
def test_the_first_source_that_is_set_counts(
    what: str, given: tuple[bool, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Options, then PINCLI_*, then XDG, then the home; for store and keys separately."""
    there = {source for source, is_given in zip(SOURCES, given, strict=True) if is_given}
    option = Path("/by/option") if "option" in there else None
    if "own" in there:
        monkeypatch.setenv(OWN_VARIABLE[what], "/by/variable")
    if "xdg" in there:
        monkeypatch.setenv(XDG_VARIABLE[what], "/by/xdg")
    if "home" in there:
        monkeypatch.setenv("HOME", "/by/home")
    home = "/by/home" if "home" in there else ME.pw_dir
    expected = {
        "option": "/by/option",
        "own": "/by/variable",
        "xdg": "/by/xdg/pincli",
        "home": f"/by/home/{BELOW_HOME[what]}",
    }
    other = "keys" if what == "store" else "store"
    config = read_config(option, None) if what == "store" else read_config(None, option)
    first = next((source for source in SOURCES if source in there), None)
    found = {"store": config.store, "keys": config.keys}
    assert found[what] == Path(expected[first] if first else f"{home}/{BELOW_HOME[what]}")
    assert found[other] == Path(home, BELOW_HOME[other])
    assert config.roles is None


def test_a_server_comes_by_option_and_by_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a folder does; by default there is no server."""
    one, other = "postgresql://one/pincli", "postgres://other/pincli"
    monkeypatch.setenv("PINCLI_STORE", one)
    assert read_config(None, None).store == Server(one)
    assert read_config(Server(other), None).store == Server(other)
    assert read_config(Path("/by/option"), None).store == Path("/by/option")


@pytest.mark.parametrize("value", ["", "relative", "./here", "../up", "~/data", " /blank"])
def test_an_xdg_folder_that_is_not_absolute_is_ignored(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The XDG specification asks for it: the default below the home counts."""
    monkeypatch.setenv("HOME", "/by/home")
    for variable in XDG_VARIABLE.values():
        monkeypatch.setenv(variable, value)
    config = read_config(None, None)
    assert config.store == Path("/by/home/.local/share/pincli")
    assert config.keys == Path("/by/home/.config/pincli")


def test_variables_that_are_empty_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty value is no folder: the next source counts, at last the system's own record."""
    for variable in (*OWN_VARIABLE.values(), *XDG_VARIABLE.values(), "HOME"):
        monkeypatch.setenv(variable, "")
    config = read_config(None, None)
    assert config.store == Path(ME.pw_dir, BELOW_HOME["store"])
    assert config.keys == Path(ME.pw_dir, BELOW_HOME["keys"])


def test_a_process_without_home_and_login_gets_a_sentence(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A uid without a login, as in a container, is not a bug in pincli."""
    monkeypatch.setattr(os, "getuid", lambda: UNKNOWN_UID)
    ran = call(desk, "status", PINCLI_STORE="", PINCLI_KEYS="")
    assert ran.code in (2, 8), ran
    assert call(desk, "status").code == 0


def test_the_agent_is_who_the_uid_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """LOGNAME, USER and similar variables can say anything, and don't count."""
    for variable in ("LOGNAME", "USER", "USERNAME", "LNAME", "SUDO_USER"):
        monkeypatch.setenv(variable, "somebody-else")
    assert read_agent() == read_config(None, None).agent == ME.pw_name


def test_an_agent_without_a_login_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """A uid without a login is recorded as a number."""
    monkeypatch.setattr(os, "getuid", lambda: UNKNOWN_UID)
    monkeypatch.setenv("USER", "somebody-else")
    assert read_agent() == f"uid:{UNKNOWN_UID}"


def test_under_sudo_the_agent_is_who_invoked_it(
    configured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SUDO_UID says who; SUDO_USER, which may be another login of that uid, does not."""
    monkeypatch.setenv("SUDO_UID", str(NOBODY.pw_uid))
    for variable in ("LOGNAME", "USER", "SUDO_USER"):
        monkeypatch.setenv(variable, ME.pw_name)
    config = read_config(None, None)
    assert read_agent() == config.agent == NOBODY.pw_name
    assert config.roles == frozenset({Role.ADMIN})


def test_under_sudo_the_deployments_file_alone_counts(
    configured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HOME and the XDG folders belong to the caller, and don't count."""
    monkeypatch.setenv("SUDO_UID", str(NOBODY.pw_uid))
    for variable in ("HOME", *XDG_VARIABLE.values()):
        monkeypatch.setenv(variable, "/the/callers")
    for variable in OWN_VARIABLE.values():
        monkeypatch.setenv(variable, "")
    config = read_config(None, None)
    assert (config.store, config.keys) == (Path("/deployed/store"), Path("/deployed/keys"))


def test_under_sudo_libpq_gets_nothing_of_the_callers(
    configured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable, or a service file in the caller's HOME, could name another server."""
    address = "postgresql://db.example.com/pincli"
    configured.write_text(configured.read_text().replace("/deployed/store", address))
    monkeypatch.setenv("SUDO_UID", str(NOBODY.pw_uid))
    for variable in ("PGHOST", "PGSERVICEFILE", "PGOPTIONS", "HOME"):
        monkeypatch.setenv(variable, "/the/callers")
    assert read_config(None, None).store == Server(address)
    assert not [variable for variable in os.environ if variable.startswith("PG")]
    assert os.environ["HOME"] == ME.pw_dir


def test_the_mark_is_with_the_keys_unless_the_file_names_a_folder(
    configured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No other file may be read from its folder, or written there."""
    monkeypatch.setenv("SUDO_UID", str(NOBODY.pw_uid))
    assert read_config(None, None).marks == Path("/deployed/keys")
    configured.write_text(f'mark = "/deployed/mark"\n{configured.read_text()}')
    config = read_config(None, None)
    assert config.marks == Path("/deployed/mark")
    assert config.secret_folders == tuple(
        Path("/deployed", name) for name in ("store", "keys", "mark")
    )


@pytest.mark.parametrize("named", ["store", "keys", "PINCLI_STORE", "PINCLI_KEYS"])
def test_under_sudo_nobody_names_store_or_keys(
    configured: Path, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Options and PINCLI_* are refused, not silently ignored."""
    monkeypatch.setenv("SUDO_UID", str(NOBODY.pw_uid))
    if named.isupper():
        monkeypatch.setenv(named, "/the/callers")
    store, keys = (Path("/the/callers") if named == each else None for each in ("store", "keys"))
    with pytest.raises(Refused) as refusal:
        read_config(store, keys)
    assert refusal.value.rule is Rule.CONFIGURED_ELSEWHERE


def test_without_sudo_the_mark_is_the_deployments_too(
    configured: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Else a cron job would keep a second mark; another store has its own."""
    monkeypatch.setattr(config, "DEPLOYMENT", configured)
    text = configured.read_text()
    configured.write_text(f'mark = "/deployed/mark"\n{text}')
    store, keys = Path("/deployed/store"), Path("/deployed/keys")
    assert read_config(store, keys).mark == Path("/deployed/mark")
    assert read_config(tmp_path, keys).mark is None
    assert read_config(store, tmp_path).mark is None
    configured.write_text("not TOML at all")
    assert read_config(store, keys).mark is None


@pytest.mark.parametrize("named", ["store", "PINCLI_STORE"])
def test_a_missing_file_comes_before_that_refusal(
    configured: Path, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where both apply, exit 8 is the answer, not 7: DESIGN.md, section 7."""
    configured.unlink()
    monkeypatch.setenv("SUDO_UID", str(NOBODY.pw_uid))
    if named.isupper():
        monkeypatch.setenv(named, "/the/callers")
    with pytest.raises(ConfigUnavailable):
        read_config(Path("/the/callers") if named == "store" else None, None)


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "-1",
        "-0",
        "+0",
        "0x0",
        " 0",
        "0 ",
        "0\n",
        "1_0",
        "1e3",
        "0.0",
        "None",
        "root",
        "\u0660",  # Arabic-Indic zero
        "\uff10",  # fullwidth zero
        "\u00b2",  # superscript two: a digit, and no decimal one
        "\udc80",
        str(2**32 - 1),
        str(2**32),
        str(2**63),
        str(2**32 + os.getuid()),
        str(2**64 + os.getuid()),
        "9" * 30,
        pytest.param("9" * 5000, id="9 x 5000"),
    ],
)
def test_an_odd_sudo_uid_is_nobody(
    configured: Path, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A value that is no uid of the system has no role, and never the rights of the real uid."""
    monkeypatch.setenv("SUDO_UID", value)
    config = read_config(None, None)
    assert config.roles == frozenset()
    assert config.agent == read_agent()
    assert config.agent.startswith("uid:")
    assert len(config.agent) < 100
    assert config.store == Path("/deployed/store")


def test_without_sudo_uid_the_deployments_file_is_not_read(
    configured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other SUDO_* variables don't make the file count."""
    configured.write_text("not TOML at all")
    for variable in ("SUDO_USER", "SUDO_GID", "SUDO_COMMAND"):
        monkeypatch.setenv(variable, "0")
    assert read_config(None, None).roles is None


LOCALES = (
    "",
    "C",
    "POSIX",
    "en_US",
    "en_US.UTF-8",
    "de_DE.utf8",
    "de_DE.UTF8@euro",
    "de_DE.ISO-8859-15@euro",
    "ja_JP.eucJP",
    "C.UTF-8",
)


def says_utf8(*values: str) -> bool:
    """What POSIX makes of LC_ALL, LC_CTYPE and LANG: the first that is not empty."""
    first = next((value for value in values if value), "C")
    return first.partition("@")[0].lower().replace("-", "").endswith(".utf8")


@pytest.mark.parametrize("everything", LOCALES)
def test_the_locale_says_whether_signs_are_shown(
    everything: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LC_ALL, then LC_CTYPE, then LANG; an empty variable doesn't count.

    LC_CTYPE=C.UTF-8 is tested in a process of its own, as Python may have set it.
    """
    for ctype, lang in itertools.product(LOCALES[:-1], LOCALES):
        for name, value in (("LC_ALL", everything), ("LC_CTYPE", ctype), ("LANG", lang)):
            monkeypatch.setenv(name, value)
        assert read_display().unicode is says_utf8(everything, ctype, lang), (ctype, lang)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("", False),
        ("LANG=C", False),
        ("LANG=C.UTF-8", True),
        ("LANG=de_DE", False),
        ("LC_CTYPE=C", False),
        ("LC_CTYPE=C.UTF-8", True),
        ("LC_CTYPE=C.UTF-8 LANG=C", True),
        ("LC_CTYPE=C LANG=C.UTF-8", False),
        ("LC_ALL=C", False),
    ],
)
def test_the_locale_is_seen_through_what_python_makes_of_it(settings: str, expected: bool) -> None:
    """Python may set LC_CTYPE at its start (PEP 538); what the person has set still counts."""
    code = "from pincli.config import read_display; print(read_display().unicode)"
    environment = dict(setting.split("=") for setting in settings.split())
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, env=environment, cwd=ROOT, check=True
    )
    assert ran.stdout.decode().strip() == str(expected)


@pytest.mark.parametrize(
    ("term", "no_color", "expected"),
    [
        ("xterm-256color", None, True),
        ("xterm-256color", "", True),
        ("xterm-256color", "1", False),
        ("xterm-256color", "0", False),
        ("xterm-256color", "false", False),
        ("linux", None, True),
        ("dumb", None, False),
        ("dumb", "", False),
        ("dumb", "1", False),
        (None, None, False),
        ("", None, False),
    ],
)
def test_color_is_for_terminals_that_have_it(
    term: str | None, no_color: str | None, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any NO_COLOR that is not empty counts; without TERM, or with a dumb one, no color."""
    for name, value in (("TERM", term), ("NO_COLOR", no_color)):
        if value is not None:
            monkeypatch.setenv(name, value)
    assert read_display().color is expected


def test_another_process_is_known_by_who_invoked_sudo() -> None:
    """Its agent, as the trail names them, and whether it is stopped; None once it has ended."""
    with subprocess.Popen(["sleep", "60"], env={**os.environ, "SUDO_UID": "1"}) as process:
        expected = pwd.getpwuid(1).pw_name
        # Popen returns a moment before the kernel shows the new program's environment.
        shown = Path("/proc", str(process.pid), "environ")
        wait_until(lambda: b"SUDO_UID=1\0" in shown.read_bytes(), "the environment")
        assert read_process(process.pid) == Process(expected, stopped=False)
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
        assert read_process(process.pid) == Process(expected, stopped=True)
        process.kill()
    assert read_process(process.pid) is None
    own = read_process(os.getpid())
    assert own == Process(pwd.getpwuid(os.getuid()).pw_name, stopped=False)
