"""The topics of `pincli help`: references made here, and the chapters by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from textwrap import fill

from pincli.views.exit_codes import EXIT_OF, ExitCode

_COLUMNS = 78
"""The usual width of a text."""
_INDENT = "  "


def _words_by_exit_code() -> str:
    return "; ".join(
        f"{int(code)} {', '.join(word for word, its in EXIT_OF.items() if its is code)}"
        for code in ExitCode
        if code is not ExitCode.DONE
    )


JSON = (
    "With --json, standard output is exactly one JSON object, success or failure; a wrong option"
    " gives one too. Keys are only ever added, and codes never change.",
    '{"pincli": 1, "command": "verify", "ok": true, ...}',
    "A failure has an `error` with code, message and hint, and perhaps other keys:",
    '{"pincli": 1, ..., "ok": false, "error": {...}}',
    "`ok` is false exactly if there is an `error`. Times are ISO 8601 in UTC, with a Z. These are"
    f" the values of `error.code`, by exit code: {_words_by_exit_code()}.",
    "Without --json, standard output is the answer, and problems go to standard error as a"
    " `pincli: error:` and a `hint:` line.",
)
"""Paragraphs. One that begins with a brace is not wrapped."""

ENVIRONMENT = (
    ("PINCLI_STORE", "Folder or server of the database, without --store."),
    ("PINCLI_KEYS", "Folder of the keys, without --keys."),
    ("XDG_DATA_HOME", "Holds the folder pincli with the database; else ~/.local/share."),
    ("XDG_CONFIG_HOME", "Holds the folder pincli with the keys; else ~/.config."),
    ("NO_COLOR", "If not empty, no colours on a terminal."),
    ("LC_ALL, LC_CTYPE, LANG", "Without UTF-8 in the locale, signs are ASCII."),
    ("PGPASSFILE and other PG*", "libpq reads them for a store on a server; not under sudo."),
    ("SUDO_UID", "Set by sudo: who runs the command. Then only the deployment's file counts."),
)
"""The variables that are read. A PIN never comes from one: other processes could read it."""

FILES = (
    ("~/.local/share/pincli/pincli.db", "The database. Only pincli may write to it."),
    ("~/.local/share/pincli/pincli.lock", "Its locks, for one writer and for upkeep."),
    ("~/.config/pincli/verify.key", "The key that PINs are checked with."),
    ("~/.config/pincli/audit.key", "The key that seals the audit trail."),
    ("~/.config/pincli/portal.pub", "The key that PINs are encrypted to."),
    ("~/.config/pincli/portal.key", "The key that decrypts them, for the portal only."),
    ("~/.config/pincli/mark-ID", "The newest event that this host has seen in that store."),
    ("/etc/pincli/pincli.toml", "Under sudo: store, keys, mark, who may do what, the hook."),
)


def exit_codes(columns: int = _COLUMNS) -> str:
    """The table of exit codes."""
    rows = [(str(int(code)), code.meaning) for code in ExitCode]
    return "Exit codes:\n" + _pairs(rows, columns)


def environment(columns: int = _COLUMNS) -> str:
    """The variables that are read, and the files."""
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
"""Topics made from the program's own tables; each takes a width."""

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
