"""The script for zsh: `_pincli`, found in fpath or sourced after compinit."""

from __future__ import annotations

from collections.abc import Iterator

from pincli.views.completion.tree import (
    NAME_CHARACTERS,
    NAMES_COMMAND,
    Command,
    Kind,
    Option,
    Value,
    require_plain,
    taking_names,
    walk,
)

_HEAD = """\
#compdef pincli
# zsh completion for pincli
# Made by `pincli completion --write DIR`: edits are lost.
# Nothing here evaluates what was typed or what pincli prints.

"""

_NAMES = rf"""
_pincli_users() {{ _pincli_names users "$@" }}
_pincli_accounts() {{ _pincli_names accounts "$@" }}

# The names in the store that begin as the word does, by the store that the line names.
_pincli_names() {{
    # No name begins with a dash; zsh asks for arguments where it completes options, too.
    [[ $PREFIX == -* ]] && return 1
    local kind=$1
    shift
    local -a as global names
    _pincli_global
    # After sudo, zsh's own completion has `sudo -n` in _comp_priv_prefix, for who asks for it.
    zstyle -t ":completion:$curcontext:names" gain-privileges && as=($_comp_priv_prefix)
    names=("${{(@f)$(command $as pincli "${{(@)global}}" \
        {NAMES_COMMAND} $kind -- "${{(Q)PREFIX}}" 2>/dev/null </dev/null)}}")
    names=(${{names:#*[^{NAME_CHARACTERS}]*}})
    compadd -M 'm:{{[:upper:]}}={{[:lower:]}}' "$@" -a names
}}
"""

_TAIL = """
if [[ $funcstack[1] == _pincli ]]; then
    # Called for the first time, by autoload: this file was the function.
    _pincli "$@"
else
    compdef _pincli pincli
fi
"""


def script(root: Command) -> str:
    """The script that completes this tree of commands."""
    require_plain(root)
    functions = "\n".join(line for command in walk(root) for line in (*_function(command), ""))
    return _HEAD + functions + _NAMES + "\n".join(_global(root)) + _TAIL


def _function(command: Command) -> Iterator[str]:
    yield f"{_function_name(command)}() {{"
    if command.commands:
        yield from _group(command)
    else:
        yield from _leaf(command)
    yield "}"


def _function_name(command: Command) -> str:
    return "_".join(["_pincli", *command.path])


def _group(command: Command) -> Iterator[str]:
    yield '    local curcontext="$curcontext" state ret=1'
    yield "    local -a line commands"
    yield "    local -A opt_args"
    if not command.path:
        yield '    local -a pincli_words=("${(@)words[1,CURRENT-1]}")'
    yield "    _arguments -C -S -A '-*' \\"
    for option in command.options:
        yield f"        {_option(option)} \\"
    yield "        '1: :->command' '*:: :->arguments' && ret=0"
    yield "    case $state in"
    yield "        (command)"
    yield "            commands=("
    for below in command.commands:
        described = f"{below.name}:{_escaped(below.help)}"
        yield f"                {_quoted(described)}"
    yield "            )"
    yield f"            _describe -t commands '{_title(command)}' commands && ret=0"
    yield "            ;;"
    yield "        (arguments)"
    yield "            case $words[1] in"
    for below in command.commands:
        yield f"                ({below.name}) {_function_name(below)} && ret=0 ;;"
    yield "            esac"
    yield "            ;;"
    yield "    esac"
    yield "    return ret"


def _title(command: Command) -> str:
    return " ".join(["pincli", *command.path, "command"])


def _leaf(command: Command) -> Iterator[str]:
    specs = [_option(option) for option in command.options]
    for number, argument in enumerate(command.arguments, 1):
        place = "*" if argument.repeats else number
        specs.append(f"'{place}{_value(argument.value)}'")
    yield "    _arguments -S \\"
    for spec in specs[:-1]:
        yield f"        {spec} \\"
    yield f"        {specs[-1]}"


def _option(option: Option) -> str:
    """An option for _arguments: under each of its names, and once only."""
    explained = f"[{_escaped(option.help)}]"
    others = f"({' '.join(option.names)})" if len(option.names) > 1 else ""
    return " ".join(
        _quoted(
            f"{others}{name}{explained}"
            if option.value is None
            else f"{others}{name}{'=' if name.startswith('--') else '+'}{explained}"
            f"{_value(option.value)}"
        )
        for name in option.names
    )


def _value(value: Value) -> str:
    actions = {
        Kind.TEXT: " ",
        Kind.WORDS: f"({' '.join(value.words)})",
        Kind.FILES: "_files",
        Kind.FOLDERS: "_path_files -/",  # `_files -/` offers files where there is no folder
        Kind.USERS: "_pincli_users",
        Kind.ACCOUNTS: "_pincli_accounts",
    }
    return f":{value.label}:{actions[value.kind]}"


def _global(root: Command) -> Iterator[str]:
    """Reads the words as typed: in opt_args they are joined and escaped."""
    names = taking_names(root)
    yield ""
    yield "# The options before the command, for asking pincli about the same store."
    yield "_pincli_global() {"
    yield "    local -i i"
    yield "    for (( i = 2; i <= $#pincli_words; i++ )); do"
    yield "        case $pincli_words[i] in"
    yield f"            ({'|'.join(names)})"
    yield '                global+=("$pincli_words[i]" "${(Q)${pincli_words[i+1]/#\\~\\//$HOME/}}")'
    yield "                (( i++ ))"
    yield "                ;;"
    yield f"            ({'|'.join(f'{name}=*' for name in names)})"
    yield '                global+=("${(Q)pincli_words[i]}")'
    yield "                ;;"
    yield "            (-*) ;;"
    yield "            (*) break ;;"
    yield "        esac"
    yield "    done"
    yield "}"
    yield ""


def _escaped(text: str) -> str:
    """A help text as _describe takes it, and _arguments between brackets."""
    for special in "\\[]:":
        text = text.replace(special, f"\\{special}")
    return text


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
