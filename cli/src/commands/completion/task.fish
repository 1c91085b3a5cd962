# Completion of `task` for Fish. Load it with:  task --completion fish | source

function __task_names
    set -l place
    set -l words (commandline -opc)[2..-1]
    for at in (seq (count $words))
        switch $words[$at]
            case -t --taskfile -d --dir
                set -a place $words[$at] $words[(math $at + 1)]
            case '--taskfile=*' '--dir=*'
                set -a place $words[$at]
            case -g --global
                set -a place --global
        end
    end
    task $place --list-all --silent 2>/dev/null
end

complete -c task -e
complete -c task -f -a '(__task_names)'
@FLAG_LINES@