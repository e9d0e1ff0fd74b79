"""The chapter hosts: its commands set up four hosts, and they work.

Each host is a folder and a login in the database. The database has an address of this machine,
connections are without TLS, this user is the service account, and a script takes the place of
ssh.
"""

from __future__ import annotations

import json
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pexpect
import pytest

from pincli.deployment import read_deployment
from pincli.rules.roles import Role
from tests.docs.reading import CHAPTERS, ROOT, blocks
from tests.support.pooler import pooled
from tests.support.postgresql import LOGINS, PORT, SUPERUSER, Database, Server, Servers
from tests.support.standby import bring_back, copy_of

pytestmark = pytest.mark.xdist_group("chapter hosts")

MANY_HOSTS = CHAPTERS["hosts"]

HOSTS = ("desk1", "desk2", "portal1", "admin1")
KEYS = {
    "desk1": {"verify.key"},
    "desk2": {"verify.key"},
    "portal1": {"verify.key", "audit.key", "portal.pub", "portal.key"},
    "admin1": {"verify.key", "audit.key", "portal.pub"},
}
_SSH = """#!/bin/bash
host=${1#root@}; shift
exec bash -c "${*//FOLDER\\/admin1/FOLDER\\/$host}"
"""


@dataclass(frozen=True)
class Floor:
    """The hosts and their database.

    Attributes:
        folder: Has a folder for each host.
        server: The database's host.
        address: Where it listens.
    """

    folder: Path
    server: Server
    address: str

    def here(self, text: str, host: str = "admin1") -> str:
        """A text of the chapter, with names and folders of this machine."""
        for before, after in (
            ("sudo -u pincli /opt/pincli/bin/pincli", "pincli"),
            ("/etc/pincli", str(self.folder / host)),
            ("/var/lib/pincli", str(self.folder / host)),
            ("install -o pincli -g pincli", "install"),
            ("db.example.com", self.address),
            ("?sslmode=verify-full", ""),
        ):
            text = text.replace(before, after)
        if host == "admin1":  # it comes through the socket
            text = text.replace(f"//admin1@{self.address}/pincli", self.through_socket)
        return text

    @property
    def through_socket(self) -> str:
        """How an admin on the database's host comes to it."""
        return f"//admin1@/pincli?host={self.server.folder}"

    def environment(self, host: str) -> dict[str, str]:
        """A shell of the service account on a host, or the DBA's."""
        home = self.folder / host
        location = {} if host == "dba" else self.store_and_keys(host)
        return {
            "HOME": str(home),
            "PATH": f"{self.folder / 'bin'}:{self.server.servers.programs}:/usr/bin:/bin",
            "PYTHONPATH": str(ROOT),
            "LANG": "C.UTF-8",
            **location,
        }

    def store_and_keys(self, host: str) -> dict[str, str]:
        """What the host's deployment file says."""
        deployment = read_deployment(self.folder / host / "pincli.toml")
        return {"PINCLI_STORE": str(deployment.store), "PINCLI_KEYS": str(deployment.keys)}

    def bash(self, host: str, script: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run commands of the chapter there."""
        return subprocess.run(
            ["bash", "-c", self.here(script, host)],
            input=stdin,
            env=self.environment(host),
            cwd=self.folder / host,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def done(self, host: str, script: str, stdin: str = "") -> str:
        """The same, and they succeed."""
        ran = self.bash(host, script, stdin)
        assert ran.returncode == 0, (host, script, ran)
        return ran.stdout

    def verify(self, host: str, pin: str) -> int:
        """The exit code of a desk that checks Alice's PIN."""
        return self.bash(host, "pincli verify alice --pin-stdin", pin).returncode


def one(language: str) -> str:
    """The chapter's only block of that language."""
    (block,) = blocks(MANY_HOSTS, language)
    return block


def shell(word: str) -> str:
    """The chapter's only commands with this word in them."""
    (block,) = [block for block in blocks(MANY_HOSTS, "sh") if word in block]
    return block


@pytest.fixture(scope="module")
def floor(postgresql_servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    """Do all that the chapter says, in its order."""
    address = f"127.{secrets.randbelow(250) + 1}.{secrets.randbelow(250) + 1}.9"
    server = postgresql_servers.start(
        f"hosts-{secrets.token_hex(4)}",
        {"fsync": "on", "full_page_writes": "on", "listen_addresses": f"'{address}'"},
    )
    floor = Floor(tmp_path_factory.mktemp("hosts"), server, address)
    try:
        _make_machines(floor)
        _let_in(floor)
        for line in shell("createdb").splitlines():
            floor.done("dba", f"set -o pipefail; {line}")
        _give_passwords(floor)
        floor.done("admin1", f"set -e; {shell('ssh root')}")
        yield floor
    finally:
        server.remove()


def _make_machines(floor: Floor) -> None:
    """Make what each host has before: pincli, its configuration, a folder for keys, psql, ssh."""
    programs = floor.folder / "bin"
    programs.mkdir()
    for name, script in (
        ("pincli", f'#!/bin/sh\nexec {sys.executable} -m pincli "$@"\n'),
        ("ssh", _SSH.replace("FOLDER", str(floor.folder).replace("/", "\\/"), 1)
         .replace("FOLDER", str(floor.folder))),
    ):  # fmt: skip
        (programs / name).write_text(script)
        (programs / name).chmod(0o755)
    for host in (*HOSTS, "dba"):
        (floor.folder / host / "keys").mkdir(parents=True, mode=0o700)
        text = floor.here(one("toml").replace("desk1", host), host)
        (floor.folder / host / "pincli.toml").write_text(text)
        (floor.folder / host / "pincli.toml").chmod(0o644)
    (floor.folder / "dba/logins.sql").write_text(one("sql"))
    passwords = floor.folder / "dba/.pgpass"
    passwords.touch(0o600)
    passwords.write_text(floor.server.servers.passfile.read_text())


def _let_in(floor: Floor) -> None:
    """Prepare the database's host: no logins yet, and the chapter's pg_hba.conf."""
    for role in (*LOGINS, *dict.fromkeys(LOGINS.values())):
        floor.server.sql(f"DROP ROLE {role}")
    lines = re.sub(r"\d+\.\d+\.\d+\.\d+/32", "127.0.0.0/8", one("pg_hba"))
    user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    (ident,) = re.findall(r"`(pincli pincli admin1)`", MANY_HOSTS)
    data = floor.server.data
    (data / "pg_ident.conf").write_text(ident.replace(" pincli ", f" {user} ") + "\n")
    dba = f"local all {SUPERUSER} scram-sha-256\nhost all {SUPERUSER} all scram-sha-256\n"
    (data / "pg_hba.conf").write_text(lines.replace("hostssl", "host") + dba)
    floor.server.reload()
    wrong = "SELECT line_number, error FROM pg_hba_file_rules WHERE error IS NOT NULL"
    assert floor.server.sql(wrong) == []


def _give_passwords(floor: Floor) -> None:
    r"""By \password, and into each host's ~/.pgpass."""
    assert r"`\password desk1`" in MANY_HOSTS
    (line,) = re.findall(r"`(db\.example\.com:.*:PASSWORD)`", MANY_HOSTS)
    psql = pexpect.spawn(
        "psql", ["-q", f"postgresql://{SUPERUSER}@{floor.address}/pincli"],
        env=floor.environment("dba") | {"TERM": "dumb"}, encoding="utf-8", timeout=20,
    )  # fmt: skip
    for host in HOSTS:
        password = floor.server.servers.password(host)
        psql.sendline(rf"\password {host}")
        for prompt in ("Enter new password.*: ", "Enter it again: "):
            psql.expect(prompt)
            psql.sendline(password)
        passwords = floor.folder / host / ".pgpass"
        passwords.touch(0o600)
        entry = floor.here(line.replace("desk1", host), host).replace("PASSWORD", password)
        passwords.write_text(entry.replace("5432", str(PORT)) + "\n")
    psql.sendline(r"\q")
    psql.expect(pexpect.EOF)
    psql.close()
    assert psql.exitstatus == 0


def test_each_host_has_the_keys_of_the_table(floor: Floor) -> None:
    """Exactly these keys, readable by their owner only."""
    for host, keys in KEYS.items():
        found = {path.name: path for path in (floor.folder / host / "keys").iterdir()}
        assert {name for name in found if not name.startswith("mark-")} == keys, host
        assert {path.stat().st_mode & 0o777 for path in found.values()} == {0o600}
        rows = (line.split(" | ") for line in MANY_HOSTS.splitlines() if line.startswith("| "))
        (row,) = [keys for where, *_, keys in rows if f"`{host}`" in where]
        named = set(re.findall(r"`(\w+\.(?:key|pub))`", row))
        assert named == ({"portal.key"} if "all four" in row else keys)


def test_the_hosts_do_their_work(floor: Floor) -> None:
    """Each host does its part: people, PINs, verdicts and a lock."""
    floor.done("admin1", "pincli user add alice --account acme")
    pin = json.loads(floor.done("portal1", "pincli pin show alice --json"))["pin"]
    wrong = "190562" if pin != "190562" else "190563"
    assert floor.verify("desk1", pin) == 0
    assert [floor.verify(host, wrong) for host in ("desk1", "desk2") * 3] == [3] * 6
    assert (floor.verify("desk1", pin), floor.verify("desk2", pin)) == (4, 4)
    floor.done("portal1", "pincli unlock alice --reason 'by the customer'")
    assert floor.verify("desk2", pin) == 0
    for command in ("pin show alice", "unlock alice --reason x", "user add eve --account acme"):
        assert floor.bash("desk1", f"pincli {command}").returncode == 8, command
    database = Database(floor.server, "pincli", floor.server.folder)
    found = database.sql("SELECT DISTINCT database_login FROM pincli.trail")
    assert {login for (login,) in found} == set(HOSTS)


@pytest.mark.parametrize("host", HOSTS)
def test_doctor_finds_nothing_but_what_is_missing_here(floor: Floor, host: str) -> None:
    """All is well over the socket; the others connect without TLS here, and doctor says so."""
    assert "before its first verify" in MANY_HOSTS
    floor.bash(host, "pincli verify nobody --pin-stdin", "444159")
    answer = json.loads(floor.bash(host, shell("doctor").rstrip() + " --json").stdout)
    sick = [check["what"] for check in answer["checks"] if check["finding"] is not None]
    assert sick == ([] if host == "admin1" else ["TLS"])


def test_the_crontab_mails_only_what_is_to_be_done(floor: Floor) -> None:
    """Each job is silent when all is well, and prints when the database is gone."""
    lines = floor.here(one("crontab")).splitlines()
    settings = dict(line.split("=", 1) for line in lines if re.match("[A-Z_]+=", line))
    jobs = [line.split(maxsplit=5)[5] for line in lines if re.match(r"[*\d]", line)]
    assert set(settings) == {"PINCLI_STORE", "PINCLI_KEYS", "PATH"}
    assert len(jobs) == 4
    environment = floor.environment("admin1")
    assert settings["PINCLI_KEYS"] == environment["PINCLI_KEYS"]
    for store, is_gone in ((settings["PINCLI_STORE"], False), ("postgresql:///gone", True)):
        for job in jobs:
            ran = subprocess.run(
                ["sh", "-c", job], env=environment | {"PINCLI_STORE": store},
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert bool(ran.stdout + ran.stderr) is is_gone, (job, ran)


def test_it_works_through_a_pooler(floor: Floor) -> None:
    """In the mode that the chapter names, which the tests' pooler has."""
    assert "`pool_mode = transaction`" in MANY_HOSTS
    floor.done("admin1", "pincli user add paul --account acme")
    pin = json.loads(floor.done("portal1", "pincli pin show paul --json"))["pin"]
    database = Database(floor.server, "pincli", Path(floor.address))
    with pooled(database, connections=1) as behind:
        store = f"export PINCLI_STORE='{behind.location('desk1')}'"
        floor.done("desk1", f"{store}; pincli verify paul --pin-stdin", pin)


def test_after_an_older_state_the_hosts_stop_until_restore(floor: Floor) -> None:
    """First nothing is charged; after restore every PIN is withdrawn, and all hosts work."""
    floor.bash("admin1", "pincli user add carl --account acme")
    pin = json.loads(floor.done("portal1", "pincli pin show carl --json"))["pin"]
    yesterday = copy_of(floor.server)
    verify = "pincli verify carl --pin-stdin --json"
    floor.done("desk1", verify, pin)
    bring_back(floor.server, yesterday)
    refused = floor.bash("desk1", verify, pin)
    assert refused.returncode == 8
    assert json.loads(refused.stdout)["error"]["code"] == "rolled_back"
    restoring, upgrading = shell("restore --yes").splitlines()
    floor.done("admin1", restoring)
    for host in ("desk1", "desk2"):
        assert floor.bash(host, verify, pin).returncode == 5
    floor.done("portal1", "pincli pin show carl --json")
    assert "store upgrade" in upgrading
    floor.done("dba", upgrading)


def test_a_stolen_desk_is_shut_out(floor: Floor) -> None:
    """The chapter's statement refuses each new connection at once."""
    (statement,) = re.findall(r"`(ALTER ROLE desk1 NOLOGIN)`", MANY_HOSTS)
    floor.server.sql(statement)
    assert floor.bash("desk1", "pincli status").returncode == 8
    floor.server.sql(statement.replace("NOLOGIN", "LOGIN"))
    assert floor.bash("desk1", "pincli status").returncode == 0


def test_the_configuration_is_valid(floor: Floor) -> None:
    """Agents and admins have their role on a desk's host, and the mark a folder of its own."""
    deployment = read_deployment(floor.folder / "desk1/pincli.toml")
    assert deployment.members == {
        Role.AGENT: ("%support",),
        Role.ADMIN: ("%support-leads",),
    }
    assert deployment.mark == floor.folder / "desk1/mark"
