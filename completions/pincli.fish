# fish completion for pincli
# Made by `pincli completion --write DIR`: edits are lost.
# Nothing here evaluates what was typed or what pincli prints.

# Where the cursor is: the command, a slash, and how many arguments stand before it.
function __pincli_place
    set -l groups '' 'pin' 'user' 'audit' 'keys' 'store'
    set -l taking '--store' '--keys' 'verify --ref' 'status --account' 'status --state' 'unlock --reason' 'user add --account' 'user add --name' 'user add --type' 'user list --account' 'user list --state' 'user list --type' 'user deactivate --from-file' 'user deactivate --reason' 'user activate --from-file' 'user activate --reason' 'import --account' 'import --reason' 'reset --account' 'reset --from-file' 'reset --reason' 'reset --output' 'audit list --user' 'audit list --account' 'audit list --agent' 'audit list --kind' 'audit list --since' 'audit list --limit' 'audit verify --expect-head' 'completion --write'
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
end

# Whether the cursor is at COMMAND/NUMBER: in that command, after that many arguments.
function __pincli_at
    string match -q -- $argv[1] (__pincli_place)
end

# The names in the store that begin as the word does, by the store that the line names.
function __pincli_names
    set -l prefix (commandline -ct | string replace -r -- '^--[a-z-]+=' '' | string unescape)
    # No name begins with a dash; fish asks for arguments where it completes options, too.
    string match -q -- '-*' "$prefix"; and return
    command pincli (__pincli_global) complete-names $argv[1] -- "$prefix" 2>/dev/null </dev/null |
        string match -r -- '^[a-z0-9._@+-]+$'
end

# The options before the command, for asking pincli about the same store.
function __pincli_global
    set -l waiting no
    for word in (commandline -opc)[2..]
        if test $waiting = yes
            set waiting no
            if string match -q -- '~/*' $word
                set word $HOME(string sub -s 2 -- $word)
            end
            printf '%s\n' $word
            continue
        end
        switch $word
            case --store --keys
                set waiting yes
                printf '%s\n' $word
            case '--store=*' '--keys=*'
                printf '%s\n' $word
            case '-*'
            case '*'
                break
        end
    end
end

complete -c pincli -f

complete -c pincli -n "__pincli_at '/0'" -a verify -d 'Check a caller\'s support PIN'
complete -c pincli -n "__pincli_at '/0'" -a desk -d 'Check caller after caller, all shift, in one screen'
complete -c pincli -n "__pincli_at '/0'" -a status -d 'Show one user, a list, or the totals'
complete -c pincli -n "__pincli_at '/0'" -a alerts -d 'Show signs of an attack'
complete -c pincli -n "__pincli_at '/0'" -a pin -d 'Show, change or check a PIN: the customer\'s own actions'
complete -c pincli -n "__pincli_at '/0'" -a unlock -d 'Release a locked PIN; the PIN itself stays'
complete -c pincli -n "__pincli_at '/0'" -a user -d 'Add, list and show users; switch them off and on'
complete -c pincli -n "__pincli_at '/0'" -a import -d 'Add and update users from a file'
complete -c pincli -n "__pincli_at '/0'" -a reset -d 'Withdraw PINs: of users, of an attacked account, of everybody'
complete -c pincli -n "__pincli_at '/0'" -a audit -d 'Read, check and seal the audit trail'
complete -c pincli -n "__pincli_at '/0'" -a doctor -d 'Check whether all is well, and say what to do'
complete -c pincli -n "__pincli_at '/0'" -a backup -d 'Copy the store into a file, while agents verify'
complete -c pincli -n "__pincli_at '/0'" -a restore -d 'Bring a backup back; the replaced store is kept aside'
complete -c pincli -n "__pincli_at '/0'" -a keys -d 'List keys and change them'
complete -c pincli -n "__pincli_at '/0'" -a store -d 'Bring the store up to date, or move it to a server'
complete -c pincli -n "__pincli_at '/0'" -a init -d 'Make a new store and its keys; never over existing ones'
complete -c pincli -n "__pincli_at '/0'" -a demo -d 'Tell the whole story on a throw-away store'
complete -c pincli -n "__pincli_at '/0'" -a completion -d 'Print a shell\'s completion script'
complete -c pincli -n "__pincli_at '/0'" -a help -d 'Show the help of a command, or about a topic'
complete -c pincli -n "__pincli_at '/*'" -l store -r -f -a '(__fish_complete_directories)' -d 'Folder of the database, or a postgresql:// address (also PINCLI_STORE)'
complete -c pincli -n "__pincli_at '/*'" -l keys -r -f -a '(__fish_complete_directories)' -d 'Folder of the keys (also PINCLI_KEYS)'
complete -c pincli -n "__pincli_at '/*'" -l version -d 'Show the version'
complete -c pincli -n "__pincli_at '/*'" -s h -l help -d 'Show this message and exit'

