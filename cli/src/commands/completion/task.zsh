#compdef task
# Completion of `task` for Zsh. Save it as _task in a directory of $fpath, or load it with:  source <(task --completion zsh)

_task_names() {
    local -a place names
    local at
    for ((at = 2; at < CURRENT; at++)); do
        case $words[at] in
            -t | --taskfile | -d | --dir) place+=("$words[at]" "$words[at+1]") ;;
            --taskfile=* | --dir=*) place+=("$words[at]") ;;
            -g | --global) place+=(--global) ;;
        esac
    done
    names=("${(@f)$(task $place --list-all --silent 2>/dev/null)}")
    names=(${names:#})
    compadd -a names
}

_task() {
    _arguments -s -S \
@FLAG_SPECS@        '*:task:_task_names'
}

if [[ $funcstack[1] == _task ]]; then
    _task "$@"
else
    compdef _task task
fi
