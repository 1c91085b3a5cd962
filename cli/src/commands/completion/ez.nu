# Completion of `ez` for Nushell. Save it to a file and load that with:  use ez.nu *

def "nu-complete ez" [context: string] {
    let words = ($context | split row --regex '\s+' | skip 1)
    ^ez __complete ez ...$words
    | lines
    | each {|line|
        let parts = ($line | split row "\t")
        { value: ($parts | first), description: ($parts | get 1? | default "") }
    }
}

export extern "ez" [...words: string@"nu-complete ez"]