complete -c pincli -n "__pincli_at 'verify/0'" -f -a '(__pincli_names users)'
complete -c pincli -n "__pincli_at 'verify/*'" -l ref -r -f -d 'The ticket; recorded in the audit trail'
complete -c pincli -n "__pincli_at 'verify/*'" -l pin-stdin -d 'Read the PIN as one line from standard input'
complete -c pincli -n "__pincli_at 'verify/*'" -l json -d 'Answer with one JSON object'
complete -c pincli -n "__pincli_at 'verify/*'" -s h -l help -d 'Show this message and exit'

complete -c pincli -n "__pincli_at 'desk/*'" -l plain -d 'Lines in place of a screen, as for a screen reader'
complete -c pincli -n "__pincli_at 'desk/*'" -l json -d 'Answer with one JSON object'
complete -c pincli -n "__pincli_at 'desk/*'" -s h -l help -d 'Show this message and exit'

complete -c pincli -n "__pincli_at 'status/0'" -f -a '(__pincli_names users)'
complete -c pincli -n "__pincli_at 'status/*'" -l account -r -f -a '(__pincli_names accounts)' -d 'Users of this account only'
complete -c pincli -n "__pincli_at 'status/*'" -l state -r -f -a 'inactive ineligible locked uncollected active' -d 'Users in this state'
complete -c pincli -n "__pincli_at 'status/*'" -l locked -d 'The same as --state locked'
complete -c pincli -n "__pincli_at 'status/*'" -l exit-code -d 'Exit with 4 if any user shown is locked'
complete -c pincli -n "__pincli_at 'status/*'" -l json -d 'Answer with one JSON object'
complete -c pincli -n "__pincli_at 'status/*'" -s h -l help -d 'Show this message and exit'

complete -c pincli -n "__pincli_at 'alerts/*'" -l exit-code -d 'Exit with 4 if there are any'
complete -c pincli -n "__pincli_at 'alerts/*'" -l json -d 'Answer with one JSON object'
complete -c pincli -n "__pincli_at 'alerts/*'" -s h -l help -d 'Show this message and exit'

complete -c pincli -n "__pincli_at 'pin/0'" -a show -d 'Show a user\'s PIN to its owner; the first look makes it'
complete -c pincli -n "__pincli_at 'pin/0'" -a change -d 'Set the PIN that the customer chose'
complete -c pincli -n "__pincli_at 'pin/0'" -a check -d 'Test whether a PIN may be chosen; nothing is stored'
complete -c pincli -n "__pincli_at 'pin/*'" -s h -l help -d 'Show this message and exit'

complete -c pincli -n "__pincli_at 'pin show/0'" -f -a '(__pincli_names users)'
complete -c pincli -n "__pincli_at 'pin show/*'" -l json -d 'Answer with one JSON object'
complete -c pincli -n "__pincli_at 'pin show/*'" -s h -l help -d 'Show this message and exit'

complete -c pincli -n "__pincli_at 'pin change/0'" -f -a '(__pincli_names users)'
complete -c pincli -n "__pincli_at 'pin change/*'" -l pin-stdin -d 'Read the PIN as one line from standard input'
complete -c pincli -n "__pincli_at 'pin change/*'" -l json -d 'Answer with one JSON object'
complete -c pincli -n "__pincli_at 'pin change/*'" -s h -l help -d 'Show this message and exit'

complete -c pincli -n "__pincli_at 'pin check/*'" -l pin-stdin -d 'Read the PIN as one line from standard input'
complete -c pincli -n "__pincli_at 'pin check/*'" -l json -d 'Answer with one JSON object'
complete -c pincli -n "__pincli_at 'pin check/*'" -s h -l help -d 'Show this message and exit'

complete -c pincli -n "__pincli_at 'unlock/0'" -f -a '(__pincli_names users)'
complete -c pincli -n "__pincli_at 'unlock/*'" -l reason -r -f -d 'Why; recorded in the audit trail'
complete -c pincli -n "__pincli_at 'unlock/*'" -l json -d 'Answer with one JSON object'
complete -c pincli -n "__pincli_at 'unlock/*'" -s h -l help -d 'Show this message and exit'

