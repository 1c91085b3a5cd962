# Completion of `task` for Nushell. Save it to a file and load that with:  use task.nu *

def "nu-complete task" [] {
    ^task --list-all --silent | lines
}

export extern "task" [
    ...names: string@"nu-complete task" # Tasks, and variables as NAME=value
@FLAG_LINES@]
