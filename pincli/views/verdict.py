"""The verdict, which an agent with a customer on the line reads in half a second."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pincli.models import Outcome, State, User, Verdict
from pincli.rules.lockout import ATTEMPTS_ALLOWED, attempts_left
from pincli.rules.names import script_of
from pincli.rules.texts import SAYINGS
from pincli.views.answer import Answer, Problem
from pincli.views.exit_codes import EXIT_OF, ExitCode
from pincli.views.sanitiser import command, shown

if TYPE_CHECKING:
    from pincli.views.blocks import Block, Next

_CUT = "..."
_NAME_COLUMNS = 40


_WHY = {
    "incorrect": "the PIN is incorrect",
    "just_locked": "the PIN is incorrect, and has just been locked",
    "locked": "the PIN is locked; no answer is compared, not even the right one",
    "uncollected": "there is no PIN yet",
    "inactive": "this user is deactivated",
    "ineligible": "users of type {} have no PIN",
}
_sayings = dict(SAYINGS)


def verdict(result: Verdict, *, ticket_masked: bool = False) -> Answer:
    """The answer of verify."""
    user = result.user
    just_locked = result.outcome is Outcome.INCORRECT and result.state is State.LOCKED
    word = "just_locked" if just_locked else result.outcome.value
    facts: dict[str, object] = {
        "user": user.login,
        "account": user.account,
        "name": user.display_name,
        "outcome": result.outcome.value,
        "state": result.state.value,
        "attempts_left": attempts_left(user.failed_attempts),
        "locked_since": user.locked_since,
        "ticket_masked": ticket_masked,
        "say": say(word),
    }
    if result.outcome is Outcome.VERIFIED:
        return Answer(facts, lambda: _screen(result, word))
    code = result.outcome.value
    hint = tell(word)
    if word == "incorrect":
        hint = f"{attempts(user)}; {hint}"
    elif word == "uncollected":
        hint = f"`{command('pin', 'show', user.login)}` is the portal's call; {hint}"
    return Answer(
        facts,
        lambda: _screen(result, word),
        problem=Problem(code, f"not verified: {_why(user, word)}", hint),
        exit_code=EXIT_OF.get(code, ExitCode.BUG),
    )


def who(user: User) -> str:
    """A user in a line: login, account, and the display name in brackets."""
    name = short_name(user)
    return f"{caller(user)} ({name})" if name else caller(user)


def caller(user: User) -> str:
    """A user's login and account."""
    return f"{login_of(user)}, {user.account}"


def name_field(user: User) -> list[tuple[str, str]]:
    """The display name as the last field of a screen; no field without a name.

    Customers choose their names, and a name may read like the tool's own words: so it never
    comes first, and is cut short.
    """
    name = short_name(user)
    return [("name", name)] if name else []


def short_name(user: User) -> str:
    """A display name, cut to 40 columns."""
    from pincli.views.folding import columns_of

    name = shown(user.display_name)
    if columns_of(name) <= _NAME_COLUMNS:
        return name
    while columns_of(name) > _NAME_COLUMNS - len(_CUT):
        name = name[:-1]
    return f"{name.rstrip()}{_CUT}"


def login_of(user: User) -> str:
    """A user's login, as `with_script` shows it."""
    return with_script(user.login)


def with_script(login: str) -> str:
    """A login, with its script if it is not ASCII: it may look like another login."""
    script = script_of(login)
    return f"{login} [{script}]" if script else login


def attempts(user: User) -> str:
    """The attempts left, in words."""
    left = attempts_left(user.failed_attempts)
    return f"{left} of {ATTEMPTS_ALLOWED} left"


def _why(user: User, word: str) -> str:
    return _WHY[word].format(user.type.value)


def _screen(result: Verdict, word: str) -> list[Block]:
    from pincli.views.blocks import Fields, Headline, Tone
    from pincli.views.times import relative_time

    verified = result.outcome is Outcome.VERIFIED
    user = result.user
    pairs = [("user", caller(user))]
    if not verified:
        pairs.append(("why", _why(user, word)))
    if user.locked_since:
        pairs.append(("locked since", relative_time(user.locked_since)))
    elif result.outcome in (Outcome.VERIFIED, Outcome.INCORRECT):
        pairs.append(("attempts", attempts(user)))
    pairs += [("say", say(word)), *name_field(user)]
    headline = Headline(Tone.GOOD, "VERIFIED") if verified else Headline(Tone.BAD, "NOT VERIFIED")
    blocks: list[Block] = [headline, Fields(pairs)]
    if result.outcome is Outcome.UNCOLLECTED:
        blocks.append(collect_next(user))
    return blocks


def collect_next(user: User | None) -> Next:
    """The next step for a user without a PIN, or for several."""
    from pincli.views.blocks import Next

    name = user.login if user else "USER"
    return Next(
        command("pin", "show", name),
        "the portal's call; without a portal, yours",
        otherwise=f"{name} opens the PIN in the portal",
        user=user,
    )


def say(word: str) -> str:
    """What the agent says to a caller, for a key of SAYINGS."""
    return _sayings[word]


def tell(word: str) -> str:
    """The same text as a hint."""
    return f'tell the caller: "{say(word)}"'


def speak(texts: Mapping[str, str]) -> None:
    """From now on say these texts, and the usual ones for keys that are missing."""
    _sayings.update({**SAYINGS, **texts})
