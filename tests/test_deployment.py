"""The deployment's file gives out the roles, so any doubt about it ends the command.

Its content is never repeated: it may hold, by mistake, what nobody should see.
"""

from __future__ import annotations

import grp
import os
import pwd
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pincli.deployment import Deployment, read_deployment, roles_of
from pincli.errors import ConfigUnavailable
from pincli.models import Fault
from pincli.rules.roles import DEPLOYMENT, Role
from pincli.rules.texts import SAYINGS
from pincli.store.location import Server
from pincli.views.verdict import speak
from tests.support.as_sudo import NOBODY, call_by_sudo, deploy, read_instead
from tests.support.contract import answer_of, call, error_of
from tests.support.desk import Desk
from tests.support.floor import RIGHT, WRONG

SECRET = "hunter2"
"""Every refused file holds this text, and no message may."""
LARGEST = 64 * 1024
HEAD = 'store = "/srv/pincli/store"\nkeys = "/srv/pincli/keys"\n'
GOOD = HEAD + '[roles]\nagent = ["%support", "ann"]\nadmin = ["%leads"]\nportal = ["www-data"]\n'

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="giving files away takes root")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the deployment's file is to be."""
    return tmp_path / "pincli.toml"


def put(path: Path, text: str | bytes, mode: int = 0o644) -> Path:
    """Write the deployment's file."""
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(mode)
    return path


def refusal_of(path: Path, fault: Fault) -> str:
    """The detail of the refusal for that reason; fail if it repeats what the file holds."""
    with pytest.raises(ConfigUnavailable) as refusal:
        read_deployment(path)
    assert refusal.value.fault is fault
    assert refusal.value.path == path
    assert SECRET not in str(refusal.value)
    assert SECRET not in refusal.value.detail
    assert refusal.value.__context__ is None or refusal.value.__suppress_context__
    return refusal.value.detail


def test_the_readmes_file_is_read(path: Path) -> None:
    """Store, keys, and for each role its logins and %groups."""
    assert read_deployment(put(path, GOOD)) == Deployment(
        Path("/srv/pincli/store"),
        Path("/srv/pincli/keys"),
        {Role.AGENT: ("%support", "ann"), Role.ADMIN: ("%leads",), Role.PORTAL: ("www-data",)},
    )


def test_a_store_may_be_on_a_server_and_the_mark_apart_from_the_keys(path: Path) -> None:
    """Keys may be read-only; the mark is written."""
    address = "postgresql://desk1@db.example.com/pincli?sslmode=verify-full"
    head = f'store = "{address}"\nkeys = "/etc/pincli/keys"\nmark = "/var/lib/pincli"\n'
    found = read_deployment(put(path, f'{head}[roles]\nagent = ["ann"]\n'))
    assert (found.store, found.mark) == (Server(address), Path("/var/lib/pincli"))


@pytest.mark.parametrize(
    ("roles", "members"),
    [
        ("agent = ['ann']", {Role.AGENT: ("ann",)}),
        ("portal = []", {Role.PORTAL: ()}),
        (
            "agent = ['ann', 'ann']\nadmin = ['ann']",
            {Role.AGENT: ("ann",) * 2, Role.ADMIN: ("ann",)},
        ),
    ],
)
def test_a_role_may_be_left_out_or_have_no_members(
    path: Path, roles: str, members: dict[Role, tuple[str, ...]]
) -> None:
    """A role that is left out has none."""
    assert read_deployment(put(path, f"{HEAD}[roles]\n{roles}\n")).members == members


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (
            f"{GOOD}[later]\nx = '{SECRET}'\n",
            "`later` is unknown; known: store, keys, mark, [roles],",
        ),
        (f"Store = '/{SECRET}'\n{GOOD}", "`Store` is unknown"),
        (f"{GOOD}[hooks]\non_unlock = ['/{SECRET}']\n", "`hooks.on_unlock` is unknown"),
        (f"{HEAD}[roles]\nagents = ['{SECRET}']\n", "`roles.agents` is unknown"),
        (f"hooks = ['/{SECRET}']\n{GOOD}", "[hooks] must be a table"),
    ],
)
def test_an_unknown_table_or_key_is_named(path: Path, text: str, named: str) -> None:
    """A misspelt name would silently do nothing; its value is not repeated."""
    assert refusal_of(put(path, text), Fault.MALFORMED).startswith(named)