complete -c pincli -n "__pincli_at 'user/0'" -a add -d 'Add a user'
complete -c pincli -n "__pincli_at 'user/0'" -a list -d 'List users'
complete -c pincli -n "__pincli_at 'user/0'" -a show -d 'Show a user\'s record'
complete -c pincli -n "__pincli_at 'user/0'" -a deactivate -d 'Switch users off: no PIN of theirs is compared any more'
complete -c pincli -n "__pincli_at 'user/0'" -a activate -d 'Switch users on again, with counter and PIN as they were'
complete -c pincli -n "__pincli_at 'user/*'" -s h -l help -d 'Show this message and exit'

complete -c pincli -n "__pincli_at 'user add/*'" -l account -r -f -a '(__pincli_names accounts)' -d 'The account the user belongs to'
complete -c pincli -n "__pincli_at 'user add/*'" -l name -r -f -d 'The display name'
complete -c pincli -n "__pincli_at 'user add/*'" -l type -r -f -a 'cloud dedicated federated cloud-office datapipe' -d 'What kind of login it is'
complete -c pincli -n "__pincli_at 'user add/*'" -l json -d 'Answer with one JSON object'
complete -c pincli -n "__pincli_at 'user add/*'" -s h -l help -d 'Show this message and exit'

complete -c pincli -n "__pincli_at 'user list/*'" -l account -r -f -a '(__pincli_names accounts)' -d 'Users of this account only'
complete -c pincli -n "__pincli_at 'user list/*'" -l state -r -f -a 'inactive ineligible locked uncollected active' -d 'Users in this state'
complete -c pincli -n "__pincli_at 'user list/*'" -l type -r -f -a 'cloud dedicated federated cloud-office datapipe' -d 'Users of this type'
complete -c pincli -n "__pincli_at 'user list/*'" -l json -d 'Answer with one JSON object'
complete -c pincli -n "__pincli_at 'user list/*'" -s h -l help -d 'Show this message and exit'

complete -c pincli -n "__pincli_at 'user show/0'" -f -a '(__pincli_names users)'
complete -c pincli -n "__pincli_at 'user show/*'" -l json -d 'Answer with one JSON object'
complete -c pincli -n "__pincli_at 'user show/*'" -s h -l help -d 'Show this message and exit'

complete -c pincli -n "__pincli_at 'user deactivate/*'" -f -a '(__pincli_names users)'
complete -c pincli -n "__pincli_at 'user deactivate/*'" -l from-file -r -F -d 'Users, one a line; - for stdin'
complete -c pincli -n "__pincli_at 'user deactivate/*'" -l reason -r -f -d 'Why; recorded in the audit trail'
complete -c pincli -n "__pincli_at 'user deactivate/*'" -l json -d 'Answer with one JSON object'
complete -c pincli -n "__pincli_at 'user deactivate/*'" -s h -l help -d 'Show this message and exit'

complete -c pincli -n "__pincli_at 'user activate/*'" -f -a '(__pincli_names users)'
complete -c pincli -n "__pincli_at 'user activate/*'" -l from-file -r -F -d 'Users, one a line; - for stdin'
complete -c pincli -n "__pincli_at 'user activate/*'" -l reason -r -f -d 'Why; recorded in the audit trail'
complete -c pincli -n "__pincli_at 'user activate/*'" -l json -d 'Answer with one JSON object'
complete -c pincli -n "__pincli_at 'user activate/*'" -s h -l help -d 'Show this message and exit'

complete -c pincli -n "__pincli_at 'import/0'" -F
complete -c pincli -n "__pincli_at 'import/*'" -l dry-run -d 'Show what would happen'
complete -c pincli -n "__pincli_at 'import/*'" -l ignore-unknown -d 'Leave out columns that are not ours'
complete -c pincli -n "__pincli_at 'import/*'" -l allow-move -d 'Let users move to another account'
complete -c pincli -n "__pincli_at 'import/*'" -l deactivate-missing -d 'Deactivate users of --account that the file lacks'
complete -c pincli -n "__pincli_at 'import/*'" -l account -r -f -a '(__pincli_names accounts)' -d 'Users of this account only'
complete -c pincli -n "__pincli_at 'import/*'" -l yes -d 'Don\'t ask, go ahead'
complete -c pincli -n "__pincli_at 'import/*'" -l reason -r -f -d 'Why; recorded in the audit trail'
complete -c pincli -n "__pincli_at 'import/*'" -l json -d 'Answer with one JSON object'
complete -c pincli -n "__pincli_at 'import/*'" -s h -l help -d 'Show this message and exit'

