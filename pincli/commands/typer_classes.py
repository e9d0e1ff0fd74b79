"""Typer's commands and groups, made from the registry, with plain help and our own errors."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, Signature, cleandoc, signature
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from pincli.commands.invocation import Invocation
from pincli.commands.options import JsonOption, refuse_option_as_value
from pincli.commands.output import TICKET_MASKED, warn, write_answer
from pincli.commands.registry import (
    GROUPS,
    Entry,
    entries_below,
    entry_of,
    front_page,
    words_below,
)
from pincli.views.exit_codes import ExitCode

CONTEXT_SETTINGS = {"help_option_names": ["-h", "--help"]}
_EXAMPLE = "\n\nExample:\n"


class PlainCommand(TyperCommand):
    """A command whose help lists its exit codes."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: D102
        refuse_option_as_value(self.get_params(ctx), args)
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The usage line with USER, where Typer would say {USER}."""
        return [piece.strip("{}") for piece in super().collect_usage_pieces(ctx)]

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: D102
        _write_epilog(self.epilog, formatter)
        _write_exit_codes(entry_of(ctx.command_path.partition(" ")[2]), formatter)


class PlainGroup(TyperGroup):
    """The root or a group of the registry; a command is imported when it is asked for."""

    @property
    def words(self) -> str:
        """What its commands' names begin with; empty for the root."""
        return self.name if self.name in GROUPS else ""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: D102
        return words_below(self.words)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: D102
        name = f"{self.words} {cmd_name}".strip()
        entry = entry_of(name)
        if entry is not None:
            return _command(entry)
        return _group(name) if name in GROUPS else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command, or an error that suggests the near one."""
        if args[0] not in self.list_commands(ctx) and not args[0].startswith("-"):
            from pincli.commands.suggestions import no_such_command

            raise no_such_command(args[0], self.words, ctx.find_root().obj.may_run)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The root's commands under headings, without importing them."""
        if self.words:
            super().format_commands(ctx, formatter)
            return
        page = front_page()
        width = max(len(word) for section in page.values() for word in section)
        for heading, section in page.items():
            with formatter.section(heading):
                formatter.write_dl([(f"{word:<{width}}", text) for word, text in section.items()])

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """An example; for the root also every exit code and the topics of the help."""
        _write_epilog(self.epilog, formatter)
        entry = entry_of(self.words)
        if entry is not None:
            _write_exit_codes(entry, formatter)
        if not self.words:
            from pincli.views.manual.topics import ABOUT

            codes = ", ".join(f"{int(code)} {code.short}" for code in ExitCode)
            topics = f"Topics of `pincli help TOPIC`: {', '.join(ABOUT)}."
            _write_epilog(f"Exit codes: {codes}.\n\n{topics}", formatter)


def _group(name: str) -> PlainGroup:
    example = _help_of(entries_below(name)[0])[1].partition("\n\n")[0].splitlines()
    return PlainGroup(
        name=name,
        help=GROUPS[name],
        epilog="\n".join(example[:3]),
        rich_markup_mode=None,
        subcommand_metavar="COMMAND",
        context_settings=CONTEXT_SETTINGS,
    )


def _command(entry: Entry) -> Any:
    """A command; one with others below it, as `alerts` has `alerts ack`, is a group too."""
    app = typer.Typer(name=entry.name, add_completion=False, rich_markup_mode=None)
    text, epilog = _help_of(entry)
    texts: dict[str, Any] = {"help": text, "epilog": epilog, "context_settings": CONTEXT_SETTINGS}
    if entry.name in GROUPS:
        register = app.callback(
            cls=PlainGroup, invoke_without_command=True, subcommand_metavar="[COMMAND]", **texts
        )
    else:
        word = entry.name.split()[-1]
        register = app.command(word, cls=PlainCommand, hidden=not entry.audience, **texts)
    register(_for_typer(entry))
    return typer.main.get_command(app)


def _help_of(entry: Entry) -> tuple[str, str]:
    """A command's docstring: the text before the example, and the rest as an epilog."""
    text, _, rest = cleandoc(entry.load().__doc__ or "").partition(_EXAMPLE)
    return text, f"\b{_EXAMPLE[1:]}{rest}"


def _for_typer(entry: Entry) -> Callable[..., int | None]:
    """A command's function as Typer calls it, with Typer's context and --json.

    The function itself takes the invocation and its own options, and returns its answer.
    """
    function = entry.load()

    def run(ctx: Any, as_json: bool, **options: Any) -> int | None:
        invocation: Invocation = ctx.find_root().obj
        if ctx.invoked_subcommand is not None:
            return None
        as_json = as_json or bool(ctx.parent.params.get("as_json"))
        about_one_user = isinstance(options.get("user"), str)
        account = options.get("account") or "" if about_one_user else ""
        invocation.begin(entry, as_json=as_json, about_one_user=about_one_user, account=account)
        with invocation.closing:
            invocation.closing.callback(_warn_of_masks, invocation)
            answer = function(invocation, **options)
            return None if answer is None else write_answer(invocation, answer)

    _, *own = signature(function, eval_str=True).parameters.values()
    parameters = [
        *(each.replace(kind=Parameter.KEYWORD_ONLY) for each in own),
        Parameter("ctx", Parameter.KEYWORD_ONLY, annotation=typer.Context),
        Parameter("as_json", Parameter.KEYWORD_ONLY, default=False, annotation=JsonOption),
    ]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    run.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    return run


def _warn_of_masks(invocation: Invocation) -> None:
    if invocation.ticket_masked and not invocation.as_json:
        warn(TICKET_MASKED)


def _write_epilog(epilog: str | None, formatter: Any) -> None:
    """Write examples and further paragraphs, as far left as the headings."""
    if epilog:
        formatter.write_paragraph()
        formatter.write_text(epilog)


def _write_exit_codes(entry: Entry | None, formatter: Any) -> None:
    codes = [(str(int(code)), code.meaning) for code in entry.exits] if entry else []
    with formatter.section("Exit codes"):
        formatter.write_dl(codes)
