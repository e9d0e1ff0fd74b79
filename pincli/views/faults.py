"""Sentences for a store, a backup, a key or a configuration that can't be used."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pincli.config import read_process, under_sudo
from pincli.errors import (
    BackupUnavailable,
    KeysUnavailable,
    MoveUnfinished,
    OldStoreTampered,
    StoreBusy,
    StoreUnavailable,
    Unavailable,
)
from pincli.models import Fault
from pincli.store.location import Location, Server

_Words = Mapping[Fault, tuple[str, str]]


def words_for(error: Unavailable) -> tuple[str, str]:
    """The sentence and the hint for what can't be used."""
    path, detail = error.path, f" ({error.detail})" if error.detail else ""
    match error:
        case BackupUnavailable():
            what, words = "the backup can't be read", _backup(path, detail)
        case StoreUnavailable():
            special = _special(error, path, detail)
            if special is not None:
                return special
            what, words = "the store can't be used", _store(error, path, detail)
        case KeysUnavailable():
            what, words = "a key can't be used", _keys(path, detail)
        case _:
            what, words = "the configuration can't be read", _config(path, detail)
    hint = "nothing was restored" if isinstance(error, BackupUnavailable) else "tell an admin"
    return words.get(error.fault, (f"{what}: {path}{detail}", hint))


def _special(error: StoreUnavailable, path: Location, detail: str) -> tuple[str, str] | None:
    """The words for a store that is busy, old or half moved, or on a server."""
    if isinstance(error, StoreBusy) and not isinstance(path, Server):
        return _busy(error)
    if isinstance(error, OldStoreTampered):
        return (
            f"the store is of an older pincli, and was tampered with: {path}{detail}",
            "it was left as it is: keep a copy, and tell those in charge of security; "
            "`pincli restore FILE` brings a backup back",
        )
    if isinstance(error, MoveUnfinished):
        return (
            f"the old store is closed, and the new one may not be open yet: {path}"
            f" ({': '.join(filter(None, (error.fault.value, error.detail)))})",
            "run the same command again: it finishes the move; until then no store takes any work",
        )
    if isinstance(path, Server):
        return _server(path, detail).get(error.fault)
    return None


def _store(error: StoreUnavailable, path: Location, detail: str) -> _Words:
    return {
        Fault.MISSING: (
            f"there is no store at {path}",
            _places(
                "`pincli init` makes one; if there should be one, check --store and PINCLI_STORE"
            ),
        ),
        Fault.NO_LOCK_FILE: (
            f"the store's lock file is missing: {path}",
            f"as its owner: (umask 077; touch {path}); restart what was open meanwhile",
        ),
        Fault.NOT_MADE: (
            f"the store's folder can't be made: {path}{detail}",
            "name another with --store, or make room for this one",
        ),
        Fault.REPLACED: (
            f"another store took this one's place while it was open: {path}",
            "start the command again",
        ),
        Fault.FORBIDDEN: (
            f"the store may not be opened: {path}{detail}",
            _places("run pincli as the user who owns it"),
        ),
        Fault.NOT_A_STORE: (
            f"this is not a pincli store: {path}{detail}",
            _places("check --store and PINCLI_STORE"),
        ),
        Fault.DAMAGED: (
            f"the store is damaged: {path}{detail}",
            "tell an admin: restore it from a backup",
        ),
        Fault.NEWER: (
            f"the store was made by a newer pincli: {path}{detail}",
            "upgrade pincli on this host; the store was not touched",
        ),
        Fault.OLD_SCHEMA: (
            f"the store is of an older pincli: {path}{detail}",
            "nothing was changed or counted; `pincli store upgrade` brings it up to date",
        ),
        Fault.TAMPERED: (
            f"the store was tampered with: {path}{detail}",
            "tell an admin; `pincli audit verify` names what was changed, "
            "and `pincli restore` takes the store in, without the PINs that can't be trusted",
        ),
        Fault.ROLLED_BACK: (
            f"an older state of the store was put back: {path}{detail}",
            "tell an admin; `pincli restore` takes it in, and withdraws every PIN",
        ),
        Fault.MOVED: (
            f"this store is a copy, or was moved: {path}",
            "work with the original; if it was moved here, `pincli restore` takes it in",
        ),
        Fault.CLOSED: (
            f"the store at {path} was moved to {error.detail or 'a server'}",
            _places(
                "name the new one with --store or in PINCLI_STORE; if the move was cut short,"
                " `pincli store move` to the same place finishes it"
            ),
        ),
        Fault.READ_ONLY: (
            f"the store can't be written: {path}{detail}",
            "check the permissions, and whether the file system is mounted read-only",
        ),
        Fault.FULL: (f"the disk is full: {path}", "tell an admin: free some space, then try again"),
        Fault.NO_INODES: (
            f"the disk is full: it has no inode for another file beside {path}",
            "tell an admin: remove some files there, then try again",
        ),
        Fault.OLD_SQLITE: (
            f"this Python's SQLite can't hold a store: {error.detail}",
            "3.37 or later is needed, with FTS5",
        ),
        Fault.LINK: (f"this is a link, which is not followed: {path}", "name the real file"),
        Fault.EXPOSED: (f"others can enter the store's folder: {path}", f"chmod 700 {path}"),
    }