complete -c pincli -n "__pincli_at 'reset/*'" -f -a '(__pincli_names users)'
complete -c pincli -n "__pincli_at 'reset/*'" -l account -r -f -a '(__pincli_names accounts)' -d 'Users of this account only'
complete -c pincli -n "__pincli_at 'reset/*'" -l from-file -r -F -d 'Users, one a line; - for stdin'
complete -c pincli -n "__pincli_at 'reset/*'" -l all -d 'Everybody'
complete -c pincli -n "__pincli_at 'reset/*'" -l dry-run -d 'Show what would happen'
complete -c pincli -n "__pincli_at 'reset/*'" -l yes -d 'Don\'t ask, go ahead'
complete -c pincli -n "__pincli_at 'reset/*'" -l reason -r -f -d 'Why; recorded in the audit trail'
complete -c pincli -n "__pincli_at 'reset/*'" -l unlock -d 'Release locked users too; needs --reason'
complete -c pincli -n "__pincli_at 'reset/*'" -l issue -d 'Make the new PINs now (where there is no portal)'
complete -c pincli -n "__pincli_at 'reset/*'" -l only-missing -d 'Users without a PIN only; needs --issue'
complete -c pincli -n "__pincli_at 'reset/*'" -l reveal -d 'Show the new PINs; implies --issue'
complete -c pincli -n "__pincli_at 'reset/*'" -l output -r -F -d 'Write the new PINs here; implies --issue'
complete -c pincli -n "__pincli_at 'reset/*'" -l json -d 'Answer with one JSON object'
complete -c pincli -n "__pincli_at 'reset/*'" -s h -l help -d 'Show this message and exit'

complete -c pincli -n "__pincli_at 'audit/0'" -a list -d 'List events, the newest first'
complete -c pincli -n "__pincli_at 'audit/0'" -a verify -d 'Check the whole trail'
complete -c pincli -n "__pincli_at 'audit/0'" -a seal -d 'Seal what hosts without audit.key have written'
complete -c pincli -n "__pincli_at 'audit/*'" -s h -l help -d 'Show this message and exit'

complete -c pincli -n "__pincli_at 'audit list/*'" -l user -r -f -a '(__pincli_names users)' -d 'Events about this user only'
complete -c pincli -n "__pincli_at 'audit list/*'" -l account -r -f -a '(__pincli_names accounts)' -d 'Users of this account only'
complete -c pincli -n "__pincli_at 'audit list/*'" -l agent -r -f -d 'By who ran the command'
complete -c pincli -n "__pincli_at 'audit list/*'" -l kind -r -f -a 'initialised user_added user_updated imported deactivated activated attempt verified incorrect abandoned not_told refused locked locked_by_hand unlocked pin_generated pin_changed pin_shown pin_withdrawn reset key_rotated resealed renewed migrated marked restored audited moved' -d 'Of this kind only'
complete -c pincli -n "__pincli_at 'audit list/*'" -l since -r -f -d 'Such as 30m, 24h, 7d, or 2026-11-24'
complete -c pincli -n "__pincli_at 'audit list/*'" -l limit -r -f -d 'How many at most; else 50, or all by --jsonl'
complete -c pincli -n "__pincli_at 'audit list/*'" -l jsonl -d 'One JSON object a line, for a log collector'
complete -c pincli -n "__pincli_at 'audit list/*'" -l follow -d 'Then go on with new ones, oldest first, as they come'
complete -c pincli -n "__pincli_at 'audit list/*'" -l json -d 'Answer with one JSON object'
complete -c pincli -n "__pincli_at 'audit list/*'" -s h -l help -d 'Show this message and exit'

complete -c pincli -n "__pincli_at 'audit verify/*'" -l expect-head -r -f -d 'A head that was printed earlier: nothing may be cut off since'
complete -c pincli -n "__pincli_at 'audit verify/*'" -l json -d 'Answer with one JSON object'
complete -c pincli -n "__pincli_at 'audit verify/*'" -s h -l help -d 'Show this message and exit'

complete -c pincli -n "__pincli_at 'audit seal/*'" -l json -d 'Answer with one JSON object'
complete -c pincli -n "__pincli_at 'audit seal/*'" -s h -l help -d 'Show this message and exit'

