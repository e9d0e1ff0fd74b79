"""The script for fish."""

from __future__ import annotations

from collections.abc import Iterator

from pincli.views.completion.tree import (
    NAME_CHARACTERS,
    NAMES_COMMAND,
    Argument,
    Command,
    Kind,
    Option,
    Value,
    require_plain,
    taking_names,
    walk,
)

_HEAD = """\
# fish completion for pincli
# Made by `pincli completion --write DIR`: edits are lost.
# Nothing here evaluates what was typed or what pincli prints.

"""

_AT = """
# Whether the cursor is at COMMAND/NUMBER: in that command, after that many arguments.
function __pincli_at
    string match -q -- $argv[1] (__pincli_place)
end
"""

_NAMES = rf"""
# The names in the store that begin as the word does, by the store that the line names.
function __pincli_names
    set -l prefix (commandline -ct | string replace -r -- '^--[a-z-]+=' '' | string unescape)
    # No name begins with a dash; fish asks for arguments where it completes options, too.
    string match -q -- '-*' "$prefix"; and return
    command pincli (__pincli_global) {NAMES_COMMAND} $argv[1] -- "$prefix" 2>/dev/null </dev/null |
        string match -r -- '^[{NAME_CHARACTERS}]+$'
end
"""


def script(root: Command) -> str:
    """The script that completes this tree of commands."""
    require_plain(root)
    functions = "\n".join([*_place(root), ""]) + _AT + _NAMES + "\n".join([*_global(root), "", ""])
    return _HEAD + functions + "\n".join([*_completions(root), ""])


def _place(root: Command) -> Iterator[str]:
    groups = [command.spoken for command in walk(root) if command.commands]
    taking = [
        " ".join([*command.path, name]) for command in walk(root) for name in taking_names(command)
    ]
    yield "# Where the cursor is: the command, a slash, and how many arguments stand before it."
    yield "function __pincli_place"
    yield f"    set -l groups {' '.join(map(_quoted, groups))}"
    yield f"    set -l taking {' '.join(map(_quoted, taking))}"
    yield """\
    set -l path ''
    set -l given 0
    set -l waiting no
    set -l literal no
    for word in (commandline -opc)[2..]
        if test $waiting = yes
            set waiting no
        else if test $literal = no; and string match -q -- '-*' $word
            if test $word = --
                set literal yes
            else if contains -- (string trim -- "$path $word") $taking
                set waiting yes
            end
        else if contains -- "$path" $groups
            set path (string trim -- "$path $word")
        else
            set given (math $given + 1)
        end
    end
    echo $path/$given
end"""


def _global(root: Command) -> Iterator[str]:
    names = taking_names(root)
    yield ""
    yield "# The options before the command, for asking pincli about the same store."
    yield "function __pincli_global"
    yield f"""\
    set -l waiting no
    for word in (commandline -opc)[2..]
        if test $waiting = yes
            set waiting no
            if string match -q -- '~/*' $word
                set word $HOME(string sub -s 2 -- $word)
            end
            printf '%s\\n' $word
            continue
        end
        switch $word
            case {" ".join(names)}
                set waiting yes
                printf '%s\\n' $word
            case {" ".join(f"'{name}=*'" for name in names)}
                printf '%s\\n' $word
            case '-*'
            case '*'
                break
        end
    end
end"""


def _completions(root: Command) -> Iterator[str]:
    yield "complete -c pincli -f"
    for command in walk(root):
        yield ""
        for below in command.commands:
            yield f"{_complete(command, 0)} -a {below.name} -d {_quoted(below.help)}"
        for number, argument in enumerate(command.arguments):
            yield from _argument(command, number, argument)
        for option in command.options:
            yield _option(command, option)


def _argument(command: Command, number: int, argument: Argument) -> Iterator[str]:
    if argument.value.kind is not Kind.TEXT:
        place = "*" if argument.repeats else number
        yield f"{_complete(command, place)}{_value(argument.value)}"


def _option(command: Command, option: Option) -> str:
    names = "".join(
        f" -l {name[2:]}" if name.startswith("--") else f" -s {name[1:]}" for name in option.names
    )
    takes = "" if option.value is None else f" -r{_value(option.value)}"
    return f"{_complete(command, '*')}{names}{takes} -d {_quoted(option.help)}"


def _complete(command: Command, place: int | str) -> str:
    return f"complete -c pincli -n \"__pincli_at '{command.spoken}/{place}'\""


def _value(value: Value) -> str:
    return {
        Kind.TEXT: " -f",
        Kind.WORDS: f" -f -a {_quoted(' '.join(value.words))}",
        Kind.FILES: " -F",
        Kind.FOLDERS: " -f -a '(__fish_complete_directories)'",
        Kind.USERS: " -f -a '(__pincli_names users)'",
        Kind.ACCOUNTS: " -f -a '(__pincli_names accounts)'",
    }[value.kind]


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