def _server(server: Server, detail: str) -> _Words:
    """The words for a store on a server that differ from a folder's."""
    return {
        Fault.NO_DRIVER: (
            f"this host can't reach the store at {server}: psycopg is not installed",
            "pip install 'pincli[postgresql]'",
        ),
        Fault.NOT_MADE: (
            f"the store can't be made: {server}{detail}",
            "let a DBA run what `pincli init --print-sql` prints, then run `pincli init` again",
        ),
        Fault.FORBIDDEN: (
            f"the database does not let this login do that: {server}{detail}",
            "a DBA makes the login of each host a member of pincli_desk, pincli_portal or"
            " pincli_admin; `pincli store upgrade` takes a member of pincli_owner",
        ),
        Fault.OLD_SCHEMA: (
            f"the store is of an older pincli: {server}{detail}",
            "nothing was changed or counted; `pincli store upgrade`, by a login that is a member"
            " of pincli_owner, brings it up to date",
        ),
        Fault.READ_ONLY: (
            f"the store can't be written: {server}{detail}",
            "it may be a standby: name the primary, or all servers, in the store's location",
        ),
        Fault.BUSY: (
            f"the store is busy: {server}{detail}",
            "try again in a moment; if it goes on, tell a DBA",
        ),
        Fault.UNREACHABLE: (
            f"the database can't be reached: {server}{detail}",
            "try again in a moment; if it goes on, tell an admin to look at server and network",
        ),
        Fault.LOST: (
            f"the connection to the database was lost: {server}{detail}",
            "try again in a moment; if it goes on, tell an admin",
        ),
        Fault.IN_DOUBT: (
            f"the database gave up waiting for its standby: {server}{detail}",
            "tell an admin: what was written may not outlive a failover",
        ),
        Fault.TOO_MANY: (
            f"the database takes no more connections: {server}{detail}",
            "try again in a moment; if it goes on, tell a DBA to allow more, or to use a pooler",
        ),
        Fault.DENIED: (
            f"the database denies access: {server}{detail}",
            "tell an admin to check this login, its password and the server's pg_hba.conf",
        ),
        Fault.NO_DATABASE: (
            f"the database does not exist: {server}{detail}",
            _places("check --store and PINCLI_STORE; a DBA makes the database"),
        ),
        Fault.NO_SCHEMA: (
            f"there is no store of this pincli in the database: {server}{detail}",
            _places("`pincli init` makes one; if there should be one, check --store"),
        ),
        Fault.NO_TABLES: (
            f"the database has no tables for a store: {server}",
            "let a DBA run there what `pincli init --print-sql` prints; no store was moved",
        ),
        Fault.MALFORMED: (
            f"libpq does not understand the store's location: {server}{detail}",
            "write postgresql://LOGIN@HOST:PORT/DATABASE?sslmode=verify-full",
        ),
    }


