"""The verdict: what an agent with a customer on the line reads in half a second."""

from __future__ import annotations

from typing import NamedTuple

from pincli.models import Outcome, State, User, Verdict
from pincli.rules.lockout import attempts_left
from pincli.rules.names import script_of
from pincli.rules.states import ATTEMPTS_ALLOWED
from pincli.views.blocks import Answer, Block, Fields, Headline, Next, Problem, Tone
from pincli.views.exit_codes import EXIT_OF, ExitCode
from pincli.views.sanitiser import shown
from pincli.views.shell import command
from pincli.views.times import said

_CUT = "..."
_NAME_COLUMNS = 40
_UNLOCK = "log in to the portal, User Management, Unlock"


class _Words(NamedTuple):
    """What one way to end says.

    Attributes:
        short: Next to the verdict's word.
        say: What the agent tells the caller.
        tell: The same as a hint.
    """

    short: str
    say: str
    tell: str


def verdict(result: Verdict, *, ticket_masked: bool = False) -> Answer:
    """The answer of verify."""
    facts: dict[str, object] = {
        "user": result.user.login,
        "account": result.user.account,
        "name": result.user.display_name,
        "outcome": result.outcome.value,
        "state": result.state.value,
        "attempts_left": attempts_left(result.user.failed_attempts),
        "locked_since": result.user.locked_since,
        "ticket_masked": ticket_masked,
    }
    words = _words(result)
    if result.outcome is Outcome.VERIFIED:
        return Answer(facts, lambda: _screen(result, words))
    code = result.outcome.value
    return Answer(
        facts,
        lambda: _screen(result, words),
        problem=Problem(code, f"not verified: {words.short}", words.tell),
        exit_code=EXIT_OF.get(code, ExitCode.BUG),
    )


def who(user: User) -> str:
    """A user in a line: login, account, and the display name in brackets."""
    name = short_name(user)
    return f"{caller(user)} ({name})" if name else caller(user)


def caller(user: User) -> str:
    """What a user is known by: login and account."""
    return f"{login_of(user)}, {user.account}"


def name_field(user: User) -> list[tuple[str, str]]:
    """The display name as a field, the last of its screen; none where there is no name.

    Customers choose their names, and one may read like the tool's own words: so it never
    comes first, and never takes a second line.
    """
    name = short_name(user)
    return [("name", name)] if name else []


def short_name(user: User) -> str:
    """A display name, cut short."""
    from pincli.views.plain import columns_of

    name = shown(user.display_name)
    if columns_of(name) <= _NAME_COLUMNS:
        return name
    while columns_of(name) > _NAME_COLUMNS - len(_CUT):
        name = name[:-1]
    return f"{name.rstrip()}{_CUT}"


def login_of(user: User) -> str:
    """A login, beside it the script of one that is not ASCII: it may look like another."""
    script = script_of(user.login)
    return f"{user.login} [{script}]" if script else user.login


def attempts(user: User) -> str:
    """The attempts left, in words."""
    left = attempts_left(user.failed_attempts)
    return f"{left} of {ATTEMPTS_ALLOWED} left"


def _screen(result: Verdict, words: _Words) -> list[Block]:
    verified = result.outcome is Outcome.VERIFIED
    user = result.user
    pairs = [("user", caller(user))]
    if not verified:
        pairs.append(("why", words.short))
    if user.locked_since:
        pairs.append(("locked since", said(user.locked_since)))
    elif result.outcome in (Outcome.VERIFIED, Outcome.INCORRECT):
        pairs.append(("attempts", attempts(user)))
    pairs += [("say", words.say), *name_field(user)]
    headline = Headline(Tone.GOOD, "VERIFIED") if verified else Headline(Tone.BAD, "NOT VERIFIED")
    blocks: list[Block] = [headline, Fields(pairs)]
    if result.outcome is Outcome.UNCOLLECTED:
        blocks.append(collect_next(user.login))
    return blocks


def collect_next(user: str) -> Next:
    """The next step for a user without a PIN."""
    return Next(
        command("pin", "show", user),
        "the portal's call; without a portal, yours",
        otherwise=f"{user} opens the PIN in the portal",
    )


def _words(result: Verdict) -> _Words:
    match result.outcome:
        case Outcome.VERIFIED:
            return _Words("", "Thank you, that is correct.", "")
        case Outcome.INCORRECT:
            return _incorrect(result)
        case Outcome.LOCKED:
            return _Words(
                "the PIN is locked; no answer is compared, not even the right one",
                f"The PIN is locked. To unlock it, {_UNLOCK}. Support can't do it for you over"
                " the phone.",
                f"tell the caller: {_UNLOCK}; support can't do it over the phone",
            )
        case Outcome.UNCOLLECTED:
            return _Words(
                "there is no PIN yet",
                "Please log in to the portal and open your support PIN under User Management.",
                "ask the customer to open it in the portal"
                f" ({command('pin', 'show', result.user.login)})",
            )
        case Outcome.INACTIVE:
            return _Words(
                "this user is deactivated",
                "This login is deactivated; your company's administrator can tell you more.",
                "a deactivated user can't be verified",
            )
        case Outcome.INELIGIBLE:
            return _Words(
                f"users of type {result.user.type.value} have no PIN",
                "This login has no support PIN; please call from one that has.",
                "this type of user can't be verified by PIN",
            )


def _incorrect(result: Verdict) -> _Words:
    if result.state is State.LOCKED:
        return _Words(
            "the PIN is incorrect, and has just been locked",
            f"The PIN is now locked. To unlock it, {_UNLOCK}. Support can't do it for you over"
            " the phone.",
            f"tell the caller: {_UNLOCK}; support can't do it over the phone",
        )
    return _Words(
        "the PIN is incorrect",
        "That is not the PIN. You find it in the portal under User Management.",
        f"the caller may try again; {attempts(result.user)}",
    )
