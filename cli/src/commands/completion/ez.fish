# Completion of `ez` for Fish. Load it with:  ez completion fish | source

complete -c ez -e
complete -c ez -f -a '(ez __complete ez (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'
