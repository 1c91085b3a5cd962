# Completion of `task` for PowerShell. Load it with:  task --completion powershell | Out-String | Invoke-Expression

Register-ArgumentCompleter -Native -CommandName task -ScriptBlock {
    param($word, $tree, $position)
    $flags = @(
@FLAG_LINES@    )
    if ($word.StartsWith('-')) {
        $candidates = $flags
    } else {
        $candidates = task --list-all --silent 2>$null
    }
    $candidates | Where-Object { $_ -like "$word*" } | ForEach-Object {
        [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
    }
}
