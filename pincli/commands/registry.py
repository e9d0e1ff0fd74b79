"""Every command: the one table that parsing, help, completions and roles follow.

A new command is one function and one line here. Its module is imported when it is called,
so that `verify` doesn't wait for what only others need.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

from pincli.rules.roles import Allowed, Role
from pincli.views.exit_codes import OF_ANY_COMMAND, ExitCode


class Entry(NamedTuple):
    """One command.

    Attributes:
        name: What is typed after `pincli`, such as `pin show`.
        function: Its module in pincli.commands and the function there. The function's
            docstring is the command's help.
        audience: Who uses it: the heading in the help; empty if no person types it.
        allowed: Who may run it where roles are configured; None if it needs no role.
        endings: Its exit codes besides those of any command and a refusal by role.
        summary: The first sentence of its help, if it is on the front page: importing every
            command to read them takes longer than a verify. A test holds them equal.
    """

    name: str
    function: str
    audience: str
    allowed: Allowed | None
    endings: tuple[int, ...] = ()
    summary: str = ""

    @property
    def exits(self) -> tuple[ExitCode, ...]:
        """Every exit code it can have, in order."""
        # `complete`, which runs at a Tab, refuses in silence.
        refused = (ExitCode.REFUSED,) if self.allowed and self.audience else ()
        own = {*OF_ANY_COMMAND, *refused, *self.endings}
        return tuple(code for code in ExitCode if code in own)

    def load(self) -> Callable[..., Any]:
        """Import its module, and return the function."""
        module, _, function = self.function.partition(":")
        loaded: Callable[..., Any] = getattr(import_module(f"pincli.commands.{module}"), function)
        return loaded


_DESK, _PORTAL, _ADMIN = "Support agents", "The customer portal", "Admins"
_UPKEEP, _BEGIN, _HIDDEN = "Upkeep", "Getting started", ""

# An admin may not show a PIN: only its owner sees it, through the portal.
ADMINS = Allowed(frozenset({Role.ADMIN}))
AGENTS = Allowed(frozenset({Role.AGENT, Role.ADMIN}))
PORTAL = Allowed(frozenset({Role.PORTAL}))
STATUS = AGENTS._replace(about_one_user=PORTAL.roles)
UNLOCK = Allowed(ADMINS.roles | PORTAL.roles)
ANYBODY = None

# fmt: off
COMMANDS: tuple[Entry, ...] = (
    Entry("verify", "verify:verify", _DESK, AGENTS, (3, 4, 5, 6),
          "Check a caller's support PIN."),
    Entry("find", "calls:find", _DESK, AGENTS, (6,),
          "Find people by their names."),
    Entry("desk", "desk.command:desk", _DESK, AGENTS, (),
          "Check caller after caller, all shift, in one screen."),
    Entry("status", "status:status", _DESK, STATUS, (4, 6),
          "Show one user, a list, or the totals."),
    Entry("lock", "lock:lock", _DESK, AGENTS, (6,),
          "Lock PINs by hand, after a suspicious call."),
    Entry("call", "calls:call", _DESK, AGENTS, (6, 7),
          "Let the portal show a customer that you are calling."),
    Entry("alerts", "alerts:alerts", _DESK, AGENTS, (4,),
          "Show signs of an attack."),
    Entry("alerts ack", "alerts:ack", _DESK, ADMINS, (7,)),
    Entry("pin show", "pin:show", _PORTAL, PORTAL, (5, 6)),
    Entry("pin change", "pin:change", _PORTAL, PORTAL, (5, 6)),
    Entry("pin check", "pin:check", _PORTAL, ANYBODY, (7,)),
    Entry("unlock", "lock:unlock", _PORTAL, UNLOCK, (6,),
          "Release a locked PIN; the PIN itself stays."),
    Entry("user add", "user:add", _ADMIN, ADMINS),
    Entry("user list", "user:list_users", _ADMIN, ADMINS, (6,)),
    Entry("user show", "user:show", _ADMIN, ADMINS, (6,)),
    Entry("user edit", "user:edit", _ADMIN, ADMINS, (6,)),
    Entry("user rename", "user:rename", _ADMIN, ADMINS, (6,)),
    Entry("user erase", "user:erase", _ADMIN, ADMINS, (6,)),
    Entry("user deactivate", "user:deactivate", _ADMIN, ADMINS, (6,)),
    Entry("user activate", "user:activate", _ADMIN, ADMINS, (6,)),
    Entry("import", "import_:import_people", _ADMIN, ADMINS, (6,),
          "Add and update users from a file."),
    Entry("reset", "reset:reset", _ADMIN, ADMINS, (6,),
          "Withdraw PINs: of users, of an attacked account, of everybody."),
    Entry("report", "report:report", _ADMIN, ADMINS, (),
          "Show what happened in the last days."),
    Entry("audit list", "audit:list_events", _ADMIN, ADMINS, (6,)),
    Entry("audit verify", "audit:verify", _ADMIN, ADMINS),
    Entry("audit archive", "audit:archive", _ADMIN, ADMINS),
    Entry("audit seal", "audit:seal", _ADMIN, ADMINS),
    Entry("doctor", "store:doctor", _UPKEEP, ADMINS, (),
          "Check whether all is well, and say what to do."),
    Entry("backup", "backup:backup", _UPKEEP, ADMINS, (),
          "Copy the store into a file, while agents verify."),
    Entry("restore", "backup:restore", _UPKEEP, ADMINS, (),
          "Bring a backup back; the replaced store is kept aside."),
    Entry("keys list", "keys:list_keys", _UPKEEP, ADMINS),
    Entry("keys rotate", "keys:rotate", _UPKEEP, ADMINS),
    Entry("store upgrade", "store:upgrade", _UPKEEP, ADMINS),
    Entry("store move", "store:move", _UPKEEP, ADMINS),
    Entry("init", "store:init", _BEGIN, ANYBODY, (7,),
          "Make a new store and its keys; never over existing ones."),
    Entry("demo", "demo:demo", _BEGIN, ANYBODY, (),
          "Tell the whole story on a throw-away store."),
    Entry("completion", "completion:completion", _BEGIN, ANYBODY, (7,),
          "Print a shell's completion script."),
    Entry("help", "help_:show_help", _BEGIN, ANYBODY, (),
          "Show the help of a command, or about a topic."),
    Entry("complete", "complete:complete", _HIDDEN, AGENTS),
)
"""In the order of the help."""
# fmt: on

GROUPS = {
    "alerts": "Show signs of an attack.",
    "pin": "Show, change or check a PIN: the customer's own actions.",
    "user": "Add, show, edit, rename and erase users; switch them off or on.",
    "audit": "Read, check, archive and seal the audit trail.",
    "keys": "List keys and change them.",
    "store": "Bring the store up to date, or move it to a server.",
}
"""The help of each group; one of them, `alerts`, is a command too."""


def entry_of(name: str) -> Entry | None:
    """The command of exactly this name."""
    return next((entry for entry in COMMANDS if entry.name == name), None)


def entries_below(group: str) -> list[Entry]:
    """The commands of a group; all commands if it is empty."""
    return [entry for entry in COMMANDS if not group or entry.name.startswith(f"{group} ")]


def words_below(group: str, *, hidden: bool = True) -> list[str]:
    """The words that may follow a group's name or `pincli`, in the order of the help."""
    place = len(group.split())
    words = [e.name.split()[place] for e in entries_below(group) if hidden or e.audience]
    return list(dict.fromkeys(words))


def visible_names() -> list[str]:
    """Every command and group that the help shows, such as `pin` and `pin show`."""
    names = [e.name for e in COMMANDS if e.audience]
    return list(dict.fromkeys(n for name in names for n in (name.split()[0], name)))


def name_in(words: list[str]) -> str:
    """The command or group that these words begin with; may be empty."""
    for name in (" ".join(words[:2]), *words[:1]):
        if name and (entry_of(name) or name in GROUPS):
            return name
    return ""


def front_page() -> dict[str, dict[str, str]]:
    """The headings of the front page, each with its words and their sentences."""
    page: dict[str, dict[str, str]] = {}
    for entry in COMMANDS:
        word = entry.name.split()[0]
        if entry.audience:
            page.setdefault(entry.audience, {})[word] = GROUPS.get(word) or entry.summary
    return page
