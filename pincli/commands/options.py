"""Options and arguments that several commands share, described once.

Annotations are not postponed here: Typer would compile each from its text.
"""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from pincli.errors import UsageProblem
from pincli.rules.names import (
    canonical_account,
    canonical_user,
    clean_display_name,
    clean_email,
    clean_reason,
    clean_ticket,
)


def _user(value: str | None) -> str | None:
    return None if value is None else canonical_user(value)


def _anybody(value: str | None) -> str | None:
    return None if value is None else canonical_user(value, or_erased=True)


def _users(values: list[str] | None) -> list[str] | None:
    return None if values is None else [canonical_user(value) for value in values]


def as_account(value: str | None) -> str | None:
    """An account's name in its canonical form, where one is given."""
    return None if value is None else canonical_account(value)


def _display_name(value: str | None) -> str | None:
    return None if value is None else clean_display_name(value)


def _email(value: str | None) -> str | None:
    return None if value is None else clean_email(value)


def _reason(value: str | None) -> str | None:
    return None if value is None else clean_reason(value)


def _ticket(value: str | None) -> str | None:
    return None if value is None else clean_ticket(value)


# Names and texts are checked while the options are parsed: wrong usage is reported before
# anything that is wrong with the store.
UserArgument = Annotated[
    str,
    typer.Argument(metavar="USER", help="The user's login.", show_default=False, callback=_user),
]
OptionalUserArgument = Annotated[
    str | None,
    typer.Argument(metavar="[USER]", help="The user's login.", show_default=False, callback=_user),
]
UsersArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[USER...]", help="The users' logins.", show_default=False, callback=_users
    ),
]
SomeUsersArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="USER...", help="The users' logins.", show_default=False, callback=_users
    ),
]
UserOption = Annotated[
    str | None,
    typer.Option("--user", metavar="USER", help="Events about this user only.", callback=_anybody),
]
NewAccountOption = Annotated[
    str,
    typer.Option(
        "--account",
        metavar="ACCOUNT",
        help="The account the user belongs to.",
        callback=as_account,
    ),
]
NewLoginArgument = Annotated[
    str,
    typer.Argument(metavar="NEW", help="The new login.", show_default=False, callback=_user),
]
NameOption = Annotated[
    str | None,
    typer.Option("--name", metavar="NAME", help="The display name.", callback=_display_name),
]
EmailOption = Annotated[
    str | None,
    typer.Option("--email", metavar="EMAIL", help="The address to find them by.", callback=_email),
]
AgentOption = Annotated[
    str | None,
    typer.Option(
        "--agent", metavar="LOGIN", help="By who ran the command.", callback=_display_name
    ),
]
TicketOption = Annotated[
    str | None,
    typer.Option(
        "--ref",
        metavar="TICKET",
        help="The ticket; recorded in the audit trail.",
        callback=_ticket,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer with one JSON object.")]
PinStdinOption = Annotated[
    bool, typer.Option("--pin-stdin", help="Read the PIN as one line from standard input.")
]
ReasonOption = Annotated[
    str | None,
    typer.Option(
        "--reason", metavar="TEXT", help="Why; recorded in the audit trail.", callback=_reason
    ),
]
AccountOption = Annotated[
    str | None,
    typer.Option(
        "--account", metavar="ACCOUNT", help="Users of this account only.", callback=as_account
    ),
]
WhereOption = Annotated[
    str | None,
    typer.Option(
        "--account",
        metavar="ACCOUNT",
        help="The account of the user, where several have that login.",
        callback=as_account,
    ),
]
YesOption = Annotated[bool, typer.Option("--yes", help="Don't ask, go ahead.")]


def refuse_swallowed(params: Sequence[Any], words: Sequence[str]) -> None:
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
