"""What the manual says about pincli as a whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from textwrap import fill

from pincli.views.exit_codes import EXIT_OF, ExitCode

_COLUMNS = 78
"""How wide a text is where nobody says otherwise."""
_INDENT = "  "


def _words_by_exit_code() -> str:
    return "; ".join(
        f"{int(code)} {', '.join(word for word, its in EXIT_OF.items() if its is code)}"
        for code in ExitCode
        if code is not ExitCode.DONE
    )


JSON = (
    "With --json, standard output is exactly one JSON object, whatever happens; a wrong option"
    " gives one too. Keys are only ever added, and codes never change.",
    '{"pincli": 1, "command": "verify", "ok": true, ...}',
    "A failure has an `error` with code, message and hint, beside what else there is to say:",
    '{"pincli": 1, ..., "ok": false, "error": {...}}',
    "`ok` is false exactly where there is an `error`. Times are ISO 8601 in UTC, with a Z. The"
    f" words of `error.code`, by exit code: {_words_by_exit_code()}.",
    "Without --json, standard output is the answer, for people; problems go to standard error as"
    " a `pincli: error:` and a `hint:` line.",
)
"""Paragraphs; one that begins with a brace is shown as it is."""

ENVIRONMENT = (
    ("PINCLI_STORE", "Folder or server of the database, where --store is not given."),
    ("PINCLI_KEYS", "Folder of the keys, where --keys is not given."),
    ("XDG_DATA_HOME", "Where the folder pincli of the database is; else ~/.local/share."),
    ("XDG_CONFIG_HOME", "Where the folder pincli of the keys is; else ~/.config."),
    ("NO_COLOR", "If not empty, no colours on a terminal."),
    ("LC_ALL, LC_CTYPE, LANG", "A locale without UTF-8 gets ASCII signs."),
    ("PGPASSFILE and other PG*", "What libpq reads for a store on a server; not under sudo."),
    ("SUDO_UID", "Set by sudo: who really runs the command. The deployment's file alone counts."),
)
"""The variables that are read. No PIN ever is: others could see it there."""

FILES = (
    ("~/.local/share/pincli/pincli.db", "The database; nothing else may open it to write."),
    ("~/.local/share/pincli/pincli.lock", "The locks of users and of the one writer."),
    ("~/.config/pincli/verify.key", "The key that PINs are checked with."),
    ("~/.config/pincli/audit.key", "The key that signs the audit trail."),
    ("~/.config/pincli/portal.pub", "What PINs are sealed to."),
    ("~/.config/pincli/portal.key", "What opens them: the portal's alone."),
    ("~/.config/pincli/mark-ID", "What this host has last seen of that store."),
    ("/etc/pincli/pincli.toml", "Under sudo: store, keys, mark, who may do what, and the hook."),
)


def exit_codes(columns: int = _COLUMNS) -> str:
    """The table of exit codes."""
    rows = [(str(int(code)), code.meaning) for code in ExitCode]
    return "Exit codes:\n" + _pairs(rows, columns)


def environment(columns: int = _COLUMNS) -> str:
    """What is read from the environment, and which files there are."""
    return f"Environment:\n{_pairs(ENVIRONMENT, columns)}\nFiles:\n{_pairs(FILES, columns)}"


def json(columns: int = _COLUMNS) -> str:
    """The contract of --json."""
    return "\n".join(
        f"{_INDENT}{paragraph}\n" if paragraph.startswith("{") else f"{fill(paragraph, columns)}\n"
        for paragraph in JSON
    )


REFERENCES: dict[str, Callable[[int], str]] = {
    "exit-codes": exit_codes,
    "json": json,
    "environment": environment,
}
"""What is made of the program's own tables, for a width."""

CHAPTERS = {
    "deployment": "A floor of agents: sudo, roles, a hook, Kubernetes.",
    "hosts": "Many hosts with one PostgreSQL server.",
    "portal": "What the customer portal runs.",
    "people": "Logins and accounts, import, rename, erase, reset.",
    "cron": "What runs every night; every event to a SIEM.",
    "attacks": "Signs of an attack, and what to do.",
    "upkeep": "Backup and restore, keys, archive, upgrade, move.",
    "security": "What pincli protects against, and what not.",
}
"""The files in `pincli/docs/`, and what each is about."""

ABOUT = {
    "exit-codes": "Every exit code.",
    "json": "What --json promises.",
    "environment": "Variables and files.",
    **CHAPTERS,
}
"""What `pincli help` can be asked for besides commands and the man page."""


def _pairs(rows: Sequence[tuple[str, str]], columns: int) -> str:
    width = max(len(name) for name, _ in rows)
    gap = _INDENT
    hanging = " " * (len(_INDENT) + width + len(gap))
    return "".join(
        fill(
            f"{name:<{width}}{gap}{text}",
            columns,
            initial_indent=_INDENT,
            subsequent_indent=hanging,
            break_on_hyphens=False,
        )
        + "\n"
        for name, text in rows
    )
