# bash completion for pincli
# Made by `pincli completion --write DIR`: edits are lost.
# Nothing here evaluates what was typed or what pincli prints.

# The commands and the options of a command.
_pincli_scope() {
    commands='' options=''
    case $1 in
        '')
            commands='verify desk status alerts pin unlock user import reset audit doctor backup restore keys store init demo completion help'
            options='--store --keys --version --help'
            ;;
        'verify')
            options='--ref --pin-stdin --json --help'
            ;;
        'desk')
            options='--plain --json --help'
            ;;
        'status')
            options='--account --state --locked --exit-code --json --help'
            ;;
        'alerts')
            options='--exit-code --json --help'
            ;;
        'pin')
            commands='show change check'
            options='--help'
            ;;
        'pin show')
            options='--json --help'
            ;;
        'pin change')
            options='--pin-stdin --json --help'
            ;;
        'pin check')
            options='--pin-stdin --json --help'
            ;;
        'unlock')
            options='--reason --json --help'
            ;;
        'user')
            commands='add list show deactivate activate'
            options='--help'
            ;;
        'user add')
            options='--account --name --type --json --help'
            ;;
        'user list')
            options='--account --state --type --json --help'
            ;;
        'user show')
            options='--json --help'
            ;;
        'user deactivate')
            options='--from-file --reason --json --help'
            ;;
        'user activate')
            options='--from-file --reason --json --help'
            ;;
        'import')
            options='--dry-run --ignore-unknown --allow-move --deactivate-missing --account --yes --reason --json --help'
            ;;
        'reset')
            options='--account --from-file --all --dry-run --yes --reason --unlock --issue --only-missing --reveal --output --json --help'
            ;;
        'audit')
            commands='list verify seal'
            options='--help'
            ;;
        'audit list')
            options='--user --account --agent --kind --since --limit --jsonl --follow --json --help'
            ;;
        'audit verify')
            options='--expect-head --json --help'
            ;;
        'audit seal')
            options='--json --help'
            ;;
        'doctor')
            options='--json --help'
            ;;
        'backup')
            options='--json --help'
            ;;
        'restore')
            options='--yes --json --help'
            ;;
        'keys')
            commands='list rotate'
            options='--help'
            ;;
        'keys list')
            options='--json --help'
            ;;
        'keys rotate')
            options='--verify --portal --audit --json --help'
            ;;
        'store')
            commands='upgrade move'
            options='--help'
            ;;
        'store upgrade')
            options='--json --help'
            ;;
        'store move')
            options='--yes --json --help'
            ;;
        'init')
            options='--print-sql --json --help'
            ;;
        'demo')
            options='--json --help'
            ;;
        'completion')
            options='--write --json --help'
            ;;
        'help')
            options='--json --help'
            ;;
    esac
}

# What an option of a command takes, or the command's argument of that number.
_pincli_value() {
    value=''
    case $1 in
        ' --store') value='folders' ;;
        ' --keys') value='folders' ;;
        'verify --ref') value='text' ;;
        'verify '0) value='users' ;;
        'status --account') value='accounts' ;;
        'status --state') value='words inactive ineligible locked uncollected active' ;;
        'status '0) value='users' ;;
        'pin show '0) value='users' ;;
        'pin change '0) value='users' ;;
        'unlock --reason') value='text' ;;
        'unlock '0) value='users' ;;
        'user add --account') value='accounts' ;;
        'user add --name') value='text' ;;
        'user add --type') value='words cloud dedicated federated cloud-office datapipe' ;;
        'user add '0) value='text' ;;
        'user list --account') value='accounts' ;;
        'user list --state') value='words inactive ineligible locked uncollected active' ;;
        'user list --type') value='words cloud dedicated federated cloud-office datapipe' ;;
        'user show '0) value='users' ;;
        'user deactivate --from-file') value='files' ;;
        'user deactivate --reason') value='text' ;;
        'user deactivate '[0-9]*) value='users' ;;
        'user activate --from-file') value='files' ;;
        'user activate --reason') value='text' ;;
        'user activate '[0-9]*) value='users' ;;
        'import --account') value='accounts' ;;
        'import --reason') value='text' ;;
        'import '0) value='files' ;;
        'reset --account') value='accounts' ;;
        'reset --from-file') value='files' ;;
        'reset --reason') value='text' ;;
        'reset --output') value='files' ;;
        'reset '[0-9]*) value='users' ;;
        'audit list --user') value='users' ;;
        'audit list --account') value='accounts' ;;
        'audit list --agent') value='text' ;;
        'audit list --kind') value='words initialised user_added user_updated imported deactivated activated attempt verified incorrect abandoned not_told refused locked locked_by_hand unlocked pin_generated pin_changed pin_shown pin_withdrawn reset key_rotated resealed renewed migrated marked restored audited moved' ;;
        'audit list --since') value='text' ;;
        'audit list --limit') value='text' ;;
        'audit verify --expect-head') value='text' ;;
        'backup '0) value='files' ;;
        'restore '0) value='files' ;;
        'store move '0) value='folders' ;;
        'completion --write') value='folders' ;;
        'completion '0) value='words bash zsh fish' ;;
        'help '[0-9]*) value='words verify desk status alerts pin unlock user import reset audit doctor backup restore keys store init demo completion help exit-codes json environment' ;;
    esac
}

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

# The names in the store that begin as word does, by the store that the line names.
_pincli_names() {
    local name
    while IFS= read -r name; do
        [[ $name == *[^a-z0-9._@+-]* ]] || names+=("$name")
    done < <(command pincli "${global[@]}" complete-names "$1" -- "$prefix" \
        2>/dev/null </dev/null)
}

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