complete -c pincli -n "__pincli_at 'doctor/*'" -l json -d 'Answer with one JSON object'
complete -c pincli -n "__pincli_at 'doctor/*'" -s h -l help -d 'Show this message and exit'

complete -c pincli -n "__pincli_at 'backup/0'" -F
complete -c pincli -n "__pincli_at 'backup/*'" -l json -d 'Answer with one JSON object'
complete -c pincli -n "__pincli_at 'backup/*'" -s h -l help -d 'Show this message and exit'

complete -c pincli -n "__pincli_at 'restore/0'" -F
complete -c pincli -n "__pincli_at 'restore/*'" -l yes -d 'Don\'t ask, go ahead'
complete -c pincli -n "__pincli_at 'restore/*'" -l json -d 'Answer with one JSON object'
complete -c pincli -n "__pincli_at 'restore/*'" -s h -l help -d 'Show this message and exit'

complete -c pincli -n "__pincli_at 'keys/0'" -a list -d 'List the keys'
complete -c pincli -n "__pincli_at 'keys/0'" -a rotate -d 'Put a new key in the place of one'
complete -c pincli -n "__pincli_at 'keys/*'" -s h -l help -d 'Show this message and exit'

complete -c pincli -n "__pincli_at 'keys list/*'" -l json -d 'Answer with one JSON object'
complete -c pincli -n "__pincli_at 'keys list/*'" -s h -l help -d 'Show this message and exit'

complete -c pincli -n "__pincli_at 'keys rotate/*'" -l verify -d 'The key that PINs are checked with'
complete -c pincli -n "__pincli_at 'keys rotate/*'" -l portal -d 'The pair that PINs are sealed to; takes a while'
complete -c pincli -n "__pincli_at 'keys rotate/*'" -l audit -d 'The key that signs the audit trail'
complete -c pincli -n "__pincli_at 'keys rotate/*'" -l json -d 'Answer with one JSON object'
complete -c pincli -n "__pincli_at 'keys rotate/*'" -s h -l help -d 'Show this message and exit'

complete -c pincli -n "__pincli_at 'store/0'" -a upgrade -d 'Bring a store of an older pincli up to date'
complete -c pincli -n "__pincli_at 'store/0'" -a move -d 'Move the store from its folder to a PostgreSQL server'
complete -c pincli -n "__pincli_at 'store/*'" -s h -l help -d 'Show this message and exit'

complete -c pincli -n "__pincli_at 'store upgrade/*'" -l json -d 'Answer with one JSON object'
complete -c pincli -n "__pincli_at 'store upgrade/*'" -s h -l help -d 'Show this message and exit'

complete -c pincli -n "__pincli_at 'store move/0'" -f -a '(__fish_complete_directories)'
complete -c pincli -n "__pincli_at 'store move/*'" -l yes -d 'Don\'t ask, go ahead'
complete -c pincli -n "__pincli_at 'store move/*'" -l json -d 'Answer with one JSON object'
complete -c pincli -n "__pincli_at 'store move/*'" -s h -l help -d 'Show this message and exit'

complete -c pincli -n "__pincli_at 'init/*'" -l print-sql -d 'Print the SQL for a DBA, and do nothing'
complete -c pincli -n "__pincli_at 'init/*'" -l json -d 'Answer with one JSON object'
complete -c pincli -n "__pincli_at 'init/*'" -s h -l help -d 'Show this message and exit'

complete -c pincli -n "__pincli_at 'demo/*'" -l json -d 'Answer with one JSON object'
complete -c pincli -n "__pincli_at 'demo/*'" -s h -l help -d 'Show this message and exit'

complete -c pincli -n "__pincli_at 'completion/0'" -f -a 'bash zsh fish'
complete -c pincli -n "__pincli_at 'completion/*'" -l write -r -f -a '(__fish_complete_directories)' -d 'Write all three scripts into a folder'
complete -c pincli -n "__pincli_at 'completion/*'" -l json -d 'Answer with one JSON object'
complete -c pincli -n "__pincli_at 'completion/*'" -s h -l help -d 'Show this message and exit'

complete -c pincli -n "__pincli_at 'help/*'" -f -a 'verify desk status alerts pin unlock user import reset audit doctor backup restore keys store init demo completion help exit-codes json environment'
complete -c pincli -n "__pincli_at 'help/*'" -l json -d 'Answer with one JSON object'
complete -c pincli -n "__pincli_at 'help/*'" -s h -l help -d 'Show this message and exit'
