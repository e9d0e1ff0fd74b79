# bash completion for pincli: `pincli complete` says what may come, one candidate a line.
# Nothing here evaluates what was typed or what pincli prints.

# The line up to the cursor as words, nothing expanded. COMP_WORDS won't do: it is split at
# @, = and : too, which occur in names and between an option and its value.
# Sets words (before the cursor), word (at it), quote (the one around it), and head: the
# part of word that readline keeps, so that replies come without it.
_pincli_split() {
    local rest=${COMP_LINE:0:COMP_POINT} begun='' char
    words=() word='' head='' quote=''
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
            \' | \") quote=$char head=$word ;;
            \\) word+=${rest:0:1} rest=${rest:1} ;;
            *)
                word+=$char
                # Readline leaves an @ with what follows it.
                if [[ $COMP_WORDBREAKS == *"$char"* ]]; then head=${word%@}; fi
                ;;
        esac
        begun=yes
    done
}

_pincli() {
    local IFS=$' \t\n' word head quote line
    local -a words
    COMPREPLY=()
    _pincli_split
    while IFS= read -r line; do
        case $line in
            $'\tfiles') compopt -o default ;;
            $'\tfolders') compopt -o dirnames ;;
            *)
                line=${line%%$'\t'*} # what follows the tab is help
                [[ $line == "${head,,}"* ]] || continue
                line=${line:${#head}}
                case $quote in
                    # A name that can't go on inside this quote is offered without one.
                    \') [[ $line == *\'* ]] && continue ;;
                    \") [[ $line == *[\\\$\`!]* ]] && continue ;;
                    *) [[ $line ]] && printf -v line %q "$line" ;;
                esac
                COMPREPLY+=("$line")
                ;;
        esac
    done < <(command pincli complete -- "${words[@]:1}" "$word" 2>/dev/null </dev/null)
}

complete -F _pincli pincli
