#compdef ez
# Completion of `ez` for Zsh. Save it as _ez in a directory of $fpath, or load it with:  source <(ez completion zsh)

_ez() {
    local line name about
    local -a plain open
    for line in "${(@f)$(ez __complete ez "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
        [[ -n $line ]] || continue
        name=${line%%$'\t'*}
        about=
        [[ $line == *$'\t'* ]] && about=":${line#*$'\t'}"
        # What ends in = waits for a value.
        if [[ $name == *= ]]; then
            open+=("${name//:/\\:}$about")
        else
            plain+=("${name//:/\\:}$about")
        fi
    done
    if ((${#plain} + ${#open} == 0)); then
        _files
        return
    fi
    ((${#plain})) && _describe -t tasks 'task' plain
    ((${#open})) && _describe -t variables 'variable' open -S ''
    return 0
}

if [[ $funcstack[1] == _ez ]]; then
    _ez "$@"
else
    compdef _ez ez
fi