@pytest.mark.parametrize(
    "name", ["ALL", "!ann", "#1000", "%#1000", "%:staff", "%:#7", "+agents", "!"]
)
def test_what_only_sudoers_understands_is_refused(path: Path, name: str) -> None:
    """`ALL` would mean nobody here, and `!ann` would not keep Ann out."""
    text = f'{HEAD}[roles]\nagent = ["{SECRET}", "{name}"]\n'
    assert refusal_of(put(path, text), Fault.MALFORMED).startswith("roles.agent must name each")


@pytest.mark.parametrize(
    ("value", "words"),
    [("[]", ()), ("['/bin/true']", ("/bin/true",)), ("['/x', '-n', '']", ("/x", "-n", ""))],
)
def test_a_hook_is_a_program_with_its_arguments(
    path: Path, value: str, words: tuple[str, ...]
) -> None:
    """A list of words that no shell reads; an empty one is no hook."""
    put(path, f"{GOOD}[hooks]\non_lock = {value}\n")
    assert read_deployment(path).on_lock == words


def test_tickets_are_a_regular_expression(path: Path) -> None:
    """What it matches is kept in the trail as it is."""
    put(path, f"{GOOD}[tickets]\npattern = '[0-9]{{6}}'\n")
    assert read_deployment(path).tickets == re.compile("[0-9]{6}")


def test_bounds_of_its_own_are_whole_numbers(path: Path) -> None:
    """By the names in the README; the others keep their defaults."""
    put(path, f"{GOOD}[alerts]\nuser_wrong = 15\nfloor_day = 1\n")
    assert read_deployment(path).own_bounds == {"user_wrong": 15, "floor_day": 1}


@pytest.mark.parametrize("mode", [0o400, 0o440, 0o444, 0o600, 0o640, 0o644, 0o755])
def test_a_file_that_only_its_owner_writes_is_trusted(path: Path, mode: int) -> None:
    """Who can read it does not matter."""
    assert read_deployment(put(path, GOOD, mode)).members


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o622, 0o664, 0o646, 0o666, 0o777, 0o644 | 0o022])
def test_a_file_that_others_can_write_is_not(path: Path, mode: int) -> None:
    """Anybody who can write it, by group or world, could take every role."""
    refusal_of(put(path, GOOD + f"# {SECRET}", mode), Fault.EXPOSED)


@as_root
@pytest.mark.parametrize("mode", [0o400, 0o600, 0o644])
def test_a_file_of_another_user_is_not(path: Path, mode: int) -> None:
    """Its owner could change it at any time, even if its mode forbids it now."""
    put(path, GOOD + f"# {SECRET}", mode)
    os.chown(path, NOBODY.pw_uid, -1)
    refusal_of(path, Fault.EXPOSED)


