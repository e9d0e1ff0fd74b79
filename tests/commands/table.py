"""The contract, as a table: every command, every way it can end."""

from __future__ import annotations

from dataclasses import dataclass

from tests.support.floor import RIGHT, WRONG


def keys(names: str) -> frozenset[str]:
    """A set of JSON keys."""
    return frozenset(names.split())


RECORD = keys("user account name email type active state added_at")
VERDICT = keys("user account name outcome state attempts_left locked_since ticket_masked say")
CARD = keys(
    "user account name email type active state attempts_used attempts_left attempt_open"
    " locked_since last_attempt_at last_attempt_by last_verified_at last_verified_by pin_set_at"
    " pin_set_by locks_total attempts_total"
)
LIST = keys("users totals")
FOUND = keys("users more all_counted certain near")
RECEIPT = keys("matched reset kept_locked unlocked unchanged users")
EVENT = keys(
    "seq at agent command kind user account attempt outcome attempts_used pin_version reason"
    " ticket mac"
)
EVENTS = keys("events total truncated")
STATE = keys("user account state")
SIGNS = keys("accounts agents users floor")
REPORT = keys(
    "since until made_by sealed signs totals before days accounts agents done states file"
)
NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Case:
    """One command line on the floor, and how it must end.

    Attributes:
        line: What follows `pincli`.
        code: The exit code.
        error: The word in `error.code`, or "" where there is no error.
        keys: The JSON keys besides the envelope and `error`.
        stdin: What is piped in.
        json_only: Whether only the JSON form can end like this.
    """

    line: str
    code: int
    error: str
    keys: frozenset[str]
    stdin: str = ""
    json_only: bool = False

    @property
    def is_problem(self) -> bool:
        """Whether it goes to stderr, with nothing on stdout.

        A verdict of any kind is an answer, and goes to stdout.
        """
        return bool(self.error) and not self.keys

    def __str__(self) -> str:
        """The test's id."""
        return f"{self.line} -> {self.code} {self.error}".strip()


def done(line: str, keys: frozenset[str], stdin: str = "", **more: bool) -> Case:
    """A command that does its work."""
    return Case(line, 0, "", keys, stdin, **more)


def found(line: str, keys: frozenset[str]) -> Case:
    """An `--exit-code` that shows somebody locked, or signs: exit 4, and no error."""
    return Case(line, 4, "", keys)


def usage(line: str, stdin: str = "", **more: bool) -> Case:
    """A command used wrongly."""
    return Case(line, 2, "usage", NOTHING, stdin, **more)


def unknown(line: str, what: str = "user", stdin: str = "") -> Case:
    """A command about somebody who does not exist."""
    return Case(line, 6, f"unknown_{what}", NOTHING, stdin)


def refused(line: str, stdin: str = "") -> Case:
    """A command that a rule forbids."""
    return Case(line, 7, "refused", NOTHING, stdin)


def verdict(user: str, code: int, error: str, pin: str) -> Case:
    """A verify that comes to a verdict."""
    return Case(f"verify {user} --pin-stdin", code, error, VERDICT, f"{pin}\n")


EVERYBODY = ("alice", "vera", "lara", "ludo", "uma", "ina", "otto")
OTHER = "333197"
"""Allowed by the rules, and the PIN of no user here."""

