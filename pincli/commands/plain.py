"""What a command is to Typer: plain help, our own errors, and the exit codes it declares."""

from __future__ import annotations

from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup

from pincli.commands.options import refuse_swallowed
from pincli.views.exit_codes import OF_ANY_COMMAND, ExitCode


class PlainCommand(TyperCommand):
    """A command that says in its help how it can end.

    Attributes:
        exits: Its exit codes beside those of any command.
    """

    exits: ClassVar[frozenset[ExitCode]] = frozenset()

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: D102
        refuse_swallowed(self.get_params(ctx), args)
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The usage line with USER, where Typer would say {USER}."""
        return [piece.strip("{}") for piece in super().collect_usage_pieces(ctx)]

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: D102
        from pincli.commands.help_pages import write_epilog, write_exit_codes

        write_epilog(self.epilog, formatter)
        write_exit_codes(self.exits | OF_ANY_COMMAND, formatter)

    def get_help_option(self, ctx: Any) -> Any:  # noqa: D102
        return told_by_us(super().get_help_option(ctx))


class PlainGroup(TyperGroup):
    """A group of commands that knows what a mistyped one was meant to be."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: D102
        if args[0] not in self.list_commands(ctx) and not args[0].startswith("-"):
            from pincli.commands.suggestions import no_such_command

            raise no_such_command(args[0], ctx)
        return super().resolve_command(ctx, args)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: D102
        from pincli.commands.help_pages import write_epilog

        write_epilog(self.epilog, formatter)

    def get_help_option(self, ctx: Any) -> Any:  # noqa: D102
        return told_by_us(super().get_help_option(ctx))


def told_by_us(option: Any) -> Any:
    """The option --help, with a text that can't be written told as such."""
    from pincli.commands.running import write_out

    def show_help(ctx: Any, _param: Any, value: bool) -> None:
        if value and not ctx.resilient_parsing:
            write_out(ctx.get_help())
            raise typer.Exit

    option.callback = show_help
    return option
