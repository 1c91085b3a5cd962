# Completion of `ez` for Bash. Load it with:  eval "$(ez completion bash)"

_ez() {
    local line=${COMP_LINE:0:COMP_POINT} word prefix candidate
    local -a words
    read -r -a words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    word=${words[${#words[@]} - 1]}
    # Bash replaces only what stands behind the last : or = of the word.
    prefix=${word%"${word##*[:=]}"}
    COMPREPLY=()
    while IFS=$'\t' read -r candidate _; do
        [[ $candidate == "$word"* ]] && COMPREPLY+=("${candidate#"$prefix"}")
    done < <(ez __complete ez "${words[@]:1}" 2>/dev/null)
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace
    return 0
}

complete -o default -F _ez ez
