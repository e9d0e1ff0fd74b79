"""Options and arguments that several commands share, described once.

Names and texts are checked while the options are parsed: wrong usage is reported before
anything that is wrong with the store.

Annotations are not postponed here: Typer would compile each from its text.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from pincli.errors import UsageProblem
from pincli.models import State
from pincli.rules.names import canonical_account, canonical_user
from pincli.rules.texts import clean_display_name, clean_email, clean_reason, clean_ticket


def _checked(check: Callable[[str], str]) -> Callable[[Any], Any]:
    def callback(value: Any) -> Any:
        if value is None:
            return None
        return [check(each) for each in value] if isinstance(value, list) else check(value)

    return callback


def option(
    name: str,
    text: str,
    metavar: str | None = None,
    *,
    check: Callable[[str], str] | None = None,
    minimum: int | None = None,
) -> Any:
    """An option.

    Args:
        name: The option, with its dashes.
        text: What the help says about it.
        metavar: What the help calls its value; None for a flag or a choice of words.
        check: The rule for its value, which brings it into its canonical form.
        minimum: The smallest number that it takes.
    """
    callback = check and _checked(check)
    return typer.Option(name, metavar=metavar, help=text, min=minimum, callback=callback)


def argument(metavar: str, text: str, *, check: Callable[[str], str] | None = None) -> Any:
    """An argument; the parameters are those of an option."""
    callback = check and _checked(check)
    return typer.Argument(metavar=metavar, help=text, show_default=False, callback=callback)


def account_option(text: str, name: str = "--account") -> Any:
    """An option that names an account."""
    return option(name, text, "ACCOUNT", check=canonical_account)


def _user_argument(metavar: str, text: str) -> Any:
    return argument(metavar, text, check=canonical_user)


UserArgument = Annotated[str, _user_argument("USER", "The user's login.")]
OptionalUserArgument = Annotated[str | None, _user_argument("[USER]", "The user's login.")]
UsersArgument = Annotated[list[str] | None, _user_argument("[USER...]", "The users' logins.")]
SomeUsersArgument = Annotated[list[str], _user_argument("USER...", "The users' logins.")]
NewLoginArgument = Annotated[str, _user_argument("NEW", "The new login.")]
UserOption = Annotated[
    str | None,
    option(
        "--user",
        "Events about this user only.",
        "USER",
        check=partial(canonical_user, or_erased=True),
    ),
]
FromFileOption = Annotated[
    Path | None, option("--from-file", "Users, one a line; - for stdin.", "FILE")
]

NewAccountOption = Annotated[str, account_option("The account the user belongs to.")]
AccountOption = Annotated[str | None, account_option("Users of this account only.")]
WhereOption = Annotated[
    str | None, account_option("The account of the user, where several have that login.")
]

NameOption = Annotated[
    str | None, option("--name", "The display name.", "NAME", check=clean_display_name)
]
EmailOption = Annotated[
    str | None, option("--email", "The address to find them by.", "EMAIL", check=clean_email)
]
AgentOption = Annotated[
    str | None, option("--agent", "By who ran the command.", "LOGIN", check=clean_display_name)
]
TicketOption = Annotated[
    str | None,
    option("--ref", "The ticket; recorded in the audit trail.", "TICKET", check=clean_ticket),
]
ReasonOption = Annotated[
    str | None,
    option("--reason", "Why; recorded in the audit trail.", "TEXT", check=clean_reason),
]

StateOption = Annotated[State | None, option("--state", "Users in this state.")]
DryRunOption = Annotated[bool, option("--dry-run", "Show what would happen.")]
YesOption = Annotated[bool, option("--yes", "Don't ask, go ahead.")]
JsonOption = Annotated[bool, option("--json", "Answer with one JSON object.")]
PinStdinOption = Annotated[
    bool, option("--pin-stdin", "Read the PIN as one line from standard input.")
]


def refuse_option_as_value(params: Sequence[Any], words: Sequence[str]) -> None:
    """Refuse `--ref --json`: it would record `--json` as the ticket, and answer a person.

    Args:
        params: The command's own parameters, as Typer has them.
        words: What follows the command on the command line.

    Raises:
        UsageProblem: An option that wants a value is followed by an option of the command.
    """
    options = [param for param in params if param.param_type_name == "option"]
    names = {name for option in options for name in (*option.opts, *option.secondary_opts)}
    wanting = {name for option in options if not option.is_flag for name in option.opts}
    following = iter(words)
    for word in following:
        if word == "--":
            return
        value = next(following, "") if word in wanting else ""
        if value in names:
            raise UsageProblem(
                f"{word} needs a value, and {value} is an option",
                f"if {value} is really meant: {word}={value}",
            )
