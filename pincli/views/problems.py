"""Errors as sentences: what is wrong, and what to do or to say to the caller."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence

from pincli.config import under_sudo
from pincli.errors import (
    AmbiguousUser,
    BackupRefused,
    ClockUnusable,
    FileUnreadable,
    FileUnwritable,
    HashUnavailable,
    Interrupted,
    KeyChanged,
    MalformedAnswer,
    MalformedName,
    MalformedPin,
    NoPinPossible,
    OutOfMemory,
    OutputUnavailable,
    PinChangedMeanwhile,
    PincliError,
    RecordDamaged,
    Refused,
    Rule,
    SealDamaged,
    Unavailable,
    UnknownAccount,
    UnknownUser,
    UsageProblem,
    VerifierDamaged,
    VerifyKeyUnknown,
)
from pincli.models import State
from pincli.rules.pins import LONGEST_RUN, PIN_LENGTH
from pincli.rules.texts import mask_pins
from pincli.views.answer import Problem
from pincli.views.faults import words_for
from pincli.views.sanitiser import command

_NAMES = {
    "user name": "the user's login goes there: 1 to 254 characters without blanks",
    "account name": "1 to 254 characters, with single blanks between words",
}
_ACCOUNTS_SHOWN = 20
_LINE = "give one line of printable characters"
_CHARGES = {
    "not charged": "nothing was counted",
    "charged": "the attempt is counted, and the next command ends it",
    "may be charged": "nobody knows whether the attempt is counted",
}
"""What became of an attempt that ended in an error."""
_COMMAND = re.compile("`(pincli [^`]*)`")


def describe(error: PincliError) -> Problem:
    """The sentence and the hint for an error."""
    message, hint = _words(error)
    charge = _CHARGES.get(error.charge) if isinstance(error, Unavailable) else None
    if charge is not None and not hint.startswith(charge):
        hint = f"{charge}; {hint}"
    if isinstance(error, Unavailable) and error.unsure and not error.charge:
        hint = f"nobody knows whether it was done: look before you try again; {hint}"
    code = error.state.value if isinstance(error, NoPinPossible) else error.code
    return Problem(code, message, hint)


def for_caller(
    problem: Problem, may_run: Callable[[str], bool], completed: Callable[[str], str] = str
) -> Problem:
    """The problem, with a hint that names only commands that the caller may run.

    Args:
        problem: In its hint semicolons separate the advice; commands are between backticks.
        may_run: Whether the caller's roles allow a command line, such as `pincli user list`.
        completed: Adds options of the caller's command to a command line.
    """
    advice = problem.hint.split("; ")
    followed = [each for each in advice if all(map(may_run, _COMMAND.findall(each)))]
    hint = _COMMAND.sub(lambda line: f"`{completed(line[1])}`", "; ".join(followed))
    return problem._replace(hint=hint or "ask an admin")


def unforeseen(error: BaseException) -> Problem:
    """The problem for an error that pincli does not raise itself: a bug, or the machine fails.

    It says where the error happened, never its text, which may hold anything.
    """
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    where = "unknown place"
    if frame is not None:
        module = frame.tb_frame.f_globals.get("__name__", "?")
        where = f"{module}:{frame.tb_lineno}"
    where = f"({type(error).__name__} at {where})"
    # An import without memory raises one of the others.
    no_room = isinstance(error, ImportError) and "failed to map segment" in str(error)
    if isinstance(error, MemoryError | SystemError) or no_room:
        return Problem("unavailable", f"there is not enough memory {where}", "tell an admin")
    if isinstance(error, OSError) and error.errno:
        reason = os.strerror(error.errno)
        return Problem("unavailable", f"the system says: {reason} {where}", "tell an admin")
    return Problem(
        "internal",
        f"this is a bug in pincli {where}",
        "please report it with the command you ran, but without any PIN",
    )


def _words(error: PincliError) -> tuple[str, str]:  # noqa: PLR0911, PLR0912
    match error:
        case UsageProblem():
            return error.message, error.hint
        case MalformedName():
            return f"not a valid {error.what}: {error.rule}", _NAMES.get(error.what, _LINE)
        case MalformedAnswer():
            return (
                f"a PIN is exactly {PIN_LENGTH} digits; this was not counted as an attempt",
                "ask the caller to read it again, digit by digit",
            )
        case MalformedPin():
            return (
                f"a PIN is exactly {PIN_LENGTH} digits",
                f"nothing was changed; choose {PIN_LENGTH} digits, each 0 to 9",
            )
        case UnknownUser():
            return _unknown("user", error.names, error.near)
        case AmbiguousUser():
            return (
                f"several accounts have a user {error.login}",
                f"of {_some(error.accounts)}; ask for the company, and give --account"
                if error.accounts
                else "say which with --account",
            )
        case UnknownAccount():
            return _unknown("account", (error.account,), error.near)
        case NoPinPossible():
            return _no_pin(error.user, error.state)
        case Refused():
            return _refused(error.rule, error.subject, error.account)
        case Unavailable():
            return words_for(error)
        case BackupRefused():
            return (
                f"the backup can't be trusted: {error.detail}",
                "nothing was restored; take another backup",
            )
        case KeyChanged():
            return "a key was changed at this moment", "try again"
        case VerifyKeyUnknown():
            return (
                f"a PIN was made with the key {error.fingerprint}, which is not among the keys",
                "tell an admin; nothing was counted",
            )
        case PinChangedMeanwhile():
            return "the PIN was changed by others at the same moment", "try again"
        case VerifierDamaged():
            return (
                f"the stored PIN of {error.user} is damaged",
                f"tell an admin; `{command('reset', error.user)}` makes a new one possible",
            )
        case RecordDamaged():
            return "a stored PIN is damaged", "tell an admin; nothing was counted"
        case ClockUnusable():
            return "the clock of this host says a year after 2262", "set it right"
        case OutOfMemory():
            return (
                "not enough memory to compute the hash",
                "nothing was counted; try again, or tell an admin that this host lacks memory",
            )
        case HashUnavailable():
            return (
                f"the hash can't be computed: {error.detail}",
                "nothing was counted; tell an admin that pincli's installation is damaged",
            )
        case SealDamaged():
            return (
                f"the stored PIN of {error.user} can't be shown: it is damaged or not theirs",
                f"tell an admin; `{command('reset', error.user)}` makes a new one possible",
            )
        case OutputUnavailable():
            return "the answer could not be written to standard output", "do not rely on it"
        case FileUnwritable():
            return f"the file can't be written: {error.detail}", _after_unwritable(error.kept)
        case FileUnreadable():
            return f"the file can't be used: {error.detail}", "nothing was changed"
        case Interrupted():
            return _interrupted(error.done, error.total, error.kept)
        case _:
            raise TypeError(type(error).__name__)


def _interrupted(done: int, total: int, kept: str) -> tuple[str, str]:
    if total:
        rest = _serve_the_rest(kept) if kept else "the same command again finishes the rest"
        return f"interrupted: {done} of {total} done", rest
    return "interrupted", "nothing more was done"


def _after_unwritable(kept: str) -> str:
    if not kept:
        return "nothing was changed; free some space, or name a file elsewhere, and run it again"
    return f"free some space first; {_serve_the_rest(kept)}"


def _serve_the_rest(kept: str) -> str:
    return (
        f"the PINs in {kept} are valid, except perhaps those of the last lines: keep it; the"
        " others have none: the same command with --only-missing and another file serves them"
    )


def _some(accounts: Sequence[str]) -> str:
    more = len(accounts) - _ACCOUNTS_SHOWN
    shown = ", ".join(accounts[:_ACCOUNTS_SHOWN])
    return f"{shown} and {more:,} more" if more > 0 else shown


def _unknown(what: str, names: tuple[str, ...], near: tuple[str, ...]) -> tuple[str, str]:
    masked = ", ".join(mask_pins(name) for name in names)
    plural = "s" if len(names) > 1 else ""
    if near:
        return f"unknown {what}{plural}: {masked}", f"did you mean {' or '.join(near)}?"
    if what == "account":
        return f"unknown account: {masked}", "an account exists once a user belongs to it"
    hint = "check the spelling with the caller; `pincli user list` lists all users"
    if masked != ", ".join(names):
        hint = "six digits are hidden: they could be a PIN; the login goes there, and no PIN"
    return f"unknown {what}{plural}: {masked}", hint


def _no_pin(user: str, state: State) -> tuple[str, str]:
    hint = f"`{command('status', user)}`"
    if state is State.INACTIVE:
        return f"{user} is deactivated, and can't have a PIN", hint
    return f"{user} is of a type that never has a PIN", hint


def _elsewhere(advice: str) -> str:
    """Advice to name another folder; none under sudo, where the configuration names them."""
    return "" if under_sudo() else f"; {advice}"


def _refused(rule: Rule, subject: str, account: str) -> tuple[str, str]:
    words = {
        Rule.NO_SIGN: (f"there is no sign {subject}", "`pincli alerts` lists the signs"),
        Rule.OWN_SIGN: (
            f"{subject} is about you",
            "ask another admin to look at it and acknowledge it",
        ),
        Rule.NOT_LOCKED: (
            f"{subject} is not locked",
            "there is nothing to unlock: six wrong answers in a row lock it, or `pincli lock`",
        ),
        Rule.LOCKED: (
            f"{subject} is locked, so the PIN can't be changed",
            "unlock first: log in to the portal, User Management, Unlock",
        ),
        Rule.REPEATED_DIGITS: (
            f"a PIN may not have more than {LONGEST_RUN} equal digits in a row",
            "choose another",
        ),
        Rule.DIGIT_SEQUENCE: (
            f"a PIN may not have more than {LONGEST_RUN} digits that count up or down",
            "choose another",
        ),
        Rule.WITHDRAWN_PIN: ("that PIN was withdrawn, as others may know it", "choose another"),
        Rule.OWN_DIGITS: (
            "a PIN may not be part of the login, the e-mail address or the account",
            "choose another",
        ),
        Rule.SAME_PIN: ("that is the present PIN already", "choose another"),
        Rule.CALL_OF_ANOTHER: (
            f"another agent is calling {subject}",
            "that agent or an admin can end the call; it ends by itself within 30 minutes",
        ),
        Rule.USER_EXISTS: (
            f"the account {account} already has a user {subject}",
            f"`{command('user', 'show', subject, '--account', account)}`",
        ),
        Rule.ERASED: (f"{subject} is erased for good", "add them as a new person"),
        Rule.STILL_ACTIVE: (
            f"{subject} is active; only a deactivated user can be erased",
            f"`{command('user', 'deactivate', subject)}`",
        ),
        Rule.STORE_EXISTS: (
            f"there is a store already: {subject}",
            "it is left as it is" + _elsewhere("name another location with --store"),
        ),
        Rule.DATABASE_IN_USE: (
            f"there is a store already, or a part of one: {subject}",
            "it is left as it is, and no store was moved; name an empty database",
        ),
        Rule.KEYS_EXIST: (
            f"there are keys already: {subject}",
            "they are left as they are"
            + _elsewhere("name another folder with --keys, or remove them if no store uses them"),
        ),
        Rule.KEYS_BESIDE_STORE: (
            f"the keys may not be in the database's folder: {subject}",
            "name two folders, neither inside the other",
        ),
        Rule.DECLINED: ("not confirmed", "nothing was changed"),
        Rule.WOULD_MOVE: (
            f"the users called {subject} have changed since the file was checked",
            "run the command again",
        ),
        Rule.ANOTHER_STORE: (
            f"the backup is of another store than {subject}",
            "nothing was restored" + _elsewhere("to have both, name another folder with --store"),
        ),
        Rule.ROLE: (
            f"you may not run `pincli {subject}` here",
            "ask an admin; the attempt is in the audit trail",
        ),
        Rule.CALLER_UNKNOWN: (
            f"`pincli {subject}` needs to know who runs it, and only sudo says so",
            "run it with sudo; or, on a portal's host without sudo, give this account the role in"
            " /etc/pincli/pincli.toml",
        ),
        Rule.CONFIGURED_ELSEWHERE: (
            "under sudo, store and keys are what the deployment's configuration says",
            "leave out --store, --keys and PINCLI_*",
        ),
        Rule.FILE_EXISTS: (
            f"there is a file already: {subject}",
            "it is left as it is; name another, or move it away",
        ),
        Rule.FILE_CUT_SHORT: (
            f"there is an unfinished file of PINs: {subject}",
            f"its run was cut short, or is still writing it; {_serve_the_rest(subject)}",
        ),
        Rule.FILE_WITHOUT_PINS: (
            f"there is an unfinished file of PINs, with none in it yet: {subject}",
            "if no other run is writing it, remove it, and run the command again",
        ),
        Rule.FOLDER_OF_OTHERS: (
            f"others own this folder, or may write to it: {subject}",
            "name a file in a folder that only root or you own and may write to",
        ),
        Rule.FILE_NAMES_NOBODY: (
            f"the file has no user of {subject}",
            "nothing was changed; check that it is the right file, and complete",
        ),
        Rule.TOO_MANY_MISSING: (
            f"the file lacks {subject}",
            "nothing was changed; if that is right, raise the limit with --at-most N",
        ),
        Rule.TOO_YOUNG: (
            "the last 30 days stay in the store: alerts look at them",
            "give an earlier date with --before",
        ),
        Rule.ATTEMPT_OPEN: (
            "an attempt from before that date is still open, and could not be ended",
            "see `pincli doctor`; or give an earlier date",
        ),
        Rule.FILE_AMONG_SECRETS: (
            f"that file would be among those of the store or the keys: {subject}",
            "name a file in another folder",
        ),
    }
    return words[rule]
