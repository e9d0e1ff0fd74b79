"""The script for bash, with or without the bash-completion package."""

from __future__ import annotations

from collections.abc import Iterator

from pincli.views.completion.tree import (
    NAME_CHARACTERS,
    NAMES_COMMAND,
    Command,
    Kind,
    Value,
    require_plain,
    walk,
)

_HEAD = """\
# bash completion for pincli
# Made by `pincli completion --write DIR`: edits are lost.
# Nothing here evaluates what was typed or what pincli prints.

"""

_SPLIT = r"""
# The line up to the cursor as words, nothing expanded but a leading ~/. COMP_WORDS won't do:
# it is split at @, = and : too, which stand in names and between an option and its value.
# Sets words (before the cursor), word (at it), and head: the part of word that readline
# keeps, so that replies come without it.
_pincli_split() {
    local rest=${COMP_LINE:0:COMP_POINT} quote='' begun='' char
    words=() word='' head=''
    while [[ $rest ]]; do
        char=${rest:0:1} rest=${rest:1}
        if [[ $quote ]]; then
            if [[ $char == "$quote" ]]; then quote=''; else word+=$char; fi
            continue
        fi
        case $char in
            [[:blank:]])
                [[ $begun ]] && words+=("$word")
                word='' head='' begun=''
                continue
                ;;
            \' | \")
                quote=$char head=$word
                ;;
            \\)
                word+=${rest:0:1} rest=${rest:1}
                ;;
            *)
                if [[ $char == '~' && ! $begun && $rest == /* ]]; then char=$HOME; fi
                word+=$char
                # Readline leaves an @ with what follows it.
                if [[ $COMP_WORDBREAKS == *"$char"* ]]; then head=${word%@}; fi
                ;;
        esac
        begun=yes
    done
}
"""

_NAMES = rf"""
# The names in the store that begin as word does, by the store that the line names.
_pincli_names() {{
    local name
    while IFS= read -r name; do
        [[ $name == *[^{NAME_CHARACTERS}]* ]] || names+=("$name")
    done < <(command pincli "${{global[@]}}" {NAMES_COMMAND} "$1" -- "$prefix" \
        2>/dev/null </dev/null)
}}
"""

_MAIN = r"""
# Offers those of the words that begin as what was typed does.
_pincli_reply() {
    local candidate
    for candidate; do
        if [[ $candidate == "${prefix,,}"* ]]; then
            candidate=$option$candidate
            COMPREPLY+=("${candidate:${#head}}")
        fi
    done
}

_pincli() {
    local IFS=$' \t\n'
    local -a words=() global=() names=()
    local word head commands options value part
    local path='' waiting='' literal='' option='' prefix
    local -i given=0
    COMPREPLY=()
    _pincli_split
    for part in "${words[@]:1}"; do
        if [[ $waiting ]]; then
            [[ $path ]] || global+=("$waiting" "$part")
            waiting=''
        elif [[ $part == -* && ! $literal ]]; then
            _pincli_value "$path ${part%%=*}"
            if [[ $part == -- ]]; then
                literal=yes
            elif [[ $value && $part != *=* ]]; then
                waiting=$part
            elif [[ $value && ! $path ]]; then
                global+=("$part")
            fi
        else
            _pincli_scope "$path"
            if [[ $commands ]]; then
                path=${path:+$path }$part
            else
                given+=1
            fi
        fi
    done

    _pincli_scope "$path"
    prefix=$word
    if [[ $waiting ]]; then
        _pincli_value "$path $waiting"
    elif [[ $word == --*=* && ! $literal ]]; then
        option=${word%%=*}= prefix=${word#*=}
        _pincli_value "$path ${word%%=*}"
    elif [[ $word == -* && ! $literal ]]; then
        value="words $options"
    elif [[ $commands ]]; then
        value="words $commands"
    else
        _pincli_value "$path $given"
        if [[ ! $value && ! $word && ! $literal ]]; then value="words $options"; fi
    fi

    case $value in
        folders) compopt -o dirnames ;;
        files) compopt -o default ;;
        users | accounts)
            _pincli_names "$value"
            _pincli_reply "${names[@]}"
            ;;
        words*) _pincli_reply ${value#words} ;;
    esac
}

complete -F _pincli pincli
"""


def script(root: Command) -> str:
    """The script that completes this tree of commands."""
    require_plain(root)
    tables = "\n".join([*_scopes(root), "", *_values(root), ""])
    return _HEAD + tables + _SPLIT + _NAMES + _MAIN


def _scopes(root: Command) -> Iterator[str]:
    yield "# The commands and the options of a command."
    yield "_pincli_scope() {"
    yield "    commands='' options=''"
    yield "    case $1 in"
    for command in walk(root):
        longest = (max(option.names, key=len) for option in command.options)
        yield f"        '{command.spoken}')"
        if command.commands:
            yield f"            commands='{' '.join(below.name for below in command.commands)}'"
        yield f"            options='{' '.join(longest)}'"
        yield "            ;;"
    yield "    esac"
    yield "}"


def _values(root: Command) -> Iterator[str]:
    yield "# What an option of a command takes, or the command's argument of that number."
    yield "_pincli_value() {"
    yield "    value=''"
    yield "    case $1 in"
    for command in walk(root):
        for option in command.options:
            if option.value is not None:
                patterns = " | ".join(f"'{command.spoken} {name}'" for name in option.names)
                yield f"        {patterns}) value='{_value(option.value)}' ;;"
        for number, argument in enumerate(command.arguments):
            pattern = "[0-9]*" if argument.repeats else number
            yield f"        '{command.spoken} '{pattern}) value='{_value(argument.value)}' ;;"
    yield "    esac"
    yield "}"


def _value(value: Value) -> str:
    if value.kind is Kind.WORDS:
        return f"words {' '.join(value.words)}"
    return value.kind.value