@as_root
@pytest.mark.parametrize("owner", ["root", "nobody"])
def test_root_and_the_service_account_may_own_it(
    path: Path, owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service account trusts its own file and root's."""
    put(path, GOOD)
    os.chown(path, pwd.getpwnam(owner).pw_uid, -1)
    monkeypatch.setattr(os, "geteuid", lambda: NOBODY.pw_uid)
    assert read_deployment(path).members


def test_a_missing_file_is_said_to_be_missing(path: Path) -> None:
    """Without the file there is no deployment."""
    refusal_of(path, Fault.MISSING)
    refusal_of(path / "below", Fault.MISSING)


def test_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    """Neither to a good file nor to a missing one."""
    put(tmp_path / "elsewhere", GOOD)
    for target in ("elsewhere", "nowhere", "pincli.toml"):
        path.unlink(missing_ok=True)
        path.symlink_to(target)
        refusal_of(path, Fault.FORBIDDEN)


def test_what_is_no_plain_file_is_refused_at_once(path: Path) -> None:
    """A pipe without a writer must not hang the desk; nor is a folder or a device a file."""
    refusal_of(Path("/dev/zero"), Fault.MALFORMED)
    os.mkfifo(path)
    refusal_of(path, Fault.MALFORMED)
    path.unlink()
    path.mkdir()
    refusal_of(path, Fault.MALFORMED)


def test_a_file_may_be_64_kib_and_no_more(path: Path) -> None:
    """The bound is exact, and a longer file is not cut off."""
    filling = LARGEST - len(GOOD) - 1
    assert read_deployment(put(path, f"{GOOD}#{'x' * filling}")).members
    refusal_of(put(path, f"{GOOD}#{SECRET}{'x' * (filling + 1)}"), Fault.MALFORMED)
    refusal_of(put(path, f"{GOOD}#{SECRET}" + "x" * LARGEST * 4), Fault.MALFORMED)


MALFORMED: dict[str, str | bytes] = {
    "empty": "",
    "a comment": f"# {SECRET}",
    "a byte order mark": "\ufeff" + GOOD,
    "latin-1": f"{GOOD}# {SECRET} \xe9".encode("latin-1"),
    "utf-16": (GOOD + SECRET).encode("utf-16"),
    "a NUL": GOOD + f"# {SECRET}\0",
    "no TOML": SECRET,
    "JSON": f'{{"store": "{SECRET}"}}',
    "an open string": f'{GOOD}x = "{SECRET}',
    "a twin": f'{HEAD}store = "/{SECRET}"\n[roles]\nagent = ["a"]',
    "a twin role": f'{GOOD}agent = ["{SECRET}"]',
    "too deep": f"{GOOD}x = " + "[" * 20_000,
    "an endless number": f"{GOOD}x = " + "9" * 5_000,
    "no roles": HEAD + f"# {SECRET}",
    "empty roles": HEAD + f"[roles]\n# {SECRET}",
    "roles are a list": HEAD + f'roles = ["{SECRET}"]',
    "roles are text": HEAD + f'roles = "{SECRET}"',
    "roles are tables": HEAD + f'[[roles]]\nagent = ["{SECRET}"]',
    "a role in capitals": f'{HEAD}[roles]\nAdmin = ["{SECRET}"]',
    "a table as role": f"{HEAD}[roles.agent]\n{SECRET} = true",
    "a login without a list": f'{HEAD}[roles]\nagent = "{SECRET}"',
    "a number as login": f'{HEAD}[roles]\nagent = ["{SECRET}", 0]',
    "a list as login": f'{HEAD}[roles]\nagent = [["{SECRET}"]]',
    "an empty login": f'{HEAD}[roles]\nagent = ["{SECRET}", ""]',
    "an empty group": f'{HEAD}[roles]\nagent = ["{SECRET}", "%"]',
    "true as role": f"{HEAD}[roles]\nagent = true # {SECRET}",
    "no store": f'keys = "/{SECRET}"\n[roles]\nagent = ["ann"]',
    "no keys": f'store = "/{SECRET}"\n[roles]\nagent = ["ann"]',
    **{
        f"{name} is {value!r}": (GOOD + f"# {SECRET}").replace(
            f'{name} = "/srv/pincli/{name}"', f"{name} = {value}"
        )
        for name in ("store", "keys")
        for value in (
            '""',
            f'"{SECRET}"',
            f'"./{SECRET}"',
            f'"~/{SECRET}"',
            f'" /{SECRET}"',
            f'"file:///{SECRET}"',
            f'["/{SECRET}"]',
            "5",
            "true",
            r'"/srv\u0000x"',
        )
    },
    **{
        f"[alerts] holds {line}": f"{GOOD}[alerts]\n{line} # {SECRET}"
        for line in (
            *("user_rong = 3", "user_wrong = 0", "user_wrong = -1", "user_wrong = 1000001"),
            *("user_wrong = '3'", "user_wrong = 3.0", "user_wrong = true", "user_wrong = [3]"),
        )
    },
    **{
        f"[tickets] holds {line!r}": f"{GOOD}[tickets]\n{line} # {SECRET}"
        for line in (
            "",
            'pattern = "("',
            'pattern = "x{99999999999}"',
            "pattern = 6",
            "pattern = ['a']",
        )
    },
    **{
        f"the hook is {value!r}": f"{GOOD}[hooks]\non_lock = {value} # {SECRET}"
        for value in (
            '"/bin/true"',
            '["true"]',
            '["./true"]',
            '[""]',
            '["~/true"]',
            "[1]",
            '["/bin/true", 1]',
            "true",
            r'["/bin/tr\u0000ue"]',
            r'["/bin/true", "\u0000"]',
        )
    },
    **{
        f"store is {value!r}": f'store = "{value}"\nkeys = "/{SECRET}"\n[roles]\nagent = ["ann"]'
        for value in (
            f"postgresql://pincli:{SECRET}@db/pincli",
            f"postgresql://db/pincli?password={SECRET}",
            f"postgresql://pincli:12/{SECRET}@db/pincli",
            f"postgresql:/{SECRET}",
            f"mysql://{SECRET}@db/pincli",
            f"host=db password={SECRET}",
            r"postgresql://db/\u0000",
        )
    },
    "the mark is relative": f'{HEAD}mark = "{SECRET}"\n[roles]\nagent = ["ann"]',
    "the mark is a server": f'{HEAD}mark = "postgresql://{SECRET}"\n[roles]\nagent = ["ann"]',
    "store below roles": f'keys = "/k"\n[roles]\nagent = ["ann"]\nstore = "/{SECRET}"',
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_file_is_refused(path: Path, text: str | bytes) -> None:
    """The error names the fault, and repeats nothing of the content."""
    refusal_of(put(path, text), Fault.MALFORMED)


Made = st.recursive(
    st.sampled_from(["/srv/x", "x", "", "ann", "%support", "%", "\0", "é"])
    | st.integers()
    | st.booleans()
    | st.floats(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["agent", "admin", "portal", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)


def toml(value: object) -> str:
    """A value as TOML writes it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(c):08x}" for c in value) + '"'
    return str(value).lower()


well_formed = st.fixed_dictionaries({}, optional={"store": Made, "keys": Made, "roles": Made}).map(
    lambda table: "".join(f"{key} = {toml(value)}\n" for key, value in table.items()).encode()
)
spliced = st.tuples(st.sampled_from([GOOD.encode(), b""]), st.binary(max_size=60)).flatmap(
    lambda parts: st.integers(0, len(parts[0])).map(
        lambda at: parts[0][:at] + parts[1] + parts[0][at:]
    )
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.binary(max_size=200) | well_formed | spliced | st.text(max_size=80).map(str.encode)
)
@example(content=GOOD.encode())
@example(content=b"x = 0000-00-00")
@example(content=b"x = 1e99999999999")
@example(content=b"x = " + b"{x = " * 5_000)
def test_any_bytes_are_a_deployment_or_refused(path: Path, content: bytes) -> None:
    """Any content is a deployment, or raises ConfigUnavailable and nothing else."""
    put(path, content)
    try:
        found = read_deployment(path)
    except ConfigUnavailable as refusal:
        assert refusal.fault is Fault.MALFORMED  # noqa: PT017
        return
    assert isinstance(found.store, Server) or found.store.is_absolute()
    assert found.keys.is_absolute()
    assert set(found.members) <= set(Role)
    for members in found.members.values():
        assert all(name.strip("%") for name in members)


@pytest.fixture
def under_sudo(desk: Desk, path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A store whose commands run by sudo, for `nobody`, under the file at `path`."""
    read_instead(path, monkeypatch)
    return desk


@pytest.mark.parametrize("json", ["", " --json"])
@pytest.mark.parametrize(
    ("text", "mode"),
    [
        (None, 0o644),
        (GOOD + f"# {SECRET}", 0o664),
        (f"{GOOD}agents = ['{SECRET}']", 0o644),
        (f"{GOOD}x = '{SECRET}", 0o644),
        (b"\xff" + SECRET.encode(), 0o644),
    ],
)
def test_a_file_in_doubt_is_exit_8(
    under_sudo: Desk, path: Path, text: str | bytes | None, mode: int, json: str
) -> None:
    """Through the program: one sentence and a hint, the path, and nothing of the content."""
    if text is not None:
        put(path, text, mode)
    ran = call_by_sudo(under_sudo, f"status{json}")
    assert ran.code == 8
    message = str(answer_of(ran) if json else error_of(ran))
    assert path.name in message
    assert SECRET not in message
    assert len(under_sudo.events()) == 1  # its making


def test_help_version_and_completion_need_no_file(under_sudo: Desk) -> None:
    """They work without it."""
    for line in ("--help", "verify --help", "--version", "pin check -h", "completion bash"):
        assert call_by_sudo(under_sudo, line).code == 0, line


def test_a_named_store_that_is_not_there_is_exit_8(under_sudo: Desk, path: Path) -> None:
    """A path that leads nowhere, or is longer than any path, is an unavailable store."""
    for store in ("/nowhere/at/all", "/" + "x" * 5000, "/dev/null", "/proc/self/mem/x"):
        put(path, f'store = "{store}"\nkeys = "{under_sudo.keys}"\n[roles]\nagent = ["nobody"]\n')
        assert call_by_sudo(under_sudo, "status").code == 8, store


def members(**roles: list[str]) -> Deployment:
    """A deployment with these members."""
    return Deployment(
        Path("/s"), Path("/k"), {Role(role): tuple(names) for role, names in roles.items()}
    )


def test_a_role_comes_by_login_or_by_group() -> None:
    """Logins as they are, groups after a percent sign, several roles for one person."""
    group = grp.getgrgid(NOBODY.pw_gid).gr_name
    assert roles_of(NOBODY.pw_uid, members(agent=["nobody"])) == {Role.AGENT}
    assert roles_of(NOBODY.pw_uid, members(agent=[f"%{group}"])) == {Role.AGENT}
    both = members(agent=["nobody"], portal=["someone", f"%{group}"], admin=["root"])
    assert roles_of(NOBODY.pw_uid, both) == {Role.AGENT, Role.PORTAL}


@pytest.mark.parametrize(
    "spelling",
    ["%nobody", "Nobody", "NOBODY", " nobody", "nobody ", "nobod", "65534", "#65534", "*"],
)
def test_other_spellings_give_no_role(spelling: str) -> None:
    """Neither case, nor blanks, nor numbers, nor patterns make somebody a member."""
    assert roles_of(NOBODY.pw_uid, members(admin=[spelling])) == frozenset()


def test_a_group_without_its_percent_sign_is_a_login() -> None:
    """`nogroup` does not mean the members of that group."""
    group = grp.getgrgid(NOBODY.pw_gid).gr_name
    assert group != "nobody"
    assert roles_of(NOBODY.pw_uid, members(admin=[group, f"%%{group}"])) == frozenset()


def test_the_login_comes_from_the_uid_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable changes who the caller is."""
    for variable in ("USER", "LOGNAME", "SUDO_USER", "SUDO_GID"):
        monkeypatch.setenv(variable, "root")
    assert roles_of(NOBODY.pw_uid, members(admin=["root"], agent=["nobody"])) == {Role.AGENT}


@pytest.mark.parametrize("uid", [54321, 2**32 - 1, 2**32, 2**64, 10**30])
def test_a_uid_without_a_login_has_no_role(uid: int) -> None:
    """Not even root's groups."""
    with pytest.raises(KeyError):
        pwd.getpwuid(uid)
    assert roles_of(uid, members(admin=["root", "%root", f"uid:{uid}"])) == frozenset()


def test_a_group_without_a_name_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """A number that the system has no name for takes no other group away."""
    gid = next(gid for gid in range(54321, 60000) if gid not in {g.gr_gid for g in grp.getgrall()})
    monkeypatch.setattr(os, "getgrouplist", lambda _name, own: [gid, own])
    group = grp.getgrgid(NOBODY.pw_gid).gr_name
    assert roles_of(NOBODY.pw_uid, members(agent=[f"%{group}"], admin=[f"%{gid}"])) == {Role.AGENT}


def test_the_file_is_where_the_readme_says() -> None:
    """One fixed path, which no caller can name."""
    assert Path("/etc/pincli/pincli.toml") == DEPLOYMENT
    assert re.fullmatch(r"/[a-z/]+\.toml", str(DEPLOYMENT))


HR = (
    "[profiles.hr]\nuser = 'Login'\nname = [['First', 'Last']]\nactive = 'Status'\n"
    "yes = ['employed']\nno = ['left']\ntype = 'cloud'\n"
)


def test_a_profile_of_the_deployment_is_imported_by(
    desk: Desk, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under sudo, along with pincli's own profiles; elsewhere it is unknown."""
    deploy(desk, path, "admin")
    put(path, path.read_text() + HR)
    read_instead(path, monkeypatch)
    export = "Login,First,Last,Status,Shoe\nalice,Alice,Smith,Employed,9\nbob,Bob,,left,\n"
    line = "import - --profile hr --account acme --json"
    assert call_by_sudo(desk, line, export).answer["added"] == 2
    assert [
        (desk.user(name).display_name, desk.user(name).active) for name in ("alice", "bob")
    ] == [
        ("Alice Smith", True),
        ("Bob", False),
    ]
    assert call(desk, line, export).code == 2


@pytest.mark.parametrize(
    "table",
    [
        "profiles = 1",
        "[profiles]\nhr = 1",
        "[profiles.hr]\nuser = 'a'",
        "[profiles.hr]\nuser = ['a', 'b']\nname = 'n'",
        "[profiles.hr]\nuser = [['a', 'b']]\nname = 'n'",
        "[profiles.hr]\nuser = 'a'\nname = []",
        "[profiles.hr]\nuser = 'a'\nname = [[]]",
        "[profiles.hr]\nuser = 'a'\nname = 'n'\naccount = 'x'",
        "[profiles.hr]\nuser = 'a'\nname = 'n'\ntype = 'hunter2'",
        "[profiles.hr]\nuser = 'a'\nname = 'n'\ntype = ['cloud']",
        "[profiles.hr]\nuser = 'a'\nname = 'n'\nyes = 'hunter2'",
    ],
)
def test_a_profile_that_is_none_is_refused(path: Path, table: str) -> None:
    """An identity that falls back to another column, an unknown type, an unknown key."""
    text = f"{table}\n{GOOD}" if table.startswith("profiles") else f"{GOOD}{table}\n"
    refusal_of(put(path, text), Fault.MALFORMED)


@pytest.fixture
def spoken() -> Iterator[None]:
    """The next test has the default texts again."""
    yield
    speak({})


GESPERRT = "Die PIN ist gesperrt."


@pytest.mark.usefixtures("spoken")
@pytest.mark.parametrize(
    ("word", "line", "stdin"),
    [
        ("verified", "verify alice --pin-stdin", RIGHT),
        ("incorrect", "verify alice --pin-stdin", WRONG),
        ("just_locked", "verify vera --pin-stdin", WRONG),
        ("locked", "verify lara --pin-stdin", RIGHT),
        ("locked", "status lara", ""),
        ("uncollected", "verify uma --pin-stdin", RIGHT),
        ("uncollected", "status uma", ""),
        ("inactive", "status ina", ""),
        ("ineligible", "status otto", ""),
        ("unavailable", "verify alice --pin-stdin", RIGHT),
    ],
)
def test_agents_say_what_the_deployment_says(
    floor: Desk, path: Path, monkeypatch: pytest.MonkeyPatch, word: str, line: str, stdin: str
) -> None:
    """On the screen and in JSON, only under sudo; a missing text keeps its default."""
    deploy(floor, path, "agent")
    put(path, f"{path.read_text()}[say]\n{word} = '{GESPERRT}'\n")
    read_instead(path, monkeypatch)
    if word == "unavailable":
        (floor.keys / "verify.key").unlink()
    ran = call_by_sudo(floor, line, f"{stdin}\n")
    assert GESPERRT in ran.out + ran.err
    assert SAYINGS[word] not in ran.out + ran.err


@pytest.mark.parametrize(
    "text", ["1", "['x']", "''", "'  '", r'"a\nb"', r'"\u001b[2J"', r'"\u202e"', f"'{'x' * 301}'"]
)
def test_what_agents_can_not_say_is_refused(path: Path, text: str) -> None:
    """A saying is text that a terminal shows on one line, and not too long."""
    assert refusal_of(put(path, f"{GOOD}[say]\nlocked = {text}\n"), Fault.MALFORMED).startswith(
        "say.locked must be"
    )


def test_a_saying_may_be_300_characters(path: Path) -> None:
    """In any script, and no more; an unknown word is named."""
    put(path, f"{GOOD}[say]\nlocked = '{'ä' * 300}'\n")
    assert read_deployment(path).say == {"locked": "ä" * 300}
    put(path, f"{GOOD}[say]\nLocked = 'x'\n")
    assert refusal_of(path, Fault.MALFORMED).startswith("`say.Locked` is unknown")