INIT = (
    refused("init"),
    usage("init here"),
    usage("init --force"),
)
VERIFY = (
    verdict("alice", 0, "", RIGHT),
    verdict("ALICE", 0, "", RIGHT),
    verdict("' alice '", 0, "", RIGHT),
    verdict("alice --ref T-4711", 0, "", RIGHT),
    verdict("alice", 3, "incorrect", WRONG),
    verdict("alice", 3, "incorrect", "666666"),
    verdict("vera", 3, "incorrect", WRONG),
    verdict("vera", 0, "", RIGHT),
    verdict("lara", 4, "locked", RIGHT),
    verdict("lara", 4, "locked", WRONG),
    verdict("uma", 5, "uncollected", RIGHT),
    verdict("ina", 5, "inactive", RIGHT),
    verdict("ludo", 5, "inactive", RIGHT),
    verdict("otto", 5, "ineligible", RIGHT),
    unknown("verify nobody --pin-stdin", stdin=RIGHT),
    Case("verify alice --pin-stdin", 2, "malformed_pin", NOTHING, "12345\n"),
    Case("verify alice --pin-stdin", 2, "malformed_pin", NOTHING, f"{RIGHT} \n"),
    Case("verify alice --pin-stdin", 2, "malformed_pin", NOTHING, "\n"),
    Case("verify alice --pin-stdin", 2, "malformed_pin", NOTHING, "\uff11" * 6),
    usage("verify alice --pin-stdin"),
    usage("verify alice"),
    usage("verify", RIGHT),
    usage("verify 'al ice' --pin-stdin", RIGHT),
    usage("verify alice --pin-stdin --ref ''", RIGHT),
    usage("verify alice bob --pin-stdin", RIGHT),
    usage(f"verify alice {RIGHT}"),
    usage(f"verify alice --pin {RIGHT}"),
    usage("verify alice --pin-stdin=yes", RIGHT),
)
DESK = (
    usage("desk"),
    usage("desk", "alice\n444159\n"),
    usage("desk --plain"),
    usage("desk alice"),
    usage("desk 444159"),
)
STATUS = (
    *(done(f"status {user}", CARD | {"call"}) for user in EVERYBODY),
    done("status ALICE", CARD | {"call"}),
    done("status alice --account acme", CARD | {"call"}),
    unknown("status alice --account globex"),
    found("status lara --exit-code", CARD | {"call"}),
    done("status alice --exit-code", CARD | {"call"}),
    done("status ludo --exit-code", CARD | {"call"}),
    done("status", LIST),
    found("status --exit-code", LIST),
    done("status --locked", LIST),
    found("status --locked --exit-code", LIST),
    done("status --locked --state locked", LIST),
    done("status --state active", LIST),
    done("status --state active --exit-code", LIST),
    done("status --state uncollected", LIST),
    done("status --account acme", LIST),
    done("status --account ACME", LIST),
    found("status --account acme --exit-code", LIST),
    done("status --account globex --exit-code", LIST),
    done("status --account globex --locked --exit-code", LIST),
    unknown("status nobody"),
    unknown("status --account nowhere", "account"),
    usage("status 'al ice'"),
    usage("status --account 'ac*me'"),
    usage("status alice vera"),
    usage("status alice --locked"),
    usage("status alice --state active"),
    usage("status --locked --state active"),
    usage("status --state asleep"),
)
FIND = (
    done("find alice", FOUND),
    done("find ali acme", FOUND),
    done("find alice --account ACME", FOUND),
    done("find nobody", FOUND),
    done("find ' '", FOUND),
    unknown("find alice --account nowhere", "account"),
    usage("find"),
    usage("find alice --account 'ac*me'"),
    usage("find alice --limit 3"),
)
LOCK = (
    done("lock alice --reason 'T-4711: a rat'", RECORD | {"changed"}),
    done("lock lara --reason odd", RECORD | {"changed"}),
    done("lock ina otto uma lara --reason odd", keys("matched changed unchanged")),
    unknown("lock nobody --reason odd"),
    unknown("lock alice nobody noone --reason odd"),
    usage("lock alice"),
    usage("lock --reason odd"),
    usage("lock alice --reason ' '"),
    usage("lock 'al ice' --reason odd"),
)
CALL = (
    done("call alice --ref T-4711", RECORD | {"call", "changed"}),
    done("call lara --account acme", RECORD | {"call", "changed"}),
    done("call ina --end", RECORD | {"call", "changed"}),
    unknown("call nobody"),
    unknown("call nobody --end"),
    usage("call"),
    usage("call alice --end --ref T-4711"),
)
UNLOCK = (
    done("unlock lara --reason 'customer rang'", STATE),
    done("unlock ludo --reason 'the counter decides'", STATE),
    refused("unlock alice --reason why"),
    refused("unlock vera --reason why"),
    unknown("unlock nobody --reason why"),
    usage("unlock lara"),
    usage("unlock lara --reason ''"),
    usage("unlock lara --reason ' '"),
    usage("unlock"),
    usage("unlock 'la ra' --reason why"),
)
RESET = (
    done("reset alice --yes", RECEIPT),
    done("reset alice vera lara --yes --reason overheard", RECEIPT),
    done("reset alice Alice --yes", RECEIPT),
    done("reset lara --yes", RECEIPT),
    done("reset lara --unlock --reason rang --yes", RECEIPT),
    done("reset uma --yes", RECEIPT),
    done("reset otto --yes", RECEIPT),
    done("reset alice --issue --yes", RECEIPT),
    done("reset alice otto --reveal --yes", RECEIPT, json_only=True),
    done("reset alice lara --dry-run", RECEIPT | {"dry_run"}),
    done("reset alice --dry-run --yes", RECEIPT | {"dry_run"}),
    unknown("reset nobody --yes"),
    unknown("reset alice nobody noone --yes"),
    unknown("reset nobody --dry-run"),
    usage("reset alice"),
    usage("reset"),
    usage("reset --yes"),
    usage("reset 'al ice' --yes"),
    usage("reset alice --unlock --yes"),
    usage("reset alice --yes --reason ''"),
)
USER = (
    done("user add bea --account acme", RECORD),
    done("user add bea --account newco --name 'Bea Bee' --type federated", RECORD),
    done("user add bea --account acme --type datapipe", RECORD),
    refused("user add alice --account acme"),
    refused("user add ALICE --account acme"),
    usage("user add bea"),
    usage("user add --account acme"),
    usage("user add 'b ea' --account acme"),
    usage("user add bea --account 'a*cme'"),
    usage("user add bea --account acme --type basic"),
    usage("user add bea --account acme --name 'a\tb'"),
    done("user list", keys("users")),
    done("user list --account acme --state active", keys("users")),
    done("user list --account globex --state locked", keys("users")),
    unknown("user list --account nowhere", "account"),
    usage("user list --state asleep"),
    usage("user list alice"),
    done("user show alice", RECORD),
    unknown("user show nobody"),
    usage("user show"),
    usage("user show 'al ice'"),
    done("user add bea --account acme --email Bea@x.example", RECORD),
    usage("user add bea --account acme --email 'b ea@x'"),
    done("user edit alice --name 'Al B' --email a@x --type datapipe", RECORD | {"changed"}),
    done("user edit alice --account acme --move-to globex --reason merger", RECORD | {"changed"}),
    done("user edit alice --name '' --email ''", RECORD | {"changed"}),
    unknown("user edit nobody --name x"),
    usage("user edit alice"),
    usage("user edit alice --email nowhere"),
    usage("user edit alice --move-to 'ac*me'"),
    done("user rename alice AL", RECORD | {"changed"}),
    done("user rename alice Alice", RECORD | {"changed"}),
    refused("user rename alice VERA"),
    unknown("user rename nobody somebody"),
    usage("user rename alice 'a l'"),
    usage("user rename alice erased-0"),
    done("user erase ina --yes", RECORD | {"old_events", "remains"}),
    refused("user erase alice --yes"),
    unknown("user erase nobody --yes"),
    usage("user erase ina"),
    usage("user erase"),
    done("user deactivate alice", RECORD | {"changed"}),
    done("user deactivate ina --reason left", RECORD | {"changed"}),
    unknown("user deactivate nobody"),
    usage("user deactivate alice --reason ''"),
    usage("user deactivate"),
    done("user activate ina", RECORD | {"changed"}),
    done("user activate alice --reason back", RECORD | {"changed"}),
    unknown("user activate nobody"),
    usage("user activate ina --reason ''"),
    usage("user activate"),
    usage("user"),
    usage("user rename alice"),
)
PIN = (
    done("pin show alice", keys("user account pin")),
    done("pin show uma", keys("user account pin")),
    done("pin show lara", keys("user account pin")),
    Case("pin show ina", 5, "inactive", NOTHING),
    Case("pin show otto", 5, "ineligible", NOTHING),
    unknown("pin show nobody"),
    usage("pin show"),
    done("pin change alice --pin-stdin", STATE, OTHER),
    done("pin change uma --pin-stdin", STATE, "-".join(OTHER)),
    Case("pin change alice --pin-stdin", 2, "malformed_pin", NOTHING, "12345"),
    Case("pin change ina --pin-stdin", 5, "inactive", NOTHING, OTHER),
    Case("pin change otto --pin-stdin", 5, "ineligible", NOTHING, OTHER),
    unknown("pin change nobody --pin-stdin", stdin=OTHER),
    refused("pin change lara --pin-stdin", OTHER),
    refused("pin change alice --pin-stdin", RIGHT),
    refused("pin change alice --pin-stdin", "444412"),
    refused("pin change alice --pin-stdin", "123498"),
    usage("pin change alice"),
    usage("pin change alice --pin-stdin"),
    usage("pin change --pin-stdin", OTHER),
    usage(f"pin change alice {OTHER}"),
    done("pin check --pin-stdin", keys("allowed"), f"{OTHER[:3]} {OTHER[3:]}"),
    Case("pin check --pin-stdin", 2, "malformed_pin", NOTHING, "12a456"),
    refused("pin check --pin-stdin", "444412"),
    refused("pin check --pin-stdin", "123498"),
    usage("pin check"),
    usage(f"pin check {OTHER}"),
    usage("pin"),
    usage("pin peek alice"),
)
AUDIT = (
    done("audit list", EVENTS),
    done("audit list --user alice --limit 1", EVENTS),
    done("audit list --kind 'user deactivate' --ticket T-1 --until 24h --after 0", EVENTS),
    unknown("audit list --user alcie"),
    unknown("audit list --account acmee", "account"),
    usage("audit list --format xml"),
    usage("audit list --csv"),
    usage("audit list --since yesterday"),
    usage("audit list --until tomorrow"),
    usage("audit list --account ''"),
    usage("audit list --jsonl", json_only=True),
    usage("audit list --follow", json_only=True),
    usage("audit list --format csv", json_only=True),
    usage("audit verify --expect-head 7"),
    usage("audit verify --expect-head 7:abc"),
    usage("audit list --kind lockd"),
    usage("audit list --after -1"),
    usage("audit list --jsonl --format csv"),
    usage("audit list --limit 0"),
    usage("audit list --limit many"),
    usage("audit list --user 'al ice'"),
    usage("audit list alice"),
    usage("audit"),
    usage("audit burn"),
)
UPKEEP = (
    usage("import"),
    usage("import nowhere.csv"),
    done("report", REPORT),
    done("report --since 24h", REPORT),
    usage("report --since 60d"),
    usage("report --since yore"),
    usage("report --html nowhere/report.html"),
    done("audit verify", keys("events head bad_event finding first")),
    usage("audit verify --archive nowhere.jsonl"),
    usage("audit archive"),
    usage("audit archive --before 400d"),
    usage("audit archive --output old.jsonl"),
    usage("audit archive --before yore --output old.jsonl"),
    usage("audit archive --before 400d --output nowhere/old.jsonl"),
    refused("audit archive --before 1d --output old.jsonl"),
    done(
        "audit archive --before 400d --output old.jsonl",
        keys("events first last digest file names_dropped stopped_by"),
    ),
    done("audit seal", keys("sealed")),
    usage("audit seal 7"),
    done("alerts", SIGNS),
    done("alerts --all", SIGNS | {"acknowledged"}),
    found("alerts --exit-code", SIGNS),
    done("alerts ack agent:tester --reason rang", keys("id")),
    refused("alerts ack user:alice --reason rang"),
    usage("alerts ack user:lara"),
    usage("alerts ack --reason rang"),
    usage("alerts alice"),
    done("keys list", keys("keys")),
    usage("keys"),
    usage("keys rotate"),
    usage("keys rotate --audit --verify"),
    usage("keys rotate --verify --compromised"),
    usage("keys rotate --portal --compromised --yes"),
    done("store upgrade", keys("upgraded users")),
    usage("store"),
    usage("store upgrade now"),
    usage("store move"),
    usage("store move somewhere --yes"),
    usage("store move postgresql://admin1@127.0.0.1:1/pincli"),
    usage("backup"),
    usage("restore"),
    done("doctor", keys("healthy checks")),
    usage("doctor alice"),
    done("completion bash", keys("shell script")),
    usage("completion"),
    usage("completion tcsh"),
    done("help", keys("topic text commands")),
    done("help verify", keys("topic text commands")),
    done("help pin show", keys("topic text commands")),
    done("help exit-codes", keys("topic text exit_codes")),
    done("help json", keys("topic text")),
    done("help environment", keys("topic text")),
    done("help man", keys("topic text")),
    done("help cron", keys("topic text")),
    usage("help nothing"),
    usage("help pin nothing"),
    usage("help complete"),
)
ROOT = (
    usage("verfy alice"),
    usage("--colour status"),
    usage("--store"),
)
SECTIONS = {
    "init": INIT,
    "verify": VERIFY,
    "desk": DESK,
    "status": STATUS,
    "find": FIND,
    "lock": LOCK,
    "call": CALL,
    "unlock": UNLOCK,
    "reset": RESET,
    "user": USER,
    "pin": PIN,
    "audit": AUDIT,
    "upkeep": UPKEEP,
    "root": ROOT,
}
TABLE = tuple(case for section in SECTIONS.values() for case in section)

AS_PROCESSES = (
    refused("init"),
    verdict("alice", 0, "", RIGHT),
    verdict("alice", 3, "incorrect", WRONG),
    verdict("vera", 3, "incorrect", WRONG),
    verdict("lara", 4, "locked", RIGHT),
    verdict("otto", 5, "ineligible", RIGHT),
    unknown("verify nobody --pin-stdin", stdin=RIGHT),
    Case("verify alice --pin-stdin", 2, "malformed_pin", NOTHING, "12345\n"),
    usage("verify alice --pin-stdin"),
    usage("verify alice"),
    done("find alice", FOUND),
    found("status --exit-code", LIST),
    done("status alice", CARD | {"call"}),
    done("unlock lara --reason rang", STATE),
    done("reset alice --reveal --yes", RECEIPT, json_only=True),
    done("user add bea --account acme", RECORD),
    done("pin show uma", keys("user account pin")),
    done("pin change alice --pin-stdin", STATE, OTHER),
    refused("pin check --pin-stdin", "444412"),
    done("audit list", EVENTS),
    usage("user rename alice"),
)
"""A part of the table, run as real processes too."""
