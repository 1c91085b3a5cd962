# Completion of `task` for Bash. Load it with:  eval "$(task --completion bash)"

_task() {
    local line=${COMP_LINE:0:COMP_POINT} word prefix candidate at
    local -a words place=()
    read -r -a words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    word=${words[${#words[@]} - 1]}
    prefix=${word%"${word##*[:=]}"}
    COMPREPLY=()
    # Behind -- the arguments belong to the task, not to us.
    for ((at = 1; at < ${#words[@]} - 1; at++)); do
        case ${words[at]} in
            --) return 0 ;;
            -t | --taskfile | -d | --dir) place+=("${words[at]}" "${words[at + 1]}") ;;
            --taskfile=* | --dir=*) place+=("${words[at]}") ;;
            -g | --global) place+=(--global) ;;
        esac
    done
    case ${words[${#words[@]} - 2]} in
        -t | --taskfile | -d | --dir | --temp-dir | --remote-cache-dir | --cacert | --cert | --cert-key) return 0 ;;
        -o | --output) COMPREPLY=($(compgen -W 'interleaved group prefixed' -- "$word")) && return 0 ;;
        --sort) COMPREPLY=($(compgen -W 'default alphanumeric none' -- "$word")) && return 0 ;;
        --completion) COMPREPLY=($(compgen -W 'bash zsh fish nu powershell' -- "$word")) && return 0 ;;
    esac
    if [[ $word == -* ]]; then
        COMPREPLY=($(compgen -W '@FLAG_WORDS@' -- "$word"))
        return 0
    fi
    while IFS= read -r candidate; do
        [[ $candidate == "$word"* ]] && COMPREPLY+=("${candidate#"$prefix"}")
    done < <(task "${place[@]}" --list-all --silent 2>/dev/null)
    return 0
}

complete -o default -F _task task
