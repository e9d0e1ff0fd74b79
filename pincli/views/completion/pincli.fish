# fish completion for pincli: `pincli complete` says what may come, one candidate a line.
# Nothing here evaluates what was typed or what pincli prints.

function __pincli_complete
    set -l word (commandline -ct)
    # Within a quote that is still open it can't be unescaped.
    set -l plain (string unescape -- $word; or string trim -c '\'"' -- $word)
    set -l option (string match -r -- '^--[a-z-]+=' $word; or echo)
    for line in (command pincli complete -- (commandline -opc)[2..] "$plain" 2>/dev/null </dev/null)
        switch $line
            case \tfiles
                printf '%s\n' $option(__fish_complete_path (string replace -- "$option" '' $word))
            case \tfolders
                printf '%s\n' $option(__fish_complete_directories (string replace -- "$option" '' $word))
            case '*'
                printf '%s\n' $line
        end
    end
end

complete -c pincli -f -a '(__pincli_complete)'