def _busy(error: StoreBusy) -> tuple[str, str]:
    """Who holds the lock, if that can be known, and what to do about it.

    A stopped process reacts to these two signals only. A kill loses no attempt.
    """
    busy = f"the store is busy: {error.path}"
    process = None if error.holder is None else read_process(error.holder)
    if process is None:
        return busy, "another process held it for too long; try again in a moment"
    busy = f"the store is busy: process {error.holder} (agent {process.agent}) holds its lock"
    if process.stopped:
        return busy, (
            f"it is stopped: tell an admin to let it go on, `kill -CONT {error.holder}`, "
            f"or to end it, `kill -KILL {error.holder}`"
        )
    return busy, (
        f"try again in a moment; if it hangs, tell an admin to end it, `kill -KILL {error.holder}`"
    )


def _backup(path: Location, detail: str) -> _Words:
    return {
        Fault.MISSING: (f"there is no backup at {path}", "check the path"),
        Fault.FORBIDDEN: (
            f"the backup may not be opened: {path}{detail}",
            "run pincli as a user who may read it",
        ),
        Fault.NOT_A_STORE: (
            f"not a backup of a pincli store: {path}",
            "name a file that `pincli backup` wrote",
        ),
        Fault.DAMAGED: (f"the backup is damaged: {path}{detail}", "take another backup"),
        Fault.NEWER: (
            f"the backup was made by a newer pincli: {path}{detail}",
            "upgrade pincli on this host; nothing was restored",
        ),
    }


def _keys(path: Location, detail: str) -> _Words:
    kind = Path(str(path)).stem
    return {
        Fault.MISSING: (
            f"a key is missing: {path}",
            _places("check --keys and PINCLI_KEYS; a lost key can only come back from its backup"),
        ),
        Fault.ELSEWHERE: (
            f"this host does not have a key that it takes: {path}",
            "run it on a host that has it: desks have verify.key alone, admins and the portal more",
        ),
        Fault.NOT_MADE: (
            f"the keys' folder can't be made: {path}{detail}",
            "name another with --keys, or make room for this one",
        ),
        Fault.FORBIDDEN: (
            f"a key may not be read: {path}{detail}",
            _places("run pincli as the user who owns it"),
        ),
        Fault.LINK: (f"a key is a link, which is not followed: {path}", "put the real file there"),
        Fault.EXPOSED: (
            f"a key can be read by others: {path}{detail}",
            f"chmod 600 {path}; a folder 700. If others were there, rotate the key",
        ),
        Fault.MALFORMED: (
            f"a key is malformed: {path}{detail}",
            "it is one line of 64 hexadecimal digits; restore it from its backup",
        ),
        Fault.MISMATCH: (
            f"a key does not belong to this store: {path}{detail}",
            f"nothing was counted; `pincli keys rotate --{kind} --compromised` goes on"
            if "compromised" in detail
            else _places("check --keys and PINCLI_KEYS; nothing was counted"),
        ),
        Fault.FULL: (f"the disk is full: {path}", "free some space, then try again"),
    }


def _config(path: Location, detail: str) -> _Words:
    return {
        Fault.MISSING: (
            f"pincli runs under sudo, and there is no {path}",
            "an admin writes it: store, keys and [roles]; `pincli help deployment` shows how",
        ),
        Fault.EXPOSED: (
            f"others could have written the configuration: {path}",
            "it must be owned by root or the service account, and be writable by no other",
        ),
        Fault.MALFORMED: (
            f"the configuration is malformed: {path}{detail}",
            "an admin corrects it; `pincli help deployment` shows one",
        ),
    }


def _places(hint: str) -> str:
    """The hint; under sudo another one, since the configuration names store and keys."""
    if not under_sudo():
        return hint
    return "tell an admin: the configuration names store and keys; pincli's account must own them"
