# Completion of `ez` for PowerShell. Load it with:  ez completion powershell | Out-String | Invoke-Expression

Register-ArgumentCompleter -Native -CommandName ez -ScriptBlock {
    param($word, $tree, $position)
    $words = @($tree.CommandElements | Select-Object -Skip 1 |
        Where-Object { $_.Extent.StartOffset -lt $position } | ForEach-Object { $_.ToString() })
    if ($word -eq '') { $words += '' }
    ez __complete ez @words 2>$null | ForEach-Object {
        $name, $about = $_ -split "`t", 2
        if (-not $about) { $about = $name }
        [System.Management.Automation.CompletionResult]::new($name, $name, 'ParameterValue', $about)
    }
}
